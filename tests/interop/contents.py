"""The tensors of a loaded checkpoint: which have a plain name, which are at other places."""

import re
from collections import Counter

import torch
from compare import DICTS, LEAVES, NAMED, PARTS
from torch.utils._python_dispatch import is_traceable_wrapper_subclass


class Contents:
    """All tensors of a value.

    A plain name is made of keys that are words and of places in lists and tuples.
    Whatever is elsewhere belongs to the nearest that has one.
    """

    def __init__(self, value):
        # Tensors by plain name, and the plain names that others are under.
        self.named, self.odd = {}, []
        self.seen, self.over, self.lone = {}, set(), {}
        # Whether anything leads back to itself.
        self.cyclic = False
        self.walk(value, "", True, ())

    def walk(self, value, path, plain, above):
        """Any value, below those whose ids are in `above`."""
        if isinstance(value, (torch.TypedStorage, torch.UntypedStorage)):
            storage = value if isinstance(value, torch.UntypedStorage) else value._untyped_storage
            self.lone[storage._cdata] = storage
        elif isinstance(value, LEAVES) or isinstance(value, NAMED):
            return
        elif id(value) in above:
            self.cyclic = True
        elif not self.known(value, plain):
            self.parts(value, path, plain, (*above, id(value)))

    def known(self, value, plain):
        """What is at plain places may be at several, all others are looked at once."""
        if plain:
            return False
        known = id(value) in self.seen
        self.seen[id(value)] = value
        return known

    def parts(self, value, path, plain, above):
        def inside(item):
            self.walk(item, path, False, above)

        if isinstance(value, torch.Tensor):
            self.tensor(value, path, plain, inside)
        elif type(value) in DICTS:
            for key, item in value.items():
                inside(key)
                word = type(key) is str and re.fullmatch(r"\w+", key, re.ASCII)
                if plain and word and type(value) is not Counter:
                    self.walk(item, f"{path}.{key}".removeprefix("."), True, above)
                else:
                    inside(item)
            inside(getattr(value, "__dict__", None))
        elif type(value) in (list, tuple):
            for index, item in enumerate(value):
                self.walk(item, f"{path}[{index}]" if plain else path, plain, above)
        elif type(value) in (set, frozenset):
            for item in value:
                inside(item)
        else:
            self.seen[id(value)] = value
            made = value.__reduce_ex__(2)
            if not isinstance(made, str):
                for part in made:
                    inside(list(part) if hasattr(part, "__next__") else part)

    def tensor(self, tensor, path, plain, inside):
        own = type(tensor) is torch.Tensor or isinstance(tensor, torch.nn.Parameter)
        made = tensor.is_nested or is_traceable_wrapper_subclass(tensor)
        if plain and own and not made:
            self.named[path] = tensor
        else:
            self.odd.append((path, tensor))
        if tensor.is_nested:
            return inside(tensor.__reduce_ex__(2)[1:])
        if tensor.layout == torch.strided and not made and tensor.device.type != "meta":
            storage = tensor.untyped_storage()
            self.over.add(storage._cdata)
            self.seen[id(storage)] = storage
        for item in vars(tensor).values():
            inside(item)
        if tensor.layout in PARTS:
            for part in PARTS[tensor.layout]:
                inside(part(tensor))

    def lone_storages(self):
        """How many storages are under no tensor."""
        return len(self.lone.keys() - self.over)

    def lacks(self, found, said):
        """What a safetensors file lacks or has too much, where `said` says what was left out."""
        left = [line.split(": ")[0].strip() for line in said.splitlines()[1:]]
        for name, tensor in self.named.items():
            if name in found:
                wrong = other_values(tensor, found[name])
                if wrong:
                    return f"{name}: {wrong}"
            elif not any(name == out or name.startswith((f"{out}.", f"{out}[")) for out in left):
                return f"{name} is not there, and nobody says so"
        for under, tensor in self.odd:
            there = any(other_values(tensor, other) is None for other in found.values())
            told = any(out.startswith(under) or under.startswith(out) for out in left)
            if not there and not told:
                return f"a tensor under {under or 'the root'} is not there, and nobody says so"
        strange = [
            name
            for name, tensor in found.items()
            if name not in self.named and all(other_values(odd, tensor) for _, odd in self.odd)
        ]
        return strange and f"{strange[:3]} have no place in the tree"


def other_values(tensor, found):
    """How a tensor of safetensors differs from torch's."""
    if tensor.is_nested or tensor.layout != torch.strided or tensor.is_quantized:
        return "not a plain tensor"
    if tensor.dtype != found.dtype or tensor.shape != found.shape:
        return f"{found.dtype} {list(found.shape)}, not {tensor.dtype} {list(tensor.shape)}"
    if tensor.device.type == "meta" or is_traceable_wrapper_subclass(tensor):
        return "without data"
    return None if raw(tensor) == raw(found) else "other values"


def raw(tensor):
    """The bytes of the elements."""
    resolved = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return resolved.reshape(-1).view(torch.uint8).numpy().tobytes()
