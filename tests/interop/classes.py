"""Classes that the trees are made of, one for each way in which Python pickles an object."""

import dataclasses
import enum
from collections import namedtuple

import torch


class Plain:
    """Made by `__new__`; its attributes are its state."""


class Called:
    """Made by a call with arguments."""

    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return Called, self.args


class Stated(Called):
    """Made by a call, with a state of any type."""

    def __reduce__(self):
        return Stated, (), self.state

    def __setstate__(self, state):
        self.state = state


class New:
    """Made by `__new__` with arguments."""

    def __new__(cls, *args):
        made = object.__new__(cls)
        made.args = args
        return made

    def __getnewargs__(self):
        return self.args

    def __getstate__(self):
        return None


class NewEx(New):
    """Made by `__new__` with keywords."""

    def __new__(cls, *args, **kwargs):
        made = New.__new__(cls, *args)
        made.kwargs = kwargs
        return made

    def __getnewargs_ex__(self):
        return self.args, self.kwargs


class Slotted:
    """Its state is a pair: no dict, and the slots."""

    __slots__ = ("first", "second")


class Both(Slotted):
    """Its state is a pair: a dict, and the slots."""


class Bag(list):
    """A list with attributes: items are appended to it."""


class Table(dict):
    """A dict with attributes: pairs are set in it."""


class Members(set):
    """A set with attributes."""


def put(made, state):
    """Sets a state: called for its effect alone, its result is dropped."""
    made.__dict__.update(state)


class Set(Called):
    """Its state is set by a function: the sixth item of `__reduce_ex__`."""

    def __reduce_ex__(self, protocol):
        return Set, (), {"state": self.state}, None, None, put


class SetBag(Bag):
    """Items, pairs and a setter together."""

    def __reduce_ex__(self, protocol):
        return SetBag, (), dict(self.__dict__), iter(self), None, put


class Maker:
    """Its instances can be called."""

    def __call__(self):
        return Plain()


class ByObject:
    """Made by calling what it holds."""

    def __init__(self, maker):
        self.maker = maker

    def __reduce__(self):
        return self.maker, ()


def nothing():
    """A function."""


class Colour(enum.Enum):
    """Members that print alike in part."""

    RED = 1
    GREEN = 2
    BLUE = 3


class Stage(enum.IntEnum):
    """Members that are numbers."""

    ONE = 1
    TWO = 2


class Flags(enum.Flag):
    """Members that combine."""

    A = 1
    B = 2


@dataclasses.dataclass
class Fragment:
    """Mutable fields."""

    start: object
    count: int = 3

    def __hash__(self):
        return id(self)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Fields in slots."""

    value: object
    other: object = None


class Outer:
    """Has classes inside."""

    class Inner(Plain):
        """Of an object."""

        class Deep(Plain):
            """One more level."""

    class Member(enum.Enum):
        """Of members."""

        ONE = 1
        TWO = "two"

    @dataclasses.dataclass
    class Fields:
        """Of fields."""

        value: object

    class Derived(torch.Tensor):
        """Of tensors."""

    @staticmethod
    def make():
        """A function."""
        return Outer.Inner()

    @classmethod
    def bound(cls):
        """Another object whenever it is asked for."""

    def method(self):
        """A function of objects."""


Point = namedtuple("Point", ["x", "y"])


class Derived(torch.Tensor):
    """A tensor of another class."""


class DerivedParameter(torch.nn.Parameter):
    """A parameter of another class."""


class Wrapper(torch.Tensor):
    """A tensor made of others, as quantized and distributed ones are."""

    @staticmethod
    def __new__(cls, data, scale, spec=None):
        return torch.Tensor._make_wrapper_subclass(cls, data.shape, dtype=torch.float32)

    def __init__(self, data, scale, spec=None):
        self.data_, self.scale_, self.spec = data, scale, spec

    def __tensor_flatten__(self):
        return ["data_", "scale_"], self.spec

    @classmethod
    def __tensor_unflatten__(cls, inner, spec, size, stride):
        return cls(inner["data_"], inner["scale_"], spec)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.detach.default:
            return cls(args[0].data_, args[0].scale_, args[0].spec)
        raise NotImplementedError(f"{func} of a wrapper")

    def __repr__(self):
        return "Wrapper()"


class Sharded(Wrapper):
    """A part of a larger tensor that makes itself by a call, with what it is a part of."""

    def __reduce_ex__(self, protocol):
        return Sharded, (self.data_, self.scale_, self.spec)


@dataclasses.dataclass
class Spec:
    """Where a part lies."""

    mesh: object
    placements: tuple
    shape: torch.Size


class Seen:
    """Remembers how much there was when it was made."""

    def __init__(self, of):
        self.of = of
        self.count = len(of)

    def __reduce__(self):
        return Seen, (self.of,)


class Peer:
    """Counts its group when it gets its state."""

    def __init__(self, group):
        self.group = group

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.count = len(self.group)


class Refilled:
    """Is made of settings that may lead back to it, and then filled."""

    def __init__(self, settings):
        self.settings = settings
        self.items = []

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __reduce__(self):
        return Refilled, (self.settings,), None, iter(self.items)


class Vocabulary:
    """One whose `__init__` does more than a pickle says."""

    def __init__(self, size=0):
        self.size, self.fresh = size, True


class Needy:
    """One that nobody makes without an argument."""

    def __init__(self, path):
        self.path = path
