"""What training writes beside weights: states of generators, arrays, settings, times.

Nothing of it runs code, and weights_only refuses most of it.
"""

import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import pickle
import random
import types
import uuid

import numpy
import torch


KINDS = (
    torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.bool, torch.complex64, torch.complex128,
)  # fmt: skip


def make(root):
    """Writes all files into `root`, proves that they load, and yields their paths."""
    for name, value in values().items():
        for protocol in (0, 1, 2, 3, 4, 5):
            path = root / f"object_{name}.{protocol}.pkl"
            path.write_bytes(pickle.dumps(value, protocol))
            pickle.loads(path.read_bytes())
            yield path
        path = root / f"training_{name}.pt"
        torch.save(value, path)
        torch.load(path, weights_only=False)
        yield path


def values():
    floats = numpy.arange(6, dtype="<f4").reshape(2, 3)
    zone = datetime.timezone(datetime.timedelta(hours=1), "CET")
    return {
        "rng_state": {
            "python": random.Random(1).getstate(),
            "numpy": numpy.random.RandomState(1).get_state(),
            "cpu": torch.get_rng_state(),
        },
        "generators": [random.Random(1), numpy.random.RandomState(1), *generators()],
        "arrays": [floats, floats.T, numpy.asfortranarray(floats), numpy.zeros((0, 3)), numpy.array(2.5)],
        "array_kinds": [numpy.zeros(2, kind) for kind in ("?", "i1", "u8", "f2", "c16", "S3", "U4", "M8[D]", "m8[s]")],
        "array_objects": numpy.array([1, "a", None, [2]], dtype=object),
        "array_records": numpy.zeros(2, [("a", "<i4"), ("b", "<f8", (2,))]),
        "array_masked": numpy.ma.array([1, 2], mask=[False, True]),
        "scalars": [numpy.float64(1.5), numpy.int64(-1), numpy.bool_(True), numpy.str_("a")],
        "dtypes": [numpy.dtype("f4"), numpy.float32, numpy.dtype([("a", "i4")])],
        "containers": [
            collections.defaultdict(list, a=[1]),
            collections.defaultdict(None, b=2),
            collections.deque([1, 2, 3], maxlen=5),
            collections.Counter("aab"),
            {frozenset({1, 2}): {1, 2}},
            range(0, 10, 3),
            slice(1, None, 2),
        ],
        "settings": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs/a"), betas=(0.9, 0.999), kind=float),
        "namespace": types.SimpleNamespace(epoch=3, inner=types.SimpleNamespace(best=None)),
        "times": [
            datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=zone),
            datetime.datetime(2024, 1, 1, fold=1),
            datetime.date(1999, 12, 31),
            datetime.time(23, 59, 59, 999999),
            datetime.timedelta(days=-1, seconds=3),
        ],
        "numbers": [decimal.Decimal("1.50"), decimal.Decimal("-Infinity"), fractions.Fraction(1, 3), 2**100, 1 - 2j],
        "uuid": uuid.UUID(int=2**127 + 5),
        "optimizer": optimizer(),
        "tensor": torch.arange(12.0).reshape(3, 4)[1:],
        "tensors": [torch.zeros(2, dtype=kind) for kind in KINDS],
        "sparse": [torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr()],
        "quantized": torch.quantize_per_channel(torch.ones(2, 2), torch.ones(2), torch.zeros(2), 0, torch.qint8),
        "module": torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict(),
        "parameters": list(torch.nn.Linear(3, 4).parameters()),
        "storage": torch.ones(3).storage(),
        "mixed": {"array": floats, "tensor": torch.ones(2), "objects": numpy.array([torch.ones(1), None], dtype=object)},
        "axes": [numpy.arange(24, dtype=kind).reshape(2, 3, 4).transpose(1, 0, 2) for kind in ("u1", "<f4", ">f8")],
        "masked": masked(),
        "kinds": [numpy.longlong, numpy.ulonglong, numpy.generic, numpy.floating, numpy.intc],
        "loose": [bits.state for bits in generators() if hasattr(bits, "state")],
        "cycle": cycle(),
        "scaler": torch.amp.GradScaler("cpu"),
        "scaler_off": torch.amp.GradScaler("cpu", enabled=False),
    }


def generators():
    for kind in (numpy.random.MT19937, numpy.random.PCG64, numpy.random.PCG64DXSM, numpy.random.Philox, numpy.random.SFC64):
        yield kind(1)
        yield numpy.random.Generator(kind(2))


def masked():
    """Masked arrays, of structures too, with and without a value for what is masked."""
    pairs = numpy.ma.array(numpy.zeros(3, [("a", "i4"), ("b", "f8", (2,))]), mask=[(0, [1, 0]), (1, [0, 0]), (0, [0, 0])])
    filled = numpy.ma.array([1, 2], mask=[0, 1], fill_value=7)
    texts, objects = numpy.ma.array(["a", "b"]), numpy.ma.array([None, 1], dtype=object)
    # Whoever asks for it has it made.
    assert len({str(array.fill_value) for array in (texts, objects)}) == 2
    return [pairs, pairs[0], filled, texts, objects, numpy.ma.masked]


def cycle():
    """Values that hold each other."""
    outer = argparse.Namespace(name="run", steps=[])
    outer.steps.append(argparse.Namespace(parent=outer, siblings=outer.steps))
    ordered = collections.OrderedDict(a=outer)
    ordered["self"] = ordered
    return {"outer": outer, "ordered": ordered, "queue": collections.deque([outer.steps])}


def optimizer():
    """A learning rate as numpy computes one, in an optimizer's state."""
    parameter = torch.nn.Parameter(torch.ones(2))
    adam = torch.optim.AdamW([parameter], lr=float(numpy.float64(0.1)))
    parameter.sum().backward()
    adam.step()
    state = adam.state_dict()
    state["param_groups"][0]["lr"] = numpy.float64(0.05)
    return {"optimizer": state, "loss": numpy.float32(1.5), "when": datetime.datetime(2024, 1, 1)}
