"""Uses what was loaded, as programs do, and tells whether two values are the same."""

import argparse
import collections
import copy
import decimal
import fractions
import hashlib
import itertools
import struct
import sys
import types

# Tensors larger than this are looked at, not calculated with.
LARGE = 64 << 20
# Items of what was loaded that are used one by one.
MOST = 300


class Digest:
    """Two hashes of a value: of all of it, and of all but devices and data. Objects that are one
    object are so in both. `bare` tells that a storage has no data, as it is on the device `meta`."""

    def __init__(self, value):
        self.whole, self.shapes = hashlib.sha256(), hashlib.sha256()
        self.met, self.alive, self.bare = {}, [], False
        stack = [value]
        while stack:
            self.item(stack.pop(), stack)

    def say(self, *words, data=False):
        for word in words:
            raw = (
                word if isinstance(word, (bytes, memoryview)) else str(word).encode("utf-8", "surrogatepass")
            )
            raw = struct.pack("<Q", len(raw)) + bytes(raw)
            self.whole.update(raw)
            if not data:
                self.shapes.update(raw)

    def known(self, key, kept):
        if key in self.met:
            self.say("met", self.met[key])
            return True
        self.met[key] = len(self.met)
        self.alive.append(kept)
        return False

    def item(self, value, stack):
        kind = type(value)
        # numpy 1 and 2 call the same module by other names.
        module = kind.__module__.replace("numpy.core", "numpy._core").replace("numpy.ma.core", "numpy.ma")
        self.say(f"{module}.{kind.__qualname__}")
        if isinstance(value, float):
            return self.say(struct.pack("<d", value))
        if isinstance(value, complex):
            return self.say(struct.pack("<2d", value.real, value.imag))
        if isinstance(value, int):
            return self.say(hex(value))
        if isinstance(value, (str, bytes, type(None))):
            return self.say(value)
        torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
        if torch and isinstance(value, (torch.dtype, torch.layout, torch.device, torch.qscheme)):
            return self.say(repr(value), data=isinstance(value, torch.device))
        if kind in (tuple, frozenset) and not value:
            return None
        if self.known(id(value), value):
            return None
        if torch and isinstance(value, torch.Tensor):
            return self.tensor(torch, value, stack)
        if torch and "Storage" in kind.__name__ and not isinstance(value, type):
            return self.storage(torch, value)
        if numpy and isinstance(value, (numpy.ndarray, numpy.generic)):
            self.say(value.dtype.str, value.shape)
            if value.dtype.hasobject:
                stack.extend(value.ravel().tolist())
            else:
                self.say(value.tobytes(), data=True)
            return None
        if isinstance(value, dict):
            self.say(len(value))
            stack.extend(part for pair in reversed(list(value.items())) for part in reversed(pair))
            if hasattr(value, "__dict__"):
                stack.append(vars(value))
        elif isinstance(value, (list, tuple)):
            self.say(len(value))
            stack.extend(reversed(value))
        elif isinstance(value, (set, frozenset)):
            self.say(len(value), *sorted(Digest(member).whole.hexdigest() for member in value))
        elif isinstance(value, bytearray):
            self.say(bytes(value))
        elif isinstance(value, type) or callable(value):
            self.say(getattr(value, "__module__", ""), getattr(value, "__qualname__", ""))
        return None

    def tensor(self, torch, value, stack):
        self.say(value.dtype, value.layout, tuple(value.shape), value.requires_grad, value.is_quantized)
        self.say(value.device, data=True)
        stack.append({key: item for key, item in vars(value).items()})
        if value.layout == torch.sparse_coo:
            self.say(value.is_coalesced(), data=True)
            return stack.extend([value._indices(), value._values()])
        if value.layout in COMPRESSED:
            parts = COMPRESSED[value.layout]
            return stack.extend([getattr(value, part)() for part in (*parts, "values")])
        self.say(value.stride(), value.storage_offset(), value.is_conj(), value.is_neg())
        if value.is_quantized:
            self.say(value.qscheme())
            if value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
                self.say(value.q_scale(), value.q_zero_point(), data=True)
            else:
                stack.extend([value.q_per_channel_scales(), value.q_per_channel_zero_points()])
        storage = value.untyped_storage() if hasattr(value, "untyped_storage") else value.storage()
        return self.storage(torch, storage)

    def storage(self, torch, value):
        untyped = value.untyped() if hasattr(value, "untyped") else value
        untyped = getattr(untyped, "_untyped_storage", untyped)
        # Whether two that are empty are one object is up to the version.
        if untyped.nbytes() and self.known(("storage", untyped._cdata), untyped):
            return
        self.say(untyped.nbytes())
        self.bare |= untyped.device.type == "meta"
        if untyped.device.type == "cpu" and untyped.nbytes():
            self.say(memoryview(torch.empty(0, dtype=torch.uint8).set_(untyped).numpy()), data=True)


