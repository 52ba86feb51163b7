"""Where files are and what they are: names, permissions, links, pipes, and files that are no checkpoints."""

import gzip
import io
import json
import os
import pickle
import shutil
import socket
import stat
import unicodedata
import zipfile

import safetensors.torch
import torch

from reported.room import root, same_values, wanted


def mode(path):
    """Permissions."""
    return oct(stat.S_IMODE(os.lstat(path).st_mode))


def under(mask):
    """A process with this umask."""
    return {"preexec_fn": lambda: os.umask(mask)}


def case_01_permissions(room):
    """safetensors#782, ignite#1876, Lightning#20243: atomic writes that forget modes and owners."""
    source = room.save("in.pt", {"w": torch.ones(4)})
    for mask in (0o022, 0o002, 0o077):
        for name in ("a.pt", "a.safetensors"):
            out = room / f"{mask:03o}-{name}"
            room.ok("convert", source, out, **under(mask))
            room.part(
                f"umask {mask:o}", wanted, mode(out) == oct(0o666 & ~mask), f"{out.name} has {mode(out)}"
            )
        run = room / f"run-{mask:o}"
        room.ok("save", source, run, "--ranks", "2", **under(mask))
        room.part(
            f"umask {mask:o}", wanted, mode(run) == oct(0o777 & ~mask), f"the directory has {mode(run)}"
        )
        modes = {name: mode(run / name) for name in os.listdir(run)}
        room.part(f"umask {mask:o}", wanted, set(modes.values()) == {oct(0o666 & ~mask)}, f"{modes}")
    kept = room / "kept.pt"
    for wish in (0o640, 0o600, 0o666, 0o444):
        kept.unlink(missing_ok=True)
        kept.write_bytes(source.read_bytes())
        kept.chmod(wish)
        room.run("convert", source, kept, **under(0o022))
        room.part(
            f"{wish:o}", wanted, mode(kept) == oct(wish), f"a file of mode {wish:o} became {mode(kept)}"
        )
    run = room / "run-22"
    run.chmod(0o2770)
    room.ok("save", source, run, "--ranks", "2", "--overwrite", **under(0o022))
    room.part("directory", wanted, mode(run) == oct(0o2770), f"a directory of mode 2770 became {mode(run)}")
    if root():
        room.part("groups", groups, room, source)


def groups(room, source):
    """Under a directory with set-gid files take its group; a replaced file keeps its owner."""
    shared = room / "shared"
    shared.mkdir()
    os.chown(shared, -1, 12)
    shared.chmod(0o2775)
    room.ok("convert", source, shared / "x.pt")
    room.ok("save", source, shared / "run")
    for name in ("x.pt", "run", "run/checkpoint_0.pt", "run/strongroom.json"):
        wanted(os.stat(shared / name).st_gid == 12, f"{name} has group {os.stat(shared / name).st_gid}")
    wanted(os.stat(shared / "run").st_mode & stat.S_ISGID, "the directory lost its set-gid")
    owned = room / "owned.pt"
    shutil.copy(source, owned)
    os.chown(owned, 1234, 12)
    room.ok("convert", source, owned)
    wanted((os.stat(owned).st_uid, os.stat(owned).st_gid) == (1234, 12), "another owner")


def case_01_links(room):
    """Of the same kind: an output that is a link is written through, and stays a link."""
    source = room.save("in.pt", {"w": torch.ones(4)})
    (room / "elsewhere").mkdir()
    target, link = room / "elsewhere" / "model.pt", room / "model.pt"
    target.write_bytes(b"old")
    link.symlink_to("elsewhere/model.pt")
    room.ok("convert", source, link)
    wanted(link.is_symlink(), "the link was replaced")
    wanted(torch.equal(torch.load(target)["w"], torch.ones(4)), "its target was not")
    dangling = room / "dangling.pt"
    dangling.symlink_to("elsewhere/new.pt")
    done = room.run("convert", source, dangling)
    wanted(dangling.is_symlink(), f"a dangling link was replaced: {done}")


