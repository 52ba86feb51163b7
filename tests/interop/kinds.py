"""Every kind of value that a checkpoint can hold, and every position that a value can have.

A tree is a recipe: a kind at a chain of positions, with others beside it. It is data,
so that it can be made again, and cut down until the smallest that fails is left.
"""

import collections
import dataclasses
import functools
import random
import warnings

import classes
import numpy
import torch
from generate import NEWER, TYPED
from torch.nn import Parameter

SIMPLE = [getattr(torch, name) for name in TYPED]
NEW = [getattr(torch, name) for name in NEWER]


class Ground:
    """What the values of one tree share: a seed, and storages that several look into."""

    def __init__(self, seed):
        self.random = random.Random(f"ground {seed}")
        self.base = self.data(8, 6)
        self.other = self.data(12, dtype=torch.complex64)

    def fresh(self, seed):
        """Another source of randomness over the same storages."""
        other = object.__new__(Ground)
        other.base, other.other = self.base, self.other
        other.random = random.Random(f"value {seed}")
        return other

    def data(self, *shape, dtype=torch.float32):
        """A tensor over a storage of its own, whose bytes are in no other."""
        count = torch.Size(shape).numel()
        raw = bytearray(self.random.randbytes(count * dtype.itemsize))
        if dtype == torch.bool:
            raw = bytearray(byte & 1 for byte in raw)
        whole = torch.frombuffer(raw, dtype=torch.uint8).clone() if raw else torch.empty(0, dtype=torch.uint8)
        return whole.view(dtype).reshape(shape)

    def one(self, *choices):
        """Any of the choices."""
        return self.random.choice(choices)

    def numbers(self, *shape):
        """Numbers that can be computed with."""
        return torch.tensor([self.random.gauss(0, 9) for _ in range(torch.Size(shape).numel())]).reshape(
            shape
        )


def computed(text):
    """The text as an object of its own."""
    return "".join(list(text))


def hashable(value):
    """Whether it can be a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


# Kinds: each takes the ground.


def attributes(made, **values):
    """Sets attributes and gives the object back."""
    for name, value in values.items():
        setattr(made, name, value)
    return made


def coo(ground, coalesced):
    """A sparse tensor, one place twice unless coalesced."""
    at = torch.tensor([[0, 1, 1 + coalesced], [2, 0, 0]])
    return torch.sparse_coo_tensor(at, ground.data(3), (4, 3), is_coalesced=coalesced)


def compressed(ground, layout):
    """A sparse tensor with one dimension compressed."""
    blocks = {"blocksize": (2, 2)} if layout in (torch.sparse_bsr, torch.sparse_bsc) else {}
    return ground.numbers(4, 6).to_sparse(layout=layout, **blocks)


def per_channel(ground):
    """A quantized tensor with a scale for each row."""
    scales = ground.numbers(3).abs().double() + 0.1
    return torch.quantize_per_channel(ground.numbers(3, 4), scales, torch.tensor([1, 5, 9]), 0, torch.qint8)


def wrapper(ground, cls=classes.Wrapper, spec=None):
    """A tensor made of two others."""
    return cls(ground.data(2, 3), ground.data(2), spec)


def spec(ground):
    """What a distributed tensor says of itself."""
    return classes.Spec(classes.Called("cpu", (0, 1)), (classes.Called(0),), torch.Size([4, 3]))


def nested(ground, layout):
    """A tensor of rows of unequal length."""
    return torch.nested.nested_tensor([ground.numbers(2, 3), ground.numbers(4, 3)], layout=layout)


def numpy_scalar(ground):
    """A scalar of one of numpy's types."""
    names = ["f8", "f4", "f2", "i1", "u8", "?", "c8"]
    return numpy.frombuffer(ground.random.randbytes(8) + bytes(8), dtype=ground.one(*names))[0]


def quiet(make):
    """Without warnings about what is a prototype or deprecated."""

    @functools.wraps(make)
    def made(ground):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make(ground)

    return made


def cyclic(make, close):
    """Something that leads to itself."""

    def made(ground):
        value = make(ground)
        return close(value) or value

    return made