COMPRESSED = {}


def use(value, trouble):
    """Does with a value what programs do. Appends what that fails with."""

    def attempt(what, do):
        try:
            do()
        except Exception as error:
            trouble.append(f"{what} of {type(value).__name__}: {type(error).__name__}: {str(error)[:60]}")

    attempt("repr", lambda: repr(value))
    attempt("deepcopy", lambda: copy.deepcopy(value))
    attempt("comparison", lambda: value == value)
    seen, queue, count = set(), [value], 0
    while queue and count < MOST:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        count += 1
        use_one(item, trouble)
        if isinstance(item, dict):
            queue.extend(itertools.islice(item.values(), MOST))
            queue.extend(itertools.islice(item, MOST))
        elif isinstance(item, (list, tuple, set, frozenset)):
            queue.extend(itertools.islice(item, MOST))
        if hasattr(item, "__dict__") and not isinstance(item, type) and not callable(item):
            queue.append(vars(item))


def use_one(item, trouble):
    for what, do in uses(item):
        try:
            do()
        except Exception as error:
            trouble.append(f"{what} of {type(item).__name__}: {type(error).__name__}: {str(error)[:60]}")


def uses(item):
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    yield "str", lambda: str(item)
    if torch and isinstance(item, torch.Tensor):
        yield "shape", lambda: (item.shape, item.dim(), item.numel(), item.element_size(), item.device)
        if item.numel() * item.element_size() > LARGE or item.device.type == "meta":
            return
        yield "length", lambda: len(item) if item.dim() else item.numel()
        yield "item 0", lambda: item[0] if item.dim() and item.shape[0] else None
        yield "iteration", lambda: list(itertools.islice(iter(item), 3)) if item.dim() else None
        yield "clone", item.clone
        yield "contiguous", item.contiguous
        if item.layout != torch.strided:
            yield "dense", item.to_dense
            yield "product", lambda: item @ torch.ones(item.shape[-1], 1, dtype=item.dtype)
        if not item.is_quantized:
            yield "sum", lambda: (item + 1, item * item, item.sum())
            yield "comparison", lambda: (item == item).all()
            yield "list", lambda: item.flatten()[:100].tolist()
        return
    if numpy and isinstance(item, numpy.ndarray):
        yield "length", lambda: len(item) if item.ndim else item.size
        yield "item 0", lambda: item.ravel()[0] if item.size else None
        yield "list", lambda: item.ravel()[:100].tolist()
        yield "comparison", lambda: item == item
        yield "copy", item.copy
        return
    if isinstance(item, (int, float, complex)):
        yield "arithmetic", lambda: (item + 1, item * 2, -item, item == 1, hash(item), bool(item))
    elif isinstance(item, (str, bytes, bytearray)):
        yield "text", lambda: (len(item), item[:10], item + item[:1], item == item[:1])
    elif isinstance(item, (dict, list, tuple, set, frozenset)):
        yield (
            "container",
            lambda: (len(item), list(itertools.islice(iter(item), 3)), bool(item), copy.copy(item)),
        )
    elif isinstance(item, type) or not callable(item):
        if type(item).__hash__:
            yield "hash", lambda: hash(item)
        yield from objects(item)


def objects(item):
    """What is done with objects of Python and numpy."""
    for name in ("random", "random_raw", "isoformat", "total_seconds", "as_posix", "generate_state"):
        # What is an attribute of a file's own choice is not called.
        if callable(getattr(type(item), name, None)):
            arguments = (4,) if name == "generate_state" else ()
            yield name, lambda name=name, arguments=arguments: getattr(item, name)(*arguments)
    if isinstance(item, collections.deque):
        yield "deque", lambda: (len(item), item[0] if item else None, item.copy())
    if isinstance(item, (decimal.Decimal, fractions.Fraction)):
        yield "number", lambda: (str(item), int(item), float(item), item + 1, item * item)
    if isinstance(item, range):
        yield "range", lambda: (len(item), item[:3], 5 in item)
    if isinstance(item, (argparse.Namespace, types.SimpleNamespace)):
        yield "attributes", lambda: (vars(item), [getattr(item, name) for name in list(vars(item))[:10]])