def case_03_long_names(room):
    """filesql#504, write-file-atomic#63: staging under longer names than the file system takes."""
    source = room.save("in.pt", {"w": torch.ones(4)})
    longest = room.save("n" * 252 + ".pt", {"w": torch.ones(4)})
    for count in (200, 240, 252):
        room.part(f"file {count}", room.ok, "convert", source, room / ("o" * count + ".pt"))
    for count in (200, 240, 255):
        room.part(f"directory {count}", room.ok, "save", source, room / ("d" * count), "--ranks", "2")
        room.part(
            f"again {count}", room.ok, "save", source, room / ("d" * count), "--ranks", "2", "--overwrite"
        )
    room.part("wide", room.ok, "convert", source, room / ("重" * 84 + ".pt"))
    room.part("read", room.ok, "inspect", longest)
    room.part("too long", room.refused, "convert", source, room / ("o" * 300 + ".pt"))
    left = [name for name in os.listdir(room.folder) if name.startswith(".")]
    room.part("left", wanted, not left, f"left behind: {left}")


def case_17_distributed_checkpoints(room):
    """pytorch#118207, EuroBERT#9: directories of torch.distributed.checkpoint."""
    import torch.distributed.checkpoint as dcp

    dcp.save(
        {"model": {"w": torch.ones(4, 4), "b": torch.zeros(2)}, "step": 3, "opt": {"lr": 0.1, "x": [1, 2]}},
        checkpoint_id=str(room / "dcp"),
        no_dist=True,
    )
    for command in ("inspect", "verify"):
        room.part(command, room.refused, command, room / "dcp", says=["torch.distributed.checkpoint"])
    room.part(
        "load", room.refused, "load", room / "dcp", room / "o.pt", says=["torch.distributed.checkpoint"]
    )
    (item,) = (room / "dcp").glob("*.distcp")
    for path in (item, room / "dcp" / ".metadata"):
        done = room.run("validate", path)
        room.part(f"judged {path.name}", wanted, "malformed" not in done.out.lower(), str(done))
        room.part(f"form of {path.name}", wanted, "does not write" not in done.out, str(done))
        done = room.run("inspect", path)
        room.part(f"inspect {path.name}", wanted, "malformed" not in done.err, str(done))
    wanted("dcp" not in room.run("list", room.folder).out, "a checkpoint of ours")
    source = room.save("in.pt", {"w": torch.ones(2)})
    room.part("over it", room.refused, "save", source, room / "dcp", "--overwrite")
    wanted(item.exists(), "it was replaced")


def case_30_unpacked_archives(room):
    """isrf_code#3, SAFA#8, pytorch#45394: the folder of an unpacked archive, and its data.pkl."""
    source = room.save("model.tar", {"w": torch.ones(3), "n": 1})
    zipfile.ZipFile(source).extractall(room / "x")
    folder = room / "x" / "model"
    room.part("archive", room.ok, "inspect", source)
    done = room.run("inspect", folder / "data.pkl")
    room.part("inspect data.pkl", done.says, "pickle", "unpacked")
    room.part(
        "convert data.pkl", room.refused, "convert", folder / "data.pkl", room / "o.pt", says=["unpacked"]
    )
    for command, more in [("inspect", []), ("convert", [room / "o.pt"])]:
        room.part(f"{command} folder", room.refused, command, folder, *more, says=["data.pkl"])
    room.part("storage", room.refused, "inspect", folder / "data" / "0")
    room.part("verify data.pkl", room.refused, "verify", folder / "data.pkl", says=["unpacked"])
    room.part("validate", room.ok, "validate", folder / "data.pkl")


