"""Objects of classes, whole modules, and calls that are made for their effects."""

import argparse
import collections
import functools
import importlib
import random
import types

import classes
import numpy
import torch
import torch.distributed
from torch.nn import Parameter

from reported.room import Wrong, facts, full, kept_or_refused, names, same_values, wanted


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
        "allow",
        lambda: wanted(room.verdict(path, *flags) == "trusting", room.run("validate", path, *flags).said),
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
        "allow",
        lambda: wanted(room.verdict(only, *flags) == "trusting", room.run("validate", only, *flags).said),
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
        "allow",
        lambda: wanted(room.verdict(small, *flags) == "trusting", room.run("validate", small, *flags).said),
    )


def case_26_classes_inside_classes(room):
    """Protocols from 4 on name them in one piece, earlier ones call for them."""
    outer = classes.Outer
    made = {
        "objects": [outer(), outer.Inner.Deep(), outer.Inner(), outer.Inner(), outer.Inner],
        "members": {outer.Member.ONE: outer.Member.TWO, "set": {outer.Member.ONE, outer.Inner}},
        "fields": collections.OrderedDict(w=outer.Fields(torch.ones(2)), e=outer.Fields(outer.Member.ONE)),
        "functions": [outer.make, outer.method, outer.bound, outer.bound, getattr, outer().method],
        "calls": functools.partial(outer.make, outer.Inner()),
        "tensors": {"w": full(3).as_subclass(outer.Derived), "p": Parameter(full(4))},
    }
    for name, value in made.items():
        for protocol in (2, 3, 4, 5):
            path = room.save(f"{name}{protocol}.pt", value, pickle_protocol=protocol)
            room.lossless(path, ranks=(2,))
            room.part(f"names in {path.name}", named_in_full, room, path, name)


def named_in_full(room, path, name):
    """The class is told, wherever one is, and a tensor of it is listed."""
    shown, inside = room.inspect(path), "classes.Outer."
    told = [entry["class"].removeprefix(inside) for entry in shown["opaque"]]
    wanted("None" not in told, f"an object of None: {told}")
    if name == "objects":
        wanted([told[1], told[2], told[3]] == ["Inner.Deep", "Inner", "Inner"], f"told: {told}")
        left = room.run("convert", path, room / "flat.safetensors", "--tensors-only", "--verbose")
        left.says(f"an object of `{inside}Inner.Deep`", f"an object of `{inside}Inner`")
    if name == "tensors":
        kinds = {entry["path"]: entry["kind"] for entry in shown["tensors"]}
        wanted(kinds == {"w": f"{inside}Derived", "p": "parameter"}, f"listed: {kinds}")
        wanted(shown["totals"]["tensors"] == 2 and not shown["opaque"], f"totals: {shown['totals']}")
        room.refused("convert", path, room / "flat.safetensors", says=[f"a tensor of class `{inside}Derived`"])
        plain = room.run("validate", path, "--verbose")
        plain.says(f"a tensor of class {inside}Derived")


def both_names():
    """What names itself otherwise than protocol 2 leads to: is it the same object?"""
    import _compat_pickle as compat

    def named(name):
        try:
            return getattr(importlib.import_module(name[0]), name[1])
        except (ImportError, AttributeError):
            return None

    def mapped(name, names, modules):
        return names.get(name, (modules.get(name[0], name[0]), name[1]))

    def listed(module):
        try:
            return dir(importlib.import_module(module))
        except ImportError:
            return []

    own = set(compat.REVERSE_NAME_MAPPING)
    modules = {module for module, _ in own} | set(compat.REVERSE_IMPORT_MAPPING) | set(compat.IMPORT_MAPPING)
    own |= {(module, name) for module in modules for name in listed(module)}
    for name in sorted(own):
        old = mapped(name, compat.REVERSE_NAME_MAPPING, compat.REVERSE_IMPORT_MAPPING)
        read = mapped(old, compat.NAME_MAPPING, compat.IMPORT_MAPPING)
        value = named(name)
        itself = (getattr(value, "__module__", None), getattr(value, "__qualname__", None))
        if value is not None and itself == name and read != name:
            yield name, value, named(read) is value


