"""Holds the barrier over TCPStore against the real PyTorch.

    python tests/interop/barrier.py --examples target/release/examples

It wants torch 2.15. Prints a line for each group and exits with 1 if anything
failed.
"""

import argparse
import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta

import torch.distributed as dist
import torch.distributed.elastic.utils.store as store_util
from torch.distributed.checkpoint._experimental.barriers import TCPStoreBarrier

ROUNDS = 200
LIMIT = 60
PREFIX = "interop"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=pathlib.Path, required=True, help="where rank and store_server are")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS), help="only these")
    # A rank in Python is this program in a process of its own.
    parser.add_argument("--rank", nargs=5, metavar=("RANK", "WORLD_SIZE", "PORT", "LIBUV", "ROUNDS"))
    options = parser.parse_args()
    if options.rank:
        return python_rank(*map(int, options.rank))
    failed = 0
    for name in options.groups:
        wrong = list(GROUPS[name](options.examples.resolve()))
        failed += bool(wrong)
        print(f"{name}: {'FAILED' if wrong else 'passed'}", flush=True)
        for line in wrong:
            print(f"  {line}", flush=True)
    sys.exit(1 if failed else 0)


# Ranks in Python and Rust in one barrier.


def python_serves_with_libuv(examples):
    return mixed(examples, "prpr", libuv=True)


def python_serves_without_libuv(examples):
    return mixed(examples, "prpr", libuv=False)


def rust_serves(examples):
    return mixed(examples, "rprp", libuv=True)


def rust_alone(examples):
    return mixed(examples, "rrr", libuv=True)


def mixed(examples, kinds, libuv):
    """A world of Python (p) and Rust (r) ranks passes the barrier many times."""
    ranks = start(examples, kinds, libuv, LIMIT, [ROUNDS] * len(kinds))
    yield from wait_for(ranks, [f"rank {rank} ({kind})" for rank, kind in enumerate(kinds)])


def start(examples, kinds, libuv, timeout, rounds):
    port = free_port()
    config = {"barrier_prefix": PREFIX, "master_address": "127.0.0.1", "tcpstore_port": port}
    config = json.dumps({"barrier_type": "tcp_store", "barrier_args": {**config, "timeout_secs": timeout}})
    for rank, kind in enumerate(kinds):
        world = [str(rank), str(len(kinds))]
        if kind == "p":
            command = [sys.executable, __file__, "--examples", examples, "--rank", *world, str(port), str(int(libuv))]
        else:
            command = [examples / "rank", config, *world, "-"]
        command.append(str(rounds[rank]))
        yield subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def a_late_python_rank(examples):
    """Ranks in Rust name a rank in Python that does not come, and not one that does."""
    for kinds, libuv in [("rrpp", True), ("prpp", False)]:
        # Longer than Python takes to start.
        timeout = 30
        ranks = list(start(examples, kinds, libuv, timeout, [9, 9, 5, 9]))
        for rank, kind in enumerate(kinds):
            if kind == "r":
                printed, _ = ranks[rank].communicate(timeout=timeout + LIMIT)
                if f"missing ranks: 2: did not come within {timeout} s" not in printed:
                    yield f"rank {rank} of {kinds} says {printed[-500:]}"
        for process in ranks:
            process.kill()
            process.communicate()


def a_killed_python_rank_0(examples):
    """Where a rank 0 in Python serves, it is named when it ends."""
    ranks = list(start(examples, "prr", True, LIMIT, [5, 9, 9]))
    for process in ranks[1:]:
        printed, _ = process.communicate(timeout=LIMIT)
        # While Python tears down, its store is deaf and not closed yet.
        if "missing ranks: 0: " not in printed or printed.count("done ") != 5:
            yield f"it says {printed[-500:]}"
    ranks[0].communicate()


def wait_for(processes, names):
    """What is wrong with how ranks end, all of which are to pass all rounds."""
    for process, name in zip(list(processes), names):
        try:
            printed, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
            yield f"{name} hangs: {printed[-500:]}"
            continue
        passed = printed.count("done ")
        if process.returncode or passed != ROUNDS:
            yield f"{name} ended with {process.returncode} after {passed} rounds: {printed[-500:]}"


def python_rank(rank, world_size, port, libuv, rounds):
    """One rank in Python, with PyTorch's own barrier."""
    if not libuv:
        # The barrier's own switch does nothing.
        store = dist.TCPStore
        dist.TCPStore = lambda *args, **kwargs: store(*args, **kwargs, use_libuv=False)
    barrier = TCPStoreBarrier(
        global_rank=rank,
        global_world_size=world_size,
        barrier_prefix=PREFIX,
        timeout_barrier_init_secs=LIMIT,
        use_checkpoint_barrier_tcpstore_libuv=bool(libuv),
        tcpstore_port=port,
        master_address="127.0.0.1",
        timeout_secs=LIMIT,
    )
    assert barrier._tcp_store.libuvBackend == bool(libuv), "the other kind of server"
    for number in range(rounds):
        barrier.execute_barrier()
        print("done", number, flush=True)
    # The server ends with its process: the others may still be in the last round.
    # One that stops early stays as well, and does not come.
    if rank == 0:
        time.sleep(1)
    elif rounds < 9:
        time.sleep(LIMIT)


