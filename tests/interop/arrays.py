"""Takes pickles of numpy's arrays through the readers of pickles.

    python tests/interop/arrays.py --strongroom target/release/strongroom --work DIR

Takes the options of readers.py. Dtypes are damaged, and what is good all the same must load to the
same value everywhere.
"""

import pickle
import pickletools
import random
import struct
import sys

import numpy
import readers

READERS = "pickle.load,pickle.python,cloudpickle,dill,joblib,numpy.pickle"
NUMBERS = [0, 1, 2, 3, 4, 7, 8, 9, 16, 24, 27, 31, 32, 59, 63, 64, 127, 128, 155, -1, -112, -101]
KINDS = [b"f8", b"f4", b"i8", b"O8", b"V8", b"V1", b"S3", b"U2", b"b1", b"c16", b"O", b"V"]


def main():
    parser = readers.arguments()
    parser.set_defaults(readers=READERS)
    options = parser.parse_args()
    sys.exit(readers.run(options, damaged(options.seed), "arrays"))


def values(chance):
    """Arrays and scalars of many dtypes."""
    fields = numpy.dtype([("a", "<f4"), ("b", "<i8"), ("c", "S3")])
    held = numpy.dtype([("a", "O"), ("b", "<i8")])
    inner = numpy.dtype([("a", "<f4", (2, 2)), ("b", fields)])
    choose = [
        numpy.arange(6.0).reshape(2, 3),
        numpy.array([1, "a", None], dtype=object),
        numpy.zeros(3, fields),
        numpy.zeros(3, inner),
        numpy.array([(None, 1), ("b", 2)], held),
        numpy.array(["ab", "c"]),
        numpy.array([b"ab", b"c"]),
        numpy.array(["2020-01-01"], "M8[D]"),
        numpy.float64(1.5),
        numpy.zeros(1, fields)[0],
        numpy.dtype({"names": ["a", "b"], "formats": ["<i4", "<f8"], "offsets": [0, 4], "itemsize": 16}),
        fields,
        held,
    ]
    return chance.choice(choose)


def damaged(seed):
    while True:
        seed += 1
        chance = random.Random(seed)
        data = pickle.dumps(values(chance), chance.choice([2, 3, 4, 5]))
        for _ in range(chance.choice([0, 1, 1, 2])):
            data = changed(data, chance)
        yield f"array-{seed}", data


def changed(data, chance):
    """One number is another, or one name of a dtype."""
    operations = list(pickletools.genops(data))
    places = []
    for index, (code, argument, start) in enumerate(operations[:-1]):
        end = operations[index + 1][2]
        if code.name in ("BININT", "BININT1", "BININT2", "LONG1"):
            places.append((start, end, b"J" + struct.pack("<i", chance.choice(NUMBERS))))
        elif isinstance(argument, str) and argument.lstrip("<>|=").encode() in KINDS:
            name = chance.choice(KINDS)
            places.append((start, end, b"X" + struct.pack("<I", len(name)) + name))
        elif code.name in ("NEWTRUE", "NEWFALSE"):
            places.append((start, end, chance.choice([b"\x88", b"\x89"])))
    if not places:
        return data
    start, end, put = chance.choice(places)
    # Frames say how long they are.
    return unframed(data[:start] + put + data[end:], data)


def unframed(data, before):
    """The same with the length of its frame put right."""
    if before[2:3] != b"\x95":
        return data
    return data[:3] + struct.pack("<Q", len(data) - 11) + data[11:]


if __name__ == "__main__":
    main()
