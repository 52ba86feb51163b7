"""What Python 2 pickled."""

import struct
import zipfile

import torch

from reported.room import wanted


def text2(raw):
    """A str of Python 2."""
    return b"U" + bytes([len(raw)]) + raw


def legacy2(body, storages):
    """A file as torch 0.3 on Python 2 wrote it, around the pickle of its object."""
    sizes = b"".join(
        text2(name) + b"K" + bytes([size]) for name, size in [(b"int", 4), (b"long", 4), (b"short", 2)]
    )
    out = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03."
    out += b"\x80\x02}q\x00(" + text2(b"type_sizes") + b"}(" + sizes + b"u"
    out += text2(b"protocol_version") + b"M\xe9\x03" + text2(b"little_endian") + b"\x88u."
    out += b"\x80\x02" + body + b"." + b"\x80\x02](" + b"".join(map(text2, storages)) + b"e."
    return out + b"".join(struct.pack("<q", len(raw) // 4) + raw for raw in storages.values())


def case_21_python_2(room):
    """pytorch#5994, #21743: as torch.load reads them; what it cannot decode is an error, or bytes."""
    storage = (
        b"(" + text2(b"storage") + b"ctorch\nFloatStorage\n" + text2(b"14") + text2(b"cpu") + b"K\x06NtQ"
    )
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\x00(K\x02K\x03t(K\x03K\x01ttR"

    def pairs(**items):
        return b"}(" + b"".join(text2(key.encode()) + item for key, item in items.items()) + b"u"

    odd = b"c__builtin__\nset\n(](K\x01K\x02etR"
    array = b"c__builtin__\nbytearray\n(X\x03\x00\x00\x00abcX\x07\x00\x00\x00latin-1tR"
    ordered = b"ccollections\nOrderedDict\n(](](" + text2(b"w") + tensor + b"eetR"
    bodies = {
        "ascii": pairs(w=tensor, epoch=b"K\x03", arch=text2(b"resnet")),
        "utf8": b"}(" + text2("café".encode()) + tensor + text2(b"note") + text2("网".encode()) + b"u",
        "latin1": pairs(w=tensor, note=text2(b"\xe9t\xe9")),
        "latin1key": b"}(" + text2(b"\xe9") + tensor + b"u",
        "ordered": ordered,
        "builtins": pairs(
            w=tensor, s=odd, a=array, l=b"L123456789012345678901L\n", u=b"V\\u00e9\n", i=b"I01\n"
        ),
    }
    for name, body in bodies.items():
        path = room / f"{name}.pt"
        path.write_bytes(legacy2(body, {b"14": struct.pack("<6f", *range(6))}))
        room.part(name, python_2, room, path)


def python_2(room, path):
    """What torch reads, is read; else it is refused, or shown."""
    try:
        torch.load(path, weights_only=False)
    except Exception:
        room.ok("inspect", path)
        # What torch wrote is not malformed.
        wanted(room.verdict(path) == "safe", "is not safe")
        latin = torch.load(path, weights_only=False, encoding="latin1")
        out = room / "out" / path.name
        out.parent.mkdir(exist_ok=True)
        done = room.ok("convert", path, out)
        if path.stem.startswith("latin1"):
            room.ok("validate", path).says("SR-LEGACY-ENCODING", "encoding")
            done.says("1 string of Python 2 that is not ASCII")
        found = torch.load(out, weights_only=False)
        text = [item.decode("latin1") if isinstance(item, bytes) else item for item in found]
        wanted(text == list(latin), f"other keys: {list(found)}")
        return
    room.ok("inspect", path)
    if path.stem == "utf8":
        # Somebody may know that it is something else.
        again = room / "again.pt"
        again.write_bytes(path.read_bytes())
        room.refused("convert", again, again, says=["2 strings of Python 2", "--discard-extras"])
        wanted(again.read_bytes() == path.read_bytes(), "what is refused is another file")
    room.lossless(path, flags=["--discard-extras"] if path.stem == "utf8" else [])


def case_21_instances(room):
    """Own: Python 2 pickled instances of its classes so that their `__init__` is not called."""
    for name in ("Vocabulary", "Needy"):
        for kind, made in {"obj": f"(cclasses\n{name}\no", "inst": f"(iclasses\n{name}\n"}.items():
            path = room / f"{name}-{kind}.pt"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("model/data.pkl", f"\x80\x02{made}}}U\x04sizeK\x07sb.".encode("latin1"))
                archive.writestr("model/version", "3\n")
                archive.writestr("model/byteorder", "little")

            def alike(after, what):
                found = torch.load(after, weights_only=False)
                wanted(vars(found) == {"size": 7}, f"{what} has {vars(found)}")

            alike(path, "it")
            room.lossless(path, alike=alike, identical=False)
