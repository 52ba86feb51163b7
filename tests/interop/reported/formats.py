"""Files of safetensors and zips that other programs made, or that nobody should make."""

import json
import resource
import zipfile

import numpy
import safetensors.torch
import torch
from torch.utils.serialization import config as serialization

from reported.room import facts, names, same_values, values, wanted


def header(tensors, pad=0):
    """A header of safetensors: its length to the next multiple of 8, and `pad` more."""
    text = json.dumps(tensors).encode()
    text += b" " * ((pad - len(text)) % 8)
    return len(text).to_bytes(8, "little") + text


def case_06_reserved_names(room):
    """safetensors#849, #850: a tensor called `__metadata__` makes a file that nobody can read."""
    reserved = room.save("in.pt", {"__metadata__": torch.ones(2), "w": torch.ones(2)})
    room.part("reserved", room.refused, "convert", reserved, room / "o.safetensors", says=["__metadata__"])

    def without():
        done = room.run("convert", reserved, room / "o.safetensors", "--tensors-only")
        if done.code == 0:
            wanted("__metadata__" in done.err, f"nobody says so: {done}")
            wanted(list(safetensors.torch.load_file(room / "o.safetensors")) == ["w"], "other tensors")

    room.part("without it", without)
    odd = ["__metadata___", " __metadata__", "", "a\0b", '"\\\n', "重み🦀", "\u2028", "x" * 70000]
    near = room.save("near.pt", {name: torch.full((3,), float(at)) for at, name in enumerate(odd)})
    found, _ = room.flat(near)
    room.part("near", wanted, values(found) == values(torch.load(near)), "near names are others")
    room.lossless(near)
    nested = room.save("nested.pt", {"__metadata__": {"a": torch.ones(2)}})
    room.part("nested", lambda: wanted(list(room.flat(nested)[0]) == ["__metadata__.a"], "nested"))
    surrogate = room.save("surrogate.pt", {"a\ud800b": torch.ones(2)})
    room.part("surrogate", room.refused, "convert", surrogate, room / "o.safetensors", says=["a"])
    room.lossless(surrogate)


def case_07_packed_fp4(room):
    """safetensors#839, #783: two elements in a byte have one shape in torch and another there."""
    kind = torch.float4_e2m1fn_x2

    def pairs(*shape):
        return torch.arange(torch.Size(shape).numel(), dtype=torch.uint8).reshape(shape).view(kind)

    tensors = {
        "m": pairs(2, 4),
        "v": pairs(6),
        "empty": pairs(0, 4),
        "empty too": pairs(3, 0),
        "d3": pairs(2, 3, 5),
        "scale": torch.tensor([0.5, 1, 2]).to(torch.float8_e8m0fnu),
    }
    path, theirs = room.save("in.pt", tensors), room / "in.safetensors"
    safetensors.torch.save_file(tensors, theirs)
    ours, back = room / "o.safetensors", room / "o.pt"

    def both_ways():
        room.ok("convert", path, ours)
        wanted(ours.read_bytes() == theirs.read_bytes(), "another file than save_file's")
        room.ok("convert", theirs, back)
        wanted(values(torch.load(back)) == values(tensors), "other values back")

    room.part("both ways", both_ways)
    room.lossless(path)
    whole = pairs(4, 4)
    odd = {
        "transposed": whole.t(),
        "slice": whole[:, 1:3],
        "scalar": torch.tensor(7, dtype=torch.uint8).view(kind),
    }
    for name, tensor in odd.items():
        room.part(name, as_torch_or_refused, room, room.save(f"{name}.pt", {"t": tensor}), tensor)
    for name, shape, size in [("odd", [2, 3], 3), ("alone", [], 1)]:
        bad = room / f"{name}.safetensors"
        bad.write_bytes(
            header({"o": {"dtype": "F4", "shape": shape, "data_offsets": [0, size]}}) + bytes(size)
        )
        room.part(f"{name} width", room.refused, "convert", bad, room / "bad.pt")
        judged = room.verdict(bad)
        room.part(f"judged {name}", wanted, judged == "malformed" or loads(bad), f"{name} is {judged}")


def loads(path):
    """Whether safetensors itself reads it, below what it makes of it for torch."""
    try:
        return bool(safetensors.deserialize(path.read_bytes()))
    except Exception:
        return False


def as_torch_or_refused(room, path, tensor):
    """The values that torch shows, or an error."""
    done = room.run("convert", path, room / "t.safetensors")
    if done.code == 0:
        found = safetensors.torch.load_file(room / "t.safetensors")["t"]
        want = tensor.view(torch.uint8) if tensor.dim() else tensor
        wanted(facts(found.view(torch.uint8)) == facts(want), "other values")
    else:
        wanted("t" in names(done) or "float4" in done.err, str(done))