def case_26_names_of_python_2(room):
    """Own: names of today that protocol 2 calls as Python 2 did. Those that stand for another object
    by now are refused, those that stand for the same are not."""
    found = list(both_names())
    wanted(sum(same for *_, same in found) >= 10 <= sum(not same for *_, same in found), f"few: {found}")
    for name, value, same in found:
        path = room.save(f"{'.'.join(name)}.pt", {"v": value, "w": torch.ones(2)}, pickle_protocol=4)
        if same:
            room.part(f"{name}", room.lossless, path, ranks=(2,))
        else:
            says = ["protocol 2 calls", "which is read as"]
            room.part(f"{name}", room.refused, "convert", path, room / "out.pt", says=says)
    for protocol in (2, 3, 4, 5):
        hints = {"hint": int | None, "reduce": functools.reduce, "w": torch.ones(1)}
        path = room.save(f"hint{protocol}.pt", hints, pickle_protocol=protocol)

        def alike(after, what):
            found = torch.load(after, weights_only=False)
            wanted(repr(found) == repr(hints), f"{what} has {found}")

        room.lossless(path, alike=alike)
    for name, value in {"error": FileNotFoundError(2, "x"), "module": ModuleNotFoundError("x")}.items():
        path = room.save(f"{name}.pt", {"e": value, "w": torch.ones(2)}, pickle_protocol=4)
        says = ["protocol 2 calls", type(value).__name__, "which is read as"]
        room.part(name, room.refused, "convert", path, room / "out.pt", says=says)
        room.part(f"{name} kept", kept_or_refused, room, path, functools.partial(same_values, path))


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
            f"validate {name}", lambda path=path: room.run("validate", path).says("UNSAFE", "put of module classes")
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


