"""What a gate looks at: a candidate, the champion whose place it wants, and the same test images."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from stages.core.auditing.finding import Unknown, Verdict
from stages.core.candidates.candidate import Candidate
from stages.core.errors import UserError
from stages.core.evaluating.answers import read_answers
from stages.core.evaluating.significance import Answers
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.promoting.exam import Exam, exam_of
from stages.core.settings.params import Params
from stages.core.settings.promote_options import Promote

SPLIT = "test"


@dataclass(frozen=True)
class Champion:
    """Who holds the place: what was noted when it was promoted.

    answers: to the test images, of the training whose model is served; None where they can't be had: `why_not`.
    """

    name: str
    key: str
    version: str
    exam: str | None
    paths: list[str] = field(default_factory=list)
    answers: Answers | None = None
    why_not: str = ""


@dataclass
class Contest:
    """A candidate before the gate; `champion` is None for the first one.

    audit: makes the verdicts of an audit. package: fetches the packaged model from MLflow into a folder, and gives it;
    package_id is its id there.
    n_tried: candidates that were tried against this champion on these images, this one included.
    """

    layout: Layout
    params: Params
    candidate: Candidate
    champion: Champion | None
    audit: Callable[[], list[Verdict]]
    package: Callable[[], Path]
    package_id: str = ""
    n_tried: int = 1

    @property
    def limits(self) -> Promote:
        """The section of params.yaml."""
        return self.params.tree.promote

    @property
    def evaluation(self) -> Path:
        """Folder of the candidate's evaluation."""
        return self.layout.evaluation(self.candidate.name)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Flat measures of the candidate. Raises Unknown for an evaluation of another candidate of that name."""
        if read_json(self.evaluation / "candidate.json") != self.candidate.record:
            raise Unknown(f"the evaluation of {self.candidate.name} is of an earlier one; `dvc repro` makes it anew")
        return dict(read_json(self.evaluation / "metrics.json"))

    def metrics_or_none(self) -> dict[str, Any]:
        """Flat measures, or none where they are not the candidate's."""
        try:
            return self.metrics
        except (Unknown, UserError):
            return {}

    @cached_property
    def answers(self) -> Answers:
        """What the model that is served answered to the test images: that of the first seed. Raises Unknown."""
        _ = self.metrics
        try:
            return read_answers(self.evaluation, SPLIT, len(self.candidate.record["classes"])).alone(0)
        except UserError as error:
            raise Unknown(str(error)) from error

    @cached_property
    def exam(self) -> Exam:
        """The test images that the candidate was measured on. Raises Unknown."""
        return exam_of(self.layout, self.candidate)

    @property
    def anew(self) -> bool:
        """Whether the candidate is champion already, and was packaged anew since: with another temperature, say."""
        return self.champion is not None and self.champion.key == self.candidate.record["key"]

    def rival(self) -> Answers | None:
        """The champion's answers to the same images; None for a first one. Raises Unknown where there are no such."""
        if self.champion is None:
            return None
        if self.champion.answers is None:
            raise Unknown(f"not compared: {self.champion.why_not}")
        if self.champion.exam != self.exam.digest:
            raise Unknown("not compared: the champion was measured on other test images")
        return self.champion.answers
