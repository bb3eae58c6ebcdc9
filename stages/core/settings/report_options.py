"""The `report` section as frozen types: who is chosen, and what the page shows."""

from typing import Annotated, Literal

from pydantic import Field

from stages.core.settings.options import Count, Section

Limit = Count | None


class Champion(Section):
    """The rule that names the champion: the cheapest that is close to the best one and not clearly beaten by it."""

    measure: Literal["val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_log_loss"] = Field(
        description="what is compared, on the validation images"
    )
    min_gain: Annotated[float, Field(ge=0)] = Field(description="a lead below this is none, however significant")
    max_gap: Annotated[float, Field(ge=0)] = Field(
        description="a cheaper candidate further behind the best than this is no champion, however uncertain"
    )
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="a lead counts where chance makes one that large in less than 1 - confidence of all comparisons"
    )
    max_multiply_adds: Limit = Field(description="an image; a dearer candidate can't be champion; null: no limit")
    max_parameters: Limit = Field(description="as above")
    max_bytes: Limit = Field(description="of the model's files; as above")


class Report(Section):
    """What the report page shows, and who wins."""

    champion: Champion
    samples_per_class: Count = Field(description="example images a class, fewer where there are more than 300 in all")
    mistakes_per_pair: Count = Field(
        description="pictures a confused pair, and three times as many of the surest mistakes"
    )
