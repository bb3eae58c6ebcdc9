"""The model card of the champion, in Hugging Face's format: front matter for machines, then Markdown for people."""

from stages.core.candidates.candidate import model_sha256
from stages.core.files import human_bytes
from stages.core.governance.card_data import data, training
from stages.core.governance.card_front_matter import front_matter
from stages.core.governance.card_measures import evaluation, limits
from stages.core.governance.card_subject import Subject, row
from stages.core.images.manifest import SPLITS
from stages.core.layout import Layout
from stages.core.plain_text import in_markdown
from stages.core.reporting.standing import Standing


def card(layout: Layout, champion: Standing | None, confidence: float) -> str:
    """Return the card: nothing in it but what repeats. Raises UserError where the data are not here."""
    if champion is None:
        return "# No model\n\nThere is no champion, so there is no model to describe; reports/report.md says why.\n"
    subject = Subject(layout, champion, confidence)
    parts = (what_it_is, data, training, evaluation, limits, use, audit, hashes)
    return "\n".join([front_matter(subject), *["\n".join([*part(subject), ""]) for part in parts]])


def what_it_is(subject: Subject) -> list[str]:
    """Its name and purpose in a few sentences."""
    record, source = subject.record, subject.source
    height, width, channels = record["input_shape"]
    kind, n_classes = record["params"].get("kind", record["stage"]), len(record["classes"])
    colour = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    classes = ", ".join(in_markdown(name) for name in record["classes"][:30])
    more = f" and {n_classes - 30} more" if n_classes > 30 else ""
    return [
        f"# {in_markdown(subject.standing.name)}",
        "",
        f"A classifier of images ({kind}) for {in_markdown(source['dataset'])}: from uint8 {height} × {width} {colour} "
        f"to a probability for each of {n_classes} classes ({classes}{more}). "
        f"It has {record['n_parameters']:,} parameters, {human_bytes(record['model_bytes'])}, and takes "
        f"{record['multiply_adds']:,} multiply-adds an image.",
    ]


def use(subject: Subject) -> list[str]:
    """How to get answers from it."""
    name, temperature = subject.standing.name, subject.standing.metrics.get("temperature")
    folder = subject.layout.candidate(name).relative_to(subject.layout.root).as_posix()
    return [
        "## Use",
        "",
        f"`imagetrail predict {name} IMAGES` answers for files. In the checkout, with `images` as uint8 [N, H, W, C] "
        "of the size above:",
        "",
        "```python",
        "from pathlib import Path",
        "from stages.core.candidates.calibrated import calibrated",
        "from stages.core.candidates.predictor import load_predictor",
        f'told = load_predictor(Path("{folder}")).predict(images)',
        f"probabilities = calibrated(told, {temperature})  # the temperature that the numbers above are of",
        "```",
        "",
        "The packaged model in MLflow takes files of images as they are. Neither loads a pickle.",
    ]


def audit(subject: Subject) -> list[str]:
    """How to check all of this."""
    name = subject.standing.name
    return [
        "## Audit",
        "",
        "```",
        "# compute anew what is kept of it, back to every image, and this card",
        f"imagetrail audit {name}",
        "# and ask that it is signed with that key",
        f"imagetrail audit {name} --public-key KEY",
        "```",
    ]


def hashes(subject: Subject) -> list[str]:
    """What names its files and all it is made of."""
    record, inputs = subject.record, subject.record["inputs"]
    named = {
        "key of the run": record["key"],
        "model": model_sha256(record),
        "manifest": inputs["manifest_sha256"],
        "images.zip": subject.source["images_zip_sha256"],
        **{f"packed {split} images": inputs["images"][split] for split in SPLITS if split in inputs["images"]},
        "requirements.lock": record["lock_sha256"],
    }
    return [
        "## Hashes",
        "",
        "| of | SHA-256 or key |",
        "|---|---|",
        *[row([name, f"`{value}`"]) for name, value in named.items()],
    ]
