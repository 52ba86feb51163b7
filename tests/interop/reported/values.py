"""Tensors and keys at odd places, of odd types, and with odd histories."""

import collections
import functools
import random
import struct

import classes
import numpy
import safetensors.torch
import torch
import torch.distributed
from torch.nn import Parameter

from reported.room import facts, full, kept_or_refused, same_values, wanted


def case_05_lazy_conj_and_neg(room):
    """safetensors#831: the values that torch shows, not those of the storage."""
    numbers = torch.tensor([[1 + 2j, 3 - 4j], [0.5j, -1]], dtype=torch.complex64)
    neg = torch._neg_view
    path = room.save(
        "model.pt",
        {
            "plain": numbers.clone(),
            "conj": numbers.clone().conj(),
            "transposed": numbers.clone().mH,
            "imag": numbers.clone().conj().imag,
            "neg": neg(torch.tensor([1.0, -0.0, 3.0])),
            "neg16": neg(torch.tensor([1.0, 2.0], dtype=torch.bfloat16)),
            "neg of complex": neg(numbers.clone()),
            "both": neg(numbers.clone().conj()),
            "neg of int": neg(torch.tensor([-128, 5], dtype=torch.int8)),
            "neg of NaN": neg(torch.tensor([float("nan"), float("inf")], dtype=torch.float64)),
            "slice": neg(torch.arange(8.0))[1::3],
        },
    )
    room.lossless(path)
    done = room.run("convert", path, room / "flat.safetensors")
    if done.code == 0:
        found, wrong = room.flat(path)[0], []
        for name, tensor in torch.load(path).items():
            wrong += [name] if facts(tensor) != facts(found[name]) else []
        wanted(not wrong, f"safetensors has other values for {wrong}")
    else:
        wanted("conj" in done.err and "neg" in done.err, f"does not say why: {done}")


def case_13_coalesced(room):
    """pytorch#101186, #73479: whether a sparse tensor is coalesced is kept, in old files too."""
    at, data = torch.tensor([[0, 1, 1], [2, 0, 0]]), torch.tensor([3.0, 4.0, 5.0])
    loose = torch.sparse_coo_tensor(at, data, (2, 3))
    tight = loose.coalesce()
    value = {
        "loose": loose,
        "tight": tight,
        "claimed": torch.sparse_coo_tensor(at[:, :2], data[:2], (2, 3), is_coalesced=True),
        "none": torch.sparse_coo_tensor(torch.empty(2, 0, dtype=torch.long), torch.empty(0), (2, 3)),
        "hybrid": torch.sparse_coo_tensor(at[:1], torch.ones(3, 2), (4, 2)),
        "scalar": torch.sparse_coo_tensor(torch.empty(0, 2, dtype=torch.long), torch.ones(2), ()),
        "parameter": Parameter(tight),
        "bool": tight.bool(),
    }
    room.lossless(room.save("model.pt", value))

    def before(self, protocol, usual=torch.Tensor.__reduce_ex__):
        if self.layout != torch.sparse_coo:
            return usual(self, protocol)
        parts = (self._indices(), self._values(), self.size())
        return torch._utils._rebuild_sparse_tensor, (self.layout, parts)

    usual, torch.Tensor.__reduce_ex__ = torch.Tensor.__reduce_ex__, before
    try:
        old = room.save("old.pt", {"loose": loose, "tight": tight})
        older = room.save("older.pt", {"loose": loose}, _use_new_zipfile_serialization=False)
    finally:
        torch.Tensor.__reduce_ex__ = usual
    room.lossless(old)
    room.lossless(older)


