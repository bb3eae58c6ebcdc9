"""A model that says what a test wants, and images for it."""

import io
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

from stages.commands.serve import app, bound, serving
from stages.core.ingest.source import Member
from stages.core.serving.chosen import Chosen
from stages.core.settings.serve_options import Serve
from stages.core.tracking.served_model import ServedModel

NORMALIZE = {"height": 4, "width": 4, "channels": "grey", "fit": "stretch", "resample": "nearest"}
CLASSES = ["cat", "dog", "=owl"]


class ByLight:
    """The brighter an image the more of a dog; at 255 it is all dog, at 0 mostly cat."""

    def predict(self, images):
        light = images[:, 0, 0, 0] / np.float32(255)
        return np.stack([(1 - light) * 0.8, light, (1 - light) * 0.2], axis=1).astype(np.float32)

    def see(self, images):
        return self.predict(images), self.predict(images)


def model(threshold=None, temperature=None):
    told = {"classes": CLASSES, "normalize": NORMALIZE, "temperature": temperature, "threshold": threshold}
    return ServedModel(ByLight(), told)


def picture(light, size=(4, 4), kind="png"):
    """An image file of one grey."""
    stream = io.BytesIO()
    Image.new("L", size, int(light)).save(stream, kind)
    return stream.getvalue()


def member(name, data):
    return Member(name, lambda: data)


LIMITS = Serve(max_body_bytes=200_000, max_pixels=10_000, max_images=3, max_waiting=8, timeout_s=4)


@contextmanager
def served(threshold=None, limits=LIMITS, name="plain"):
    """A real server around that model, on a free port; yields its address."""
    chosen = Chosen(name, Path(), {"classes": CLASSES, "threshold": threshold})
    params = SimpleNamespace(tree=SimpleNamespace(serve=limits))
    with bound("127.0.0.1", 0) as door:
        server = serving(app(chosen, model(threshold), params))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
