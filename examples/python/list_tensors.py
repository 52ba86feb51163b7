"""Lists the tensors of a checkpoint with strongroom's component, from Python.

    pip install wasmtime
    python examples/python/list_tensors.py model.pt [COMPONENT]

A build of strongroom leaves the component as target/strongroom.wasm.
Prints a JSON object for each tensor: `path`, `dtype` and `shape`. The component
never sees the file: it asks for a few ranges, and this script reads them. No
PyTorch is needed, no class that the file names is imported, and no tensor's data
is read.
"""

import json
import pathlib
import sys

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, Variant

COMPONENT = pathlib.Path(__file__).parents[2] / "target" / "strongroom.wasm"
READER = "strongroom:checkpoint/reader@0.1.0"
PAGE = 1000


def main(path, component=COMPONENT):
    with open(path, "rb") as file:
        root, nodes = read(Reader(component), file)
    for tensor in tensors(root, nodes):
        print(json.dumps(tensor))


class Reader:
    """The component's reader interface, as plain calls."""

    def __init__(self, component):
        engine = Engine()
        self.store = Store(engine)
        # Nothing is linked: the component imports nothing.
        self.instance = Linker(engine).instantiate(self.store, Component.from_file(engine, str(component)))
        self.interface = self.instance.get_export_index(self.store, READER)

    def call(self, name, *arguments):
        index = self.instance.get_export_index(self.store, name, self.interface)
        answer = self.instance.get_func(self.store, index)(self.store, *arguments)
        # Of all that these functions return, only errors are variants with tags.
        if isinstance(answer, Variant):
            raise SystemExit(f"{answer.tag}: {plain(answer.payload)}")
        return answer


def read(reader, file):
    """The index of the state dict's root, and all of its nodes."""
    length = file.seek(0, 2)
    options = record(limits=reader.call("default-limits"))
    reading = reader.call("[static]reading.open", length, options)
    step = reader.call("[method]reading.advance", reading, [])
    while isinstance(step, list):
        step = reader.call("[method]reading.advance", reading, [fetch(file, wanted) for wanted in step])
    nodes = []
    while len(nodes) < step.nodes:
        nodes += reader.call("[method]reading.nodes", reading, len(nodes), PAGE)
    reading.drop(reader.store)
    return step.root, nodes


def fetch(file, wanted):
    file.seek(wanted.offset)
    return record(offset=wanted.offset, bytes=file.read(wanted.length))


def tensors(root, nodes):
    """Each tensor under `root`, in order. A node may be met twice, and inside
    itself: then it is not entered again."""
    waiting = [(root, "", ())]
    while waiting:
        index, path, above = waiting.pop()
        if index in above:
            continue
        node = nodes[index]
        shown = show(node, nodes)
        if shown:
            yield {"path": path, **shown}
        for child, its_path in reversed(children(node, path, nodes)):
            waiting.append((child, its_path, (*above, index)))


def show(node, nodes):
    """The dtype and shape of a node that is a tensor of its own."""
    value = node.payload
    if node.tag == "quantized":
        value = value.tensor
    elif node.tag.startswith("sparse-"):
        return {"dtype": show(nodes[value.values], nodes)["dtype"], "shape": value.shape}
    elif node.tag != "tensor":
        return None
    return {"dtype": dtype_name(value.dtype), "shape": value.shape}


def children(node, path, nodes):
    """The nodes inside a node, with their paths. What is inside an object of an
    unknown class counts; the object is never made."""
    value = node.payload
    if node.tag in ("tuple", "list"):
        return [(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if node.tag in ("dict", "counter", "ordered-dict"):
        pairs = value.items if node.tag == "ordered-dict" else value
        return [(pair.value, join(path, key_text(nodes[pair.key]))) for pair in pairs]
    if node.tag in ("parameter", "subclass"):
        return [(value.tensor, path)]
    if node.tag == "sparse-coo":
        return [(value.indices, join(path, "indices")), (value.values, join(path, "values"))]
    if node.tag == "sparse-compressed":
        names = (
            ("crow_indices", "col_indices")
            if value.layout.endswith("sr")
            else ("ccol_indices", "row_indices")
        )
        parts = (value.compressed, value.plain, value.values)
        return [(part, join(path, name)) for part, name in zip(parts, (*names, "values"), strict=True)]
    if node.tag == "quantized" and value.quantizer.tag == "per-channel":
        scale = value.quantizer.payload
        return [(scale.scales, join(path, "scales")), (getattr(scale, "zero-points"), join(path, "zero_points"))]
    if node.tag == "object":
        named = [(getattr(value, name), join(path, name)) for name in ("args", "kwargs")]
        items = [(item, f"{path}[{index}]") for index, item in enumerate(value.items)]
        pairs = [(pair.value, join(path, key_text(nodes[pair.key]))) for pair in value.pairs]
        # The state is the object's attributes: no name of its own.
        return [child for child in (*named, *items, *pairs, (value.state, path)) if child[0] is not None]
    return []


def join(path, key):
    return f"{path}.{key}" if path else key


def key_text(node):
    """A key as Python would print it, but text without quotes."""
    if node.tag in ("text", "int", "boolean", "none"):
        return node.payload.value if node.tag == "text" else str(node.payload)
    return f"<{node.tag}>"


def dtype_name(name):
    """torch's name: WIT has no underscores, and no `bool`."""
    return {"boolean": "bool"}.get(name, name.replace("-", "_"))


def record(**fields):
    made = Record()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def plain(value):
    """An error's fields, to be printed."""
    if isinstance(value, Record):
        return ", ".join(f"{name} {plain(field)}" for name, field in vars(value).items())
    if isinstance(value, list):
        return "; ".join(plain(item) for item in value)
    return str(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
