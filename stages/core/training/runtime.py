"""Start TensorFlow as params.yaml says, before anything else of it is used: each setting changes bits or speed."""

import os
import shutil
from contextlib import suppress

from stages.core.console import held_back, say
from stages.core.lean_import import without
from stages.core.settings.options import Runtime


def prepare_runtime(runtime: Runtime) -> list[str]:
    """Start TensorFlow; returns the names of the devices that training will use, and says them."""
    names = start_tensorflow(runtime)
    if not names and shutil.which("nvidia-smi"):
        say("warning: this machine has an NVIDIA driver, but TensorFlow finds no GPU; `GPU=1 make setup` installs CUDA")
    say(f"training on {', '.join(names) or f'the CPU, {runtime.threads} threads'}")
    return names or [f"CPU, {runtime.threads} threads"]


def cpu(runtime: Runtime) -> list[str]:
    """Name and say the device of a fit that needs no TensorFlow, whose import would take longer."""
    say(f"fitting on the CPU, {runtime.threads} threads, without TensorFlow")
    return [f"CPU, {runtime.threads} threads"]


def ready_to_ask(runtime: Runtime) -> None:
    """Start TensorFlow for answers only: where it runs already, with other threads, their last digits may differ."""
    with suppress(RuntimeError):
        start_tensorflow(runtime)


def start_tensorflow(runtime: Runtime) -> list[str]:
    """Set threads, oneDNN and op determinism before the first use of TensorFlow; lets a GPU's memory grow.

    Returns the names of the GPUs that it finds. Raises RuntimeError where it runs already with other threads.
    """
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(runtime.onednn))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with held_back(), without("matplotlib", "sklearn"):  # Keras would draw and wrap with them: 1.1 of 3.9 CPU s
        import keras
        import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(runtime.threads)
    tf.config.threading.set_inter_op_parallelism_threads(runtime.threads)
    found = tf.config.list_physical_devices("GPU")
    for device in found:
        tf.config.experimental.set_memory_growth(device, enable=True)
    if runtime.determinism == "strict":
        tf.config.experimental.enable_op_determinism()
    with held_back():
        keras.ops.convert_to_numpy(keras.ops.zeros(1) + 1)  # the first op prints too
    return [str(tf.config.experimental.get_device_details(device).get("device_name", device.name)) for device in found]