KINDS = {
    "None": lambda g: None,
    "bool": lambda g: g.one(True, False),
    "int": lambda g: g.one(0, 1, 255, 256, 65535, 65536, -1, -129, 2**31 - 1, -(2**31)),
    "int of 64 bits": lambda g: g.one(2**31, 2**63 - 1, -(2**63), -(2**31) - 1),
    "big int": lambda g: g.one(2**63, 2**64, -(10**30), 2**2039),
    "huge int": lambda g: g.one(2**2040, -(3**2000)),
    "float": lambda g: g.one(0.0, -0.0, 0.1, 1e300, 5e-324, float("inf"), g.random.random()),
    "NaN": lambda g: float("nan"),
    "complex": lambda g: g.one(complex(-0.0, 1.5), complex(float("inf"), 0)),
    "str": lambda g: g.one("weight", "cpu", "storage", "", "a"),
    "computed str": lambda g: (
        computed(g.one("weight", "cpu", "layer.0", "重み", "a\nb\0c")) + str(g.random.random())
    ),
    "long str": lambda g: g.one("x", "é") * g.one(255, 256, 3000),
    "surrogate str": lambda g: g.one("\ud800", "a\udcffb"),
    "bytes": lambda g: g.random.randbytes(g.one(1, 5, 300)),
    "empty bytes": lambda g: b"",
    "bytearray": lambda g: bytearray(g.random.randbytes(g.one(0, 3))),
    "tuple": lambda g: (g.random.randint(0, 9), g.data(3)),
    "empty tuple": lambda g: (),
    "tuple of keys": lambda g: tuple(g.random.randint(0, 9) for _ in range(g.one(1, 2, 3, 4))),
    "list": lambda g: [g.data(3), None],
    "empty list": lambda g: [],
    "dict": lambda g: {"w": g.data(3), 3: True},
    "empty dict": lambda g: {},
    "OrderedDict": lambda g: collections.OrderedDict(w=g.data(3), b=1),
    "OrderedDict with attributes": lambda g: attributes(
        collections.OrderedDict(w=g.data(3)), _metadata={"": {"version": 1}}
    ),
    "Counter": lambda g: collections.Counter({1: 3, 4: 5}),
    "set": lambda g: set(g.random.sample(range(99), g.one(0, 1, 3))),
    "frozenset": lambda g: frozenset(g.random.sample(range(99), g.one(0, 1, 3))),
    "Size": lambda g: torch.Size([g.random.randint(0, 300) for _ in range(g.one(0, 1, 3, 9))]),
    "device": lambda g: torch.device(g.one("cpu", "cuda:0", "cuda:11", "meta", "mps")),
    "dtype": lambda g: g.one(torch.float32, torch.int8, torch.uint16, torch.float8_e5m2),
    "qscheme": lambda g: g.one(torch.per_tensor_affine, torch.per_channel_symmetric),
    "layout": lambda g: g.one(torch.strided, torch.sparse_csr),
    "class": lambda g: g.one(collections.OrderedDict, classes.Plain, dict),
    "function": lambda g: g.one(classes.nothing, torch.get_default_dtype),
    "typed storage": quiet(lambda g: g.data(4, dtype=g.one(torch.float32, torch.int64)).storage()),
    "untyped storage": lambda g: g.data(4).untyped_storage(),
    "storage of a tensor": quiet(lambda g: g.base.storage()),
    "storage beside its bytes": lambda g: (lambda t: [t, t.untyped_storage()])(g.data(9, dtype=torch.uint8)),
    "tensor": lambda g: g.data(*g.one((3,), (2, 3), (2, 1, 4)), dtype=g.one(*SIMPLE)),
    "tensor of a newer dtype": lambda g: g.data(2, 8, dtype=g.one(*NEW)),
    "view": lambda g: g.base[g.one(1, 2) : g.one(4, 8), :: g.one(1, 2)],
    "same view": lambda g: g.base[2:4],
    "transposed": lambda g: g.base.t(),
    "expanded": lambda g: g.data(1, 3).expand(4, 3),
    "empty tensor": lambda g: g.data(*g.one((0,), (0, 3), (2, 0))),
    "scalar tensor": lambda g: g.data(dtype=torch.float64),
    "meta tensor": lambda g: torch.empty(2, 3, device="meta"),
    "conj": lambda g: g.one(g.data(5, dtype=torch.complex64), g.other).conj(),
    "neg": lambda g: torch._neg_view(g.one(g.data(3), g.base)),
    "imag of conj": lambda g: g.other.conj().imag,
    "requires grad": lambda g: g.data(3).requires_grad_(),
    "Parameter": lambda g: Parameter(g.data(2, 3)),
    "frozen Parameter": lambda g: Parameter(g.data(3), requires_grad=False),
    "Parameter with attributes": lambda g: attributes(Parameter(g.data(3)), scale=g.data(2), note="x"),
    "Parameter of a class": lambda g: classes.DerivedParameter(g.data(3)),
    "Buffer": lambda g: torch.nn.Buffer(g.data(3)),
    "tied Parameter": lambda g: Parameter(g.base[1:3]),
    "quantized": lambda g: torch.quantize_per_tensor(
        g.numbers(3, 4), 0.5, 3, g.one(torch.qint8, torch.quint8)
    ),
    "quantized by channel": per_channel,
    "COO": lambda g: coo(g, True),
    "COO, not coalesced": lambda g: coo(g, False),
    "CSR": quiet(lambda g: compressed(g, torch.sparse_csr)),
    "CSC": quiet(lambda g: compressed(g, torch.sparse_csc)),
    "BSR": quiet(lambda g: compressed(g, torch.sparse_bsr)),
    "BSC": quiet(lambda g: compressed(g, torch.sparse_bsc)),
    "sparse Parameter": lambda g: Parameter(coo(g, True)),
    "tensor with attributes": lambda g: attributes(g.data(3), note={"t": g.data(2)}, k=1),
    "tensor of a class": lambda g: g.data(3).as_subclass(classes.Derived),
    "wrapper": wrapper,
    "wrapper in a Parameter": lambda g: Parameter(wrapper(g)),
    "part of a tensor": lambda g: wrapper(g, classes.Sharded, spec(g)),
    "strided nested": quiet(lambda g: nested(g, torch.strided)),
    "jagged nested": quiet(lambda g: nested(g, torch.jagged)),
    "numpy scalar": numpy_scalar,
    "numpy bytes": lambda g: g.one(numpy.bytes_(b"ab\xff"), numpy.str_("é"), numpy.datetime64("2024-01-02")),
    "numpy array": lambda g: numpy.frombuffer(g.random.randbytes(24), dtype=g.one("f8", "i4", ">i2")).copy(),
    "numpy array of objects": lambda g: numpy.array(["x", None, 2], dtype=object),
    "numpy dtype": lambda g: numpy.dtype(g.one("f4", ">i8", "S3")),
    "object": lambda g: attributes(classes.Plain(), value=1, weight=g.data(3)),
    "empty object": lambda g: classes.Plain(),
    "called object": lambda g: classes.Called(1, g.data(3)),
    "object with a state": lambda g: attributes(classes.Stated(), state=[1, g.data(3)]),
    "new object": lambda g: classes.New(1, g.data(3)),
    "new object with keywords": lambda g: classes.NewEx(1, weight=g.data(3)),
    "object with slots": lambda g: attributes(classes.Slotted(), first=g.data(3), second=2),
    "object with slots and a dict": lambda g: attributes(classes.Both(), first=g.data(3), other=2),
    "list of a class": lambda g: attributes(classes.Bag([g.data(3), 1]), name="bag"),
    "dict of a class": lambda g: attributes(classes.Table(w=g.data(3)), name="table"),
    "set of a class": lambda g: attributes(classes.Members([1, 2]), name="members"),
    "defaultdict": lambda g: collections.defaultdict(list, w=[g.data(3)]),
    "deque": lambda g: collections.deque([g.data(3), 1], maxlen=4),
    "object with a setter": lambda g: attributes(classes.Set(), state={"step": 77, "m": g.data(3)}),
    "list with a setter": lambda g: attributes(classes.SetBag([g.data(3)]), step=77),
    "enum": lambda g: g.one(*classes.Colour),
    "enum of ints": lambda g: g.one(*classes.Stage),
    "flags": lambda g: g.one(classes.Flags.A | classes.Flags.B, classes.Flags.A),
    "dataclass": lambda g: classes.Fragment(g.data(3)),
    "frozen dataclass": lambda g: classes.Frozen(3, g.data(2)),
    "namedtuple": lambda g: classes.Point(1, g.data(3)),
    "partial": lambda g: functools.partial(dict, w=1),
    "callable object": lambda g: classes.Maker(),
    "range": lambda g: range(0, 10, 3),
    "slice": lambda g: slice(1, None, 2),
    "Ellipsis": lambda g: g.one(..., NotImplemented),
    "Generator": lambda g: torch.Generator().manual_seed(g.random.randint(0, 99)),
    "module": lambda g: torch.nn.Linear(3, 2),
    "list in itself": cyclic(lambda g: [g.data(3)], lambda v: v.append(v)),
    "dict in itself": cyclic(lambda g: {"w": g.data(3)}, lambda v: v.update(me=v)),
    "tuple in itself": cyclic(lambda g: ([g.data(3)],), lambda v: v[0].append(v)),
    "OrderedDict in its attributes": cyclic(
        lambda g: collections.OrderedDict(w=g.data(3)), lambda v: setattr(v, "me", v)
    ),
    "object in itself": cyclic(
        lambda g: attributes(classes.Plain(), weight=g.data(3)), lambda v: setattr(v, "me", v)
    ),
    "object as its key": cyclic(
        lambda g: attributes(classes.Plain(), weight=g.data(3)), lambda v: setattr(v, "me", {v: v})
    ),
    "tensor in its attributes": cyclic(lambda g: g.data(3), lambda v: setattr(v, "me", [v])),
    "Parameter in its attributes": cyclic(lambda g: Parameter(g.data(3)), lambda v: setattr(v, "me", [v])),
    "setter of itself": cyclic(lambda g: classes.Set(), lambda v: setattr(v, "state", [v])),
    "list of a class in itself": cyclic(lambda g: classes.Bag([g.data(3)]), lambda v: v.append(v)),
    "dict of a class in itself": cyclic(lambda g: classes.Table(w=g.data(3)), lambda v: v.update(me=v)),
}


