"""Checkpoint directories: ranks that disagree, what is replaced, what is removed."""

import itertools
import os
import shutil
import socket
import subprocess
import sys

import torch

from reported.room import Done, wanted


def steps(room, *numbers):
    """A checkpoint file for each step, all alike but for the values."""
    return [
        room.save(
            f"step{n}.pt", {"w": torch.full((1000,), float(n)), "v": torch.full((1000,), float(n)), "step": n}
        )
        for n in numbers
    ]


def free_port():
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def together(room, run, *ranks, timeout="15"):
    """Ranks at one barrier, each a list of arguments before the path; what each came to."""
    barrier = ["--barrier", f"tcp-store://127.0.0.1:{free_port()}", "--barrier-timeout", timeout]
    started = [
        subprocess.Popen(
            [room.program, "save", source, run, *options, *barrier],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for source, *options in ranks
    ]
    done = []
    for process, rank in zip(started, ranks, strict=True):
        out, err = process.communicate(timeout=120)
        done.append(Done(rank, process.returncode, out, err))
    return done


def rank(source, number, world, *more):
    """One of the ranks."""
    return [source, "--rank", str(number), "--world-size", str(world), *more]


def none_committed(room, run, done):
    """All ranks fail and say why, and there is nothing."""
    for each in done:
        wanted(each.code in (1, 3, 5) and each.error(), f"a rank's word: {each}")
    wanted(not run.exists(), f"there is a checkpoint: {[str(each) for each in done]}")


def case_48_ranks_that_disagree(room):
    """KempnerForge#49, pytorch#76395, Megatron-LM#1530: ranks that have not the same file."""
    one, other = steps(room, 100, 101)
    damaged = room / "damaged.pt"
    # In both tensors, so that it is in the share of each rank.
    content, raw = bytearray(one.read_bytes()), torch.full((1000,), 100.0).numpy().tobytes()
    first = content.find(raw)
    for place in (first, content.find(raw, first + len(raw))):
        content[place + 100] ^= 1
    damaged.write_bytes(content)
    missing = room / "missing.pt"

    def alike():
        run = room / "alike"
        for each in together(room, run, rank(one, 0, 2, "--share"), rank(one, 1, 2, "--share")):
            wanted(each.code == 0, str(each))
        room.ok("verify", run)

    room.part("alike", alike)
    for name, files, more in [
        ("two steps", (one, other), ["--share"]),
        ("the other way", (other, one), ["--share"]),
        ("one damaged", (one, damaged), ["--share"]),
        ("own parts, one damaged", (one, damaged), []),
        ("one missing", (one, missing), ["--share"]),
        ("three, one of them behind", (one, one, other), ["--share"]),
    ]:
        run = room / name
        ranks = [rank(file, at, len(files), *more) for at, file in enumerate(files)]
        room.part(name, lambda run=run, ranks=ranks: none_committed(room, run, together(room, run, *ranks)))


def case_50_terms(room):
    """Ranks that agree on the data and not on the terms."""
    (one,) = steps(room, 1)
    for name, ranks in [
        ("world sizes", [rank(one, 0, 2, "--share"), rank(one, 1, 3, "--share")]),
        ("shared by one", [rank(one, 0, 2, "--share"), rank(one, 1, 2)]),
        ("replaced by one", [rank(one, 0, 2, "--share", "--overwrite"), rank(one, 1, 2, "--share")]),
        ("retention", [rank(one, 0, 2, "--share", "--keep-last", "1"), rank(one, 1, 2, "--share")]),
    ]:
        run = room / name
        room.part(
            name,
            lambda run=run, ranks=ranks: none_committed(room, run, together(room, run, *ranks, timeout="6")),
        )


def case_50_content(room):
    """A record without its files is no checkpoint, and the whole one stays."""
    for at, source in enumerate(steps(room, 1, 2, 3), 1):
        room.ok("save", source, room / "run" / f"step-{at}", "--ranks", "2")
    (room / "run" / "step-3" / "checkpoint_1.pt").unlink()
    latest = room.ok("latest", room / "run").out.strip()
    room.part("latest", wanted, latest.endswith("step-2"), f"latest is {latest}")
    listed = room.ok("list", room / "run")
    room.part("list", wanted, "step-2" in listed.out, str(listed))
    cut = room / "run" / "step-2" / "checkpoint_0.pt"
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-7])
    latest = room.ok("latest", room / "run").out.strip()
    room.part("cut", wanted, latest.endswith("step-1"), f"with a file cut, latest is {latest}")
    cut.write_bytes(whole)
    room.run("prune", room / "run", "--keep-last", "1")
    room.part("prune", wanted, (room / "run" / "step-2").exists(), f"left: {os.listdir(room / 'run')}")