def case_31_what_it_is(room):
    """As far as it goes today: whatever lies about in a cache of the hub is told for what it is."""
    snapshot = room / "models--a--b" / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    safetensors.torch.save_file({"w": torch.ones(3)}, room / "blob")
    (snapshot / "model.safetensors").symlink_to("../../../blob")
    (snapshot / "config.json").write_text(json.dumps({"model_type": "bert"}))
    room.part("link", room.ok, "inspect", snapshot / "model.safetensors")
    room.part("hub", room.refused, "inspect", snapshot, says=["model.safetensors"])
    sharded = room / "sharded"
    sharded.mkdir()
    safetensors.torch.save_file({"a": torch.ones(3)}, sharded / "model-00001-of-00002.safetensors")
    safetensors.torch.save_file({"b": torch.ones(3)}, sharded / "model-00002-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (sharded / "model.safetensors.index.json").write_text(json.dumps(index))
    room.part("sharded", room.refused, "inspect", sharded, says=["model.safetensors.index.json"])
    plain = room / "plain"
    plain.mkdir()
    torch.save({"w": torch.ones(3)}, plain / "checkpoint_0.pt")
    room.part("rank files", room.refused, "inspect", plain, says=["uncommitted"])
    room.part("uncommitted", room.ok, "inspect", plain, "--uncommitted")


def other_files():
    """Files that people take for checkpoints, with a word that tells."""
    zeros = bytes(64)
    return {
        "gzip.pt": (gzip.compress(b"x" * 99), "gzip"),
        "xz.pt": (b"\xfd7zXZ\0" + zeros, "xz"),
        "zstd.pt": (b"\x28\xb5\x2f\xfd" + zeros, "zst"),
        "model.gguf": (b"GGUF\x03\0\0\0" + zeros, "GGUF"),
        "model.h5": (b"\x89HDF\r\n\x1a\n" + zeros, "HDF5"),
        "lfs.pt": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n",
            "lfs",
        ),
        "page.pt": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "html"),
        "part.pt.incomplete": (b"PK\x03\x04" + zeros, "download"),
        "empty.pt": (b"", "empty"),
    }


def case_31_other_files(room):
    """Each is named, with what to do, in the words of `validate`."""
    for name, (content, word) in other_files().items():
        path = room / name
        path.write_bytes(content)
        room.part(f"inspect {name}", room.refused, "inspect", path, says=[word])
        room.part(f"convert {name}", room.refused, "convert", path, room / "o.pt", says=[word])
        if word != "download":
            room.part(f"validate {name}", lambda path=path, word=word: room.run("validate", path).says(word))
    script = torch.jit.trace(torch.nn.Linear(2, 1).eval(), torch.ones(1, 2))
    torch.jit.save(script, room / "script.pt")
    room.part("TorchScript", room.refused, "inspect", room / "script.pt", says=["TorchScript"])
    program = torch.export.export(torch.nn.Linear(2, 1), (torch.ones(1, 2),))
    torch.export.save(program, room / "program.pt2")
    room.part("pt2", room.refused, "inspect", room / "program.pt2", says=["torch.export"])
    wanted(room.verdict(room / "program.pt2") != "malformed", "what torch wrote is malformed")


def case_31_several_in_one_file(room):
    """torch.save into a file that is open, again and again, as its documentation has it for the old format."""
    with (room / "legacy.pt").open("wb") as file:
        for value in ({"w": torch.ones(3)}, {"v": torch.zeros(2)}):
            torch.save(value, file, _use_new_zipfile_serialization=False)
    with (room / "legacy.pt").open("rb") as file:
        wanted(list(torch.load(file)) == ["w"] and list(torch.load(file)) == ["v"], "torch reads both")
    with (room / "numbers.pt").open("wb") as file:
        for value in (1, 2):
            torch.save(value, file, _use_new_zipfile_serialization=False)
    with (room / "zips.pt").open("wb") as file:
        for value in ({"w": torch.ones(3)}, {"v": torch.zeros(2)}):
            buffer = io.BytesIO()
            torch.save(value, buffer)
            file.write(buffer.getvalue())
    for name, protocols in {"pickles.pkl": (2, 4, 0), "old.pkl": (2, 0)}.items():
        with (room / name).open("wb") as file:
            for protocol in protocols:
                pickle.dump({"epoch": 1}, file, protocol=protocol)
    for name, words in {
        "legacy.pt": ["unsupported", "torch.save", "one after the other"],
        "numbers.pt": ["unsupported", "torch.save", "one after the other"],
        "zips.pt": ["unsupported", "several lie in a row"],
        "pickles.pkl": ["unsupported", "pickle.dump", "one after the other"],
        "old.pkl": ["unsupported", "pickle.dump", "one after the other"],
    }.items():
        for command in (["inspect"], ["verify"], ["convert", room / "o.pt"]):
            line = [command[0], room / name, *command[1:]]
            room.part(f"{command[0]} {name}", room.refused, *line, says=words)