# Positions: each takes the ground, the value, and values for the places beside it.


@dataclasses.dataclass
class Position:
    """A place for a value, and which values it takes."""

    put: object
    takes: object = None

    def fits(self, value):
        """Whether the value can be there."""
        return self.takes is None or self.takes(value)


def counter(key, count):
    """A Counter of anything: nothing keeps its counts to numbers."""
    made = collections.Counter()
    dict.__setitem__(made, key, count)
    return made


def array_item(value, rest):
    """An array of objects."""
    made = numpy.empty(1 + len(rest), dtype=object)
    for index, item in enumerate([value, *rest]):
        made[index] = item
    return made


def beside(rest):
    """Other values under keys of their own."""
    return {f"beside{index}": value for index, value in enumerate(rest)}


POSITIONS = {
    "root": Position(lambda g, v, *rest: v),
    "dict value": Position(lambda g, v, *rest: {"k": v, **beside(rest)}),
    "dict key": Position(lambda g, v, *rest: {**beside(rest), v: g.data(3), 7: 1}, hashable),
    "key without a tensor": Position(lambda g, v, *rest: {**beside(rest), v: 1}, hashable),
    "key in a tuple": Position(lambda g, v, *rest: {(0, v): g.data(3), (1, v): g.data(3)}, hashable),
    "list item": Position(lambda g, v, *rest: [*rest, v]),
    "tuple item": Position(lambda g, v, *rest: (v, *rest)),
    "OrderedDict value": Position(lambda g, v, *rest: collections.OrderedDict(k=v, **beside(rest))),
    "OrderedDict key": Position(lambda g, v, *rest: collections.OrderedDict({v: g.data(2)}), hashable),
    "OrderedDict attribute": Position(
        lambda g, v, *rest: attributes(collections.OrderedDict(beside(rest)), _metadata=v)
    ),
    "Counter key": Position(lambda g, v, *rest: counter(v, 3), hashable),
    "Counter value": Position(lambda g, v, *rest: counter("a", v)),
    "set member": Position(lambda g, v, *rest: {v, 1}, hashable),
    "frozenset member": Position(lambda g, v, *rest: frozenset([v, 1]), hashable),
    "tensor attribute": Position(lambda g, v, *rest: attributes(g.data(3), note=v, **beside(rest))),
    "Parameter attribute": Position(
        lambda g, v, *rest: attributes(Parameter(g.data(3)), note=v, **beside(rest))
    ),
    "view attribute": Position(lambda g, v, *rest: attributes(g.base[2:], note=v)),
    "sparse attribute": Position(lambda g, v, *rest: attributes(coo(g, True), note=v)),
    "quantized attribute": Position(lambda g, v, *rest: attributes(KINDS["quantized"](g), note=v)),
    "attribute of a tensor of a class": Position(
        lambda g, v, *rest: attributes(g.data(3).as_subclass(classes.Derived), note=v)
    ),
    "wrapper attribute": Position(lambda g, v, *rest: wrapper(g, spec=v)),
    "argument of a tensor": Position(lambda g, v, *rest: wrapper(g, classes.Sharded, v)),
    "argument": Position(lambda g, v, *rest: classes.Called(v, *rest)),
    "argument of new": Position(lambda g, v, *rest: classes.New(v, *rest)),
    "keyword": Position(lambda g, v, *rest: classes.NewEx(*rest, k=v)),
    "callable": Position(lambda g, v, *rest: classes.ByObject(v), callable),
    "state": Position(lambda g, v, *rest: attributes(classes.Stated(), state=v), lambda v: v is not None),
    "attribute": Position(lambda g, v, *rest: attributes(classes.Plain(), v=v, **beside(rest))),
    "slot": Position(lambda g, v, *rest: attributes(classes.Slotted(), second=v)),
    "slot beside a dict": Position(lambda g, v, *rest: attributes(classes.Both(), first=v, **beside(rest))),
    "module attribute": Position(lambda g, v, *rest: attributes(torch.nn.Linear(2, 1), cache=[v, *rest])),
    "object's item": Position(lambda g, v, *rest: classes.Bag([*rest, v])),
    "object's item and attribute": Position(lambda g, v, *rest: attributes(classes.Bag([v]), me=v)),
    "deque item": Position(lambda g, v, *rest: collections.deque([v, *rest])),
    "object's pair value": Position(lambda g, v, *rest: classes.Table(k=v, **beside(rest))),
    "object's pair key": Position(lambda g, v, *rest: classes.Table({v: g.data(3)}), hashable),
    "defaultdict value": Position(lambda g, v, *rest: collections.defaultdict(list, k=v, **beside(rest))),
    "defaultdict key": Position(lambda g, v, *rest: collections.defaultdict(int, {v: 1}), hashable),
    "set of a class member": Position(lambda g, v, *rest: classes.Members([v]), hashable),
    "setter state": Position(lambda g, v, *rest: attributes(classes.Set(), state=v)),
    "setter attribute": Position(lambda g, v, *rest: attributes(classes.SetBag(rest), note=v)),
    "setter item": Position(lambda g, v, *rest: classes.SetBag([v, *rest])),
    "dataclass field": Position(lambda g, v, *rest: classes.Fragment(v)),
    "frozen field": Position(lambda g, v, *rest: classes.Frozen(v, g.data(2))),
    "namedtuple field": Position(lambda g, v, *rest: classes.Point(g.data(2), v)),
    "numpy array item": Position(lambda g, v, *rest: array_item(v, rest)),
    "two places": Position(lambda g, v, *rest: [v, {"again": v}, *rest]),
    "key and value": Position(lambda g, v, *rest: {"k": {v: g.data(2)}, "v": v}, hashable),
}


