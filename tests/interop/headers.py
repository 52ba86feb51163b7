"""Damages the parts of files by which readers tell formats: end records and directories of zip
archives, their extra fields and small records, headers of numpy and safetensors, lines of pickles,
tails.
"""

import io
import json
import pickle
import pickletools
import struct
import zipfile
import zlib

from packing import CENTRAL, END, LOCAL, Packing

ZIP64_END, ZIP64_LOCATOR = b"PK\6\6", b"PK\6\7"
HDF5 = b"\x89HDF\r\n\x1a\n"
EXTRAS = [0x0001, 0x4246, 0x5455, 0x7075, 0x6375, 0x000A, 0x9901, 0xCAFE, 0xD935]
INTEGERS = [
    "0",
    "1",
    "01",
    "00",
    " 1",
    "1 ",
    "1_0",
    "+1",
    "-1",
    "0x1",
    "1L",
    "0o1",
    "\t2",
    "1\r",
    "",
    "9" * 50,
]
FLOATS = [
    "1.5",
    " 1.5",
    "1.5 ",
    "1_0.5",
    "inf",
    "nan",
    "-nan",
    "1e400",
    "0x1p3",
    "1.",
    ".5",
    "1e5_0",
    "Infinity",
]
STRINGS = [
    "'a'",
    '"a"',
    "'a' ",
    "'\\x41'",
    "'\\'",
    "'a\\\nb'",
    "a",
    "'",
    "'\\u0041'",
    "''",
    "'a'\r",
    "'\\q'",
    "'\\400'",
]
UNICODES = [
    "a",
    "\\u0041",
    "\\U00000041",
    "\\ud800",
    "\\u",
    "\\\\",
    "a\\",
    "",
    "\r",
    "\xff",
    "\\x41",
    "\\N{DIGIT ONE}",
]
SAFE_SMALL = [
    b"",
    b"0",
    b"1",
    b"2",
    b"64",
    b"1\n",
    b" 1",
    b"+64",
    b"0x40",
    b"128",
    b"-1",
    b"1_0",
    b"\xb2",
    b"little",
    b"big",
]


