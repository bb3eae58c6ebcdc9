"""The `combine` section as frozen types: candidates that answer together, as one model."""

import re
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field, field_validator

from stages.core.errors import UserError, did_you_mean
from stages.core.settings.head_options import Folds, Head
from stages.core.settings.options import Section, Seed


class Combination(Section):
    """What all ways of combining share."""

    members: Annotated[list[str], Field(min_length=1)] = Field(
        description="names of candidates: entries of models, or <entry>-tuned"
    )

    @field_validator("members")
    @classmethod
    def differ(cls, members: list[str]) -> list[str]:
        """Raise ValueError for a member that is named twice: that is a weight, in disguise."""
        if len(set(members)) < len(members):
            raise ValueError("must all differ")
        return members


class Average(Combination):
    """The mean of the members' probabilities."""

    method: Literal["average"]


class Weighted(Combination):
    """A mean whose weights, at least 0 and 1 together, make validation most likely."""

    method: Literal["weighted"]
    folds: Folds = Field(description="of validation: each image is judged with weights that have not seen it")
    seed: Seed = Field(description="of the folds")


class Stack(Combination):
    """A classical head on what the members say or see, fitted on validation (Wolpert 1992)."""

    method: Literal["stack"]
    on: Literal["probabilities", "penultimate"] = Field(description="their answers, or what goes into their last layer")
    head: Head
    folds: Folds = Field(description="of validation: each image is judged by a head that has not seen it")
    seed: Seed = Field(description="of the folds and the head")


class Soup(Combination):
    """The mean of the weights of networks of one architecture (Wortsman et al. 2022): the cost of one of them."""

    method: Literal["soup"]
    choose: Literal["uniform", "greedy"] = Field(description="all members, or those that help validation, best first")
    seed: Seed = Field(description="of the train images from which batch norm learns its statistics anew")


Combine = Annotated[Average | Weighted | Stack | Soup, Field(discriminator="method")]


def check_members(where: str, combine: Combination, known: Collection[str], whole: Collection[str]) -> None:
    """Raise UserError for a wrong name, an unknown member, or one of `whole`: fitted on validation as well."""
    if not re.fullmatch(r"combine\.[A-Za-z][A-Za-z0-9_]*", where):
        raise UserError(f"params.yaml: {where}: a name is letters, digits and _, beginning with a letter")
    for member in combine.members:
        if member not in known:
            raise UserError(
                f"params.yaml: {where}.members names no candidate: {member!r}; {did_you_mean(member, known)}"
            )
        if member in whole:
            raise UserError(
                f"params.yaml: {where}.members: {member} is fitted on train+val, which leaves no validation images "
                f"to combine it by; set models.{member}.fit.on: train"
            )
