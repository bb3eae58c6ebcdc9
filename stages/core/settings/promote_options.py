"""The `promote` section as frozen types: what a candidate must show before it is registered as champion.

No node reads it: a limit can be changed without anything being trained or measured anew.
"""

from typing import Annotated, Literal

from pydantic import Field

from stages.core.settings.options import Count, Positive, Section

Limit = Positive | None
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[^/:.%\"'\s]{1,100}$")]  # MLflow refuses / and :, and %, . and quotes read badly


class Better(Section):
    """How much better than the champion a candidate must be, on the test images."""

    measure: Literal["accuracy", "balanced_accuracy", "macro_f1", "log_loss"] = Field(description="what is compared")
    min_gain: Annotated[float, Field(ge=0)] = Field(description="a smaller gain is none, however significant")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="chance alone lets fewer than 1 - confidence of all series of worse or equal candidates through"
    )


class Classes(Section):
    """How a single class may fare."""

    max_drop: Share = Field(description="of the recall of a class, against the champion")
    min_recall: Share = Field(description="of every class, whatever the champion's is")


class Calibration(Section):
    """How far confidence and accuracy may be apart."""

    max_ece: Share = Field(description="expected calibration error on the test images")


class Size(Section):
    """How large a model may be."""

    max_bytes: Limit = Field(description="of the model's files; null: no limit")
    max_parameters: Limit = Field(description="as above")


class Latency(Section):
    """How long an answer may take, on the machine that promotes."""

    max_one_image_ms: Limit = Field(description="median for one image, the best of three series; null: no limit")


class Lineage(Section):
    """What an audit must say."""

    quick: bool = Field(description="decode no image anew: as `imagetrail audit --quick`")
    may_be_unknown: list[str] = Field(
        description="links of the audit that may be unknown; every other one must be ok, and no link may raise an alarm"
    )


class Served(Section):
    """How the packaged model, started in a process of its own, must answer."""

    tolerance: Positive = Field(description="between its probabilities and those that evaluate recorded")
    start_s: Count = Field(description="seconds until it must answer at all")


class Promote(Section):
    """The gate of `imagetrail promote`: a section for each file in stages/gates/ that has a limit."""

    name: Name | None = Field(description="of the registered model in MLflow; null: that of the data set")
    lineage: Lineage
    better: Better
    classes: Classes
    calibration: Calibration
    size: Size
    latency: Latency
    served: Served
