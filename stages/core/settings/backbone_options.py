"""The `backbones` section as frozen types: pretrained networks whose features an entry of `models` may take."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from stages.core.settings.options import Count, Section, Seed, Sha256, Uri

OURS = (  # arguments of keras.applications that other keys name, or that a network without its top has no use for
    "include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation",
    "include_preprocessing", "weights_name", "name",
)  # fmt: skip


class Weights(Section):
    """A file of pretrained weights, without the top."""

    uri: Uri = Field(description="a path, http(s)://, s3:// or gs:// of a .h5, .weights.h5 or .keras file")
    sha256: Sha256 | None = Field(description="of the file, or null; `data/source/source.json` says it afterwards")
    licence: str | None = Field(description="of the weights, recorded with them")


def form(written: Any) -> str:
    """Which of the two forms of `weights` was meant: mistakes are told of that one alone."""
    return "(file)" if isinstance(written, dict | Weights) else "(name)"


Pretrained = Annotated[
    Annotated[Literal["imagenet"], Tag("(name)")] | Annotated[Weights, Tag("(file)")], Discriminator(form)
]


class Backbone(Section):
    """One network of keras.applications without its top, as a function from packed images to features."""

    backbone: str = Field(description="its name in keras.applications, e.g. MobileNetV2")
    arguments: dict[str, Any] = Field(description="of its own, e.g. {alpha: 0.35}; {} for none")
    weights: Pretrained | None = Field(
        description="imagenet (Keras' own file), {uri, sha256, licence}, or null for random ones"
    )
    seed: Seed = Field(description="of the weights where they are random")
    height: Count = Field(description="pixels that the network sees; the packed images are resized to it")
    width: Count = Field(description="pixels")
    pooling: Literal["average", "max", "none"] = Field(description="over the last maps; none keeps [h, w, c]")
    store: bool = Field(description="compute the features of all images once, for every entry that takes them")

    @field_validator("arguments")
    @classmethod
    def leave_ours(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Raise ValueError for an argument that is not the user's to give."""
        for name in arguments:
            if name in OURS:
                raise ValueError(f"{name} can't be given here; it is fixed, or a key beside `arguments`")
        return arguments
