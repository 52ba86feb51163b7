"""Compares two loaded checkpoints exactly.

Classes, the order of keys, the bits of numbers, every property of a tensor, and
which objects are one object: nothing may differ but addresses.
"""

import struct
from collections import OrderedDict

import torch

CONTAINERS = (dict, list, tuple, set)


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
        if isinstance(left, torch.Tensor):
            if not self.seen(left, right, id(left), id(right), path):
                self.tensors(left, right, path)
        elif isinstance(left, (torch.TypedStorage, torch.UntypedStorage)):
            self.storages(untyped(left), untyped(right), path)
        elif isinstance(left, CONTAINERS):
            # Empty tuples are one object in all of Python.
            if left == () or not self.seen(left, right, id(left), id(right), path):
                self.containers(left, right, path)
        else:
            same(plain(left), plain(right), path, "value")

    def containers(self, left, right, path):
        same(len(left), len(right), path, "length")
        if isinstance(left, dict):
            keys = list(right) if self.ordered else [key for key in left if key in right]
            for key, other in zip(left, keys, strict=True):
                self.values(key, other, f"{path} key {key!r}")
                self.values(left[key], right[other], f"{path}.{key}")
        elif isinstance(left, set):
            same(left, right, path, "value")
        else:
            for index, (one, other) in enumerate(zip(left, right, strict=True)):
                self.values(one, other, f"{path}[{index}]")
        if isinstance(left, OrderedDict):
            self.values(vars(left), vars(right), f"{path} attributes")

    def tensors(self, left, right, path):
        for name in ["dtype", "layout", "shape", "device", "requires_grad", "is_quantized"]:
            same(getattr(left, name), getattr(right, name), path, name)
        self.values(vars(left), vars(right), f"{path} attributes")
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


ROWS = [torch.Tensor.crow_indices, torch.Tensor.col_indices, torch.Tensor.values]
COLUMNS = [torch.Tensor.ccol_indices, torch.Tensor.row_indices, torch.Tensor.values]
PARTS = {
    torch.sparse_coo: [torch.Tensor._indices, torch.Tensor._values],
    torch.sparse_csr: ROWS,
    torch.sparse_bsr: ROWS,
    torch.sparse_csc: COLUMNS,
    torch.sparse_bsc: COLUMNS,
}