def case_31_plain_pickles(room):
    """The storages of what pickle writes are files in bytes: nothing looks into them, and that is said."""
    path = room / "t.pkl"
    path.write_bytes(pickle.dumps({"a": torch.ones(2), "b": torch.nn.Parameter(torch.zeros(3))}))
    words = "2 storages are files of their own in the bytes of values"
    for command in ("inspect", "verify"):
        room.part(command, lambda command=command: room.ok(command, path).says(words))


def case_32_names_in_other_scripts(room):
    """pytorch#98918, #185098: the same bytes as torch.save under that path; names that are not UTF-8."""
    decomposed = unicodedata.normalize("NFD", "café.pt")
    odd = [
        "网络.pt",
        "модель.pt",
        "\U0001f4a9.pt",
        "a b.pt",
        "a'b\".pt",
        ".pt",
        "a.b.c.pt",
        "noext.ckpt",
        "-dash.pt",
    ]
    odd += [
        "café.pt",
        decomposed,
        "new\nline.pt",
        "tab\t.pt",
        "a\\b.pt",
        "%41.pt",
        "x" * 130 + ".pt",
        "测试/网络.pt",
    ]
    odd += ["测试/plain.pt"]
    source = room.save("in/plain.pt", {"w": torch.ones(4)})
    for folder in ("theirs", "ours"):
        (room / folder / "测试").mkdir(parents=True)
    for name in odd:
        theirs, ours = room / "theirs" / name, room / "ours" / name
        try:
            torch.save({"w": torch.ones(4)}, theirs)
        except Exception:
            # A name that leaves torch without an archive name: any but an accident.
            room.part(repr(name), room.run, "convert", source, ours)
            continue

        def same(theirs=theirs, ours=ours):
            room.ok("convert", source, ours)
            wanted(ours.read_bytes() == theirs.read_bytes(), "other bytes than torch.save's")

        room.part(repr(name[:30]), same)
    strange = os.fsencode(room / "ours") + b"/\xff\xfe.pt"
    room.part("not UTF-8", room.ok, "convert", source, strange)
    room.part("inspect", room.ok, "inspect", strange)
    room.part("validate", room.ok, "validate", "--format", "json", strange)


def case_32_names_of_checkpoints(room):
    """What `save` makes is found by `list` and `latest`, or the name is refused."""
    source = room.save("in.pt", {"w": torch.ones(4)})
    for at, name in enumerate(
        [b"\xd1\x88-1", b"step-\xff", b".hidden", b".x.strongroom-staging", b"step 1", b"-x"]
    ):
        root = room / f"run{at}"
        root.mkdir()
        path = os.fsencode(root) + b"/" + name
        done = room.run("save", source, path, "--ranks", "2")
        if done.code:
            room.part(repr(name), wanted, os.listdir(root) == [], f"refused, and left {os.listdir(root)}")
            continue
        room.part(f"verify {name}", room.ok, "verify", path)
        room.part(f"latest {name}", room.ok, "latest", root)
        room.ok("save", source, root / "next")
        room.part(f"kept {name}", wanted, os.path.isdir(path), "the next save removed it")


