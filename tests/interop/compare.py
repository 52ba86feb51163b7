"""Compares two loaded checkpoints exactly.

Classes, the order of keys, the bits of numbers, every property of a tensor, and
which objects are one object: nothing may differ but addresses.
"""

import enum
import struct
import types
from collections import Counter, OrderedDict

import numpy
import torch
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

DICTS = (dict, OrderedDict, Counter)
SEQUENCES = (list, tuple, torch.Size)
SETS = (set, frozenset)
# Those of which nobody can tell whether two equal ones are one.
LEAVES = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    torch.dtype,
    torch.layout,
    torch.device,
    torch.qscheme,
)
NAMED = (type, types.FunctionType, types.BuiltinFunctionType, enum.Enum, type(...), type(NotImplemented))


class Difference(Exception):
    """Where two checkpoints differ, and how."""


def difference(left, right, ordered=True):
    """Says how two values differ; None if they do not. Keys may come in another
    order unless `ordered`."""
    try:
        Comparison(ordered).values(left, right, "")
    except Difference as difference:
        return str(difference)
    return None


class Comparison:
    def __init__(self, ordered=True):
        self.ordered = ordered
        # Which object of the other side each object is, both ways.
        self.partners = ({}, {})
        self.alive = []

    def values(self, left, right, path):
        same(type(left), type(right), path, "type")
        if isinstance(left, (torch.TypedStorage, torch.UntypedStorage)):
            same(getattr(left, "dtype", None), getattr(right, "dtype", None), path, "dtype")
            self.storages(untyped(left), untyped(right), path)
        elif isinstance(left, LEAVES) or isinstance(left, NAMED):
            same(plain(left), plain(right), path, "value")
        # Empty tuples and frozensets are one object in all of Python.
        elif type(left) in (tuple, frozenset) and not left:
            same(left, right, path, "value")
        elif not self.seen(left, right, id(left), id(right), path):
            self.objects(left, right, path)

    def objects(self, left, right, path):
        if isinstance(left, torch.Tensor):
            self.tensors(left, right, path)
        elif type(left) in DICTS:
            self.dicts(left, right, path)
        elif type(left) in SEQUENCES:
            same(len(left), len(right), path, "length")
            for index, (one, other) in enumerate(zip(left, right, strict=True)):
                self.values(one, other, f"{path}[{index}]")
        elif type(left) in SETS:
            self.sets(left, right, path)
        elif isinstance(left, (numpy.ndarray, numpy.generic)) and left.dtype != object:
            same((left.dtype, left.shape), (right.dtype, right.shape), path, "array")
            same(left.tobytes(), right.tobytes(), path, "values")
        else:
            self.reduced(left, right, path)

    def dicts(self, left, right, path):
        same(len(left), len(right), path, "length")
        items = list(right.items())
        if not self.ordered:
            items = [(key, right[key]) for key in left if key in right]
        for (key, value), (other, its) in zip(left.items(), items, strict=True):
            self.values(key, other, f"{path} key {brief(key)}")
            self.values(value, its, f"{path}.{brief(key)}")
        if isinstance(left, OrderedDict):
            self.values(vars(left), vars(right), f"{path} attributes")

    def sets(self, left, right, path):
        """Members by content: where those go by identity, the order says nothing."""
        same(len(left), len(right), path, "length")
        rest = list(right)
        for member in left:
            partner = self.partners[0].get(id(member))
            alike = [other for other in rest if id(other) == partner] or [
                other for other in rest if Comparison().alike(member, other)
            ]
            if not alike:
                raise Difference(f"{path or 'root'}: {brief(member)} is a member on one side only")
            rest = [other for other in rest if other is not alike[0]]
            self.values(member, alike[0], f"{path} member {brief(member)}")

    def alike(self, left, right):
        try:
            self.values(left, right, "")
        except Difference:
            return False
        return True

    def reduced(self, left, right, path):
        """Objects of other classes: as they say that they are made."""
        ours, theirs = left.__reduce_ex__(2), right.__reduce_ex__(2)
        if isinstance(ours, str):
            return same(ours, theirs, path, "name")
        parts = [
            [*made[:3], *(list(part) if part is not None else None for part in made[3:5]), *made[5:]]
            for made in ((*made, *[None] * (6 - len(made))) for made in (ours, theirs))
        ]
        for what, one, other in zip(REDUCED, *parts, strict=True):
            self.values(one, other, f"{path} {what}")

    def tensors(self, left, right, path):
        for name in ["dtype", "layout", "device", "requires_grad", "is_quantized", "is_nested"]:
            same(getattr(left, name), getattr(right, name), path, name)
        if left.is_nested:
            return self.nested(left, right, path)
        same(left.shape, right.shape, path, "shape")
        self.values(vars(left), vars(right), f"{path} attributes")
        if is_traceable_wrapper_subclass(left):
            return
        if left.layout == torch.sparse_coo:
            same(left.is_coalesced(), right.is_coalesced(), path, "coalesced")
        if left.layout != torch.strided:
            for part in PARTS[left.layout]:
                self.tensors(part(left), part(right), f"{path} {part.__name__}")
            return
        for ask in [
            torch.Tensor.stride,
            torch.Tensor.storage_offset,
            torch.Tensor.is_conj,
            torch.Tensor.is_neg,
        ]:
            same(ask(left), ask(right), path, ask.__name__)
        if left.is_quantized:
            self.values(quantizer(left), quantizer(right), f"{path} quantizer")
        if left.device.type != "meta":
            self.storages(left.untyped_storage(), right.untyped_storage(), path)

    def nested(self, left, right, path):
        """Rows. Their number is a new symbol in each jagged tensor."""
        ours, theirs = left.unbind(), right.unbind()
        same(len(ours), len(theirs), path, "rows")
        for one, other in zip(ours, theirs, strict=True):
            same(one.shape, other.shape, path, "shape of a row")
            same(one.detach().numpy().tobytes(), other.detach().numpy().tobytes(), path, "row")

    def storages(self, left, right, path):
        same(left.nbytes(), right.nbytes(), path, "bytes of storage")
        if not self.seen(left, right, left._cdata, right._cdata, path):
            same(content(left), content(right), path, "storage")

    def seen(self, left, right, left_id, right_id, path):
        """Whether the two were met before; together, or they differ in what is
        one object."""
        partner, back = self.partners[0].get(left_id), self.partners[1].get(right_id)
        if partner is None and back is None:
            self.partners[0][left_id], self.partners[1][right_id] = right_id, left_id
            # Alive, their addresses stay theirs.
            self.alive.append((left, right))
            return False
        if partner != right_id or back != left_id:
            raise Difference(f"{path or 'root'}: shared with others on one side only")
        return True