def case_08_any_offset(room):
    """safetensors#231, #607, ComfyUI#12266: tensors that start at any byte."""
    arrays = [
        ("f", "F32", "<f4", 7),
        ("u", "U8", "u1", 3),
        ("d", "F64", "<f8", 4),
        ("l", "I64", "<i8", 2),
        ("b", "BF16", "<u2", 5),
    ]
    table, raw = {}, b""
    for name, kind, dtype, count in arrays:
        made = numpy.arange(count, dtype=dtype).tobytes()
        table[name] = {"dtype": kind, "shape": [count], "data_offsets": [len(raw), len(raw) + len(made)]}
        raw += made
    for pad in range(8):
        (room / f"pad{pad}.safetensors").write_bytes(header(table, pad) + raw)
    today = {
        "a": torch.arange(3, dtype=torch.uint8),
        "f": torch.arange(5.0),
        "h": torch.arange(3).half(),
        "c": torch.tensor([1 + 2j]),
    }
    safetensors.torch.save_file(today, room / "today.safetensors")
    for path in sorted(room.folder.glob("*.safetensors")):
        room.part(path.name, any_offset, room, path)


def any_offset(room, path):
    """One file of them."""
    theirs = values(safetensors.torch.load_file(path))
    wanted(room.verdict(path, "--deep") == "safe", f"it is {room.verdict(path)}")
    out, back = room / "o" / f"{path.stem}.pt", room / "o" / path.name
    out.parent.mkdir(exist_ok=True)
    room.ok("convert", path, out)
    wanted(values(torch.load(out)) == theirs, "other values in .pt")
    room.ok("convert", out, back)
    wanted(values(safetensors.torch.load_file(back)) == theirs, "other values there and back")
    room.ok("save", path, room / "run" / path.stem, "--ranks", "2")
    room.ok("verify", room / "run" / path.stem)
    room.ok("load", room / "run" / path.stem, room / "o" / "merged.safetensors")
    wanted(
        values(safetensors.torch.load_file(room / "o" / "merged.safetensors")) == theirs,
        "other values merged",
    )


def case_08_metadata_over_ranks(room):
    """Of the same kind: what is no tensor is kept, or refused, or said."""
    path = room / "in.safetensors"
    safetensors.torch.save_file(
        {"a": torch.arange(4.0), "b": torch.ones(3)}, path, {"format": "pt", "step": "77"}
    )
    room.ok("save", path, room / "run-1", "--ranks", "2")
    done = room.ok("load", room / "run-1", room / "out.safetensors")
    with safetensors.safe_open(room / "out.safetensors", "pt") as file:
        wanted((file.metadata() or {}).get("step") == "77" or "metadata" in done.err, "the metadata are lost")
    done = room.ok("convert", path, room / "o.pt")
    wanted("metadata" in done.err, f"to .pt, and nobody says so: {done}")


def case_09_trailing_bytes(room):
    """ComfyUI#15602: bytes after the last tensor; and files that were cut, or are none."""
    path = room / "ok.safetensors"
    safetensors.torch.save_file({"a": torch.arange(4.0)}, path)
    good = path.read_bytes()
    bad = {
        "zeros": (good + bytes(4096), ["4096"]),
        "one": (good + b"\n", ["1"]),
        "preallocated": (good + bytes((1 << 20) - len(good)), [str((1 << 20) - len(good))]),
        "cut": (good[:-5], []),
        "head cut": (good[:40], []),
        "page": (b"<!DOCTYPE html><html><body>403</body></html>", ["html"]),
    }
    for name, (content, says) in bad.items():
        file = room / f"{name}.safetensors"
        file.write_bytes(content)
        room.part(f"inspect {name}", told, room, says, "inspect", file)
        room.part(f"convert {name}", told, room, says, "convert", file, room / "o.pt")
        verdict = room.verdict(file)
        room.part(f"judged {name}", wanted, verdict in ("malformed", "unverified"), f"it is {verdict}")


def told(room, says, *arguments):
    """An error with each of the texts, numbers with or without commas."""
    done = room.refused(*arguments)
    said = done.err.replace(",", "").lower()
    wanted(all(text in said for text in says), f"{says} is not said: {done}")


def case_11_a_header_too_large(room):
    """safetensors#668: a header that the library writes and cannot read, at 100 MB."""
    # Fewer tensors than were reported, with longer names.
    count, long = 1800, "n" * 60_000
    base = torch.zeros(count, dtype=torch.uint8)
    path = room.save("views.pt", {f"{long}{at}": base[at : at + 1] for at in range(count)})
    out = room / "o.safetensors"
    room.part("write", room.refused, "convert", path, out, "--tensors-only", says=["100"])
    wanted(not out.exists(), "it is there all the same")
    table = {
        f"{long}{at}": {"dtype": "U8", "shape": [1], "data_offsets": [at, at + 1]} for at in range(count)
    }
    large = room / "large.safetensors"
    large.write_bytes(header(table) + bytes(count))
    room.part("read", room.refused, "inspect", large, says=["100", "limit"])
    room.part("convert", room.refused, "convert", large, room / "o.pt", says=["100"])
    for file in (path, large):
        file.unlink()