def case_15_skip_data(room):
    """pytorch#134504: checksum 0 is none; the data is filled in later."""
    state = {"w": torch.arange(1000.0), "b": torch.ones(3), "e": torch.empty(0), "n": 5}
    with torch.serialization.skip_data():
        skipped = room.save("skipped.pt", state)
    file = bytearray(skipped.read_bytes())
    raw = state["w"].numpy().tobytes()
    start = -(-(file.find(b"data/0") + 6) // 64) * 64
    wanted(not any(file[start : start + len(raw)]), "the place of the data")
    file[start : start + len(raw)] = raw
    filled = room / "filled" / "skipped.pt"
    filled.parent.mkdir()
    filled.write_bytes(file)
    wanted(torch.equal(torch.load(filled)["w"], state["w"]), "the place of the data")
    for path in (skipped, filled):
        where = path.parent.name
        room.part(f"inspect {where}", lambda path=path: room.ok("inspect", path).says("without checksums"))
        room.part(f"verify {where}", lambda path=path: room.ok("verify", path).says("checksum"))
        room.part(
            f"validate {where}",
            lambda path=path: wanted(room.verdict(path) == "safe", room.run("validate", path).said),
        )
        # What is written has its checksums.
        room.lossless(path, identical=False)
        room.part(f"flat {where}", lambda path=path: room.flat(path, "--tensors-only"))


# What is shown of numpy's scalars.
SHOWN = ("0.1", "-3", str(2**63), "(1+2j)", "'é'", "2024-01-02T03:04:05", "5 milliseconds")


def case_36_numpy(room):
    """pytorch#138985, nerfstudio#3702: numpy's scalars and arrays under the names of numpy 1 and 2."""
    scalars = {
        "f64": numpy.float64(0.1),
        "f16": numpy.float16(2),
        "i8": numpy.int8(-3),
        "u64": numpy.uint64(2**63),
        "bool": numpy.bool_(True),
        "complex": numpy.complex64(1 + 2j),
        "str": numpy.str_("é"),
        "bytes": numpy.bytes_(b"\xff"),
        "date": numpy.datetime64("2024-01-02T03:04:05"),
        "span": numpy.timedelta64(5, "ms"),
        "big": numpy.dtype(">f8").type(3),
        "void": numpy.void(b"abc"),
    }
    arrays = {
        "plain": numpy.arange(6.0).reshape(2, 3),
        "fortran": numpy.asfortranarray(numpy.ones((2, 3))),
        "objects": numpy.array([1, "x", None], dtype=object),
        "struct": numpy.zeros(2, dtype=[("x", "<f4"), ("y", "<i2")]),
        "texts": numpy.array(["a", "bc"]),
        "big": numpy.arange(3, dtype=">i4"),
        "dates": numpy.array(["2024-01-01"], dtype="datetime64[D]"),
        "empty": numpy.zeros((0, 3)),
        "masked": numpy.ma.array([1, 2], mask=[0, 1]),
        "dtype": numpy.dtype("float32"),
    }
    for name, value in (("scalars", scalars), ("arrays", arrays)):
        path = room.save(f"new/{name}.pt", value)
        old = room / "old" / f"{name}.pt"
        older_names(path, old)
        for each in (path, old):

            def shown(after, what, each=each):
                return wanted(*same_text(each, after, what))

            room.lossless(each, alike=shown)
            room.part(f"inspect {each.parent.name} {name}", room.ok, "inspect", each)
    for each in ("new", "old"):
        room.part(
            f"values {each}",
            lambda each=each: room.ok("inspect", room / each / "scalars.pt").says(*SHOWN),
        )
    one = room.save("one.pt", {"a": torch.ones(2), "lr": numpy.float64(0.1)})
    needed = "needs numpy._core.multiarray.scalar"
    room.part("level", lambda: room.ok("validate", one, "--verbose").says("safe", "no-code", needed))
    room.part("required", lambda: wanted(room.run("validate", one, "--require", "weights-only").code == 1, "it passes"))


def same_text(path, after, what):
    """Whether two files print alike, which numpy's scalars do only if they are."""
    one, other = (repr(torch.load(file, weights_only=False)) for file in (path, after))
    return one == other, f"{what} differs: {one[:200]} and {other[:200]}"


def older_names(path, out):
    """As numpy 1 spelled the same calls."""
    import zipfile

    out.parent.mkdir(exist_ok=True)
    archive = zipfile.ZipFile(path)
    with zipfile.ZipFile(out, "w") as made:
        for entry in archive.infolist():
            content = archive.read(entry)
            if entry.filename.endswith("data.pkl"):
                content = content.replace(b"cnumpy._core.", b"cnumpy.core.")
            made.writestr(entry.filename, content)


def case_40_every_dtype(room):
    """huggingface_hub#4901, safetensors#450, pytorch#131470: as save_file does, or refused by name."""

    every = sorted(name for name in dir(torch) if isinstance(getattr(torch, name), torch.dtype))
    for name in every:
        dtype = getattr(torch, name)
        if str(dtype) != f"torch.{name}":
            continue
        try:
            size = torch.empty(1, dtype=dtype).element_size()
            raw = torch.arange(1, 1 + 8 * size, dtype=torch.uint8) % (2 if name == "bool" else 255)
            if name.startswith("q"):
                tensor = torch._empty_affine_quantized([2, 4], scale=0.5, zero_point=1, dtype=dtype)
            else:
                tensor = raw.view(dtype).reshape(2, 4)
            path = room.save(f"{name}.pt", {"w": tensor})
            torch.load(path, weights_only=False)
        except Exception:
            continue
        room.part(name, one_dtype, room, path, tensor, name)
        room.lossless(path, ranks=(2,))


def one_dtype(room, path, tensor, name):
    """One file of one type."""
    theirs, ours = room / "theirs.safetensors", room / "ours.safetensors"
    room.ok("inspect", path).says(name)
    try:
        safetensors.torch.save_file({"w": tensor}, theirs)
    except Exception:
        room.refused("convert", path, ours, says=["w", name if not name.startswith("q") else "quantized"])
        return
    room.ok("convert", path, ours)
    wanted(ours.read_bytes() == theirs.read_bytes(), "another file than save_file's")
    back = room / "back" / f"{name}.pt"
    back.parent.mkdir(exist_ok=True)
    room.ok("convert", ours, back)
    wanted(facts(torch.load(back)["w"]) == facts(tensor), "other values back from safetensors")


def case_42_tensor_keys(room):
    """schedule_free#32: optimizers themselves, whose states have parameters as keys."""
    torch.manual_seed(3)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    tied = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(3, 2))
    tied[1].weight = tied[0].weight
    average = torch.optim.swa_utils.AveragedModel(model)
    norm = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    made = {
        "state": {"state": dict(optimizer.state), "w": model.weight},
        "whole": {"opt": optimizer, "model": model, "sched": schedule},
        "keys": {torch.tensor(1): "a", torch.ones(2): {"b": torch.zeros(1)}, (torch.ones(1),): 4},
        "average": average.state_dict(),
        "norm": norm.state_dict(),
        "tied": tied,
    }
    for name, value in made.items():
        path = room.save(f"{name}.pt", value)
        room.lossless(path)
        room.part(f"inspect {name}", room.ok, "inspect", path)
    whole = made["whole"]
    old = room.save("old.pt", whole, _use_new_zipfile_serialization=False)
    room.part("old", kept_or_refused, room, old, functools.partial(same_values, old))
    listed = room.inspect(room / "state.pt")["tensors"]
    wanted(len({entry["storage"] for entry in listed} - {None}) == 8, f"{len(listed)} tensors are listed")