def case_34_other_devices(room):
    """pytorch#87504, #124763, xla#2490: devices that this machine lacks; tensors by way of numpy."""
    serialization = torch.serialization
    for location in ("mps", "cuda:7", "xla:0", "hpu", "xpu:1", "privateuseone:0", "meta", "cuda"):
        kind, number = location.partition(":")[::2]
        usual = serialization.location_tag
        serialization.location_tag = lambda storage, kind=kind, number=number: (
            f"{kind}:{number}" if number else kind
        )
        try:
            path = room.save(f"{location}.pt", {"w": torch.arange(3.0), "v": torch.ones(2)})
            old = room.save(
                f"old {location}.pt", {"w": torch.arange(3.0)}, _use_new_zipfile_serialization=False
            )
        finally:
            serialization.location_tag = usual
        room.part(location, on_device, room, path, old, location)

    class ByNumpy:
        def __init__(self, tensor, device):
            self.made = torch._utils._rebuild_device_tensor_from_numpy
            self.arguments = (tensor.numpy(), tensor.dtype, device, False)

        def __reduce__(self):
            return self.made, self.arguments

    path = room.save("numpy.pt", {"w": ByNumpy(torch.arange(6.0).reshape(2, 3), "cpu"), "p": torch.ones(2)})
    room.lossless(path)
    room.part("listed", lambda: room.ok("inspect", path).says("w"))
    done = room.run("convert", path, room / "w.safetensors")
    if done.code == 0:
        found = safetensors.torch.load_file(room / "w.safetensors")
        wanted(torch.equal(found["w"], torch.arange(6.0).reshape(2, 3)), "other values")
    else:
        wanted("  w: " in done.err, f"not why: {done}")


def on_device(room, path, old, location):
    """Where a tensor was is shown, and kept."""
    for each in (path, old):
        listed = room.inspect(each)["tensors"]
        wanted({entry["device"] for entry in listed} == {location}, f"{each.name}: {listed}")
    out = room / "out" / path.name
    out.parent.mkdir(exist_ok=True)
    room.ok("convert", path, out)
    # A tag with a number is made anew for each storage, others are constants of torch.
    wanted(out.read_bytes() == path.read_bytes(), "other bytes")
    one, other = (torch.load(file, map_location="cpu") for file in (path, out))
    wanted(all(torch.equal(one[name], other[name]) for name in one), "other values")
    room.ok("convert", old, out)
    wanted({entry["device"] for entry in room.inspect(out)["tensors"]} == {location}, "another device")


# What is typed, and what it may come to: exit codes, and texts of which one is there.
PIPES = [
    ("cat in.pt | strongroom inspect /dev/stdin", {0, 1, 2, 3}, []),
    ("strongroom inspect /dev/stdin < in.pt", {0, 1, 2, 3}, []),
    ("cat in.pt | strongroom validate /dev/stdin", {0, 1, 2}, []),
    ("strongroom inspect -", {1, 2, 3}, ["-"]),
    ("mkfifo f; strongroom inspect f", {1, 2, 3}, ["f"]),
    ("mkfifo f2; strongroom validate f2", {1, 2}, ["f2"]),
    ("strongroom convert in.pt in.pt/o.pt", {1, 2, 3}, ["in.pt/o.pt"]),
    ("strongroom convert in.pt ''", {1, 64, 3}, []),
    ("strongroom inspect ''", {1, 64, 3}, []),
    ("strongroom inspect /proc/self/mem", {1, 2, 3}, ["/proc/self/mem"]),
    ("strongroom inspect /dev/zero", {1, 2, 3}, ["/dev/zero"]),
    ("strongroom validate /dev/zero /dev/null", {1, 2}, ["/dev/zero"]),
    ("mkdir o.pt.d; strongroom convert in.pt o.pt.d", {1, 64, 3}, ["o.pt.d"]),
    ("strongroom save in.pt /proc/x --ranks 2", {1, 2, 3}, ["/proc/x"]),
    ("strongroom inspect in.pt > /dev/full", {3}, []),
    ("strongroom inspect in.pt | head -1", {0}, ["in.pt"]),
    ("strongroom list /nowhere", {0, 1, 2, 3}, []),
    ("strongroom help", {0}, ["inspect"]),
    ("strongroom inspect in.pt in.pt", {0}, ["in.pt"]),
    ("strongroom verify in.pt in.pt", {0}, ["in.pt"]),
    ("strongroom inspect in.pt --filter 'nothing.*'", {0, 1}, ["nothing"]),
    ("strongroom convert in.pt model --to safetensors; head -c 9 model | tail -c 1", {0}, ["{"]),
]


