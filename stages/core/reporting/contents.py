"""What every form of the report is made of."""

from dataclasses import dataclass

import pandas as pd

from stages.core.layout import Layout
from stages.core.reporting.choosing import Choice
from stages.core.reporting.standing import Standing
from stages.core.settings.params import Params


@dataclass(frozen=True)
class Contents:
    """The candidates in their order, the leaderboard made of them, and the choice."""

    params: Params
    layout: Layout
    order: list[Standing]
    table: pd.DataFrame
    choice: Choice