ODD_PLACES = {
    "parameter as key": lambda: {Parameter(full(1)): 1},
    "tensor as key": lambda: {full(1): {"m": full(2)}},
    "key in a tuple": lambda: {(full(1), 2): 3},
    "key in nested tuples": lambda: {((full(1),),): full(4)},
    "key and value": lambda: (lambda w: {"s": {w: {"m": full(0)}}, "w": w})(Parameter(full(1))),
    "optimizer": lambda: {
        "state": {Parameter(full(1)): {"m": full(0)}, Parameter(full(2, 3)): {"m": full(1, 3)}}
    },
    "attribute": lambda: {"x": with_attributes(full(1), note={"t": full(2), "s": "x"})},
    "attribute of a parameter": lambda: (
        lambda s: {"x": with_attributes(Parameter(full(1)), scale=s), "y": s}
    )(full(3)),
    "key in an attribute": lambda: {"x": with_attributes(full(1), k={full(5): 1})},
    "attribute of an OrderedDict": lambda: with_attributes(
        collections.OrderedDict(a=full(1)), _metadata={"t": full(7), "v": 2}
    ),
    "counter": lambda: {"c": collections.Counter({full(1): 3})},
    "quantizer": lambda: {
        "q": torch.quantize_per_channel(
            torch.ones(2, 3), torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0, torch.qint8
        )
    },
    "view as key": lambda: (lambda b: {"b": b, "k": {b[2:4]: 1}})(torch.arange(6.0)),
    "storages": lambda: {"s": full(1).untyped_storage(), "t": full(3).storage()},
    "key in a list": lambda: [{full(1): [{full(2): full(3)}]}],
    "key of a default dict": lambda: {"d": collections.defaultdict(int, {full(1): 1})},
    "cache of a module": lambda: with_attributes(torch.nn.Linear(2, 1), cache={full(9): full(8)}),
    "key at the root": lambda: {full(1): full(2)},
    "empty key": lambda: {torch.empty(0): 1},
    "scalar key": lambda: {torch.tensor(3): 1},
    "set": lambda: {"s": {full(1), full(2)}},
}


def with_attributes(value, **attributes):
    """The value with attributes."""
    vars(value).update(attributes) if isinstance(value, torch.nn.Module) else [
        setattr(value, name, item) for name, item in attributes.items()
    ]
    return value


