"""explain: print what every setting of params.yaml means and may be.

Made from the types that check the file, so it is never out of date.
"""

import argparse
import importlib
from collections.abc import Iterator
from typing import Any

from stages.core.errors import UserError, did_you_mean
from stages.core.settings.entries import kinds
from stages.core.settings.param_errors import described_rule, sections_in, tags
from stages.core.settings.params import Tree


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the section."""
    parser.add_argument("section", nargs="?", help="only settings below this one, e.g. runtime or models.residual_cnn")


def main(parsed: argparse.Namespace) -> None:
    """Print name, rule and meaning of every setting. Raises UserError for a section that is not there."""
    rows = list(settings(Tree, ""))
    for group in ("datasets", "checks", "models"):
        for kind in kinds(group):
            options = importlib.import_module(f"stages.{group}.{kind}").Options
            rows += settings(options, f"{group}.{kind}." if group != "checks" else f"checks.{kind}.")
    rows += settings(importlib.import_module("stages.core.settings.fit_options").Fit, "models.*.fit.")
    rows += settings(importlib.import_module("stages.core.settings.head_options").HeadFit, "models.classical.fit.")
    wanted = [row for row in rows if not parsed.section or f"{row[0]}.".startswith(f"{parsed.section}.")]
    if not wanted:
        sections = {row[0].split(".")[0] for row in rows}
        raise UserError(f"params.yaml has no section {parsed.section!r}; {did_you_mean(parsed.section, sections)}")
    for name, rule, meaning in wanted:
        print(f"{name:<46} {rule:<34} {meaning}")


def settings(section: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield (name, rule, meaning) of every setting below a section; `*` stands for an entry's own name."""
    for name, field in section.model_fields.items():
        inner, union = nested(field.annotation), sections_in(field.annotation)
        if len(union) > 1:  # told apart by a key such as `name`, whose rule says which one it is
            for one in union:
                several = "*." if "dict" in str(field.annotation) else ""
                yield from settings(one, f"{prefix}{name}.{several}{'|'.join(sorted(tags(one)))}.")
        elif inner:
            if "float" in str(field.annotation):  # a number, or a section that says how to choose one
                yield f"{prefix}{name}", "float above 0, or as below", field.description or ""
            yield from settings(inner, f"{prefix}{name}.{'*.' if 'dict' in str(field.annotation) else ''}")
        elif "dict[str, dict" not in str(field.annotation):
            yield f"{prefix}{name}", described_rule(field), field.description or ""


def nested(annotation: Any) -> Any:
    """Return the section inside an annotation such as `Fit`, `list[Block]` or `Schedule | None`, or None."""
    members = [annotation, *getattr(annotation, "__args__", ())]
    return next((member for member in members if hasattr(member, "model_fields")), None)
