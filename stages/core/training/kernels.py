"""Operations that have no deterministic kernel on a GPU: TensorFlow raises there under runtime.determinism: strict.

Which op that was, and which layer it comes from, becomes a sentence with the way out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from stages.core.training.data import TrainingFailed

# Word of TensorFlow's message -> what of a network calls it. The messages were read in the library of TF 2.21.
SOURCES = {
    "DepthwiseConv": "DepthwiseConv2D or SeparableConv2D (MobileNet, EfficientNet, Xception), with an old cuDNN",
    "fused batch-norm": "BatchNormalization that is frozen, below layers that train",
    "ResizeNearestNeighborGrad": "UpSampling2D or Resizing with interpolation: nearest",
    "CropAndResize": "CenterCrop, RandomCrop or a crop that resizes",
    "Dilation2D": "a morphological dilation",
    "MaxPoolGradWithArgmax": "a max pool that returns its places",
    "GPU MaxPool gradient": "MaxPooling2D compiled by XLA",
    "AdjustContrast": "RandomContrast",
    "Bincount": "a count of classes (CategoryEncoding, IntegerLookup)",
    "segment reduction": "a sum over segments, or the gradient of Embedding",
    "SparseTensorDenseMatmul": "a sparse matrix product",
    "FakeQuant": "quantized training",
    "SVD of matrices": "a singular value decomposition",
    "Scatter ops": "a scatter into a variable by reference",
    "SparseSoftmaxCrossEntropy": "a sparse categorical loss",
    "SoftmaxCrossEntropy": "a categorical loss on logits",
}
WAY_OUT = "set runtime.determinism: fast, which gives up equal bytes, or take a network without such layers"
ABOUT_DETERMINISM = re.compile(r"determinis", re.IGNORECASE)
NODE = re.compile(r"\{\{(?:function_)?node ([^}]*)\}\}")


@contextmanager
def kernels_named(where: str) -> Iterator[None]:
    """Raise TrainingFailed in place of TensorFlow's refusal of an op; `where` is the entry's place in params.yaml."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.UnimplementedError, tf.errors.FailedPreconditionError, tf.errors.InvalidArgumentError) as error:
        if not ABOUT_DETERMINISM.search(error.message):
            raise
        raise TrainingFailed(refusal(error.message, where)) from error


def refusal(message: str, where: str) -> str:
    """One sentence from TensorFlow's message: the op, the kind of layer that it comes from, and the way out."""
    said = [line for line in NODE.sub("", message).splitlines() if ABOUT_DETERMINISM.search(line)]
    first = " ".join(said[0].split("[Op:")[0].split()).rstrip(".")
    kind = next((layer for word, layer in SOURCES.items() if word in first), "")
    place = NODE.search(message)
    layer = f"layer kind {kind}" if kind else f"at {place[1]}" if place and place[1] else "in one of its layers"
    xla = f", set {where}.xla: false" if "XLA" in first else ""
    return f"TensorFlow has no deterministic kernel for an op of it here ({first}), {layer}; {WAY_OUT}{xla}"