def case_45_pipes_and_places(room):
    """pytorch#1526, #90040, #156955: inputs that cannot seek, outputs to devices and to places that
    are not there. It works or says why not, and never waits for ever."""
    source = room.save("in.pt", {"w": torch.ones(4)})
    for script, codes, texts in PIPES:

        def typed(script=script, codes=codes, texts=texts):
            done = room.shell(script)
            wanted(done.code in codes, str(done))
            wanted("panicked" not in done.said, str(done))
            wanted("error: :" not in done.said, f"an empty path: {done}")
            done.says(*texts)

        room.part(script, typed)
    room.part("missing parents", parents, room, source)
    room.part("devices", devices, room)
    room.part("unsafe into a pipe", unsafe_pipe, room)


def parents(room, source):
    """Made, or refused, by all commands alike."""
    codes = [
        room.run("convert", source, room / "a" / "b" / "o.pt").code,
        room.run("save", source, room / "c" / "d" / "step-1", "--ranks", "2").code,
    ]
    room.ok("save", source, room / "step-1")
    codes.append(room.run("load", room / "step-1", room / "e" / "f" / "o.pt").code)
    wanted(len({bool(code) for code in codes}) == 1, f"convert, save and load exit with {codes}")


def devices(room):
    """A pipe or a device is written to, or refused; it is never replaced by a file."""
    done = room.shell(
        "mkfifo g.pt; (timeout 5 cat g.pt > got.pt &) ; strongroom convert in.pt g.pt; sleep 0.2"
    )
    wanted(stat.S_ISFIFO(os.lstat(room / "g.pt").st_mode), f"a FIFO was replaced: {done}")
    if done.code == 0 and not done.err:
        same_values(room / "in.pt", room / "got.pt", "what came through the pipe")
    if root():
        done = room.shell("mknod n.pt c 1 3; strongroom convert in.pt n.pt")
        wanted(stat.S_ISCHR(os.lstat(room / "n.pt").st_mode), f"a device was replaced: {done}")
    place = socket.socket(socket.AF_UNIX)
    place.bind(os.path.relpath(room / "s.pt"))
    done = room.run("convert", room / "in.pt", room / "s.pt")
    wanted(stat.S_ISSOCK(os.lstat(room / "s.pt").st_mode), f"a socket was replaced: {done}")
    place.close()
    done = room.shell("strongroom convert in.pt /dev/stdout > through.pt")
    wanted(os.path.exists("/dev/stdout"), "/dev/stdout is gone")
    if done.code == 0 and (room / "through.pt").stat().st_size:
        same_values(room / "in.pt", room / "through.pt", "what went to /dev/stdout")
    else:
        wanted("/dev/stdout" in done.err, str(done))


def unsafe_pipe(room):
    """A broken pipe never improves an exit code."""
    room.save("bad.pt", {"call": Unsafe(), "w": torch.ones(1)})
    files = " ".join(["bad.pt"] * 400)
    done = room.shell(f"set -o pipefail; strongroom validate {files} | head -1")
    wanted(done.code == 1, f"exit code {done.code} for unsafe files into a closed pipe")


class Unsafe:
    """What a file must not do."""

    def __reduce__(self):
        return os.getcwd, ()