# Ranks in Rust save over a store of PyTorch.


def save_with_libuv(examples):
    return save(examples, libuv=True)


def save_without_libuv(examples):
    return save(examples, libuv=False)


def save(examples, libuv):
    """Three ranks save; then they save again, and one of them dies."""
    server = dist.TCPStore("127.0.0.1", 0, None, True, timedelta(seconds=5), use_libuv=libuv)
    arguments = {"master_address": "127.0.0.1", "tcpstore_port": server.port, "agent_store": True}
    config = json.dumps({"barrier_type": "tcp_store", "barrier_args": arguments})
    for trouble in [], ["die-pre-commit", "3"]:
        with tempfile.TemporaryDirectory() as root:
            commands = [[examples / "rank", config, str(rank), "3", root, "20"] for rank in range(3)]
            commands[1] += trouble
            ranks = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
            printed = [process.communicate(timeout=LIMIT)[0] for process in ranks]
            saved = len([path for path in pathlib.Path(root).iterdir() if path.name.startswith("step-")])
        if not trouble and any(process.returncode for process in ranks):
            yield f"ranks ended badly: {printed}"
        if saved != (3 if trouble else 20):
            yield f"{saved} were saved with {trouble}"
        for rank in [0, 2] if trouble else []:
            if "missing ranks: 1: no sign of life" not in printed[rank]:
                yield f"rank {rank} says {printed[rank][-500:]}"
        # Who leaves in order leaves the names of the last sessions.
        if not trouble and server.num_keys() != 1:
            yield f"what is left on the store: {server.list_keys()}"


# A client of PyTorch at our server and at PyTorch's.


def operations(examples):
    """The same calls, against both servers, have the same results."""
    with rust_server(examples) as port:
        ours = transcript(port)
    theirs_server = dist.TCPStore("127.0.0.1", 0, None, True, timedelta(seconds=5), use_libuv=True)
    theirs = transcript(theirs_server.port)
    if len(theirs) < 60:
        yield f"only {len(theirs)} calls"
    if len(ours) != len(theirs):
        yield f"{len(ours)} calls here, {len(theirs)} there"
    for (call, here), (_, there) in zip(ours, theirs):
        if here != there:
            yield f"{call}: {here!r}, and from PyTorch {there!r}"