def case_44_whole_modules(room):
    """modelscan#82, pytorch#23755, netron#1302: whole modules, in the old format with their sources."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).eval()
    model.extra = {"a": torch.ones(1)}
    model.register_buffer("cache", torch.ones(2), persistent=False)
    for name, options in [("legacy", {"_use_new_zipfile_serialization": False}), ("zip", {})]:
        path = room.save(f"{name}.pt", model, **options)
        room.part(name, kept_or_refused, room, path, functools.partial(same_values, path))
        room.part(
            f"inspect {name}", lambda path=path: room.ok("inspect", path, "--all").says("Linear", "weight")
        )

        def weights(path=path):
            found, told = room.flat(path, "--tensors-only")
            expected = {key: facts(tensor) for key, tensor in model.state_dict().items()}
            wanted({key: facts(tensor) for key, tensor in found.items()} == expected, f"not the weights: {found}")
            wanted(all(text in told.err for text in ("Sequential", "cache", "extra.a")), str(told))

        room.part(f"weights of {name}", weights)

    path = room.save("lazy.pt", torch.nn.Sequential(torch.nn.LazyLinear(4), torch.nn.Linear(2, 2)))

    def uninitialized():
        found, told = room.flat(path, "--tensors-only")
        wanted(set(found) == {"1.weight", "1.bias"}, f"not the weights: {found}")
        wanted(told.err.count("UninitializedParameter") == 2, str(told))

    room.part("uninitialized", uninitialized)

    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    wrapped = torch.nn.Sequential(checkpoint_wrapper(torch.nn.Linear(2, 2)))
    path = room.save("wrapped.pt", wrapped)

    def renamed():
        found, told = room.flat(path, "--tensors-only")
        wanted(set(found) == {name for name, _ in torch.nn.Module.named_parameters(wrapped)}, f"{set(found)}")
        wanted(set(found) != set(wrapped.state_dict()), "hooks rename nothing")
        told.says("with the parts of a module", "where no class or hook changes them")

    room.part("renamed", renamed)


def counts(value, met=None):
    """What objects saw while they were made, in the order in which they are found."""
    met = set() if met is None else met
    if id(value) in met or isinstance(value, (int, str, float)):
        return []
    met.add(id(value))
    found = [value.count] if isinstance(value, (classes.Seen, classes.Peer)) else []
    if isinstance(value, torch.Tensor):
        return found + [sorted(vars(value))] + counts(vars(value), met)
    if isinstance(value, dict):
        return found + [entry for pair in value.items() for part in pair for entry in counts(part, met)]
    if isinstance(value, (list, tuple)):
        return found + [entry for part in value for entry in counts(part, met)]
    if isinstance(value, (set, frozenset)):
        # In no order: what one of them leads to is found again in the others.
        return found + sorted(str(counts(part, set(met))) for part in value)
    return found + counts(vars(value), met)


def saw_the_same(path, after, what):
    """Wants that what is called for a file sees what it saw."""
    one, other = (counts(torch.load(file, weights_only=False)) for file in (path, after))
    wanted(one == other, f"{what}: what was called saw {other}, and not {one}")


def graph(dice):
    """Values that lead to each other and back, among them some that look when they are made."""
    kinds = [list, dict, set, lambda: torch.full((1,), dice.random()), lambda: collections.OrderedDict()]
    made = [dice.choice(kinds)() for _ in range(dice.randint(3, 8))]
    for _ in range(dice.randint(1, 4)):
        group = dice.choice([value for value in made if isinstance(value, (list, dict, set))] or [[]])
        made.append(dice.choice([classes.Seen, classes.Peer])(group))
    for value in made:
        for _ in range(dice.randint(0, 3)):
            other = dice.choice([*made, 1, "text"])
            hashable = not isinstance(other, (list, dict, set))
            if isinstance(value, list):
                value.append(other)
            elif isinstance(value, dict):
                value[other if hashable and dice.random() < 0.5 else f"k{len(value)}"] = dice.choice(made)
            elif isinstance(value, set) and hashable:
                value.add(other)
            elif isinstance(value, torch.Tensor):
                value.note = other
    return made


class Block(torch.nn.Module):
    """A block that leads back to itself, and to what it is a part of."""

    def __init__(self, owner=None):
        super().__init__()
        self.lin = torch.nn.Linear(2, 2)
        self.register_forward_hook(self.log)
        self.owner = [owner]

    def log(self, module, inputs, output):
        """Nothing."""


class Blocks(torch.nn.Module):
    """A module with such blocks, one of them twice."""

    def __init__(self):
        super().__init__()
        self.enc = Block(self)
        self.dec = self.enc
        self.last = Block()
        self.register_forward_hook(self.last.log)
        self.register_buffer("cache", torch.ones(2), persistent=False)


def case_44_modules_that_lead_back(room):
    """Own: hooks that are methods, blocks that know their owner: each place has its names."""
    model = Blocks()
    value = {"best": model.enc, "model": model, "buffers": model._buffers}
    found, told = room.flat(room.save("blocks.pt", value), "--tensors-only", "--verbose")
    expected = {f"best.{key}": tensor for key, tensor in model.enc.state_dict().items()}
    expected |= {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    expected["buffers.cache"] = model.cache
    wanted(
        {key: facts(tensor) for key, tensor in found.items()} == {k: facts(t) for k, t in expected.items()},
        f"{sorted(found)} is not {sorted(expected)}",
    )
    wanted("model@_buffers.cache" in told.err, str(told))


def case_order_of_calls(room):
    """What is called sees what it saw: a list half filled, a set that is not there yet."""
    listed, keyed, group = [1, 2], {"a": 1}, set()
    listed.append(classes.Seen(listed))
    keyed["s"] = classes.Seen(keyed)
    group |= {classes.Peer(group), classes.Peer(group)}
    tensor = torch.ones(2)
    tensor.siblings = {tensor}
    parameter = Parameter(torch.ones(2))
    parameter.note = [parameter, {parameter}]
    fixed = {"list": listed, "dict": keyed, "group": group, "set": tensor.siblings, "note": parameter.note}
    for name, value in fixed.items():
        for protocol in range(6):
            options = {"pickle_protocol": protocol}
            if protocol < 2 and name in ("set", "note"):
                continue
            path = room.save(f"{name}{protocol}.pt", value, **options)
            room.part(f"{name} {protocol}", kept_or_refused, room, path, functools.partial(saw_the_same, path))
            room.part(f"{name} {protocol} inspect", room.ok, "inspect", path)
            room.part(f"{name} {protocol} verify", room.ok, "verify", path)
    refused = room.refused("convert", room / "set4.pt", room / "again.pt", says=("data.pkl", "offset", "hint"))
    wanted("_rebuild_from_type_v2" in refused.error(), str(refused))
    dice, tried = random.Random(11), 0
    while tried < 120:
        value, protocol = graph(dice), dice.choice([2, 2, 3, 4, 5])
        path = room / f"graph{tried}.pt"
        try:
            room.save(path.name, value, pickle_protocol=protocol)
            counts(torch.load(path, weights_only=False))
        except (RecursionError, AttributeError, TypeError, KeyError):
            # It cannot be pickled, or torch itself cannot open it.
            continue
        tried += 1
        room.part(f"{path.name} {protocol}", kept_or_refused, room, path, functools.partial(saw_the_same, path))


def case_calls_for_nothing(room):
    """A call whose result nobody has: it can be looked at, and is not written without it."""
    bag = classes.Refilled({})
    bag.settings["owner"] = bag
    bag.items = [1, 2]
    path = room.save("bag.pt", {"bag": bag, "w": torch.ones(2)})
    room.ok("inspect", path).says("cannot be written again", "classes.Refilled")
    room.ok("verify", path)
    wanted("irreproducible" in room.inspect(path), "the reason in JSON")
    room.refused("convert", path, room / "again.pt", says=("classes.Refilled", "hint"))
    room.refused("convert", path, room / "again.safetensors", says=("classes.Refilled",))
    found, done = room.flat(path, "--tensors-only")
    wanted(torch.equal(found["w"], torch.ones(2)), "the tensor")
    done.says("classes.Refilled")