def case_47_tensors_in_odd_places(room):
    """schedule_free#32, pytorch#76395: tensors that are no values of dicts and lists."""
    for name, make in ODD_PLACES.items():
        path = room.save(f"{name}.pt", make())
        room.lossless(path)
        if name != "storages":
            room.part(
                f"inspect {name}",
                lambda path=path: wanted(room.inspect(path)["tensors"], "nothing is listed"),
            )


def case_49_keys_alike(room):
    """Keys that print alike are not one."""
    a, b, c = full(1), full(2), full(3)
    Colour = classes.Colour
    long = "x" * 2000
    room.lossless(
        room.save("enum.pt", {"a": a, "b": b, "c": c, "by": {Colour.RED: a, Colour.BLUE: b, Colour.GREEN: c}})
    )
    room.lossless(room.save("tuple.pt", {(0, "w"): a, (1, "w"): b, (2, "w"): c}))
    room.lossless(room.save("frozen.pt", {classes.Frozen(1): a, classes.Frozen(2): b}))
    room.lossless(room.save("named.pt", {classes.Point(1, 2): a, classes.Point(1, 3): b}))
    room.lossless(room.save("nan.pt", {float("nan"): a, float("nan") * 2: b}))
    room.lossless(room.save("sets.pt", {frozenset([1]): a, frozenset([2]): b}))
    room.lossless(room.save("sizes.pt", {torch.Size([*range(40), 1]): a, torch.Size([*range(40), 2]): b}))
    room.lossless(room.save("numpy.pt", {numpy.float64(1): a, numpy.float64(2): b}))
    room.lossless(room.save("types.pt", {1: a, "1": b, b"1": c}))
    room.lossless(room.save("none.pt", {(None, None): 1, (None,): 2, "w": a}))
    room.lossless(room.save("long.pt", {long + "a": a, long + "b": b}))
    for path in sorted(room.folder.glob("*.pt")):
        listed = [entry["path"] for entry in room.inspect(path)["tensors"]]
        room.part(
            f"names of {path.name}",
            wanted,
            len(set(listed)) == len(listed),
            f"one name twice: {listed}"[:300],
        )


def case_names_of_tensors(room):
    """Keys joined by dots; where two places share a name, both get an exact one, and flat formats refuse."""
    path = room.save(
        "model.pt", {"a": full(1), "": {"a": full(2)}, "x.y": full(3), "x": {"y": full(4)}, "w": full(5)}
    )
    listed = [entry["path"] for entry in room.inspect(path)["tensors"]]
    wanted(len(set(listed)) == 5 and "w" in listed, f"listed: {listed}")
    room.refused("convert", path, room / "flat.safetensors")
    alone = room.save("alone.pt", {"layer.0": {"w": full(3)}, "list": [full(1), (full(2),)]})
    listed = sorted(entry["path"] for entry in room.inspect(alone)["tensors"])
    found, _ = room.flat(alone)
    wanted(
        listed == sorted(found) == ["layer.0.w", "list[0]", "list[1][0]"],
        f"{listed}, written {sorted(found)}",
    )
    empty = room.save("empty.pt", {"": {"a": full(2)}, "w": full(3)})
    listed = sorted(entry["path"] for entry in room.inspect(empty)["tensors"])
    done = room.run("convert", empty, room / "empty.safetensors")
    if done.code == 0:
        found = sorted(safetensors.torch.load_file(room / "empty.safetensors"))
        wanted(found == listed, f"listed {listed}, written {found}")
    else:
        wanted("[" in done.error() and "read again" not in done.error(), str(done))