def transcript(port):
    """What each of many calls answers."""
    lines = []

    def connect(seconds=5):
        return dist.TCPStore("127.0.0.1", port, None, False, timedelta(seconds=seconds))

    def note(call, run):
        try:
            result = run()
        except Exception as error:
            # Addresses and traces differ.
            result = type(error).__name__
        lines.append((call, result))

    store = connect()
    short = connect(0.3)

    def call(name, *args):
        note(f"{name}{args}", lambda: getattr(store, name)(*args))

    def fails(name, *args):
        note(f"{name}{args} in vain", lambda: getattr(short, name)(*args))

    def while_waiting(name, wait, act):
        """`act` ends what `wait` waits for."""
        result = []
        thread = threading.Thread(target=lambda: note_into(result, wait))
        thread.start()
        time.sleep(0.2)
        result.append("waits" if thread.is_alive() else "does not wait")
        act()
        thread.join(5)
        lines.append((name, list(result)))

    def note_into(result, run):
        try:
            result.append(run())
        except Exception as error:
            result.append(type(error).__name__)

    for value in ["", "value", "x" * 100_000, "ü"]:
        call("set", "key", value)
        call("get", "key")
    call("get", "key")
    fails("get", "absent")
    fails("wait", ["key", "absent"], timedelta(milliseconds=200))
    fails("wait", ["absent"])
    # A connection is of use after a wait that was canceled.
    fails("get", "key")
    call("wait", ["key"])
    call("check", ["key"])
    call("check", ["key", "absent"])
    call("check", [])
    for amount in [1, 41, -50, 0, 2**62]:
        call("add", "number", amount)
    call("get", "number")
    call("set", "seven", "7")
    call("add", "seven", 1)
    # Absent: kept when expected is empty, else what was expected; equal; not equal.
    for key, expected, desired in [
        ("c1", "x", "y"), ("c1", "", "first"), ("c1", "first", "second"), ("c1", "first", "third"),
        ("c1", "", "fourth"), ("c1", "second", ""), ("c1", "", "fifth"),
    ]:
        call("compare_set", key, expected, desired)
        call("check", [key])
    call("append", "log", "a")
    call("append", "log", "bc")
    call("get", "log")
    call("multi_set", ["m1", "m2", "m3"], ["1", "", "3"])
    call("multi_get", ["m3", "m1", "m2", "key"])
    fails("multi_get", ["m1", "absent"])
    call("num_keys")
    note("list_keys", lambda: sorted(store.list_keys()))
    call("delete_key", "m2")
    call("delete_key", "m2")
    call("num_keys")
    note("list_keys", lambda: sorted(store.list_keys()))
    for value in ["1", "2", ""]:
        call("queue_push", "queue", value)
    call("queue_len", "queue")
    call("check", ["queue"])
    call("num_keys")
    call("delete_key", "queue")
    for _ in range(3):
        call("queue_pop", "queue")
    call("queue_len", "queue")
    call("check", ["queue"])
    fails("queue_pop", "queue", False)
    fails("queue_pop", "queue", True)
    other = connect()
    while_waiting("wait for two", lambda: store.wait(["w1", "w2"]), lambda: other.multi_set(["w1", "w2"], ["", ""]))
    while_waiting("get when added", lambda: store.get("w3"), lambda: other.add("w3", 5))
    while_waiting("get when appended", lambda: store.get("w4"), lambda: other.append("w4", "x"))
    while_waiting("get when compared", lambda: store.get("w5"), lambda: other.compare_set("w5", "", "x"))
    while_waiting("pop when pushed", lambda: store.queue_pop("w6"), lambda: other.queue_push("w6", "x"))
    fails("barrier", "b0", 2, timedelta(milliseconds=200))
    while_waiting(
        "barrier of two",
        lambda: store.barrier("b1", 2, timedelta(seconds=5)),
        lambda: other.barrier("b1", 2, timedelta(seconds=5)),
    )
    call("get", "b1")
    call("barrier", "b2", 1, timedelta(seconds=5))
    inner = dist.PrefixStore("outer", dist.PrefixStore("inner", store))
    note("set with prefixes", lambda: inner.set("k", "v"))
    note("get with prefixes", lambda: inner.get("k"))
    call("get", "inner/outer/k")
    note("num_keys with prefixes", inner.num_keys)
    note("delete with prefixes", lambda: inner.delete_key("k"))
    worker = dist.TCPStore("127.0.0.1", port, 2, False, timedelta(seconds=5))
    note("list_keys with workers", lambda: sorted(worker.list_keys()))
    note("num_keys with workers", worker.num_keys)
    note("the store's own barrier", lambda: store_util.barrier(worker, 1, "own", 5))
    clone = store.clone()
    note("a clone", lambda: clone.get("key"))
    note("a long key", lambda: connect().set("k" * 8190, "v"))
    # What is refused has no answer: the connection is gone for the next call.
    for name, key, value in [("key", "k" * 9000, "v"), ("value", "k", "v" * ((8 << 20) + 1))]:
        note(f"a {name} that is too long", lambda: refused(connect(), key, value))
    number = connect()
    number.set("word", "word")
    note("a number that is none", lambda: number.add("word", 1))
    return lines


def refused(store, key, value):
    store.set(key, value)
    store.get("key")


@contextlib.contextmanager
def rust_server(examples):
    """The port of a server of ours."""
    server = subprocess.Popen([examples / "store_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(server.stdout.readline().rpartition(":")[2])
    finally:
        server.stdin.close()
        if server.wait(LIMIT):
            raise RuntimeError(f"the server ended with {server.returncode}")


# torchrun starts ranks in Rust.


def torchrun(examples):
    """Ranks meet on the agent's store, also after they were started again."""
    config = json.dumps({"barrier_type": "tcp_store"})
    with tempfile.TemporaryDirectory() as root:
        # The first time, a rank dies in the third save.
        script = f"""
            trouble=""
            test "$TORCHELASTIC_USE_AGENT_STORE" = True || exit 3
            if test "$TORCHELASTIC_RESTART_COUNT" = 0 && test "$RANK" = 1; then trouble="die-before 2"; fi
            exec {examples / "rank"} '{config}' $RANK $WORLD_SIZE {root}/$TORCHELASTIC_RESTART_COUNT 5 $trouble"""
        command = [pathlib.Path(sys.executable).parent / "torchrun", "--nproc-per-node=3", "--max-restarts=1"]
        command += ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--no-python"]
        ran = subprocess.run(
            [*command, "bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT
        )
        if ran.returncode:
            yield f"torchrun ended with {ran.returncode}: {ran.stdout[-1500:]}"
        for restart, expected in [("0", 2), ("1", 5)]:
            directory = pathlib.Path(root) / restart
            found = sorted(path.name for path in directory.iterdir() if path.name.startswith("step-"))
            if found != [f"step-{number}" for number in range(expected)]:
                yield f"start {restart} left {found}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


GROUPS = {
    "operations": operations,
    "rust-alone": rust_alone,
    "rust-serves": rust_serves,
    "python-serves-libuv": python_serves_with_libuv,
    "python-serves": python_serves_without_libuv,
    "late-python-rank": a_late_python_rank,
    "killed-python-rank-0": a_killed_python_rank_0,
    "save-libuv": save_with_libuv,
    "save": save_without_libuv,
    "torchrun": torchrun,
}

if __name__ == "__main__":
    main()
