"""Packs zip archives in ways that writers of archives do not have: bytes where nobody reads any,
records in another order than is promised.
"""

import io
import struct
import zipfile
import zlib

from mutate import Mutator

END, CENTRAL, LOCAL = b"PK\5\6", b"PK\1\2", b"PK\3\4"
FOLDER, STORED, DEFLATED = 0x10, 0, 8


class Record:
    """A record as it is written. What is not said is as it should be."""

    def __init__(self, name, payload, method=STORED, packed=None, extra=b"", attributes=0):
        self.name, self.payload, self.method = name.encode(), payload, method
        self.packed = payload if packed is None else packed
        self.extra, self.attributes = extra, attributes


def pack(records):
    """An archive of records."""
    out, directory = bytearray(), bytearray()
    for record in records:
        crc, utf8 = zlib.crc32(record.payload), 0 if record.name.isascii() else 0x800
        numbers = struct.pack("<HHHIII", record.method, 0, 0x21, crc, len(record.packed), len(record.payload))
        numbers = struct.pack("<HH", 20, utf8) + numbers + struct.pack("<HH", len(record.name), len(record.extra))
        directory += CENTRAL + struct.pack("<H", 0x314) + numbers
        directory += struct.pack("<HHHII", 0, 0, 0, record.attributes, len(out)) + record.name + record.extra
        out += LOCAL + numbers + record.name + record.extra + record.packed
    end = struct.pack("<4sHHHHIIH", END, 0, 0, len(records), len(records), len(directory), len(out), 0)
    return bytes(out + directory) + end


def deflated(payload, before=b""):
    """A stream whose first blocks are these."""
    packer = zlib.compressobj(wbits=-15)
    return before + packer.compress(payload) + packer.flush()


class Packing(Mutator):
    """Packs the records of an archive again."""

    def unpack(self, data):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [Record(info.filename, archive.read(info)) for info in archive.infolist()]

    def aligned_records(self, records, alignment):
        """Fills up, as PyTorch does."""
        at = 0
        for record in records:
            fill = -(at + 34 + len(record.name)) % alignment
            record.extra = struct.pack("<HH", 0x4246, fill) + b"Z" * fill
            at += 34 + len(record.name) + fill + len(record.packed)
        return records

    def laid(self, records):
        """An archive of records, most of the time as PyTorch lays them: others break its promise."""
        return pack(self.aligned_records(records, 64) if self.random.random() < 0.8 else records)

    def folder(self, data):
        """A folder, with bytes or without."""
        records = self.unpack(data)
        first = records[0].name.decode().partition("/")[0]
        name = self.random.choice([f"{first}/", f"{first}/data/", f"{first}/x/"])
        hidden = self.random.choice([b"\x80\x02N.", b"a", bytes(40)])
        folder = self.random.choice(
            [
                Record(name, b""),
                Record(name, b"", DEFLATED, deflated(b"")),
                Record(name, hidden),
                Record(name, b"", STORED, hidden),
                Record(name, b"", DEFLATED, deflated(b"", b"\0\0\0\xff\xff" * self.random.choice([1, 9]))),
            ]
        )
        folder.attributes = self.random.choice([FOLDER, FOLDER | 0o040755 << 16, 0])
        records.insert(self.random.choice([1, len(records)]), folder)
        return self.laid(records)

    def attribute(self, data):
        """A record that is a folder by its attributes alone."""
        records = self.unpack(data)
        record = self.random.choice(records)
        record.attributes = self.random.choice([FOLDER, FOLDER, 0x20, 0o100644 << 16, 0o120777 << 16, 0xFFFF])
        return self.laid(records)

    def flushed(self, data):
        """Streams with blocks that hold nothing."""
        records = self.unpack(data)
        count = self.random.choice([1, 2, 3, 20, 400])
        for record in records:
            if b"/data/" not in record.name and self.random.random() < 0.7:
                record.method = DEFLATED
                record.packed = deflated(record.payload, b"\0\0\0\xff\xff" * count)
        return self.laid(records)

    def fields(self, data):
        """Extra fields, known ones and others, that are whole."""
        records = self.unpack(data)
        for record in records:
            if self.random.random() < 0.4:
                size = self.random.choice([0, 4, 5, 8, 13, 40])
                kind = self.random.choice([1, 0x4246, 0x5455, 0x7875, 0x7075, 0xCAFE, 10])
                body = self.random.choice([b"Z" * size, bytes(size), self.random.randbytes(size)])
                record.extra = struct.pack("<HH", kind, size) + body
        return pack(records)

    def twin(self, data):
        """A record under its name in another case, which holds something else."""
        records = self.unpack(data)
        record = self.random.choice(records)
        other = self.random.choice(records).payload
        if self.random.random() < 0.3:
            other = other[::-1]
        records.append(Record(record.name.decode().swapcase(), other))
        return self.laid(records)

    def comment(self, data):
        """A comment that ends with the file."""
        text = self.random.choice([b"a", b"\x80\x02N.", b"a" * 200, self.random.randbytes(30)])
        return data[:-2] + struct.pack("<H", len(text)) + text if data[-2:] == b"\0\0" else data

    def promised(self, data):
        """Storages in some order, filled up in some way, and a promise where they are."""
        records = self.unpack(data)
        first = records[0].name.decode().partition("/")[0]
        said = {".format_version": self.random.choice([b"1", b"1", b"2", b"0", b"10"])}
        alignment = self.random.choice([64, 64, 8, 1, 256])
        if self.random.random() < 0.7:
            said[".storage_alignment"] = str(self.random.choice([alignment, alignment, 64])).encode()
        if self.random.random() < 0.5:
            self.renamed(records)
        places = [at for at, record in enumerate(records) if b"/data/" in record.name]
        if len(places) > 1 and self.random.random() < 0.5:
            storages = [records[at] for at in places]
            storages = self.random.choice([storages[::-1], storages[1:] + storages[:1]])
            for at, record in zip(places, storages, strict=True):
                records[at] = record
        return self.say(records, first, said, alignment)

    def renamed(self, records):
        """Two storages have each other's names, in the pickle as well."""
        for record in records:
            first, second = (b"X\1\0\0\0" + name for name in (b"0", b"1"))
            if record.name.endswith(b"/data.pkl"):
                parts = [part.replace(second, first) for part in record.payload.split(first)]
                record.payload = record.packed = second.join(parts)
            elif record.name.endswith((b"/data/0", b"/data/1")):
                record.name = record.name[:-1] + (b"1" if record.name.endswith(b"0") else b"0")

    def other_order(self, data):
        """The byte order that few machines have, or one that is none."""
        records = self.unpack(data)
        first = records[0].name.decode().partition("/")[0]
        order = self.random.choice([b"big", b"big", b"little", b"Big", b"big\n"])
        return self.say(records, first, {"byteorder": order}, 64)

    def say(self, records, first, said, alignment):
        """The archive with these small records."""
        names = {f"{first}/{name}".encode() for name in said}
        records = [record for record in records if record.name not in names]
        at = 1 if self.random.random() < 0.7 else len(records)
        records[at:at] = [Record(f"{first}/{name}", content) for name, content in said.items()]
        return pack(self.aligned_records(records, alignment))
