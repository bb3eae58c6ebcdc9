"""An op without a deterministic kernel: one sentence with the op, the kind of layer and the way out.

Only a GPU has such ops, so TensorFlow's error is raised here by an op of ours, through the same executor.
"""

import pytest

from stages.core.training.data import TrainingFailed
from stages.core.training.kernels import SOURCES, kernels_named, refusal

pytestmark = pytest.mark.slow
MESSAGES = {  # as TensorFlow 2.21 has them
    "A deterministic GPU implementation of DepthwiseConvBackpropFilter is not available with this version of cuDNN. "
    "Please build with cuDNN version 7.6.3 or later.": "DepthwiseConv2D",
    "A deterministic GPU implementation of fused batch-norm backprop, when training is disabled, is not currently "
    "available.": "BatchNormalization",
    "A deterministic GPU implementation of ResizeNearestNeighborGrad is not currently available.": "UpSampling2D",
    "Determinism is not yet supported for Dilation2DBackpropInput.": "dilation",
    "GPU MaxPool gradient ops do not yet have a deterministic XLA implementation.": "xla: false",
    "Deterministic GPU implementation of sorted segment reduction op not available.": "Embedding",
}


def raising(message):
    """Run a graph whose op is not implemented."""
    import tensorflow as tf

    def refuse(_):
        raise NotImplementedError(message)

    @tf.function
    def step(x):
        return tf.numpy_function(refuse, [x], tf.float32)

    step(tf.constant(1.0))


@pytest.mark.parametrize("message", MESSAGES)
def test_the_op_and_its_layer_are_named(message):
    """TensorFlow's own error becomes a failed training that says what to change."""
    with pytest.raises(TrainingFailed) as caught, kernels_named("models.big.fit"):
        raising(message)
    said = str(caught.value)

    assert MESSAGES[message] in said and "runtime.determinism: fast" in said and "\n" not in said and "{{" not in said


def test_another_refusal_is_left_alone():
    """What is not about determinism is no matter of a setting."""
    import tensorflow as tf

    with pytest.raises(tf.errors.UnimplementedError), kernels_named("models.big.fit"):
        raising("Only half, float, and double are supported.")


def test_a_random_op_without_a_seed_is_refused_here_too():
    """The one refusal that a CPU shows by itself."""
    import tensorflow as tf
    from tensorflow.python.framework import config

    tf.config.experimental.enable_op_determinism()
    try:
        with pytest.raises(TrainingFailed, match="seed"), kernels_named("models.big.fit"):
            tf.raw_ops.RandomUniform(shape=[2], dtype=tf.float32, seed=0, seed2=0)
    finally:
        config.disable_op_determinism()


def test_an_op_that_is_not_listed_is_still_a_sentence():
    """With the node that TensorFlow names."""
    said = refusal("{{function_node __wrapped__Odd_device_/GPU:0}} Determinism is not yet supported for Odd.", "m")

    assert "Odd" in said and len(SOURCES) > 10