def case_12_many_small_tensors(room):
    """safetensors#361: time grows with the number of tensors, not with its square."""
    spent = []
    for count in (2000, 12_000):
        path = room.save(f"{count}.pt", {f"m.{at}.w": torch.full((2,), float(at)) for at in range(count)})
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        room.ok("inspect", path)
        room.ok("verify", path)
        out = room / "o" / path.name
        out.parent.mkdir(exist_ok=True)
        room.ok("convert", path, out)
        room.ok("convert", path, room / "o.safetensors")
        room.ok("save", path, room / "run" / str(count), "--ranks", "4")
        room.ok("load", room / "run" / str(count), room / "merged.pt")
        spent.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        wanted(out.read_bytes() == path.read_bytes(), "another file")
        same_values(path, room / "merged.pt", "merged")
        wanted(len(safetensors.torch.load_file(room / "o.safetensors")) == count, "tensors are lost")
    # Six times as many: 36 times as long if it were the square.
    wanted(spent[1] < 15 * spent[0] + 1, f"{spent[0]:.2f} s, then {spent[1]:.2f} s for six times as many")


def case_23_wide_alignment(room):
    """Own: torch aligns to more than the padding of one record has room for."""
    config = serialization.save
    usual, config.storage_alignment = config.storage_alignment, 65536
    try:
        path = room.save("wide.pt", {str(at): torch.full((3,), float(at)) for at in range(5)})
    finally:
        config.storage_alignment = usual
    room.lossless(path, ranks=(2,), identical=False)


