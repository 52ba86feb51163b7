"""Files that are made and not damaged: pickles that cost much, or may, and arrays that hide what
they hold.
"""

import io
import pickle
import random
import struct

import numpy
from packing import Record, pack

# Numbers of one hash: multiples of what CPython takes remainders of.
PRIME = (1 << 61) - 1


class Made:
    """Makes a file for a seed."""

    def __init__(self, seed):
        # Not the numbers by which whoever asks chose to ask.
        self.random = random.Random(f"made {seed}")

    def any(self):
        kind = self.random.choice(KINDS)
        return getattr(self, kind)(), kind

    def size(self, most):
        """What costs next to nothing, or far more than a file may."""
        return self.random.choice([most // 50, most // 10, most, most])

    def number(self, value):
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little")
        return b"\x8a" + bytes([len(raw)]) + raw

    def keys(self, count):
        kind = self.random.randrange(3)
        for at in range(count):
            if kind == 0:
                yield self.number(at * PRIME)
            elif kind == 1:
                yield b"J" + struct.pack("<i", at)
            else:
                yield self.number(at * PRIME) + b"\x85"

    def colliding_dict(self):
        items = b"".join(key + b"N" for key in self.keys(self.size(45_000)))
        return b"\x80\x02}(" + items + b"u."

    def colliding_set(self):
        items = b"".join(self.keys(self.size(45_000)))
        if self.random.random() < 0.5:
            return b"\x80\x04\x8f(" + items + b"\x90."
        return b"\x80\x02cbuiltins\nset\n](" + items + b"e\x85R."

    def copies(self):
        """A list, or some bytes, of which calls make the same again and again."""
        # Few, or far too many: those who look at what was loaded take longer than who loads it.
        count = self.random.choice([20, 60_000, 60_000])
        if self.random.random() < 0.7:
            numbers = b"".join(b"J" + struct.pack("<i", at) for at in range(1_000))
            call = b"cbuiltins\n" + self.random.choice([b"set", b"frozenset"]) + b"\nq\1](" + numbers + b"e\x85q\2R"
        else:
            data = b"B" + struct.pack("<I", 1 << 17) + bytes(1 << 17)
            call = b"cbuiltins\nbytearray\nq\1" + data + b"\x85q\2R"
        return b"\x80\x03](" + call + b"h\1h\2R" * count + b"e."

    def deep(self):
        """Values in each other."""
        count = self.size(60_000)
        opening, closing = self.random.choice(
            [(b")", b"\x85"), (b")", b"\x85"), (b"]" * count, None), (b"N", b"\x85"), (b"}" * count, b"")]
        )
        if closing is None:
            inner = opening + b"a" * (count - 1)
        elif closing == b"":
            # A key before each of them.
            inner = b"}" + b"K\1}" * (count - 1) + b"s" * (count - 1)
        else:
            inner = opening + closing * count
        if closing == b"\x85" and self.random.random() < 0.6:
            return b"\x80\x02}" + inner + b"Ns."
        return b"\x80\x02" + inner + b"."

    def shared(self):
        """Tuples of a tuple twice, which is hashed along all ways."""
        levels = self.random.choice([3, 10, 40])
        inner = b")" + b"q\1h\1\x86" * levels
        return b"\x80\x02}" + inner + b"Ns."

    def objects(self):
        """Arrays with fields that are objects: what is behind the header is a pickle."""
        count = self.random.choice([64, 200])
        fields = self.random.choice(
            ["[('a', '|O')]", "[('a', '<f4'), ('b', '|O')]", "[('a', [('b', '|O')])]", "'|O'", "[('a', 'O', (1,))]"]
        )
        width = 12 if "f4" in fields else 8
        array = numpy.array([None] * count, dtype=object)
        body = pickle.dumps(array, 2).ljust(count * width, b"\0")
        text = f"{{'descr': {fields}, 'fortran_order': False, 'shape': ({count},), }}"
        text += " " * (-(11 + len(text)) % 64) + "\n"
        return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + body

    def twins(self):
        """Archives of arrays whose names are two to some readers."""
        names = self.random.choice([["a", "b"], ["a", "A"], ["a", "b", "A"], ["a/b", "a/B"], ["ä", "Ä"]])
        records = []
        for number, name in enumerate(names):
            out = io.BytesIO()
            numpy.save(out, numpy.arange(number, number + 3))
            records.append(Record(f"{name}.npy", out.getvalue()))
        return pack(records)

    def damaged_array(self):
        """Arrays of few bytes that ask for some more, or have some more."""
        out = io.BytesIO()
        numpy.save(out, numpy.arange(self.random.choice([0, 1, 5, 24])))
        content = out.getvalue()
        return content[: -self.random.choice([1, 7, 8])] if self.random.random() < 0.5 else content + b"\0" * 8


KINDS = ["colliding_dict", "colliding_set", "copies", "deep", "deep", "shared"]
KINDS += ["objects", "objects", "twins", "twins", "damaged_array"]