@dataclasses.dataclass(frozen=True)
class Value:
    """A recipe for a value: a kind, or another value at a position."""

    seed: int
    kind: str | None = None
    position: str | None = None
    inner: "Value | None" = None
    rest: tuple = ()

    def make(self, ground):
        """The value, or a TypeError where the position does not take it."""
        own = ground.fresh(self.seed)
        if self.kind is not None:
            return KINDS[self.kind](own)
        position, inner = POSITIONS[self.position], self.inner.make(ground)
        if not position.fits(inner):
            raise TypeError(f"{self.inner} cannot be a {self.position}")
        return position.put(own, inner, *[value.make(ground) for value in self.rest])

    def pairs(self):
        """Each kind with its position. A holder is of a kind, too, where it has a name."""
        if self.kind is None:
            if self.inner.kind is not None:
                yield self.inner.kind, self.position
            for value in (self.inner, *self.rest):
                yield from value.pairs()

    def smaller(self):
        """Values with one thing less."""
        if self.kind is None:
            yield self.inner
            for index, _ in enumerate(self.rest):
                yield dataclasses.replace(self, rest=self.rest[:index] + self.rest[index + 1 :])
            for inner in self.inner.smaller():
                yield dataclasses.replace(self, inner=inner)

    def __str__(self):
        if self.kind is not None:
            return self.kind
        beside = f" beside {', '.join(map(str, self.rest))}" if self.rest else ""
        return f"({self.inner} as {self.position}{beside})"


