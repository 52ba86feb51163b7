"""What the real readers do with each file of the hostile corpus.

    python tests/interop/hostile.py [--bless] [--only PREFIX] [DIRECTORY]

Every load runs in a process of its own, in an empty folder, with limits on time
and memory. `executes` means that the payload's marker appeared there, or that
the module named by `imports` was imported. Without `--bless` it fails if the
outcome is not what truth.json says; with it, truth.json is written.
"""

import argparse
import atexit
import concurrent.futures
import gc
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings

import numpy
import safetensors.torch
import torch

DATA = pathlib.Path(__file__).parent.parent / "data" / "hostile"
MARKER = "strongroom-marker"
SECONDS = 20
MEMORY = 8 << 30
# How long a command that a payload started may take to leave its marker.
PATIENCE = 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=DATA)
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folders = sorted(path.parent for path in arguments.directory.glob(f"{arguments.only}*/truth.json"))
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for folder, observed in zip(folders, pool.map(observe, folders)):
            path = folder / "truth.json"
            truth = json.loads(path.read_text())
            changed = {key: value for key, value in observed.items() if truth[key] != value}
            for key, value in changed.items():
                print(f"{folder.name}: {key}: {truth[key]} -> {value}")
            wrong += bool(changed)
            if arguments.bless and changed:
                path.write_text(json.dumps(truth | observed, indent=2) + "\n")
    print(f"{len(folders)} files, {wrong} with other outcomes than before")
    return 1 if wrong and not arguments.bless else 0


def observe(folder):
    truth = json.loads((folder / "truth.json").read_text())
    path = folder / truth["file"]
    imports = truth.get("imports")
    return {reader: READERS[reader](path, imports) for reader in READERS if reader in truth}


def by_torch(path, imports):
    def load(weights_only):
        return lambda: torch.load(path, weights_only=weights_only)

    strict = outcome(load(True), imports)
    return {"weights_only": strict.replace("fails:", "refuses:"), "plain": outcome(load(False), imports)}


def by_pickle(path, imports):
    import pickle

    def load():
        with open(path, "rb") as file:
            return pickle.load(file)

    return outcome(load, imports)


def by_safetensors(path, imports):
    return outcome(lambda: safetensors.torch.load_file(path), imports)


def by_numpy(path, imports):
    def load(allow_pickle):
        def whole():
            loaded = numpy.load(path, allow_pickle=allow_pickle)
            return dict(loaded) if isinstance(loaded, numpy.lib.npyio.NpzFile) else loaded

        return whole

    return {"no_pickle": outcome(load(False), imports), "allow_pickle": outcome(load(True), imports)}


READERS = {"torch": by_torch, "pickle": by_pickle, "safetensors": by_safetensors, "numpy": by_numpy}


def outcome(load, imports):
    """`loads`, `executes` or `fails: ` and why, found out in a child process."""
    folder = tempfile.mkdtemp(prefix="hostile-")
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        run_child(load, imports, folder, theirs)
    os.close(theirs)
    said = listen(ours, child)
    _, status = os.waitpid(child, 0)
    marked = os.path.exists(os.path.join(folder, MARKER))
    shutil.rmtree(folder)
    if marked:
        return "executes"
    if said is None:
        return "fails: timeout"
    return said or f"fails: signal {os.waitstatus_to_exitcode(status)}".replace("signal -", "signal ")


def listen(pipe, child):
    """What the child says, None if it takes too long. Ends its whole session."""
    said = b""
    deadline = time.monotonic() + SECONDS
    while True:
        ready = select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            said = None
            break
        part = os.read(pipe, 1000)
        if not part:
            break
        said += part
    os.close(pipe)
    for target in (os.killpg, os.kill):
        try:
            target(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return None if said is None else said.decode()


def run_child(load, imports, folder, answer):
    try:
        os.setsid()
        os.chdir(folder)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        os.set_inheritable(answer, False)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        before = imports in sys.modules
        said = attempt(load)
        atexit._run_exitfuncs()
        wait_for_commands()
        if imports in sys.modules and not before:
            said = "executes"
        os.write(answer, said.encode())
    finally:
        os._exit(0)


def attempt(load):
    try:
        loaded = load()
        del loaded
        gc.collect()
    except BaseException as error:
        return f"fails: {type(error).__name__}"
    return "loads"


def wait_for_commands():
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(main())
