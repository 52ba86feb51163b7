"""Hides headers of one format in files of another.

`Carrier`s are files of one format with room for any bytes; `Disguise` puts headers of other
formats there.
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zlib

import numpy
import safetensors.torch
import torch
from headers import CENTRAL, END, HDF5, ZIP64_END, ZIP64_LOCATOR, Headers, tiny_zip

class Carrier:
    """A safe file of `head`, room for any bytes, and `foot`. `text` is for room that takes texts only."""

    def __init__(self, name, make, text=False):
        self.name, self.make, self.text = name, make, text

    def room(self, length):
        """Where the room starts and how many bytes are behind it, if it is so long."""
        whole = self.make(b"Q" * length)
        start = whole.index(b"Q" * length)
        return start, len(whole) - start - length


def legacy(room):
    out = io.BytesIO()
    torch.save(
        torch.frombuffer(bytearray(room or b"\0"), dtype=torch.uint8),
        out,
        _use_new_zipfile_serialization=False,
    )
    return out.getvalue()


def archive(room):
    out = io.BytesIO()
    torch.save(torch.frombuffer(bytearray(room or b"\0"), dtype=torch.uint8), out)
    return out.getvalue()


def npy(room):
    out = io.BytesIO()
    numpy.save(out, numpy.frombuffer(room or b"\0", dtype=numpy.uint8))
    return out.getvalue()


def with_metadata(room):
    text = json.dumps({"__metadata__": {"note": room.decode("latin1")}, "w": W}, ensure_ascii=False).encode(
        "latin1"
    )
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"\0"


def bare(opening, closing=b"."):
    return lambda room: opening(len(room)) + room + closing


W = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
CARRIERS = [
    Carrier("pickle of bytes", bare(lambda n: b"\x80\x03B" + struct.pack("<I", n))),
    Carrier("pickle of bytes, no protocol", bare(lambda n: b"B" + struct.pack("<I", n))),
    Carrier("pickle of bytes, protocol 4", bare(lambda n: b"\x80\x04\x8e" + struct.pack("<Q", n))),
    Carrier("pickle of an old text", bare(lambda n: b"T" + struct.pack("<I", n)), text=True),
    Carrier("pickle of a text", bare(lambda n: b"X" + struct.pack("<I", n)), text=True),
    Carrier("pickle of a bytearray", bare(lambda n: b"\x80\x05\x96" + struct.pack("<Q", n))),
    Carrier("pickle of a line", bare(lambda n: b"S'", b"'\n."), text=True),
    Carrier("pickle of a list", bare(lambda n: b"]B" + struct.pack("<I", n), b"a.")),
    Carrier("two pickles", bare(lambda n: b"\x80\x03N.\x80\x03B" + struct.pack("<I", n))),
    Carrier("legacy", legacy),
    Carrier("archive", archive),
    Carrier("npy", npy),
    Carrier(
        "safetensors",
        lambda room: safetensors.torch.save(
            {"w": torch.frombuffer(bytearray(room or b"\0"), dtype=torch.uint8)}
        ),
    ),
    Carrier("safetensors metadata", with_metadata, text=True),
]


class Disguise:
    """Puts the headers of other formats into carriers."""

    def __init__(self, seed):
        self.headers = Headers(seed)
        self.random = self.headers.random

    def make(self):
        """A file, what carries, and what is carried."""
        carrier = self.random.choice(CARRIERS)
        kind = self.random.choice(KINDS)
        return getattr(self, kind)(carrier), carrier.name, kind

    def fill(self, length):
        return bytes(self.random.choice([b"\0", b" ", b"a"])) * length

    def tar(self, carrier):
        """A member's header over the first block; what has to be there for the carrier stays."""
        member = tarfile.TarInfo(self.random.choice(["storages", "pickle", "a"]))
        member.size, member.type = (
            self.random.choice([0, 1, 512]),
            self.random.choice([b"0", b"\0", b"5", b"1", b"g", b"x", b"L", b"S", b"7"]),
        )
        form = self.random.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
        block = bytearray(member.tobuf(form)[-512:])
        length = 1200
        start, _ = carrier.room(length)
        whole = bytearray(carrier.make(b"Q" * length))
        for at in range(start, 512):
            whole[at] = block[at]
        if self.random.random() < 0.6:
            field, width = self.random.choice(
                [
                    (100, 8),
                    (108, 8),
                    (116, 8),
                    (124, 12),
                    (136, 12),
                    (156, 1),
                    (157, 100),
                    (257, 8),
                    (329, 8),
                    (345, 155),
                ]
            )
            spelled = self.random.choice(
                [
                    b"",
                    b"\0" * width,
                    b"\x80" + b"\0" * (width - 2) + b"\1",
                    b"\xff" * width,
                    b" 0",
                    b"0o7",
                    b"8",
                    b"0_7",
                    b"-1",
                    b"\x80",
                    b"z",
                ]
            )
            for at, byte in enumerate(spelled[:width]):
                if field + at >= start:
                    whole[field + at] = byte
        if carrier.text:
            for at in range(start, 512):
                whole[at] = whole[at] if 32 <= whole[at] < 127 and whole[at] not in b"'\"\\" else 32
        signed = self.random.random() < 0.2
        values = [byte - 256 if signed and byte > 127 else byte for byte in whole[:512]]
        total = sum(values[:148]) + 256 + sum(values[156:])
        spelled = [
            f"{total:06o}\0 ",
            f"{total:07o}\0",
            f" {total:o}\0",
            f"0o{total:o} ",
            f"{total:o}",
            f"0_{total:o} ",
            f"+{total:o}",
            f"{total:08o}",
            f"\t{total:o}\r",
        ]
        sum_field = self.random.choice(
            [text.encode() for text in spelled]
            + [b"\x80" + total.to_bytes(7, "big"), f"{total:06o}  ".encode()]
        )
        if total < 0:
            sum_field = b"\xff" + (total & (1 << 56) - 1).to_bytes(7, "big")
        sum_field = sum_field[:8].ljust(8, self.random.choice([b"\0", b" "]))
        if start <= 148:
            whole[148:156] = sum_field
        return bytes(whole)

    def zip(self, carrier):
        """An archive where the file ends, or nearly so."""
        inner = self.random.choice(
            [tiny_zip(), self.script(), tiny_zip("__main__.py", b"1"), tiny_zip("a.npy", npy(b"a"))]
        )
        if self.random.random() < 0.5:
            inner = self.headers.ends(inner)
        length = len(inner) + self.random.choice([0, 1, 100, 5000])
        start, _ = carrier.room(length)
        place = self.random.choice([0, length - len(inner)])
        if self.random.random() < 0.5:
            try:
                inner = self.moved(inner, start + place)
            except (struct.error, ValueError):
                pass
        room = b"\0" * place + inner + self.random.choice([b"\0", b"x"]) * (length - len(inner) - place)
        return carrier.make(room)

    def far(self, carrier):
        """The end of an archive further from that of the file than a comment can be long: PyTorch
        reads whole pieces, and finds some of those."""
        length = self.random.randint(65_500, 69_700)
        inner = self.script()
        start, _ = carrier.room(len(inner) + length)
        return carrier.make(self.moved(inner, start) + bytes(length))

    def moved(self, archive, by):
        """The same archive behind so many bytes, with offsets from the start of the file."""
        at, whole = archive.rindex(END), bytearray(archive)
        (offset,) = struct.unpack_from("<I", whole, at + 16)
        entry = offset
        while whole[entry : entry + 4] == CENTRAL:
            struct.pack_into(
                "<I", whole, entry + 42, (struct.unpack_from("<I", whole, entry + 42)[0] + by) & 0xFFFFFFFF
            )
            entry += 46 + sum(struct.unpack_from("<HHH", whole, entry + 28))
        if at >= 20 and whole[at - 20 : at - 16] == ZIP64_LOCATOR:
            struct.pack_into(
                "<Q", whole, at - 12, (struct.unpack_from("<Q", whole, at - 12)[0] + by) & (1 << 64) - 1
            )
            if at >= 76 and whole[at - 76 : at - 72] == ZIP64_END:
                struct.pack_into(
                    "<Q", whole, at - 28, (struct.unpack_from("<Q", whole, at - 28)[0] + by) & (1 << 64) - 1
                )
        struct.pack_into("<I", whole, at + 16, (offset + by) & 0xFFFFFFFF)
        return bytes(whole)

    def script(self):
        if not hasattr(Disguise, "scripted"):
            out = io.BytesIO()
            torch.jit.save(torch.jit.script(torch.nn.Identity()), out)
            Disguise.scripted = out.getvalue()
        return Disguise.scripted

    def hdf5(self, carrier):
        """An HDF5 file where one may start."""
        place = self.random.choice([512, 1024, 2048, 4096, 8192, 65536]) + self.random.choice(
            [0, 0, 0, 0, -1, 1, 512]
        )
        start, _ = carrier.room(place + 4096)
        room = bytearray(b"\0" * (place + 4096))
        file = hdf5_file()
        if self.random.random() < 0.5:
            file = file[:8] + self.headers.bytes(file[8:96]) + file[96:]
        at = place - start
        room[at : at + len(file)] = file
        return carrier.make(bytes(room[: max(len(room), at + len(file))]))

    def compressed(self, carrier):
        """First bytes that are those of a stream. The length of a safetensors header is what it has to be."""
        payload = pickle.dumps(["a"], 2)
        streams = [
            gzip.compress(payload),
            bz2.compress(payload),
            bz2.compress(b"") + bz2.compress(payload),
            lzma.compress(payload),
        ]
        streams += [
            lzma.compress(payload, lzma.FORMAT_ALONE),
            *(zlib.compress(payload, level) for level in range(10)),
            zlib.compress(payload, wbits=9),
        ]
        streams += [
            zlib.compressobj(0).compress(b"") + b"\1\0\0\xff\xff",
            b"ZF0x10" + b" " * 15 + zlib.compress(payload),
            b"\x04\x22\x4d\x18" + payload,
        ]
        stream = self.random.choice(streams)
        length = int.from_bytes(stream[: self.random.choice([2, 3])], "little")
        if length > 1 << 22 or length < 100:
            return carrier.make(stream)
        text = json.dumps({"__metadata__": {"n": ""}, "w": W}, separators=(",", ":")).encode()
        room = stream[3:] if self.random.random() < 0.3 else b"a" * 3
        room = bytes(byte if 32 <= byte < 127 and byte not in b'"\\' else 97 for byte in room)
        text = text.replace(b'"n":""', b'"n":"' + room + b'"')
        return struct.pack("<Q", length) + text.ljust(length) + b"\0"

    def header(self, length, key):
        """A safetensors file with a header so long that begins with this name."""
        text = b'{"' + key + b'":' + json.dumps(W, separators=(",", ":")).encode() + b"}"
        return struct.pack("<Q", length) + text.ljust(length) + b"\0"

    def gzipped(self, carrier):
        """A safetensors file that is a gzip stream as well: `{\"` are flags of no meaning, and the
        name is a block of bytes that are not compressed. Or nearly one."""
        first = b"`" if self.random.random() < 0.8 else self.random.choice([b"a", b"b", b"@"])
        key = first + b"<V" + bytes([~b"<"[0] & 255, ~b"V"[0] & 255]) + b"a" * 22_076
        return self.header(0x088B1F, key)

    def pickled(self, carrier):
        """A safetensors file that is a pickle as well. The length is an instruction with an operand
        that reaches into the first name, which goes on with instructions."""
        code = self.random.choice([0x8A, 0x58, 0x42, 0x54, 0x55, 0x43])
        reach = self.random.choice([10, 11, 20])
        width = 4 if code in (0x58, 0x42, 0x54) else 1
        length = (reach - 1 - width) << 8 | code
        module = b"multiprocessing.resource_tracker"
        instructions = b"U" + bytes([len(module)]) + module + b"U!" + b"a" * 33
        # BINPUT, STACK_GLOBAL: two bytes of UTF-8.
        instructions += self.random.choice([b"q\xc3\x93)R.", b"q\xc3\x93)R.", b"0."])
        return self.header(length, b"a" * (reach - 10) + instructions)

    def flatbuffer(self, carrier):
        """A mobile module, which `torch.jit.load` knows by four bytes at 4, in a pickle."""
        module = self.mobile()
        (root,) = struct.unpack_from("<I", module)
        # What stands before them is where the module's root is: a small number.
        head = self.random.choice([b"(\x8a\x05\0", b"(\x8a\x06\0", b"(\x8c\x05\0", b"\x88\x8a\x05\0"])
        place = struct.unpack("<I", head)[0] - root
        operand = b"\0" * (head[2] - 5)
        start = 8 + len(operand) + 5
        room = bytes(place - start) + (module if self.random.random() < 0.5 else self.headers.bytes(module))
        room = b"B" + struct.pack("<I", len(room)) + room
        return head + b"PTMF" + operand + room + (b"t." if head[:1] == b"(" else b"\x87.")

    def mobile(self):
        if not hasattr(Disguise, "saved"):
            out = io.BytesIO()
            torch.jit.save_jit_module_to_flatbuffer(torch.jit.script(torch.nn.Identity()), out)
            Disguise.saved = out.getvalue()
        return Disguise.saved

    def protobuf(self, carrier):
        """An ONNX model in a pickle of bytes: there is no magic number, and any first bytes are
        fields that are not known. `80 03 42` is a number, `7d` and four bytes are another."""
        tensor = b"\x0a\1x"
        node = b"\x0a\1x\x0a\1x\x12\1y\x22\3Add"
        graph = b"\x0a" + bytes([len(node)]) + node + b"\x12\1g\x5a\3" + tensor + b"\x62\3\x0a\1y"
        model = b"\0" + b"\x08\x08" + b"\x3a" + bytes([len(graph)]) + graph
        if self.random.random() < 0.5:
            model = model[:1] + self.headers.bytes(model[1:])
        # The last field goes on to the end, over the final instruction.
        count = 0x27D
        model += b"\x32" + self.varint(count - len(model) - 3 + 1)
        return b"\x80\x03B" + struct.pack("<I", count) + model.ljust(count, b"a") + b"."

    def varint(self, number):
        return bytes([number & 127 | 128, number >> 7])

    def magic(self, carrier):
        """Magic numbers in the room, from its start."""
        magics = [
            b"GGUF\3\0\0\0" + bytes(16),
            b"\x93NUMPY\1\0",
            b"PK\3\4",
            b"ARROW1",
            b"\x08\x07\x12\0",
            b"\x89HDF\r\n\x1a\n",
            b"#!/bin/sh\n",
            b"%PDF-1.4\n",
        ]
        return carrier.make(self.random.choice(magics) + bytes(self.random.choice([10, 600])))


KINDS = [
    "far",
    "gzipped",
    "pickled",
    "pickled",
    "tar",
    "tar",
    "tar",
    "zip",
    "zip",
    "zip",
    "zip",
    "hdf5",
    "compressed",
    "compressed",
    "magic",
    "flatbuffer",
    "protobuf",
]


def hdf5_file():
    """The smallest HDF5 file there is: of version 0, with a root group of nothing."""
    nowhere = 2**64 - 1
    parts = {
        0: HDF5 + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0),
        24: struct.pack("<QQQQ", 0, nowhere, 800, nowhere),
        56: struct.pack("<QQIIQQ", 0, 96, 1, 0, 136, 680),
        96: struct.pack("<HHIII", 1, 1, 1, 24, 0) + struct.pack("<HHIQQ", 17, 16, 0, 136, 680),
        136: b"TREE" + struct.pack("<IQQ", 0, nowhere, nowhere),
        680: b"HEAP" + struct.pack("<IQQQ", 0, 88, 8, 712),
        720: struct.pack("<QQ", 1, 80),
    }
    whole = bytearray(800)
    for at, part in parts.items():
        whole[at : at + len(part)] = part
    return bytes(whole)