@dataclasses.dataclass(frozen=True)
class Tree:
    """A recipe for a state dict: values, some of them twice."""

    seed: int
    values: tuple
    root: str = "dict"

    def make(self):
        """The state dict."""
        ground = Ground(self.seed)
        values = [value.make(ground) for value in self.values]
        if self.root == "value":
            return values[0]
        if self.root == "list":
            return [ground.base, *values]
        # Two tensors that are shared among ranks whatever else there is.
        made = {"base": ground.base, "own": ground.data(5)}
        made |= {f"v{index}": value for index, value in enumerate(values)}
        return made

    def pairs(self):
        """Each kind with its position."""
        for value in self.values:
            if value.kind is not None:
                yield value.kind, "root" if self.root == "value" else f"{self.root} value"
            yield from value.pairs()

    def smaller(self):
        """Trees with one thing less."""
        if len(self.values) > 1:
            for value in self.values:
                yield dataclasses.replace(self, values=(value,))
            for index, _ in enumerate(self.values):
                yield dataclasses.replace(self, values=self.values[:index] + self.values[index + 1 :])
        for index, value in enumerate(self.values):
            for less in value.smaller():
                yield dataclasses.replace(
                    self, values=self.values[:index] + (less,) + self.values[index + 1 :]
                )

    def __str__(self):
        return f"{self.root} of {', '.join(map(str, self.values))}"