class Headers(Packing):
    """Makes damaged copies of files, at their seams."""

    def any(self, data):
        """A damaged copy; what is done depends on what it starts with."""
        choose = [self.tail, self.bytes]
        if data[:2] == b"PK":
            choose = [self.ends] * 3 + [
                self.extra,
                self.records,
                self.records,
                self.small,
                self.small,
                self.packed,
            ]
            choose += [self.archive_of_torch, self.gap, self.local, self.central, self.tail]
            choose += [self.folder, self.attribute, self.flushed, self.fields, self.comment, self.twin]
            # PyTorch's names are told apart in another place.
            torch = [self.promised] * 3 + [self.other_order]
            choose += [self.twin] * 4 if b".npy" in data[:200] else torch
        elif data[:6] == b"\x93NUMPY":
            choose = [self.npy] * 4 + choose
        elif data[8:9] == b"{":
            choose = [self.safetensors_header] * 4 + [self.safetensors, self.tail]
        elif data[:1] == b"\x80" or data[-1:] == b".":
            choose = [self.lines, self.pickle, self.stream, self.stream, self.tail]
        try:
            return self.random.choice(choose)(data)
        except (
            ValueError,
            KeyError,
            IndexError,
            struct.error,
            zipfile.BadZipFile,
            StopIteration,
            zlib.error,
        ):
            return self.bytes(data)
        # What is no longer an archive that Python reads.
        except (NotImplementedError, UnicodeError, OverflowError, RuntimeError, EOFError, OSError):
            return self.bytes(data)

    def archive_of_torch(self, data):
        return self.archive(data)

    def integer(self, bits, near=()):
        values = [0, 1, 2, 3, 44, 255, (1 << bits) - 1, (1 << bits) - 2, 1 << (bits - 1), *near]
        return self.random.choice(values) & ((1 << bits) - 1)

    def poke(self, data, at, bits, near=()):
        """One number of a header is another."""
        old = int.from_bytes(data[at : at + bits // 8], "little")
        change = self.random.choice(
            [old + 1, old - 1, old + 512, old ^ 1, old ^ (1 << (bits - 1)), None, None]
        )
        new = self.integer(bits, near) if change is None else change
        return data[:at] + (new & ((1 << bits) - 1)).to_bytes(bits // 8, "little") + data[at + bits // 8 :]

    # Zip archives.

    def ends(self, data):
        at = data.rindex(END)
        (size, offset) = struct.unpack_from("<II", data, at + 12)
        (count,) = struct.unpack_from("<H", data, at + 10)
        comment = self.random.randbytes(self.random.choice([1, 4, 22, 98, 300]))
        choice = self.random.randrange(11)
        if choice == 0:
            field = self.random.choice([(4, 16), (6, 16), (8, 16), (10, 16), (12, 32), (16, 32), (20, 16)])
            return self.poke(data, at + field[0], field[1], [len(data), at, offset])
        if choice == 1:
            said = self.random.choice([len(comment), len(comment) - 1, len(comment) + 1, 0])
            return data[: at + 20] + struct.pack("<H", said) + comment
        if choice == 2:
            second = data[at : at + 20] + struct.pack("<H", self.random.choice([0, 1, 22]))
            whole = data[: at + 20] + struct.pack("<H", self.random.choice([0, 22])) + second
            return whole + self.random.choice([b"", b"\0", second])
        if choice in (3, 4, 5):
            place = at + self.random.choice([0, 0, 0, 4, -4])
            end = struct.pack("<4sQHHIIQQQQ", ZIP64_END, 44, 45, 45, 0, 0, count, count, size, offset)
            locator = struct.pack("<4sIQI", ZIP64_LOCATOR, 0, place, 1)
            if choice == 4:
                end = self.poke(end, self.random.choice([4, 24, 32, 40, 48]), 64, [offset, size, count])
            if choice == 5:
                locator = self.poke(locator, 8, 64, [at, offset, 0])
            tail = bytearray(data[at:])
            for start, width in [(8, 2), (10, 2), (12, 4), (16, 4)]:
                if self.random.random() < 0.4:
                    tail[start : start + width] = b"\xff" * width
            return data[:at] + end + locator + bytes(tail)
        if choice == 6:
            shift = self.random.choice([1, 4, 64, 512])
            return self.random.randbytes(shift) + data
        if choice == 7:
            return data[:at] + self.random.choice([b"\0", b"\0" * 20, ZIP64_LOCATOR + b"\0" * 16]) + data[at:]
        if choice == 8:
            return data + data
        if choice == 9:
            return data[:offset] + data[offset:at] + data[offset:]
        return data + self.random.choice([b"\0", b"\n", b"\0" * 512, data[at:], b"PK\5\6", bytes(70000)])

    def rezip(self, records, method=lambda name: zipfile.ZIP_STORED, extra=lambda name: b""):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, payload in records:
                info = zipfile.ZipInfo(name)
                info.extra = extra(name)
                archive.writestr(info, payload, method(name))
        return out.getvalue()

    def unzip(self, data):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(info.filename, archive.read(info)) for info in archive.infolist()]

    def aligned(self, data, alignment=64):
        """Records again, filled up to an alignment as PyTorch does."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, payload in self.unzip(data):
                info = zipfile.ZipInfo(name)
                fill = -(out.tell() + 30 + len(name.encode()) + 4) % alignment
                info.extra = struct.pack("<HH", 0x4246, fill) + b"Z" * fill
                archive.writestr(info, payload)
        return out.getvalue()

    def extra(self, data):
        if self.random.random() < 0.3:
            return self.aligned(data, self.random.choice([1, 8, 64, 128, 4096]))

        def fields(name):
            if self.random.random() < 0.6:
                return b""
            body = self.random.randbytes(self.random.choice([0, 1, 5, 8, 9, 16, 28]))
            if self.random.random() < 0.3:
                body = bytes([1]) + struct.pack("<I", zlib.crc32(name.encode())) + b"archive/data.pkl"
            said = len(body) + self.random.choice([0, 0, 0, 1, -1])
            return struct.pack("<HH", self.random.choice(EXTRAS), max(0, said)) + body

        return self.rezip(self.unzip(data), extra=fields)

    def records(self, data):
        """The records in another order, under other names, twice or not at all."""
        records = self.unzip(data)
        choice = self.random.randrange(7)
        at = self.random.randrange(len(records))
        name, payload = records[at]
        if choice == 0:
            self.random.shuffle(records)
        elif choice == 1:
            del records[at]
        elif choice == 2:
            records.append((name, self.random.choice([payload, b"", payload[::-1]])))
        elif choice == 3:
            other = self.random.randrange(len(records))
            records[at], records[other] = (name, records[other][1]), (records[other][0], payload)
        elif choice == 4:
            within = name.partition("/")[2]
            names = [name.upper(), name + "/", "./" + name, name.replace("/", "\\"), within, "x/" + within]
            names += [name + "\0", name + " ", name.replace("/", "//", 1), "other/" + name, "/" + name]
            records[at] = (self.random.choice(names), payload)
        elif choice == 5:
            first = records[0][0].partition("/")[0]
            kinds = [
                "constants.pkl",
                "code/__torch__.py",
                "bytecode.pkl",
                "data.pkl",
                "version",
                ".data/version",
            ]
            kinds += [
                ".data/extern_modules",
                "attributes.pkl",
                "models/model.json",
                "archive_format",
                "extra/x",
            ]
            put = (
                first + "/" + self.random.choice(kinds),
                self.random.choice([b"3\n", b"\x80\2N.", b"(t.", b"", payload]),
            )
            records.insert(self.random.choice([0, len(records)]), put)
        else:
            records = [
                (
                    name.replace(
                        name.partition("/")[0], self.random.choice(["archive", "a/b", "ä", "x" * 200]), 1
                    ),
                    p,
                )
                for name, p in records
            ]
        return self.rezip(records)

    def small(self, data):
        """The records that PyTorch keeps its own numbers in say something else."""
        records = self.unzip(data)
        first = records[0][0].partition("/")[0]
        small = [".format_version", ".storage_alignment", "byteorder", "version", ".data/serialization_id"]
        wanted = f"{first}/{self.random.choice(small)}"
        content = self.random.choice(SAFE_SMALL)
        if all(name != wanted for name, _ in records):
            records.insert(self.random.choice([1, len(records)]), (wanted, content))
        records = [(name, content if name == wanted else payload) for name, payload in records]
        out = self.rezip(records)
        return self.aligned(out) if self.random.random() < 0.5 else out

    def packed(self, data):
        """Deflated, some records or all, at some level, with odd streams."""
        records = self.unzip(data)
        which = self.random.choice(
            [
                lambda name: True,
                lambda name: name.endswith("data.pkl"),
                lambda name: self.random.random() < 0.5,
            ]
        )
        out = bytearray(
            self.rezip(records, lambda name: zipfile.ZIP_DEFLATED if which(name) else zipfile.ZIP_STORED)
        )
        if self.random.random() < 0.4:
            at = self.random.randrange(len(out))
            out[at] ^= 1 << self.random.randrange(8)
        return bytes(out)

    def gap(self, data):
        """Bytes between two records, with all offsets put right."""
        at = data.rindex(END)
        offset = struct.unpack_from("<I", data, at + 16)[0]
        places, entry = [], offset
        while data[entry : entry + 4] == CENTRAL:
            name, extra, comment = struct.unpack_from("<HHH", data, entry + 28)
            places.append((entry, struct.unpack_from("<I", data, entry + 42)[0]))
            entry += 46 + name + extra + comment
        cut = self.random.choice([place for _, place in places] + [offset])
        size = self.random.choice([1, 4, 16, 64, 600])
        fill = self.random.choice(
            [b"\0" * size, self.random.randbytes(size), b"\x80\x02cos\nsystem\n(S'x'\ntR."]
        )
        whole = bytearray(data)
        for entry, place in places:
            if place >= cut:
                struct.pack_into("<I", whole, entry + 42, place + len(fill))
        struct.pack_into("<I", whole, at + 16, offset + len(fill))
        return bytes(whole[:cut]) + fill + bytes(whole[cut:])

    def header(self, data, signature, fields):
        places = [at for at in range(len(data) - 4) if data[at] == 80 and data[at : at + 4] == signature]
        at = self.random.choice(places)
        start, bits = self.random.choice(fields)
        return self.poke(data, at + start, bits, [len(data)])

    def local(self, data):
        return self.header(
            data,
            LOCAL,
            [(4, 16), (6, 16), (8, 16), (10, 32), (14, 32), (18, 32), (22, 32), (26, 16), (28, 16)],
        )

    def central(self, data):
        fields = [
            (4, 16),
            (6, 16),
            (8, 16),
            (10, 16),
            (12, 32),
            (16, 32),
            (20, 32),
            (24, 32),
            (28, 16),
            (30, 16),
        ]
        return self.header(data, CENTRAL, fields + [(32, 16), (34, 16), (36, 16), (38, 32), (42, 32)])

    # Other formats.

    def tail(self, data):
        tails = [
            b"\0",
            b"\n",
            b".",
            b" ",
            b"\0" * 512,
            b"N.",
            b"\x80\x02N.",
            pickle.dumps({"a": 1}, 2),
            b"PK\5\6" + bytes(18),
        ]
        tails += [tiny_zip(), HDF5, b"\x80\x02cos\nsystem\n(S'x'\ntR.", data[:64]]
        if self.random.random() < 0.3:
            return data[: -self.random.randint(1, 16)]
        return data + self.random.choice(tails)

    def npy(self, data):
        width = 2 if data[6] == 1 else 4
        length = int.from_bytes(data[8 : 8 + width], "little")
        text = data[8 + width : 8 + width + length].decode("latin1")
        body = data[8 + width + length :]
        swaps = [
            ("'<", "'>"),
            ("'<", "'="),
            ("'<", "'|"),
            ("False", "True"),
            ("False", "0"),
            ("'", '"'),
            (", }", "}"),
        ]
        swaps += [
            ("(", "[ "),
            ("'descr'", "u'descr'"),
            ("'descr'", "b'descr'"),
            (": ", ":\n"),
            (": ", ":\t"),
            ("}", "} #"),
        ]
        swaps += [
            ("3", "3L"),
            ("2", "0x2"),
            ("3", "0_3"),
            ("2", "True"),
            ("f8", "f4,f4"),
            ("f8", "V8"),
            ("f8", "O"),
            ("f8", "d"),
        ]
        swaps += [
            ("'<f8'", "[('a', '<f4'), ('b', '<f4')]"),
            ("'<f8'", "('<f4', (2,))"),
            (" ", ""),
            ("{", " {"),
            ("(", "(0,"),
        ]
        choice = self.random.randrange(6)
        if choice < 3:
            old, new = self.random.choice([swap for swap in swaps if swap[0] in text] or [("", "")])
            text = text.replace(old, new, 1)
        elif choice == 3:
            text = text.rstrip() + self.random.choice(["", "\n", " \n", "\n\n", "\0\n", "  ", "#x\n"])
        elif choice == 4:
            body = self.random.choice([body[:-1], body + b"\0", body + body, b"", body + tiny_zip()])
        version = self.random.choice([data[6:8], data[6:8], b"\1\0", b"\2\0", b"\3\0", b"\1\1", b"\4\0"])
        if choice == 5:
            return self.bytes(data[: 8 + width + length]) + body
        text = text.encode("latin1")
        width = 2 if version[0] == 1 else 4
        if self.random.random() < 0.5:
            text = text.rstrip(b" \n")
            text += b" " * (-(9 + width + len(text)) % 64) + b"\n"
        return data[:6] + version + len(text).to_bytes(width, "little") + text + body

    def safetensors_header(self, data):
        (length,) = struct.unpack_from("<Q", data)
        text, body = data[8 : 8 + length], data[8 + length :]
        choice = self.random.randrange(8)
        if choice == 0:
            body = self.random.choice([body[:-1], body + b"\0", body + tiny_zip(), b"", body + body])
        elif choice == 1:
            text = text.rstrip() + self.random.choice([b"", b" ", b"\n", b"\t ", b"\0", b" " * 4096, b"\r\n"])
        elif choice == 2:
            text = text[:1] + self.random.choice([b" ", b"\n", b""]) + text[1:]
        elif choice == 3:
            note = self.random.choice(
                [
                    "a",
                    "a" * 700,
                    "\0",
                    "\u00e9",
                    "\ud83e\udd80".encode("utf-16", "surrogatepass").decode("utf-16"),
                ]
            )
            header = json.loads(text)
            header["__metadata__"] = {"format": "pt", note: note}
            text = json.dumps(header, ensure_ascii=self.random.random() < 0.5).encode()
        elif choice == 4:
            text = text.replace(b'"', b'"\\u0061', self.random.randint(1, 2))
        elif choice == 5:
            header = json.loads(text)
            names = list(header)
            self.random.shuffle(names)
            text = json.dumps({name: header[name] for name in names}).encode()
        elif choice == 6:
            text = self.bytes(text)
        else:
            return self.poke(data, 0, 64, [len(data) - 8])
        if self.random.random() < 0.5:
            text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + body

    def stream(self, data):
        """One of several pickles in a row is another; what follows stays."""
        ends = list(pickle_ends(data, 6))
        if len(ends) < 2:
            return self.pickle(data)
        at = self.random.randrange(len(ends))
        start = ends[at - 1] if at else 0
        return data[:start] + self.pickle(data[start : ends[at]], 1) + data[ends[at] :]

    def lines(self, data):
        """An operand that is a line is spelled in another way; or a value is put in as one."""
        operations = list(pickletools.genops(data))
        spelled = {"INT": INTEGERS, "LONG": INTEGERS, "FLOAT": FLOATS, "STRING": STRINGS, "UNICODE": UNICODES}
        spelled |= {"GET": INTEGERS, "PUT": INTEGERS}
        places = [index for index, (code, _, _) in enumerate(operations) if code.name in spelled]
        values = [index for index, (code, _, _) in enumerate(operations) if code.name in VALUES]
        index = self.random.choice(places or values)
        code, _, start = operations[index]
        end = operations[index + 1][2] if index + 1 < len(operations) else len(data)
        name = (
            code.name
            if code.name in spelled
            else self.random.choice(["INT", "LONG", "FLOAT", "STRING", "UNICODE"])
        )
        letter = {
            "INT": "I",
            "LONG": "L",
            "FLOAT": "F",
            "STRING": "S",
            "UNICODE": "V",
            "GET": "g",
            "PUT": "p",
        }[name]
        return (
            data[:start] + (letter + self.random.choice(spelled[name]) + "\n").encode("latin1") + data[end:]
        )


VALUES = {
    "BININT",
    "BININT1",
    "BININT2",
    "BINFLOAT",
    "NONE",
    "NEWTRUE",
    "NEWFALSE",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "LONG1",
}


def pickle_ends(data, most):
    stream = io.BytesIO(data)
    for _ in range(most):
        try:
            for _ in pickletools.genops(stream):
                pass
        except ValueError:
            return
        yield stream.tell()


def tiny_zip(name="a", payload=b"b"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), payload)
    return out.getvalue()
