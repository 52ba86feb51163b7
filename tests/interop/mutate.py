"""Damages files the way an attacker would, the same way for the same seed.

Pickles are changed instruction by instruction, so that most of the results still
run: that is where readers come to differ. Archives and safetensors headers are
changed record by record, and all of them byte by byte.
"""

import io
import json
import pickletools
import random
import struct
import zipfile

NAMES = """
    builtins set|builtins complex|builtins bytearray|builtins print|builtins getattr|builtins list
    __builtin__ set|_codecs encode|collections OrderedDict|collections Counter|collections deque
    operator add|os getcwd|torch Size|torch Tensor|torch device|torch float32|torch uint16|torch qint8
    torch FloatStorage|torch LongStorage|torch QInt8Storage|torch FloatTensor|torch cuda|torch load
    torch per_tensor_affine|torch.storage UntypedStorage|torch.storage TypedStorage
    torch.nn.parameter Parameter|torch.serialization _get_layout|torch._tensor _rebuild_from_type_v2
    torch._utils _rebuild_tensor|torch._utils _rebuild_tensor_v2|torch._utils _rebuild_tensor_v3
    torch._utils _rebuild_parameter|torch._utils _rebuild_qtensor|torch._utils _rebuild_sparse_tensor
    torch._utils _rebuild_meta_tensor_no_storage|torch._utils _rebuild_wrapper_subclass
    torch._utils _rebuild_device_tensor_from_cpu_tensor|torch._utils _rebuild_parameter_with_state
"""
GLOBALS = [name.split() for name in NAMES.replace("\n", "|").split("|") if name.strip()]
TEXTS = ["", "a", "cpu", "cuda:0", "storage", "0", "1", "latin1", "rot13", "torch.strided", "torch.sparse_coo"]
TEXTS += ["__class__", "data", "_metadata", "conj", "neg", "w", "\ud800"]
NUMBERS = [0, 1, 2, 3, 4, 5, 6, 255, 256, -1, -2, 65536, 2**31 - 1, -(2**31)]
# Instructions without operands.
BARE = b"(.012NQRabd}e]lot)us\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94"


