"""Values at odd places, of odd types, and with odd histories."""

import argparse
import collections
import functools
import random
import struct
import types

import classes
import numpy
import safetensors.torch
import torch
import torch.distributed
from torch.nn import Parameter

from reported.room import Wrong, facts, names, same_values, wanted


def full(value, count=2):
    """A tensor that tells where it came from."""
    return torch.full((count,), float(value))


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
        room.part(f"inspect {where}", room.ok, "inspect", path)
        room.part(f"verify {where}", lambda path=path: room.ok("verify", path).says("checksum"))
        room.part(
            f"validate {where}",
            lambda path=path: wanted(room.verdict(path) == "safe", room.run("validate", path).said),
        )
        # What is written has its checksums.
        room.lossless(path, identical=False)
        room.part(f"flat {where}", lambda path=path: room.flat(path, "--tensors-only"))


def case_18_distributed_tensors(room):
    """pytorch#139949, #140173, #178560: a part says of what it is a part, and is not the whole."""
    from torch.distributed.tensor import DeviceMesh, DTensor, Replicate, Shard
    from torch.distributed.tensor.placement_types import _StridedShard
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed, made = torch.distributed, {}
    data = torch.arange(8.0).reshape(2, 4)
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    mesh = DeviceMesh("cpu", [0])
    shard = DTensor.from_local(data, mesh, [Shard(0)])
    made["shard"] = {"w": shard, "r": DTensor.from_local(torch.ones(3), mesh, [Replicate()]), "p": full(3)}
    made["parameter"] = {"w": Parameter(shard)}
    made["strided"] = {"w": DTensor.from_local(data, mesh, [_StridedShard(0, split_factor=2)])}
    paths = {name: room.save(f"{name}.pt", value) for name, value in made.items()}
    same = {name: room.part(f"lossless {name}", room.lossless, path) for name, path in paths.items()}
    wanted(same.keys() == paths.keys(), "all of them")
    distributed.destroy_process_group()
    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    half = DTensor.from_local(data, DeviceMesh("cpu", [0, 1]), [Shard(0)])
    paths["half"] = room.save("half.pt", {"w": half})
    room.part("lossless half", room.lossless, paths["half"])
    distributed.destroy_process_group()
    for name, path in paths.items():
        room.part(f"inspect {name}", lambda path=path: room.ok("inspect", path).says("DTensor"))
        room.part(f"safetensors {name}", room.refused, "convert", path, room / "flat.safetensors")
        room.part(f"flat {name}", no_parts, room, path)
        verdict = room.verdict(path)
        room.part(f"validate {name}", wanted, verdict != "malformed", f"{name} is {verdict}")
    room.part("global shape", lambda: room.ok("inspect", paths["half"]).says("[4, 4]"))


def no_parts(room, path):
    """Tensors only leaves out what is a part, and says so."""
    done = room.run("convert", path, room / "only.safetensors", "--tensors-only")
    found = room.flat(path, "--tensors-only")[0] if done.code == 0 else {}
    strange = {name for name in found if not name.startswith(("p", "r"))}
    if strange and not any("local" in name for name in strange):
        raise Wrong(f"{strange} is a part only")
    wanted("w" in done.err, f"says nothing of w: {done}")


def case_19_wrapper_subclasses(room):
    """transformers#32364, safetensors#515, ao#2338: inspect names class and parts, flat formats
    do not lose one silently, .pt keeps them."""
    from torch.testing._internal.two_tensor import TwoTensor

    two = TwoTensor(torch.ones(2, 3), torch.zeros(2, 3))
    own = classes.Wrapper(torch.ones(4), full(9), {"bits": 8})
    path = room.save("model.pt", {"two": two, "p": Parameter(own), "w": torch.ones(3)})
    room.part("inspect", lambda: room.ok("inspect", path).says("TwoTensor", "Wrapper"))
    room.part("safetensors", room.refused, "convert", path, room / "flat.safetensors", says=["two", "p"])

    def only():
        found, done = room.flat(path, "--tensors-only")
        wanted("w" in found, "w is lost")
        wanted({"two", "p"} <= {name.split(".")[0] for name in names(done)}, f"nobody says so: {done}")

    room.part("tensors only", only)
    room.lossless(path)
    allowed = [
        "torch.testing._internal.two_tensor.TwoTensor",
        "classes.Wrapper",
        "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_wrapper_subclass",
    ]
    flags = [flag for name in allowed for flag in ("--allow", name)]
    room.part(
        "allow", lambda: wanted(room.verdict(path, *flags) == "safe", room.run("validate", path, *flags).said)
    )


