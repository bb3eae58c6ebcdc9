"""A network in formats that need no Python: ONNX and TFLite, calibrated, from uint8 [N, H, W, C] to probabilities."""

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.candidates.predictor import Network
from stages.core.console import held_back
from stages.core.errors import UserError
from stages.core.files import replaced
from stages.core.plain_text import one_line
from stages.core.tracking.served_model import ServedModel

OPSET = 17  # of ONNX: read by every runtime since 2022
IMAGES = "images"
EXTRA = "ONNX needs packages of its own: run `make setup-all`, or pip install '.[export]'"
Asked = Callable[[np.ndarray], np.ndarray]


def network_of(model: ServedModel) -> Any:
    """The Keras model behind a served one, its temperature as a last step. Raises UserError where it is no network."""
    import keras

    if not isinstance(model.predictor, Network):
        raise UserError("only a network can be exported; this model has a classical head, or several members")
    network, temperature = model.predictor.model, model.about.get("temperature")
    if temperature is None:
        return network
    ops = keras.ops
    sharp = ops.power(network.output / ops.max(network.output, axis=1, keepdims=True), 1 / temperature)
    return keras.Model(network.input, sharp / ops.sum(sharp, axis=1, keepdims=True))


def graph_of(model: ServedModel) -> Any:
    """The same as one TensorFlow function for any number of images."""
    import tensorflow as tf

    network = network_of(model)
    takes = tf.TensorSpec(network.input.shape, tf.uint8, name=IMAGES)
    return tf.function(lambda images: network(images, training=False), input_signature=[takes])


def write_onnx(graph: Any, path: Path) -> None:
    """Write a graph as ONNX. Raises UserError where its packages are missing, or an operation is unknown to it."""
    try:
        import tf2onnx
    except ModuleNotFoundError as error:
        raise UserError(EXTRA) from error
    with replaced(path) as temporary, converting("ONNX"):
        tf2onnx.convert.from_function(graph, graph.input_signature, opset=OPSET, output_path=str(temporary))


def write_tflite(graph: Any, path: Path) -> None:
    """Write a graph as TFLite, its weights as constants. Raises UserError where an operation is unknown to it."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    with replaced(path) as temporary, converting("TFLite"):
        frozen = convert_variables_to_constants_v2(graph.get_concrete_function())
        temporary.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


@contextmanager
def converting(kind: str) -> Iterator[None]:
    """Turn whatever a converter raises into one sentence, and hold back what it prints. Raises UserError."""
    try:
        with held_back(), contextlib.redirect_stdout(io.StringIO()):
            yield
    except Exception as error:  # both converters raise nearly anything
        reason = one_line(error)[:200]
        raise UserError(f"the network can't be written as {kind}: {type(error).__name__}: {reason}") from error


def open_onnx(path: Path, n_threads: int) -> Asked:
    """An ONNX file as a function from uint8 [N, H, W, C] to float32 [N, K]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images})[0])


def open_tflite(path: Path, n_threads: int) -> Asked:
    """A TFLite file as a function from uint8 [N, H, W, C] to float32 [N, K]."""
    import warnings

    import tensorflow as tf

    with warnings.catch_warnings(), held_back():
        warnings.simplefilter("ignore")  # it has become a package of its own, whose reader is the same
        interpreter = tf.lite.Interpreter(str(path), num_threads=n_threads)
        interpreter.allocate_tensors()
    (takes,), (gives,) = interpreter.get_input_details(), interpreter.get_output_details()

    def asked(images: np.ndarray) -> np.ndarray:
        if tuple(interpreter.get_input_details()[0]["shape"]) != images.shape:
            interpreter.resize_tensor_input(takes["index"], images.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(takes["index"], images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(gives["index"]))

    return asked


WRITERS = {"onnx": write_onnx, "tflite": write_tflite}
READERS = {"onnx": open_onnx, "tflite": open_tflite}