def case_23_beyond_4_gib(room):
    """candle#2824, pytorch#47201, #717: a view behind 2^32 bytes. The file is sparse."""
    size, tail = 4 * 2**30 + 64, numpy.arange(4, dtype="<f4").tobytes()
    table = {
        "big": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]},
        "tail": {"dtype": "F32", "shape": [4], "data_offsets": [size, size + 16]},
    }
    path = room / "big.safetensors"
    with open(path, "wb") as file:
        start = file.write(header(table))
        file.truncate(start + size + 16)
        file.seek(start + size)
        file.write(tail)
    listed = {entry["path"]: entry for entry in room.inspect(path)["tensors"]}
    wanted(listed["big"]["bytes"] == size and listed["tail"]["shape"] == [4], "what inspect lists")
    wanted(room.verdict(path) == "safe", "the verdict")

    # A zip with one record beyond 4 GiB, of which nothing is written but the directory.
    def far():
        storage = torch.UntypedStorage.from_file(str(room / "zeros.bin"), True, size)
        whole = torch.empty(0).set_(storage, 0, (size // 4,))
        with torch.serialization.skip_data():
            torch.save({"tail": whole[-4:], "after": torch.ones(2)}, room / "far.pt")
        far = room.inspect(room / "far.pt")["tensors"]
        wanted([entry["offset"] for entry in far] == [size // 4 - 4, 0], f"{far}")
        # torch writes where a record is into its own header, too.
        wanted(room.verdict(room / "far.pt") == "safe", "the verdict of a zip")

    room.part("far", far)
    for file in (path, room / "zeros.bin", room / "far.pt"):
        file.unlink(missing_ok=True)


def case_38_packed_again(room):
    """pytorch#26723, fairseq2#1292: archives that were unpacked, changed and packed by others."""
    source = room.save("in/src.pt", {"w": torch.arange(100.0), "n": {"b": torch.ones(3)}})
    archive = zipfile.ZipFile(source)
    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED

    def pack(
        name,
        method=stored,
        top="src",
        folders=False,
        pickle=None,
        drop=(),
        backwards=False,
        comment=b"",
        more=(),
    ):
        with zipfile.ZipFile(room / f"{name}.pt", "w", method) as out:
            for folder in [top, f"{top}/data"] if folders else []:
                out.mkdir(folder)
            for entry in archive.infolist()[:: -1 if backwards else 1]:
                if not any(text in entry.filename for text in drop):
                    how = pickle if pickle is not None and entry.filename.endswith("data.pkl") else method
                    where = entry.filename.replace("src/", f"{top}/" if top else "")
                    out.writestr(where, archive.read(entry), compress_type=how)
            for extra in more:
                out.writestr(extra, b"x")
            out.comment = comment

    pack("stored")
    pack("deflated", deflated)
    pack("pickle deflated", pickle=deflated)
    pack("folders", folders=True)
    pack("folders deflated", deflated, folders=True)
    pack("other top", top="something else")
    pack("deep top", top="a/b")
    pack("no top", top="")
    pack("no id", drop=("serialization_id", ".format_version", ".storage_alignment", "byteorder"))
    pack("backwards", backwards=True)
    pack("comment", comment=b"made by x")
    pack("bz2", zipfile.ZIP_BZIP2)
    pack("lzma", zipfile.ZIP_LZMA)
    pack("no version", drop=("/version",))
    pack("macos", more=("__MACOSX/src/._data.pkl", "src/.DS_Store"))
    for path in sorted(room.folder.glob("*.pt")):
        room.part(path.stem, packed_again, room, path, source)


def packed_again(room, path, source):
    """What torch reads is read, or it is said what is in the way and how to undo it."""
    out = room / "out" / "src.pt"
    out.parent.mkdir(exist_ok=True)
    out.unlink(missing_ok=True)
    done = room.run("convert", path, out)
    if done.code == 0:
        same_values(source, out, "what was read")
        return
    try:
        torch.load(path)
    except Exception:
        wanted(path.name in done.err, str(done))
        return
    wanted(
        done.error() and ("\nhint: " in done.err or "zip -0" in done.err),
        f"torch reads it, and there is no way shown: {done}",
    )
    if "deflated" in path.stem:
        wanted("compress" in done.err or "deflate" in done.err, f"not why: {done}")


def case_38_members_of_no_value(room):
    """Case 50's fourth part and its kin: members, storages and comments that belong to no value are
    kept, or refused, or said."""
    source = room.save("s1.pt", {"w": torch.arange(9.0)})

    def with_more(name, change):
        path = room / name / "s1.pt"
        path.parent.mkdir()
        path.write_bytes(source.read_bytes())
        with zipfile.ZipFile(path, "a") as archive:
            change(archive)
        return path

    changed = {
        "member": with_more("member", lambda archive: archive.writestr("s1/extra/note.txt", "keep me")),
        "storage": with_more("storage", lambda archive: archive.writestr("s1/data/7", bytes(64))),
        "data": with_more("data", lambda archive: archive.writestr("s1/.data/note.txt", "keep me")),
        "beside": with_more("beside", lambda archive: archive.writestr(beside("s1/more", b"keep me"), "")),
        "comment": with_more("comment", lambda archive: setattr(archive, "comment", b"keep me")),
    }
    for name, path in changed.items():
        room.part(f"{name} in place", kept_or_said, room, path, "convert", path, path)
        room.part(f"{name} over ranks", kept_or_said, room, path, "save", path, room / "run" / name)


def beside(name, comment):
    """A record with a comment."""
    record = zipfile.ZipInfo(name)
    record.comment = comment
    return record


def kept_or_said(room, path, *arguments):
    """Nothing goes away without a word."""
    before = path.read_bytes()
    done = room.run(*arguments)
    words = ("note.txt", "data/7", "comment", "member", "storage", "record", "belong")
    said = any(word in done.err for word in words)
    if done.code:
        wanted(path.read_bytes() == before and said, f"refused, and not why: {done}")
    elif arguments[0] == "convert":
        kept = zipfile.ZipFile(path)
        there = "s1/extra/note.txt" in kept.namelist() or "s1/data/7" in kept.namelist() or kept.comment
        wanted(there or said, f"gone, and nobody says so: {done}")
    else:
        wanted(said, f"not saved, and nobody says so: {done}")


def case_38_names_in_another_case(room):
    """Own: torch.load finds records whatever the case of their names: readers that do not see others."""
    path = room.save("model.pt", {"w": torch.arange(6.0)})
    with zipfile.ZipFile(path) as archive:
        records = [(name, archive.read(name)) for name in archive.namelist()]
    for name, changed, added in [
        ("order", {"byteorder": ("BYTEORDER", b"big")}, {}),
        ("pickle", {}, {"DATA.PKL": b"\x80\x02N."}),
        ("storage", {}, {"DATA/0": bytes(24)}),
    ]:
        odd = room / f"{name}.pt"
        with zipfile.ZipFile(odd, "w") as archive:
            for record, content in records:
                folder, _, within = record.partition("/")
                within, content = changed.get(within, (within, content))
                archive.writestr(f"{folder}/{within}", content)
            for within, content in added.items():
                archive.writestr(f"{folder}/{within}", content)
        for command in (["inspect"], ["verify"], ["convert", odd, room / "out.pt"]):
            arguments = command if len(command) > 1 else [*command, odd]
            room.part(f"{name} {command[0]}", room.refused, *arguments, says=["differ in more than their case"])
        room.part(f"{name} validate", lambda odd=odd: wanted(room.verdict(odd) == "malformed", str(odd)))