def same(left, right, path, what):
    if left != right:
        left, right = (text if len(text) < 80 else f"{text[:80]}…" for text in (repr(left), repr(right)))
        raise Difference(f"{path or 'root'}: {what} {left} and {right}")


def brief(value):
    """A few words for a key. What has a class of its own may say much of itself, and torch cannot
    print tensors of all dtypes."""
    if type(value) is tuple:
        return f"({', '.join(brief(item) for item in value)})"[:60]
    return repr(value)[:60] if isinstance(value, (str, int, float)) else f"<{type(value).__name__}>"


def plain(value):
    """A leaf as something that compares by bits."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, complex):
        return struct.pack("<2d", value.real, value.imag)
    return value


def untyped(storage):
    return storage if isinstance(storage, torch.UntypedStorage) else storage._untyped_storage


def content(storage):
    return torch.empty(0, dtype=torch.uint8).set_(storage).numpy().tobytes()


def quantizer(tensor):
    if tensor.qscheme() == torch.per_tensor_affine:
        return tensor.qscheme(), tensor.q_scale(), tensor.q_zero_point()
    scales, zero_points = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
    return tensor.qscheme(), scales.tolist(), zero_points.tolist(), tensor.q_per_channel_axis()


REDUCED = ["callable", "arguments", "state", "items", "pairs", "setter"]
ROWS = [torch.Tensor.crow_indices, torch.Tensor.col_indices, torch.Tensor.values]
COLUMNS = [torch.Tensor.ccol_indices, torch.Tensor.row_indices, torch.Tensor.values]
PARTS = {
    torch.sparse_coo: [torch.Tensor._indices, torch.Tensor._values],
    torch.sparse_csr: ROWS,
    torch.sparse_bsr: ROWS,
    torch.sparse_csc: COLUMNS,
    torch.sparse_bsc: COLUMNS,
}