def case_values_as_python_prints_them(room):
    """inspect --json shows what repr does, and of numpy what its types say."""
    dice = random.Random(5)
    bits = [dice.getrandbits(64) for _ in range(400)]
    odd = [0.0, -0.0, 1.0, 1e16, 1e15, 1e-4, 1e-5, 5e-324, float("inf"), float("-inf"), float("nan"), 1e22]
    floats = odd + [struct.unpack("<d", struct.pack("<Q", each))[0] for each in bits]
    floats += [dice.randint(-(10**6), 10**6) / 10 ** dice.randint(0, 9) for _ in range(200)]
    large = [2 ** (8 * size - 1) for size in range(1, 65)]
    integers = [sign * one + more for one in large for sign in (1, -1) for more in (-1, 0, 1)]
    integers = [each for each in integers if -large[-1] <= each < large[-1]]
    integers += [dice.getrandbits(size) - dice.getrandbits(size) for size in range(1, 500, 3)]
    values = floats + integers + [complex(*dice.choices(odd + floats, k=2)) for _ in range(300)]
    values += [complex(re, im) for re in odd for im in odd]
    # What every Python knows for printable, or for not.
    alphabet = "aZ09 '\"\\\n\t\r\0\x1b\x7f\x85\xa0\xad\u00e9\u0301\u200b\u2028\u7f51\ue000\ufeff"
    alphabet += "\uffff\ud800\udbff\udc00\udfff\U0001f642\U000e0001\U0010ffff"
    values += ["".join(dice.choices(alphabet, k=dice.randint(0, 20))) for _ in range(400)]
    values += ["\ud800", "\udfff", *alphabet]
    values += [bytes(dice.choices(b"ab'\"\\\n\0\x7f\xff", k=dice.randint(0, 20))) for _ in range(200)]
    values += [bytearray(b"ab\xff"), True, None, [], (), {}, set(), frozenset(), torch.Size([2]), torch.Size([])]
    values += [collections.OrderedDict(), collections.Counter(), torch.float8_e5m2, torch.strided]
    values += [torch.per_tensor_affine]
    for protocol in (2, 4):
        path = room.save(f"python{protocol}.pt", values, pickle_protocol=protocol)
        room.part(f"protocol {protocol}", all_shown, room, path, map(repr, values))
    devices = [torch.device("cuda:1"), torch.device("cpu")]
    room.part("devices", all_shown, room, room.save("devices.pt", devices), map(str, devices))
    longer = [10**200, -(10**200), "a" * 60, "a" * 61, "\ud800" * 10**6]
    shown = ["an integer of 84 bytes"] * 2 + [repr("a" * 60), f"'{'a' * 60}…'", "'" + r"\ud800" * 60 + "…'"]
    path = room.save("longer.pt", longer)
    room.part("longer", all_shown, room, path, shown)
    room.part("numpy", numpy_shown, room, floats, bits)
    scales = [float("nan"), float("inf"), 0.5]
    quantized = [torch._make_per_tensor_quantized_tensor(torch.ones(2, dtype=torch.int8), s, 0) for s in scales]
    found = room.inspect(room.save("scales.pt", quantized))["tensors"]
    wanted([each["quantizer"]["scale"] for each in found] == ["nan", "inf", 0.5], f"scales: {found}")


def all_shown(room, path, expected):
    """The texts of all values of a list."""
    shown = [entry["value"] for entry in room.inspect(path)["leaves"]]
    expected = list(expected)
    wrong = [(one, other) for one, other in zip(shown, expected, strict=True) if one != other]
    wanted(not wrong, f"{len(wrong)} are shown otherwise: {wrong[:5]}")


def numpy_shown(room, floats, bits):
    """Floats are those that numpy reads back, in as few digits as numpy's, laid out as Python's."""
    for kind in (numpy.float16, numpy.float32, numpy.float64, numpy.complex64, numpy.complex128):
        plain, of = (float, floats) if issubclass(kind, numpy.floating) else (complex, map(complex, floats))
        with numpy.errstate(over="ignore"):
            values = [kind(each) for each in of]
        if kind is numpy.float16:
            values += [*numpy.arange(65536, dtype=numpy.uint16).view(kind)]
            # In fewer digits there is one that is read back as this, and it is not the nearest.
            values = [each for each in values if abs(each) != 2**-6]
        if plain is complex:
            values += [kind(complex(*pair)) for pair in zip(floats, reversed(floats), strict=True)]
        expected = [repr(plain(str(each))) for each in values]
        path = room.save(f"{kind.__name__}.pt", values)
        room.part(kind.__name__, all_shown, room, path, expected)
    values = [kind(each & 0x7F) for each in bits[:20] for kind in (numpy.int8, numpy.uint64, numpy.bool_)]
    values += [numpy.int64(-(2**63)), numpy.uint64(2**64 - 1), numpy.bytes_(b""), numpy.bytes_(b"a'b\xff")]
    values += [numpy.timedelta64(5), numpy.timedelta64("NaT"), numpy.timedelta64(5, "ms")]
    values += [numpy.datetime64("NaT"), numpy.datetime64("2024-01-02T03:04:05"), numpy.datetime64("2024", "Y")]
    room.part("others", all_shown, room, room.save("others.pt", values), map(str, values))
    texts = [numpy.str_(text) for text in ("", "a", "'", "\ud800é", "網\n")]
    room.part("texts", all_shown, room, room.save("texts.pt", texts), (repr(str(text)) for text in texts))
