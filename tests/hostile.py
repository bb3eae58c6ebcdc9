"""Files that would run code, or read what is not theirs, if they were opened without care."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WEIGHTS = "model.weights.h5"


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def pickled(mark):
    """An array of one object that runs code."""
    array = np.empty(1, object)
    array[0] = Runs(mark)
    return array


def npy(path, mark):
    """A .npy of objects."""
    np.save(path, pickled(mark), allow_pickle=True)
    return path


def npz(path, mark, names):
    """An .npz of arrays of objects."""
    np.savez(path, **{name: pickled(mark) for name in names})
    return path


def parquet(path, mark, frame):
    """A table with a column whose type, as old Arrow did it, is a pickle in the schema."""
    table = pa.Table.from_pandas(frame)
    marks = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(Runs(mark))}
    fields = [field.with_metadata(marks) for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields, table.schema.metadata)), path)
    return path


def small(path):
    """A network as Keras saves it, without fault."""
    import keras

    image = keras.Input((4, 4, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    keras.Model(image, keras.layers.Dense(2, "softmax")(x)).save(path)
    return path


def with_lambda(path, mark):
    """A network with a Lambda layer that writes a file."""
    import keras

    image = keras.Input((4, 4, 1), dtype="uint8")
    run = keras.layers.Lambda(eval(f"lambda x: (open({str(mark)!r}, 'w'), x)[1]"), output_shape=(4, 4, 1))
    x = keras.layers.Flatten()(run(keras.layers.Rescaling(1.0)(image)))
    keras.Model(image, keras.layers.Dense(2, "softmax")(x)).save(path)
    return path


def rewritten(path, change):
    """Rewrite the members of a zip: change(members by name), in place."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_object(item):
    """A change that puts a serialized object among the arguments of the last layer."""

    def change(members):
        config = json.loads(members["config.json"])
        config["config"]["layers"][-1]["config"]["kernel_initializer"] = item
        members["config.json"] = json.dumps(config).encode()

    return change


def with_layer(item):
    """A change that puts another layer in the place of the second."""

    def change(members):
        config = json.loads(members["config.json"])
        config["config"]["layers"][1] |= item
        members["config.json"] = json.dumps(config).encode()

    return change


def with_store(plant):
    """A change of the weights: plant(open HDF5 file)."""

    def change(members):
        stream = io.BytesIO(members[WEIGHTS])
        with h5py.File(stream, "a") as store:
            plant(store)
        members[WEIGHTS] = stream.getvalue()

    return change


def outside(store):
    """Weights that are the bytes of another file."""
    store.create_dataset("taken", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def virtual(store):
    """Weights that are put together from other files."""
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname.h5", "x", (8,))
    store.create_virtual_dataset("taken", layout)


def link(to):
    """A link in the store."""

    def plant(store):
        store["taken"] = to

    return plant


def bomb(members):
    """A config that unpacks to a thousand times its size."""
    members["config.json"] += b" " * 50_000_000


def extra(members):
    """A file that a network does not have."""
    members["assets/../../run.py"] = b"print()"


CHANGES = {
    "a module of the system": with_object({"module": "os", "class_name": "system", "config": {}, "registered_name": None}),
    "a function that fetches": with_object(
        {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"}
    ),
    "the switch of safe mode": with_object(
        {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization",
         "registered_name": None}
    ),
    "a module of the user": with_layer({"module": "marks_itself", "class_name": "Net", "registered_name": "evil>Net"}),
    "a registered class without module": with_layer({"module": None, "class_name": "Net", "registered_name": "evil>Net"}),
    "a lambda in a place of values": with_object({"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}),
    "a vocabulary from a path": with_layer(
        {"class_name": "StringLookup", "config": {"name": "s", "vocabulary": "/etc/passwd"}}
    ),
    "a SavedModel elsewhere": with_layer({"class_name": "TFSMLayer", "config": {"name": "t", "filepath": "/tmp/x"}}),
    "weights that lie in another file": with_store(outside),
    "weights put together from other files": with_store(virtual),
    "a link to another file": with_store(link(h5py.ExternalLink("/etc/passwd", "x"))),
    "a link within the file": with_store(link(h5py.SoftLink("/"))),
    "a config that is a bomb": bomb,
    "a file that is no part": extra,
}  # fmt: skip
