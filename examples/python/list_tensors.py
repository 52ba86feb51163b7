"""Lists the tensors of a checkpoint with strongroom's component, from Python.

    pip install wasmtime
    python examples/python/list_tensors.py model.pt [COMPONENT]

`cargo xtask component` leaves the component as component/made/strongroom.wasm.
Prints a JSON object for each tensor: `path`, `dtype` and `shape`. The component
never sees the file: it asks for a few ranges, and this script reads them. No
PyTorch is needed, no class that the file names is imported, and no tensor's data
is read.

What a file makes the component do has two ends, which every host must set: the most
memory, and a deadline.
"""

import json
import pathlib
import sys
import threading

from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker, Record, Variant

COMPONENT = pathlib.Path(__file__).parents[2] / "component" / "made" / "strongroom.wasm"
READER = "strongroom:format/reader@0.1.0"
PAGE = 1000
MEMORY = 512 << 20
SECONDS = 60


def main(path, component=COMPONENT):
    with open(path, "rb") as file:
        for tensor in tensors(Reader(component), file):
            print(json.dumps(tensor))


class Reader:
    """The component's reader interface, as plain calls."""

    def __init__(self, component):
        config = Config()
        config.epoch_interruption = True
        engine = Engine(config)
        self.store = Store(engine)
        self.store.set_limits(memory_size=MEMORY)
        # The timer is the only clock: its first tick ends whatever call is running.
        self.store.set_epoch_deadline(1)
        timer = threading.Timer(SECONDS, engine.increment_epoch)
        timer.daemon = True
        timer.start()
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


def tensors(reader, file):
    """Each tensor of the file, wherever it hangs, in order."""
    length = file.seek(0, 2)
    options = record(limits=reader.call("default-limits"))
    reading = reader.call("[static]reading.open", length, options)
    step = reader.call("[method]reading.advance", reading, [])
    while isinstance(step, list):
        step = reader.call("[method]reading.advance", reading, [fetch(file, wanted) for wanted in step])
    start = 0
    while page := reader.call("[method]reading.tensors", reading, start, PAGE):
        yield from ({"path": t.name, "dtype": dtype_name(t.dtype), "shape": t.shape} for t in page)
        start += len(page)
    reading.drop(reader.store)


def fetch(file, wanted):
    file.seek(wanted.offset)
    return record(offset=wanted.offset, bytes=file.read(wanted.length))


def dtype_name(name):
    """torch's name: WIT has no underscores, and no `bool`."""
    return name and {"boolean": "bool"}.get(name, name.replace("-", "_"))


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
