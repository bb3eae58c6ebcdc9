"""A soup on disk: the members' networks loaded, averaged and saved as one."""

from pathlib import Path
from typing import Any

import numpy as np

from stages.core.candidates import model_file
from stages.core.candidates.candidate import Candidate
from stages.core.candidates.model_files import MODEL, model_files
from stages.core.candidates.predictor import Network
from stages.core.combine.soup import architecture, greedy, soup
from stages.core.errors import UserError
from stages.core.settings.combine_options import Soup
from stages.core.training.cost import multiply_adds
from stages.core.training.data import Data


def make_soup(
    folder: Path, options: Soup, members: list[Candidate], data: Data
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Write model.keras; returns probabilities by split and facts. Raises UserError for unlike networks."""
    members = sorted(members, key=lambda member: -val_accuracy(member, data))
    networks = [network(member) for member in members]
    for member, other in zip(members, networks, strict=True):
        if architecture(other) != architecture(networks[0]):
            raise UserError(
                f"a soup needs networks of one architecture, and those of {members[0].name} and {member.name} differ; "
                "average, weighted and stack take any"
            )

    def cooked(chosen: list[Any]) -> Any:
        return soup(chosen, data.train.images, options.seed, lambda: network(members[0]))

    def score(chosen: list[Any]) -> float:
        said = Network(cooked(chosen)).predict(data.val.images)
        return float((said.argmax(axis=1) == data.val.labels).mean())

    kept = greedy(networks, score) if options.choose == "greedy" else list(range(len(networks)))
    made = cooked([networks[place] for place in kept])
    model_file.save(made, folder / MODEL)
    packs = {"val": data.val} | ({"test": data.test} if data.test and len(data.test.labels) else {})
    probabilities = {split: Network(made).predict(pack.images) for split, pack in packs.items()}
    about = {"kept": [members[place].name for place in kept]}
    facts = {"n_parameters": int(made.count_params()), "multiply_adds": multiply_adds(made), "combined": about}
    return probabilities, facts


def val_accuracy(member: Candidate, data: Data) -> float:
    """Share of validation images that a member gets right."""
    table = member.predictions
    said = table[table["split"] == "val"].filter(regex=r"^p\.").to_numpy()
    return float((said.argmax(axis=1) == data.val.labels).mean())


def network(member: Candidate) -> Any:
    """Load a member's network. Raises UserError for one that is more than that."""
    if model_files(member.folder) != [MODEL]:
        raise UserError(f"a soup averages the weights of networks, and {member.name} is none; average takes any")
    return model_file.load(member.folder / MODEL)
