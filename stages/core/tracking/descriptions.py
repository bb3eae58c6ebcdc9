"""What MLflow's pages say of an experiment and of a run, in Markdown, with links; everything from data is escaped."""

from typing import Any

from stages.core.files import human_bytes
from stages.core.plain_text import in_markdown
from stages.core.settings.params import Params
from stages.core.tracking.saved_view import address
from stages.core.tracking.trails import Trail

MOST = 4900  # characters of a description that every store of MLflow takes
PICTURES = {"confusion matrix": "confusion_matrix.png", "mistakes": "mistakes.png", "reliability": "reliability.png"}


def run_note(params: Params, found: Trail, here: str, report: str = "", trials: str = "") -> str:
    """The description of a run.

    Addresses: here: of its page; report: of the report page, where there is one; trials: of its trials, if it has any.
    """
    record, failure = found.candidate.record, found.candidate.failure
    about = f"**{in_markdown(record['name'])}**: `{record['params']['kind']}` on {in_markdown(params.dataset.name)}"
    lines = [
        links(
            found, here, {"report page": report, "trials": trials}
        ),  # first: the page lays a veil over the third line
        f"{about}. Failed: {in_markdown(failure)}" if failure else ". ".join([about, *measured(found.metrics)]),
        cost(found.metrics),
        f"Key `{record['key']}`; all that made it stands in [candidate.json]({here}/artifacts/candidate.json). "
        f"`imagetrail audit {record['key']}` checks it back to every image.",
    ]
    return "\n\n".join(line for line in lines if line)[:MOST]


def measured(metrics: dict[str, float]) -> list[str]:
    """Accuracy on each split that was measured, with its interval."""
    said = []
    for split, words in (("test", "Test accuracy"), ("val", "Validation accuracy")):
        name = f"{split}_accuracy"
        if name in metrics:
            low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
            interval = f" ({low:.4f} to {high:.4f})" if low is not None and high is not None else ""
            said.append(f"{words} **{metrics[name]:.4f}**{interval}")
    return said


def cost(metrics: dict[str, float]) -> str:
    """What the model costs."""
    if "n_parameters" not in metrics:
        return ""
    numbers = f"{metrics['n_parameters']:,.0f} parameters, {metrics['multiply_adds']:,.0f} multiply-adds an image"
    return f"{numbers}, {human_bytes(metrics['model_bytes'])}"


def links(found: Trail, here: str, others: dict[str, str]) -> str:
    """Links to other pages, and to the pictures that the run keeps."""
    named = {words: place for words, place in others.items() if place}
    for split in ("test", "val"):
        for words, name in PICTURES.items():
            if found.evaluation and (found.evaluation / f"{split}_{name}").exists():
                named.setdefault(words, f"{here}/artifacts/evaluation/{split}_{name}")
    return " · ".join(f"[{words}]({place})" for words, place in named.items())


def experiment_note(params: Params, experiment_id: str, chosen: dict[str, Any], champion: str, report: str) -> str:
    """The description of an experiment. chosen: champion.json, empty before the first; champion: its run's address."""
    name, measure = params.dataset.name, params.tree.report.champion.measure
    lines = [
        f"{in_markdown(name)} in imagetrail: **[Leaderboard]({address(experiment_id)})**"
        + (f" · champion **[{in_markdown(chosen['candidate'])}]({champion})**" if champion else "")
        + (f" · [report page]({report})" if report else ""),
        " ".join(in_markdown(line) for line in chosen.get("why", [])),
        f"The leaderboard has every candidate that was made from today's images, the best first by `{measure}`. "
        "Sorted by time of creation, the table shows the trials of a search below its winner.",
        "Curves by epoch are `curve/...`; the numbers that runs are compared by have the names of metrics.json, where "
        "all others are. Files are the truth, and this store mirrors them: `imagetrail sync` completes it.",
    ]
    return "\n\n".join(line for line in lines if line)[:MOST]
