"""The front matter of a model card: the YAML that Hugging Face's hub reads."""

import io
from typing import Any

from ruamel.yaml import YAML

from stages.core.governance.card_subject import NAMES, Subject

OF_HUB = {"accuracy": "accuracy", "macro_f1": "f1"}  # what the hub calls these


def front_matter(subject: Subject) -> str:
    """The YAML that the hub reads."""
    about = {
        "license": "unknown",  # of the model: nobody has stated one, and that of the images is another thing
        "library_name": library(subject.record),
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "imagetrail"],
        "datasets": [subject.source["dataset"]],
        "metrics": sorted(OF_HUB.values()),
        "model-index": [{"name": subject.standing.name, "results": [result(subject, one) for one in subject.splits]}],
    }
    stream, yaml = io.StringIO(), YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = False, True, 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(about, stream)
    return f"---\n{stream.getvalue()}---\n"


def library(record: dict[str, Any]) -> str:
    """What loads its files."""
    names = {name.rpartition("/")[2] for name in record["outputs"]}
    return "imagetrail" if "ensemble.json" in names else "skops" if "head.skops" in names else "keras"


def result(subject: Subject, split: str) -> dict[str, Any]:
    """Measures on a split, each with its interval in its name."""
    metrics, source = subject.standing.metrics, subject.source
    return {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {
            "name": source["dataset"],
            "type": source["dataset"],
            "split": {"val": "validation"}.get(split, split),
            "revision": subject.record["inputs"]["manifest_sha256"],
        },
        "metrics": [
            {
                "type": OF_HUB.get(name, name),
                "name": f"{text}, {subject.with_interval(f'{split}_{name}')}",
                "value": round(metrics[f"{split}_{name}"], 6),
            }
            for name, text in NAMES.items()
        ],
    }
