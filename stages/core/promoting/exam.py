"""The exam: which images a model was tested on, as a hash. Two results can be compared only where it is the same."""

from dataclasses import dataclass

from stages.core.auditing.finding import Unknown
from stages.core.candidates.candidate import Candidate
from stages.core.files import canonical, digest, text_digest
from stages.core.images.manifest import read_manifest, rows_of
from stages.core.layout import Layout


@dataclass(frozen=True)
class Exam:
    """Paths in the order of the manifest; one SHA-256 over the classes, and the name, bytes and label of each image."""

    paths: list[str]
    digest: str


def exam_of(layout: Layout, candidate: Candidate) -> Exam:
    """Those of a candidate. Raises Unknown where the manifest here is another, or has no test images."""
    made_from = candidate.record["inputs"]["manifest_sha256"]
    if not layout.manifest.exists() or digest(layout.manifest) != made_from:
        raise Unknown(f"the manifest that {candidate.name} was made from is not here; `dvc repro` or `dvc checkout`")
    rows = rows_of(read_manifest(layout.manifest, ["path", "split", "sha256", "label"]), "test")
    if not len(rows):
        raise Unknown("the data set has no test images; split.test_fraction in params.yaml gives it some")
    told = {"classes": candidate.record["classes"], "images": rows[["path", "sha256", "label"]].to_numpy().tolist()}
    return Exam(list(rows["path"]), text_digest(canonical(told)))
