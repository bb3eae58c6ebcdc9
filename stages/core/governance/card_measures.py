"""What a model card says of how good the model is, and of what nobody knows."""

from typing import Any

from stages.core.governance.card_subject import NAMES, Subject, row
from stages.core.plain_text import in_markdown

N_PAIRS = 5
FEW = 30  # test images of a class, below which its recall is hardly known


def evaluation(subject: Subject) -> list[str]:
    """Every measure with its interval, then classes."""
    if not subject.splits:
        return ["## Evaluation", "", "It was fitted on all images, so nothing is left to measure it on."]
    level = f"{100 * subject.confidence:g} %"
    n_images = ", ".join(f"{subject.standing.metrics[f'{split}_n_images']:,.0f} {split}" for split in subject.splits)
    lines = [
        "## Evaluation",
        "",
        f"On {n_images} images; in brackets the {level} interval of what chance in the choice of images can do. "
        "Validation images chose among the candidates, so their numbers may be too good; test images chose nothing. "
        "A number without brackets rests on so few mistakes that no interval is known.",
        "",
        "| measure | " + " | ".join(subject.splits) + " |",
        "|---" * (1 + len(subject.splits)) + "|",
        *[
            row([text, *(subject.with_interval(f"{one}_{name}") for one in subject.splits)])
            for name, text in NAMES.items()
        ],
        "",
    ]
    return [*lines, *confidence(subject), *per_class(subject, level)]


def confidence(subject: Subject) -> list[str]:
    """How far its probabilities can be believed, and from which one on it counts as sure."""
    metrics, said = subject.standing.metrics, []
    if "temperature" in metrics:
        errors = (f"{metrics[f'{one}_ece_raw']:.4f} to {metrics[f'{one}_ece']:.4f} ({one})" for one in subject.splits)
        said = [
            f"Its probabilities are scaled by a temperature of {metrics['temperature']:g}, fitted on the validation "
            f"images; that changes the calibration error from {', '.join(errors)}, and no answer.",
        ]
    if "threshold" in metrics:
        parts = (
            f"{100 * metrics[f'{one}_coverage']:.1f} % of the {one} images, of which "
            f"{subject.with_interval(f'{one}_answered_accuracy')} are right"
            for one in subject.splits
            if f"{one}_answered_accuracy" in metrics
        )
        said.append(f"From a confidence of {metrics['threshold']:.4f} on it counts as sure: {'; '.join(parts)}.")
    return [*said, ""] if said else []


def per_class(subject: Subject, level: str) -> list[str]:
    """Precision and recall of each class, with the interval of recall."""
    split = subject.splits[0]
    rows = [
        row([
            in_markdown(one["class"]), one["n_images"], f"{one['precision']:.3f}",
            f"{one['recall']:.3f} ({one['recall_low']:.3f}–{one['recall_high']:.3f})", f"{one['f1']:.3f}",
        ])
        for one in subject.table(split, "per_class")
    ]  # fmt: skip
    return [f"| class ({split}) | images | precision | recall ({level}) | F1 |", "|---" * 5 + "|", *rows]


def limits(subject: Subject) -> list[str]:
    """What it gets wrong, and what nobody knows."""
    split = (subject.splits or ["test"])[0]
    pairs = subject.table(split, "confusions")[:N_PAIRS]
    few = [in_markdown(one["class"]) for one in subject.table(split, "per_class") if one["n_images"] < FEW]
    return [
        "## Limits",
        "",
        *[
            f"- confused: {in_markdown(one['true'])} taken for {in_markdown(one['predicted'])} in {one['n_images']} of "
            f"its {split} images ({100 * one['share']:.1f} %)"
            for one in pairs
        ],
        *([f"- hardly known: {', '.join(few)} have fewer than {FEW} {split} images"] if few else []),
        *([f"- {subject.standing.note}"] if subject.standing.note else []),
        "- not tested: images from another source, time, place, camera or population; damaged, adversarial or very "
        "different images. It gives a probability for its own classes only, also for an image of none of them. "
        "`imagetrail drift FOLDER` says whether new images are like those of training.",
        "- not known: how many labels of the source are wrong, beyond what the gate suspects; whether it treats groups "
        "of people or things alike, as no such groups are labelled.",
        *(["- not known: how much it owes to its seed; it was trained with one"] if one_seed(subject.record) else []),
        "- no licence is stated for the model itself; those of images and weights stand above.",
    ]


def one_seed(record: dict[str, Any]) -> bool:
    """Whether only one training stands behind it."""
    return len(record.get("seeds") or []) == 1
