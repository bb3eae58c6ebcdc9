"""What an audit looks at: one candidate, and all that is kept of how it came to be, each read once."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.auditing.chain import Chain, Line, read_chain
from stages.core.auditing.dvc_lock import Lock, dvc_md5, own_stage, read_lock
from stages.core.auditing.finding import Unknown
from stages.core.auditing.holder import Holder, holder
from stages.core.auditing.ledger_history import put_there_by_git
from stages.core.candidates.candidate import Candidate
from stages.core.console import progress
from stages.core.files import read_json
from stages.core.gate.draft import compact, write_rows
from stages.core.gate.measuring import Thumbnails, measured
from stages.core.ingest.source import opened_index
from stages.core.layout import Layout
from stages.core.parallel import CHUNK
from stages.core.settings.params import Params
from stages.core.tracking.witness import Witness, witness


@dataclass
class Audited:
    """A candidate under audit. `quick` leaves out what takes long: pixels are not decoded anew.

    place: a folder for what only this audit needs.
    public_key: the file of the key that must have signed it, where one is named.
    """

    layout: Layout
    params: Params
    candidate: Candidate
    place: Path
    quick: bool = False
    public_key: Path | None = None

    @property
    def record(self) -> dict[str, Any]:
        """Its candidate.json."""
        return self.candidate.record

    @cached_property
    def lock(self) -> Lock:
        """dvc.lock of the checkout. Raises Unknown, or ValueError when it is damaged."""
        return read_lock(self.layout.root / "dvc.lock")

    @cached_property
    def ledger(self) -> Chain:
        """The ledger of the checkout."""
        return read_chain(self.layout.ledger)

    @cached_property
    def lines(self) -> list[Line]:
        """Lines of the ledger, and those of its copy where git put an older version of the file in its place."""
        kept = read_chain(self.layout.ledger_copy).lines if put_there_by_git(self.layout) else []
        return self.ledger.lines + [line for line in kept if line.hash not in self.ledger.hashes]

    @cached_property
    def holder(self) -> Holder | None:
        """The commit or experiment that holds this candidate, None while none does."""
        out = self.candidate.folder.relative_to(self.layout.root).as_posix()
        md5 = dvc_md5(self.layout.root, self.candidate.folder)
        return holder(self.layout.root, own_stage(self.record), out, md5)

    @cached_property
    def run_record(self) -> dict[str, Any]:
        """What was noted on this machine when it was made; empty elsewhere."""
        path = self.layout.run_record(str(self.record["key"]))
        return dict(read_json(path)) if path.exists() else {}

    @cached_property
    def witness(self) -> Witness:
        """What MLflow holds. Raises Unknown where no store, or no run of this candidate, can be read."""
        return witness(self.layout, self.params, str(self.record["key"]), self.place / "mlflow")

    @cached_property
    def remeasured(self) -> tuple[Path, Thumbnails]:
        """Every image of the source read and measured anew, as the gate does: rows, and thumbnails."""
        n_images = opened_index(self.layout.archive).metadata.num_rows
        chunks = progress(measured(self.layout.archive), n_images, "audit: reading images", size=CHUNK)
        write_rows(self.place / "rows.parquet", chunks, self.place / "thumbnails")
        return self.place / "rows.parquet", Thumbnails(self.place / "thumbnails", n_images)

    def compacted(self, seed: int) -> pd.DataFrame:
        """The rows measured anew, as the gate divides them."""
        return compact(self.remeasured[0], seed)

    def need(self, *paths: Path) -> None:
        """Raise Unknown for what is not here."""
        missing = [path.relative_to(self.layout.root).as_posix() for path in paths if not path.exists()]
        if missing:
            raise Unknown(f"{', '.join(missing)} is not here, nor in a remote; `dvc repro` makes it")
