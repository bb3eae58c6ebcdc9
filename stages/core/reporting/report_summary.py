"""The report in a few sentences, for those who read no further: question by question, with the numbers."""

from typing import Any

import pandas as pd

from stages.core.files import human_bytes, listed
from stages.core.images.manifest import SPLITS
from stages.core.reporting.choosing import explained, p_words
from stages.core.reporting.contents import Contents
from stages.core.reporting.evaluated import Evaluated
from stages.core.reporting.report_sureness import percent, sureness

Line = tuple[str, str]


def summary(contents: Contents, counts: dict[str, int], source: dict[str, Any], verdict: dict[str, Any]) -> list[Line]:
    """Question and answer, plain text. counts: images by split, and `all`."""
    champion = contents.choice.champion
    lines = [
        ("What was trained on what?", trained(contents, counts, source)),
        ("Is the data fit for it?", fit(verdict)),
        ("Which model won?", won(contents)),
        *([("Is that more than luck?", significant(contents))] if champion else []),
    ]
    evaluated = Evaluated(champion) if champion else None
    if evaluated is None or not evaluated.split:
        return lines
    return [
        *lines,
        ("How good is it?", good(evaluated, contents.params.tree.evaluate.confidence)),
        ("Where does it fail?", fails(evaluated, contents.params.tree.evaluate.confidence)),
        ("How sure is it?", " ".join(sureness(evaluated))),
        ("What does it cost?", costs(contents)),
    ]


def trained(contents: Contents, counts: dict[str, int], source: dict[str, Any]) -> str:
    """Images, classes and who competes."""
    n, n_classes = len(contents.order), len(contents.order[0].record["classes"])
    said = [
        f"{counts[split]:,} {name}" for split, name in zip(SPLITS, ("to train", "to choose by", "to test"), strict=True)
    ]
    failed = sum(bool(standing.failure) for standing in contents.order)
    return (
        f"{n} candidate{'s' * (n != 1)}{f', of which {failed} failed,' * (failed > 0)} on {source['dataset']}: "
        f"{counts['all']:,} images in {n_classes} classes, {', '.join(said)}. No image is in two of these parts."
    )


def fit(verdict: dict[str, Any]) -> str:
    """What the gate said."""
    broken = [found for found in verdict["findings"] if not found["passed"]]
    if not broken:
        return f"Yes: all {len(verdict['findings'])} promises of the data gate hold."
    said = []
    for severity, word in (("critical", "critical finding"), ("warning", "warning"), ("info", "remark")):
        found = [one["check"] for one in broken if one["severity"] == severity]
        said += [f"{len(found)} {word}{'s' * (len(found) != 1)} ({listed(dict.fromkeys(found), 5)})"] * bool(found)
    return f"Yes, with {' and '.join(said)} of the data gate."


def won(contents: Contents) -> str:
    """The champion and why."""
    said, champion = " ".join(explained(contents.choice)), contents.choice.champion
    return f"The champion is {champion.name}. {said}" if champion else said


def significant(contents: Contents) -> str:
    """Whether the leader is clearly better than each other candidate."""
    choice, level = contents.choice, f"{100 * contents.choice.rule.confidence:g} %"
    if choice.leader is None or not choice.rivals:
        return "It has no rival."
    ties = [rival for rival in choice.rivals if not rival.beaten]
    if not ties:
        return f"Yes: {choice.leader.name} beats every other at {level}, also after correction for all pairs."
    most = p_words(min(rival.p for rival in ties))
    beaten = [rival.standing.name for rival in choice.rivals if rival.beaten]
    also = f" {choice.leader.name} clearly beats {listed(beaten)}." if beaten else ""
    names = listed([rival.standing.name for rival in ties])
    return f"No: the lead of {choice.leader.name} over {names} may be chance alone (at best {most}).{also}"


def good(evaluated: Evaluated, confidence: float) -> str:
    """Accuracy, in images."""
    n, share = evaluated.metric("n_images"), evaluated.metric("accuracy")
    low, high = evaluated.metric("accuracy_low"), evaluated.metric("accuracy_high")
    chose = " These images also chose it, so that is rather too good." if evaluated.split == "val" else ""
    return (
        f"{percent(share)} of {n:,.0f} {evaluated.images} are right, {n * (1 - share):,.0f} wrong; of many more images "
        f"like these, {percent(low)} to {percent(high)} would be right, at {100 * confidence:g} % confidence.{chose}"
    )


def fails(evaluated: Evaluated, confidence: float) -> str:
    """The most confused pair, the class with the lowest recall, the slice that is clearly worse."""
    pairs, classes = evaluated.table("confusions"), evaluated.table("per_class")
    if not len(pairs):
        return f"On none of the {evaluated.images}."
    seen = classes[classes["n_images"] > 0]
    pair, worst = pairs.iloc[0], seen.iloc[int(seen["recall"].to_numpy().argmin())]
    slices = evaluated.slices(confidence)
    bad = slices[slices["worse"]]
    said = (
        f"Most often it takes {pair['true']} for {pair['predicted']}: {pair['n_images']} of the {evaluated.images}, "
        f"{percent(pair['share'])} of that class. The class with the lowest recall is {worst['class']}, with "
        f"{percent(worst['recall'])} of {worst['n_images']:,}."
    )
    if not len(bad):
        return f"{said} No slice by size, light or origin is clearly worse than the rest."
    one = bad.sort_values("accuracy", kind="stable").iloc[0]
    return f"{said} Clearly worse: {one['column']} {one['slice']}, {percent(one['accuracy'])} of {one['n']:,} images."


def costs(contents: Contents) -> str:
    """Cost of the champion, and of the cheapest."""
    champion = contents.choice.champion
    if champion is None:
        return ""
    metrics = champion.metrics
    said = f"{metrics['multiply_adds']:,.0f} multiply-adds an image and {human_bytes(metrics['model_bytes'])} on disk."
    others = [standing for standing in contents.order if standing.competes]
    cheapest = min(others, key=lambda standing: (standing.metrics["multiply_adds"], standing.name))
    if cheapest is champion or cheapest.metrics["multiply_adds"] == metrics["multiply_adds"]:
        return f"{said} None needs fewer."
    return (
        f"{said} The cheapest, {cheapest.name}, needs {cheapest.metrics['multiply_adds']:,.0f} and is right on "
        f"{percent(cheapest.score('val_accuracy'))} of the validation images, instead of "
        f"{percent(champion.score('val_accuracy'))}."
    )


def split_counts(manifest: pd.DataFrame) -> dict[str, int]:
    """Images in each split, and in all of the source."""
    counts = manifest["split"].value_counts()
    return {"all": len(manifest), **{split: int(counts.get(split, 0)) for split in SPLITS}}
