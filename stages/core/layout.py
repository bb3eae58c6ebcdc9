"""Where every file of the project lives. Paths only: nothing is created here."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The paths of one checkout; `root` holds params.yaml."""

    root: Path

    @property
    def main_checkout(self) -> Path:
        """The checkout a person works in: DVC runs queued experiments in a copy and names the original."""
        return Path(os.environ.get("DVC_ROOT") or self.root).resolve()

    @property
    def params(self) -> Path:
        """Every choice of the next run."""
        return self.root / "params.yaml"

    @property
    def pipeline(self) -> Path:
        """The graph of the nodes."""
        return self.root / "dvc.yaml"

    @property
    def lock(self) -> Path:
        """Every package, with its hashes."""
        return self.root / "requirements.lock"

    @property
    def source(self) -> Path:
        """Folder of the one zip, source.json and pretrained weights in use."""
        return self.root / "data/source"

    @property
    def archive(self) -> Path:
        """All images of the data set, in one deterministic zip."""
        return self.source / "images.zip"

    @property
    def manifest(self) -> Path:
        """One row an image; exists only when the data passed the gate."""
        return self.root / "data/manifest.parquet"

    @property
    def images(self) -> Path:
        """Folder of packed images per split and their statistics."""
        return self.root / "data/images"

    def features(self, backbone: str) -> Path:
        """Folder of a frozen backbone and of what it sees in every image."""
        return self.root / "data/features" / backbone

    @property
    def validation(self) -> Path:
        """Verdict, findings and pages of the data gate."""
        return self.root / "reports/validation"

    @property
    def reports(self) -> Path:
        """Folder of everything made for people."""
        return self.root / "reports"

    @property
    def pareto(self) -> Path:
        """Picture of the Pareto front."""
        return self.reports / "pareto.png"

    @property
    def summary(self) -> Path:
        """A few numbers, for `dvc metrics diff`."""
        return self.reports / "summary.json"

    @property
    def plots(self) -> Path:
        """Folder of tables and pictures for `dvc plots`."""
        return self.reports / "plots"

    @property
    def croissant(self) -> Path:
        """The data set in the format of Croissant."""
        return self.reports / "croissant.json"

    @property
    def card(self) -> Path:
        """The model card of the champion."""
        return self.reports / "model_card.md"

    @property
    def sbom(self) -> Path:
        """The packages that are installed here: no DVC out, as they differ by platform."""
        return self.reports / "sbom.json"

    @property
    def signatures(self) -> Path:
        """Folder of signatures, for git to keep: no DVC out, in the main checkout."""
        return self.main_checkout / "reports/signatures"

    def candidate(self, name: str, combined_suffix: str = "-combined") -> Path:
        """Folder of one model: data/combined/E for the candidate E-combined, else data/candidates/<name>."""
        if name.endswith(combined_suffix):
            return self.root / "data/combined" / name.removesuffix(combined_suffix)
        return self.root / "data/candidates" / name

    def evaluation(self, name: str) -> Path:
        """Folder of one candidate's metrics and pictures."""
        return self.root / "reports/candidates" / name

    def unfinished(self, stage: str, entry: str, key: str) -> Path:
        """What a stage keeps to go on from when it is killed: no DVC out, by the hash of params, data and code."""
        return self.main_checkout / ".checkpoints" / f"{stage}-{entry}-{key}"

    def tuning(self, entry: str) -> Path:
        """Folder of the trials of one search, for people."""
        return self.root / "reports/tuning" / entry

    def drift(self, name: str) -> Path:
        """Folder of the last comparison of new images with those of a candidate: no DVC out."""
        return self.root / "reports/drift" / name

    def robustness(self, name: str) -> Path:
        """Table of a candidate's accuracy on damaged images: no DVC out."""
        return self.root / "reports/robustness" / f"{name}.csv"

    def gradcam(self, name: str) -> Path:
        """Sheet of where a network looked when it was wrong; a table of the same name lies beside it: no DVC out."""
        return self.root / "reports/gradcam" / f"{name}.png"

    def learning_curve(self, name: str) -> Path:
        """Table of an entry's accuracy by share of the training images; a picture lies beside it: no DVC out."""
        return self.root / "reports/learning_curve" / f"{name}.csv"

    def run_record(self, key: str) -> Path:
        """What does not repeat about a run (ids, times, host, commit): no DVC out, in the main checkout."""
        return self.main_checkout / "reports/runs" / f"{key}.json"

    @property
    def ledger(self) -> Path:
        """Every candidate and decision, for git to keep: no DVC out, in the main checkout."""
        return self.main_checkout / "reports/ledger.jsonl"

    @property
    def ledger_copy(self) -> Path:
        """The same lines where git can't take them back: it and `dvc exp apply` may put an older ledger in place."""
        return self.main_checkout / "reports/runs/ledger.jsonl"

    def timing(self, name: str) -> Path:
        """Seconds and latency of a candidate: no DVC out."""
        return self.root / "reports/timings" / f"{name}.json"