class Mutator:
    """Makes damaged copies of bytes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pickle(self, data, most=3):
        """A pickle with some instructions changed."""
        try:
            starts = [position for _, _, position in pickletools.genops(data)]
        except ValueError:
            return self.bytes(data)
        ends = starts[1:] + [len(data)]
        steps = [data[start:end] for start, end in zip(starts, ends, strict=True)]
        for _ in range(self.random.randint(1, most)):
            self.step(steps)
        return b"".join(steps)

    def step(self, steps):
        """Changes one instruction of a list of them."""
        # A checkpoint is mostly the same few instructions: rare ones count as much.
        code = self.random.choice(sorted({step[0] for step in steps if step}) or [0])
        places = [index for index, step in enumerate(steps) if step and step[0] == code] or [0]
        at = self.random.choice(places)
        kind = self.random.randrange(6)
        if kind == 0:
            steps.insert(at, self.instruction())
        elif kind == 1 and len(steps) > 1:
            del steps[at]
        elif kind == 2:
            steps[at] = self.instruction()
        elif kind == 3:
            other = self.random.randrange(len(steps))
            steps[at], steps[other] = steps[other], steps[at]
        elif kind == 4:
            steps.insert(self.random.randrange(len(steps)), steps[at])
        else:
            steps[at] = self.operand(steps[at])

    def operand(self, step):
        """The same instruction on something else."""
        if step[:1] in (b"K", b"h", b"q") and len(step) == 2:
            return step[:1] + bytes([self.random.choice([0, 1, 2, 3, 4, 8, 255, self.random.randrange(256)])])
        if step[:1] == b"J":
            return step[:1] + struct.pack("<i", self.random.choice(NUMBERS))
        if step[:1] == b"c":
            return self.name()
        if step[:1] == b"X":
            return self.text()
        return self.instruction()

    def instruction(self):
        """Any instruction."""
        kind = self.random.randrange(8)
        if kind == 0:
            return self.name()
        if kind == 1:
            return self.text()
        if kind == 2:
            return b"J" + struct.pack("<i", self.random.choice(NUMBERS))
        if kind == 3:
            return self.random.choice([b"h", b"q", b"K"]) + bytes([self.random.randrange(40)])
        if kind == 4:
            return b"G" + struct.pack(">d", self.random.choice([0.0, 1.0, -1.0, 1e300, float("nan")]))
        if kind == 5:
            data = self.random.choice([b"\x8a\x01\x05", b"U\x01a", b"C\x01a", b"I01\n", b"\x8c\x01a", b"S'a'\n"])
            return data
        return bytes([self.random.choice(BARE)])

    def name(self):
        module, name = self.random.choice(GLOBALS)
        return f"c{module}\n{name}\n".encode()

    def text(self):
        data = self.random.choice(TEXTS).encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(data)) + data

    def archive(self, data):
        """A torch zip with something else in it."""
        kind = self.random.randrange(10)
        if kind == 0:
            return self.bytes(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            records = [(info.filename, archive.read(info)) for info in archive.infolist()]
        at = next(index for index, (name, _) in enumerate(records) if name.endswith("/data.pkl"))
        if kind == 1:
            other = self.random.randrange(len(records))
            name, payload = records[other]
            change = self.random.randrange(4)
            if change == 0:
                records[other] = (name, payload[: self.random.randint(0, len(payload))])
            elif change == 1:
                del records[other]
            elif change == 2:
                records.append((name.swapcase(), payload))
            else:
                records[other] = (name, self.random.choice([b"", b"big", b"0", b"99", b"\x80\x02N."]))
        else:
            name, payload = records[at]
            records[at] = (name, self.pickle(payload))
        out = io.BytesIO()
        method = zipfile.ZIP_DEFLATED if self.random.random() < 0.1 else zipfile.ZIP_STORED
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, payload in records:
                archive.writestr(zipfile.ZipInfo(name), payload, method)
        return out.getvalue()

    def safetensors(self, data):
        """A safetensors file whose header says something else."""
        if self.random.random() < 0.3:
            return self.bytes(data)
        (length,) = struct.unpack_from("<Q", data)
        header, payload = json.loads(data[8 : 8 + length]), data[8 + length :]
        for entry in header.values():
            if not isinstance(entry, dict) or "shape" not in entry or self.random.random() < 0.6:
                continue
            change = self.random.randrange(4)
            if change == 0:
                entry["shape"] = self.random.choice([[], [0], [1], [1.0], [-1], [2**62, 4], entry["shape"] + [1]])
            elif change == 1:
                entry["data_offsets"][self.random.randrange(2)] += self.random.choice([-1, 1, 4, 2**60])
            elif change == 2:
                entry["dtype"] = self.random.choice(["F32", "U8", "BOOL", "F4", "I64", "f32", "X"])
            else:
                entry[self.random.choice(["extra", "dtype2"])] = self.random.choice([None, 1, {}, "a"])
        text = json.dumps(header, separators=(",", ":")).encode()
        if self.random.random() < 0.3:
            text = text[:-1] + b"," + text[1:]
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + payload

    def bytes(self, data):
        """Bytes of which some are others, or gone."""
        data = bytearray(data)
        for _ in range(self.random.randint(1, 3)):
            if not data:
                return b"\0"
            at = self.random.randrange(len(data))
            kind = self.random.randrange(4)
            if kind == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                data[at] = self.random.choice(b"\x00\x01\x7f\x80\xffPK.(")
            elif kind == 2:
                del data[at : at + self.random.randint(1, 16)]
            else:
                data[at:at] = data[at : at + self.random.randint(1, 16)]
        return bytes(data)