def case_19_nested(room):
    """Of the same kind: strided and jagged nested tensors."""
    rows = [torch.arange(6.0).reshape(2, 3), torch.ones(4, 3)]
    for layout in (torch.strided, torch.jagged):
        path = room.save(f"{layout}.pt", {"n": torch.nested.nested_tensor(rows, layout=layout), "w": full(1)})
        room.part(f"inspect {layout}", room.ok, "inspect", path)
        verdict = room.verdict(path)
        room.part(f"validate {layout}", wanted, verdict != "malformed", f"it is {verdict}")
        room.lossless(path)


def text2(raw):
    """A str of Python 2."""
    return b"U" + bytes([len(raw)]) + raw


def legacy2(body, storages):
    """A file as torch 0.3 on Python 2 wrote it, around the pickle of its object."""
    sizes = b"".join(
        text2(name) + b"K" + bytes([size]) for name, size in [(b"int", 4), (b"long", 4), (b"short", 2)]
    )
    out = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03."
    out += b"\x80\x02}q\x00(" + text2(b"type_sizes") + b"}(" + sizes + b"u"
    out += text2(b"protocol_version") + b"M\xe9\x03" + text2(b"little_endian") + b"\x88u."
    out += b"\x80\x02" + body + b"." + b"\x80\x02](" + b"".join(map(text2, storages)) + b"e."
    return out + b"".join(struct.pack("<q", len(raw) // 4) + raw for raw in storages.values())


def case_21_python_2(room):
    """pytorch#5994, #21743: as torch.load reads them; what it cannot decode is an error, or bytes."""
    storage = (
        b"(" + text2(b"storage") + b"ctorch\nFloatStorage\n" + text2(b"14") + text2(b"cpu") + b"K\x06NtQ"
    )
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\x00(K\x02K\x03t(K\x03K\x01ttR"

    def pairs(**items):
        return b"}(" + b"".join(text2(key.encode()) + item for key, item in items.items()) + b"u"

    odd = b"c__builtin__\nset\n(](K\x01K\x02etR"
    array = b"c__builtin__\nbytearray\n(X\x03\x00\x00\x00abcX\x07\x00\x00\x00latin-1tR"
    ordered = b"ccollections\nOrderedDict\n(](](" + text2(b"w") + tensor + b"eetR"
    bodies = {
        "ascii": pairs(w=tensor, epoch=b"K\x03", arch=text2(b"resnet")),
        "utf8": b"}(" + text2("café".encode()) + tensor + text2(b"note") + text2("网".encode()) + b"u",
        "latin1": pairs(w=tensor, note=text2(b"\xe9t\xe9")),
        "latin1key": b"}(" + text2(b"\xe9") + tensor + b"u",
        "ordered": ordered,
        "builtins": pairs(
            w=tensor, s=odd, a=array, l=b"L123456789012345678901L\n", u=b"V\\u00e9\n", i=b"I01\n"
        ),
    }
    for name, body in bodies.items():
        path = room / f"{name}.pt"
        path.write_bytes(legacy2(body, {b"14": struct.pack("<6f", *range(6))}))
        room.part(name, python_2, room, path)


def python_2(room, path):
    """What torch reads, is read; else it is refused, or shown."""
    try:
        torch.load(path, weights_only=False)
    except Exception:
        done = room.run("inspect", path)
        if done.code == 0:
            return
        wanted("error: " in done.err, str(done))
        return
    room.ok("inspect", path)
    room.lossless(path)


def case_24_generator(room):
    """pytorch#126271, #71398: states of random numbers go on as before."""
    generator = torch.Generator().manual_seed(7)
    torch.rand(3, generator=generator)
    numbers = numpy.random.default_rng(5)
    path = room.save(
        "model.pt",
        {
            "generator": generator,
            "torch": torch.get_rng_state(),
            "python": random.Random(3).getstate(),
            "numpy": numpy.random.RandomState(4).get_state(),
            "numpy generator": numbers,
            "bits": numbers.bit_generator.state,
        },
    )
    room.part("inspect", lambda: room.ok("inspect", path).says("Generator", "uint8"))

    def goes_on(after, what):
        one, other = (torch.load(file, weights_only=False)["generator"] for file in (path, after))
        wanted(
            torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=other)),
            f"{what} goes on otherwise",
        )

    room.lossless(path, alike=goes_on)
    only = room.save("only.pt", {"generator": generator})
    flags = ("--allow", "torch._C.Generator", "--allow", "torch.Generator")
    room.part(
        "allow", lambda: wanted(room.verdict(only, *flags) == "safe", room.run("validate", only, *flags).said)
    )


def case_26_engine_states(room):
    """DeepSpeed#8500, Megatron-LM#1572: enums, dataclasses, partials, ranges, default dicts."""
    value = {
        "zero_stage": classes.Stage.TWO,
        "args": argparse.Namespace(
            colour=classes.Colour.RED, flags=classes.Flags.A | classes.Flags.B, lr=1e-4
        ),
        "fragments": collections.OrderedDict(w=classes.Fragment(4, 0)),
        "frozen": classes.Frozen(3, torch.arange(3)),
        "partial": functools.partial(int, base=2),
        "slice": slice(1, None, 2),
        "range": range(0, 10, 3),
        "counter": collections.Counter("abca"),
        "deque": collections.deque([1, 2], maxlen=4),
        "default": collections.defaultdict(list, {"a": [torch.ones(2)]}),
        "class": classes.Colour,
        "ellipsis": ...,
        "frozenset": frozenset([1, 2]),
        "chain": collections.ChainMap({"a": 1}, {"b": torch.zeros(1)}),
        "optimizer": [{"exp_avg": torch.zeros(4), "step": torch.tensor(3.0)}],
    }
    room.lossless(room.save("zip.pt", value))
    room.lossless(room.save("protocol4.pt", value, pickle_protocol=4))
    room.lossless(room.save("legacy.pt", value, _use_new_zipfile_serialization=False))
    room.part(
        "inspect",
        lambda: room.ok("inspect", room / "zip.pt", "--all").says("classes.Stage", "classes.Fragment"),
    )
    small = room.save("enum.pt", {"stage": classes.Stage.TWO, "w": torch.ones(2)})
    flags = ("--allow", "classes.Stage")
    room.part(
        "allow", lambda: wanted(room.verdict(small, *flags) == "safe", room.run("validate", small).said)
    )


def case_27_configurations(room):
    """Lightning and fairseq: configurations whose parts know their parents."""
    import omegaconf

    settings = omegaconf.OmegaConf.create(
        {
            "model": {"dim": 64, "layers": [1, 2, 3], "name": "x", "path": "${model.name}/y"},
            "optim": {"lr": 1e-3},
        }
    )
    path = room.save(
        "model.pt",
        {
            "state_dict": collections.OrderedDict(w=torch.ones(3)),
            "hyper_parameters": settings,
            "callbacks": {"ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_score": torch.tensor(0.5)}},
            "epoch": 3,
        },
    )
    room.lossless(path)
    shown = room.ok("inspect", path)
    wanted(len(shown.out.splitlines()) < 400, f"inspect prints {len(shown.out.splitlines())} lines")
    found, _ = room.flat(path, "--tensors-only")
    wanted(torch.equal(found["state_dict.w"], torch.ones(3)), "weights beside a configuration")
    wanted(
        torch.load(room / "again" / "model.pt", weights_only=False)["hyper_parameters"].model.path == "x/y",
        "paths",
    )


def kept_or_refused(room, path, alike):
    """Each way out gives what went in, or is refused; and where nothing is refused, nothing is lost."""
    outs = [("convert", room / "again" / path.name), ("convert", None), ("save", room / "dir" / path.stem)]
    for command, out in outs:
        before = path.read_bytes()
        if out is None:
            out = room / "place" / path.name
            out.parent.mkdir(exist_ok=True)
            out.write_bytes(before)
            source = out
        else:
            out.parent.mkdir(exist_ok=True)
            source = path
        more = ["--ranks", "2"] if command == "save" else []
        done = room.run(command, source, out, *more)
        if done.code:
            wanted(done.error(), str(done))
            wanted(source.read_bytes() == before, f"refused, and changed: {done}")
            continue
        if command == "save":
            merged = room / "merged" / path.name
            merged.parent.mkdir(exist_ok=True)
            room.ok("load", out, merged)
            for rank in range(2):
                torch.load(out / f"checkpoint_{rank}.pt", weights_only=False)
            out = merged
        alike(out, f"{command} to {out.parent.name}")


def case_29_effects(room):
    """pytorch#38098, ultralytics#2697, FARM#271: calls made for their effect, by Python's own pickler."""
    made = classes.Set()
    made.state = {"step": 77, "momentum": torch.arange(3.0)}
    bag = classes.SetBag([full(1), full(2)])
    bag.step = 77
    for name, options in [
        ("zip", {}),
        ("legacy", {"_use_new_zipfile_serialization": False}),
        ("protocol4", {"pickle_protocol": 4}),
    ]:
        path = room.save(f"{name}.pt", {"w": torch.ones(3), "s": made, "b": bag}, **options)
        room.part(name, kept_or_refused, room, path, functools.partial(same_values, path))
        room.part(
            f"inspect {name}",
            lambda path=path: room.ok("inspect", path, "--all").says("momentum", "classes.put"),
        )
        room.part(
            f"validate {name}", lambda path=path: room.run("validate", path).says("UNSAFE", "classes.put")
        )
    wanted(torch.load(room / "zip.pt", weights_only=False)["s"].state["step"] == 77, "the input")


def case_29_functions(room):
    """The same by dill and cloudpickle, for functions and classes."""
    import cloudpickle
    import dill

    three = 3
    path = room.save("dill.pt", {"w": torch.ones(3), "f": lambda x: x + three}, pickle_module=dill)

    def works(after, what):
        made = torch.load(after, weights_only=False)
        wanted(made["f"](1) == 4, f"{what}: the function gives {made['f'](1)}")
        if "c" in made:
            wanted(made["c"].m() == 5 and torch.equal(made["c"].v, torch.zeros(2)), f"{what}: the class")

    room.part("dill", kept_or_refused, room, path, works)
    module = types.ModuleType("cloudpickle")
    module.__dict__.update(__import__("pickle").__dict__)
    module.Pickler, module.__name__ = cloudpickle.CloudPickler, "cloudpickle"
    local = type("Local", (), {"v": torch.zeros(2), "m": lambda self: 5})
    value = {"w": torch.ones(3), "f": lambda x: x + three, "c": local()}
    path = room.save("cloudpickle.pt", value, pickle_module=module, pickle_protocol=2)
    room.part("cloudpickle", kept_or_refused, room, path, works)
    for file in ("dill.pt", "cloudpickle.pt"):
        room.part(f"validate {file}", lambda file=file: room.run("validate", room / file).says("UNSAFE"))
        room.part(
            f"inspect {file}",
            lambda file=file: wanted(
                "w" in [t["path"] for t in room.inspect(room / file)["tensors"]], "w is not listed"
            ),
        )


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
            lambda each=each: room.ok("inspect", room / each / "scalars.pt").says("0.1", "-3"),
        )
    one = room.save("one.pt", {"a": torch.ones(2), "lr": numpy.float64(0.1)})
    allowed = ["numpy._core.multiarray.scalar", "numpy.dtype", "numpy.dtypes.Float64DType"]
    flags = [flag for name in allowed for flag in ("--allow", name)]
    room.part(
        "allow", lambda: wanted(room.verdict(one, *flags) == "safe", room.run("validate", one, *flags).said)
    )


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


def case_44_whole_modules(room):
    """modelscan#82, pytorch#23755, netron#1302: whole modules, in the old format with their sources."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).eval()
    model.extra = {"a": torch.ones(1)}
    for name, options in [("legacy", {"_use_new_zipfile_serialization": False}), ("zip", {})]:
        path = room.save(f"{name}.pt", model, **options)
        room.part(name, kept_or_refused, room, path, functools.partial(same_values, path))
        room.part(
            f"inspect {name}", lambda path=path: room.ok("inspect", path, "--all").says("Linear", "weight")
        )

        def weights(path=path):
            found, _ = room.flat(path, "--tensors-only")
            had = {facts(tensor) for tensor in found.values()}
            wanted(all(facts(tensor) in had for tensor in model.state_dict().values()), "weights are lost")

        # The weights can be had, or it is said that none are there to be had.
        room.part(f"weights of {name}", weights_or_error, room, path, weights)


def weights_or_error(room, path, weights):
    """Weights of a whole module: as tensors by name, or an error that names the object."""
    done = room.run("convert", path, room / "flat.safetensors", "--tensors-only")
    if done.code == 0:
        weights()
    else:
        wanted("Sequential" in done.err or "object" in done.err, str(done))


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
