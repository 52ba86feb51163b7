"""Checkpoint directories: ranks that disagree, what is replaced, what is removed."""

import itertools
import mmap
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import torch
from safetensors.torch import save_file

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


def case_48_contents_and_metadata(room):
    """Ranks whose files differ in what a file without checksums says of nothing by itself."""

    def flat(name, step, **metadata):
        tensors = {"w": torch.full((1000,), step), "v": torch.full((1000,), step)}
        save_file(tensors, room / name, metadata=metadata)
        return room / name

    one, same = flat("a.safetensors", 1.0, k="1"), flat("b.safetensors", 1.0, k="1")
    other, later = flat("c.safetensors", 1.0, k="2"), flat("d.safetensors", 2.0, k="1")
    legacy = [
        room.save(f"legacy{n}.pt", {"w": torch.full((9,), float(n))}, _use_new_zipfile_serialization=False)
        for n in (1, 2)
    ]
    step, values = room.save("step.pt", {"w": torch.ones(4), "step": 1}), torch.ones(4)
    said = room.save("said.pt", {"w": values, "step": 2})
    shape = room.save("shape.pt", {"w": torch.ones(2, 2), "step": 1})
    listed, tupled = room.save("listed.pt", {"a": [values]}), room.save("tupled.pt", {"a": (values,)})
    one_of, other_of = torch.ones(2, 2), torch.ones(2, 2)
    apart = room.save("apart.pt", {"w": one_of, "v": other_of})
    tied = room.save("tied.pt", {"w": one_of, "v": one_of})
    renamed = room.save("renamed.pt", {"w": one_of, "u": other_of})
    backwards = room.save("backwards.pt", {"v": other_of, "w": one_of})
    parameters = room.save("parameters.pt", {"w": torch.nn.Parameter(one_of), "v": other_of})
    frozen = room.save("frozen.pt", {"w": torch.nn.Parameter(one_of, requires_grad=False), "v": other_of})
    straight, turned = room.save("straight.pt", {"w": one_of}), room.save("turned.pt", {"w": one_of.t()})

    def alike():
        for each in together(room, room / "alike", rank(one, 0, 2, "--share"), rank(same, 1, 2, "--share")):
            wanted(each.code == 0, str(each))

    room.part("alike", alike)
    for what, files in [
        ("metadata", (one, other)),
        ("the contents of tensors", (one, later)),
        ("the contents of tensors", legacy),
        ("values that are no plain tensors, or what holds them", (step, said)),
        ("values that are no plain tensors, or what holds them", (listed, tupled)),
        ("which tensors share memory, and how they look into it", (apart, tied)),
        ("which tensors share memory, and how they look into it", (straight, turned)),
        ("which tensors are parameters, or require grad", (apart, parameters)),
        ("which tensors are parameters, or require grad", (apart, frozen)),
        ("the order of tensors", (apart, backwards)),
        ("the names of tensors", (apart, renamed)),
        ("the dtypes and shapes of tensors", (step, shape)),
        ("the number of tensors", (one, step)),
    ]:

        def differ(what=what, files=files):
            run = room / f"{files[0].name}-{files[1].name}"
            done = together(room, run, *(rank(file, at, 2, "--share") for at, file in enumerate(files)))
            none_committed(room, run, done)
            for each in done:
                text = each.error()
                wanted(f"the ranks disagree on {what}: " in text and "hint: " in text, str(each))
                wanted(all(str(file) in text for file in files), f"no file is named: {each}")

        room.part(f"{files[0].name} and {files[1].name}", differ)


def case_48_a_rank_that_cannot_begin(room):
    """What is wrong on one rank is known to all at once, whoever would have written it."""
    (one,) = steps(room, 100)
    content = bytearray(one.read_bytes())
    first = content.find(torch.full((1000,), 100.0).numpy().tobytes())
    damaged = []
    for at in (0, 1):
        # One tensor only: it is in the share of one rank.
        content[first + 100] ^= 1
        damaged.append(room / f"damaged{at}.pt")
        damaged[at].write_bytes(content)
        content[first + 100] ^= 1
        first = content.find(torch.full((1000,), 100.0).numpy().tobytes(), first + 4000)
    cut = room / "cut.pt"
    cut.write_bytes(one.read_bytes()[:3000])
    for bad, words in [
        (damaged[0], "the file was damaged after it was written"),
        (damaged[1], "the file was damaged after it was written"),
        (cut, "truncated"),
        (room / "missing.pt", "cannot open"),
    ]:
        for at in (0, 1):

            def told(bad=bad, words=words, at=at):
                run, files = room / f"run-{bad.name}-{at}", [one, one]
                files[at] = bad
                start = time.monotonic()
                done = together(
                    room, run, *(rank(file, n, 2, "--share") for n, file in enumerate(files)), timeout="60"
                )
                wanted(time.monotonic() - start < 30, "the ranks wait for one that cannot come")
                none_committed(room, run, done)
                for each in done:
                    wanted(words in each.error() and str(bad) in each.error(), str(each))
                wanted(f"rank {at}: " in done[1 - at].error(), str(done[1 - at]))

            room.part(f"{bad.name} on rank {at}", told)


def case_48_two_directories(room):
    """Ranks that save under one name into two places."""
    (one,) = steps(room, 1)
    place = f"tcp-store://127.0.0.1:{free_port()}"
    for folder in ("here", "there"):
        (room / folder).mkdir()
    started = [
        subprocess.Popen(
            [room.program, "save", *rank(one, at, 2, "--share"), room / folder / "run"]
            + ["--barrier", place, "--barrier-timeout", "20"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for at, folder in enumerate(("here", "there"))
    ]
    for at, process in enumerate(started):
        out, err = process.communicate(timeout=120)
        done = Done(["save"], process.returncode, out, err)
        said = "the ranks disagree on the directory that they save in: "
        room.part(f"rank {at}", wanted, done.code == 5 and said in done.error(), str(done))
    wanted(not any((room / folder / "run").exists() for folder in ("here", "there")), "there is a checkpoint")


def case_6_a_file_that_is_written_to(room):
    """A store through a shared map changes no times: two contents by turns, of which none may be mixed."""
    contents = []
    for value in (1.0, 2.0):
        save_file({f"w{n}": torch.full((1_500_000,), value) for n in range(4)}, room / f"{value}.safetensors")
        contents.append((room / f"{value}.safetensors").read_bytes())
    source = room / "model.safetensors"
    source.write_bytes(contents[0])
    ended = threading.Event()

    mixed = []

    def whole_or_refused(done, made):
        if done.code == 0:
            # At some moments the file is whole.
            made = made if made.is_file() else made / "checkpoint_0.pt"
            values = torch.cat([*torch.load(made).values()]).unique().tolist()
            mixed.extend([done] * (len(values) > 1))
        else:
            wanted("was written to, while it was read" in done.error(), str(done))

    with open(source, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[:] = contents[0]

        def write():
            for content in itertools.cycle(contents):
                mapped[:] = content
                if ended.wait(0.001):
                    return

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for at in range(6):
                for command in (
                    ["convert", source, room / f"{at}.pt"],
                    ["save", source, room / f"run-{at}"],
                ):
                    room.part(f"{command[0]} {at}", whole_or_refused, room.run(*command), command[-1])
        finally:
            ended.set()
            writer.join()
    # A writer that the kernel halts halfway stands still, and so does the file.
    wanted(len(mixed) < 2, f"mixed: {[str(done) for done in mixed]}")


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