def case_50_retention(room):
    """Retention keeps to the family of its name, and says what it removes."""
    one, two, three = steps(room, 1, 2, 3)
    runs = room / "runs"
    room.ok("save", one, runs / "decoder-100")
    shutil.copytree(runs / "decoder-100", runs / "best")
    room.ok("save", one, runs / "encoder-100")
    done = room.ok("save", two, runs / "encoder-200", "--keep-last", "1")
    left = set(os.listdir(runs))
    room.part("family", wanted, {"decoder-100", "best", "encoder-200"} <= left, f"left: {left}")
    room.part("removed", wanted, "encoder-100" not in left, f"left: {left}")
    room.part("said", done.says, "encoder-100")
    kept = room / "kept"
    for name, source in [("step-100-fp16", one), ("step-100", one), ("step-150", two), ("step-250", three)]:
        room.ok("save", source, kept / name)
    room.ok("prune", kept, "--keep-last", "1", "--keep-every", "100")
    left = set(os.listdir(kept))
    room.part("every", wanted, {"step-100", "step-100-fp16", "step-250"} <= left, f"left: {left}")
    own = room / "own"
    room.ok("save", one, own / "step-1")
    (own / "step-1" / "notes.txt").write_text("mine")
    room.run("save", two, own / "step-2", "--keep-last", "1")
    room.part("foreign files", wanted, (own / "step-1" / "notes.txt").exists(), "a user's file is gone")


def case_losses_nothing_overwritten(room):
    """Outputs inside a committed checkpoint, or that are a part of what is read."""
    one, two = steps(room, 1, 2)
    run = room / "run" / "step-1"
    room.ok("save", one, run, "--ranks", "2")
    before = {name: (run / name).read_bytes() for name in os.listdir(run)}
    link = room / "link.pt"
    link.symlink_to(run / "checkpoint_0.pt")
    hard = room / "hard.pt"
    os.link(run / "checkpoint_0.pt", hard)
    attempts = [
        ("load", run, run / "checkpoint_0.pt"),
        ("load", run, run / "new.pt"),
        ("load", run, link),
        ("load", run, hard),
        ("convert", two, run / "checkpoint_1.pt"),
        ("convert", two, run / "strongroom.json"),
        ("convert", run / "checkpoint_0.pt", run / "checkpoint_0.pt"),
        ("convert", two, link),
        ("save", two, run / "inner"),
    ]
    for arguments in attempts:
        name = f"{arguments[0]} {arguments[1].name} {arguments[2].name}"
        room.part(name, room.refused, *arguments)
        now = {file: (run / file).read_bytes() for file in os.listdir(run) if (run / file).is_file()}
        room.part(name, wanted, now == before, f"{name} changed the checkpoint")
        for file, content in before.items():
            (run / file).write_bytes(content)
        for file in now.keys() - before.keys():
            (run / file).unlink()
        shutil.rmtree(run / "inner", ignore_errors=True)
    copy = room / "copy.pt"
    shutil.copy(one, copy)
    room.part("another file", room.ok, "convert", two, copy)


def case_losses_foreign_files(room):
    """`--overwrite` never deletes what is not of the checkpoint; an empty directory is taken over."""
    one, two = steps(room, 1, 2)
    run = room / "step-1"
    room.ok("save", one, run, "--ranks", "2")
    (run / "config.json").write_text("{}")
    done = room.run("save", two, run, "--ranks", "2", "--overwrite")
    wanted((run / "config.json").exists(), f"config.json is gone: {done}")
    wanted(done.code == 0 or "config.json" in done.err, f"not why: {done}")
    (room / "empty").mkdir()
    room.part("empty", room.ok, "save", one, room / "empty")


def case_losses_limits(room):
    """A writer's domain is no larger than the reader's."""
    path = room.save("deep.pt", nested(1005))
    done = room.run("convert", path, room / "o.pt")
    if done.code == 0:
        room.ok("inspect", room / "o.pt")
    else:
        wanted("limit" in done.err or "depth" in done.err, str(done))
    (room / "out").mkdir()
    for depth, ranks in itertools.product((990, 997, 998, 999, 1000), (1, 3)):
        path = room.save(f"{depth}.pt", nested(depth))
        run = room / f"{depth}-over-{ranks}"
        if room.run("save", path, run, "--ranks", str(ranks)).code == 0:
            room.part(f"depth {depth}", room.ok, "verify", run)
            room.part(f"depth {depth}", room.ok, "load", run, room / "out" / path.name)


def nested(depth):
    """A tensor in so many lists. Python's own pickler goes as deep as the stack allows."""
    deep = torch.ones(1)
    for _ in range(depth):
        deep = [deep]
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 10 * depth))
    return {"deep": deep, "w": torch.ones(2)}


def case_losses_absence(room):
    """A placeholder in a rank file is told from a None."""
    path = room.save("in.pt", {"l": [torch.ones(4), None, torch.zeros(3)], "n": None, "w": torch.ones(2)})
    room.ok("save", path, room / "step-1", "--ranks", "3")
    done = room.run("load", room / "step-1", room / "part.pt", "--rank", "1")
    if done.code == 0:
        done.says("part")