@functools.cache
def legal():
    """Every kind and position that go together, in order."""
    ground, pairs = Ground(0), []
    for kind, make in KINDS.items():
        value = make(ground)
        pairs += [(kind, name) for name, position in POSITIONS.items() if position.fits(value)]
    return pairs


def single(kind, position, seed):
    """The smallest tree with a kind at a position."""
    value = Value(seed, kind=kind)
    if position == "root":
        return Tree(seed, (value,), "value")
    return Tree(seed, (Value(seed + 1, position=position, inner=value),))


def several(trees):
    """Trees in one, those apart whose root is a value."""
    return Tree(trees[0].seed, tuple(tree.values[0] for tree in trees))


def grown(seed):
    """A random tree."""
    chance = random.Random(seed)
    values = []
    while len(values) < chance.choice([1, 2, 3, 5, 8]):
        value = branch(chance, chance.choice([1, 2, 2, 3, 4, 5]))
        try:
            value.make(Ground(seed))
        except TypeError:
            continue
        values.append(value)
    return Tree(seed, tuple(values), chance.choice(["dict"] * 8 + ["list", "value"]))


def branch(chance, depth):
    """A random value under `depth` positions."""
    seed = chance.getrandbits(32)
    if depth == 0:
        return Value(seed, kind=chance.choice(list(KINDS)))
    rest = tuple(branch(chance, chance.choice([0, 0, 1])) for _ in range(chance.choice([0, 0, 1, 2])))
    names = [name for name in POSITIONS if name != "root"]
    return Value(seed, position=chance.choice(names), inner=branch(chance, depth - 1), rest=rest)
