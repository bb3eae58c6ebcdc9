"""What made a result: hashes of params, inputs and code, and the key under which its run is found."""

from typing import Any

from ruamel.yaml import YAML

from stages.core.files import canonical, digest, read_json, text_digest
from stages.core.layout import Layout


def provenance(
    layout: Layout, stage: str, entry: str, params: dict[str, Any], members: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what repeats about a run of `stage` for an entry, with the key that names it.

    members: keys and model hashes of the candidates that it combines.
    params: everything declared to the stage. Inputs are named by the full SHA-256 of the manifest and the packs.
    """
    code = code_hashes(layout, stage, params["kind"])
    inputs = {"manifest_sha256": digest(layout.manifest), "images": read_json(layout.images / "pack.json")}
    inputs["statistics_sha256"] = digest(layout.images / "statistics.json")
    if "/" in (taken := params["input"]):
        inputs["features"] = read_json(layout.features(taken.split("/")[1]) / "about.json")
    inputs |= {"members": members} if members else {}
    made_of = {"stage": stage, "entry": entry, "params": params, "inputs": inputs, "code": code}
    record = {**made_of, "lock_sha256": digest(layout.lock)}
    return {**record, "key": key_of(record)}


def key_of(record: dict[str, Any]) -> str:
    """The key of what a record says it was made of."""
    made_of = {name: record[name] for name in ("stage", "entry", "params", "inputs", "code")}
    return text_digest(canonical({**made_of, "lock": record["lock_sha256"]}))[:32]


def code_hashes(layout: Layout, stage: str, kind: str) -> dict[str, str]:
    """SHA-256 of each code file that dvc.yaml declares to a stage."""
    node = YAML(typ="safe", pure=True).load(layout.pipeline.read_text())["stages"][stage]
    one = f"stages/models/{kind}.py"  # tune can only declare the whole folder of kinds, and uses this one
    kinds = {"stages/models": one, "stages/models/${item.kind}.py": one}
    deps = [kinds.get(dep, dep) for dep in node.get("do", node)["deps"]]
    return {dep: digest(layout.root / dep) for dep in deps if dep.endswith(".py")}
