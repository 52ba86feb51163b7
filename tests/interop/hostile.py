"""What the real readers do with each file of the hostile corpus.

    python tests/interop/hostile.py [--bless] [--only PREFIX] [DIRECTORY]

Every load runs in a process of its own, in an empty folder, with limits on time
and memory. `executes` means that the payload's marker appeared there, or that
the module named by `imports` was imported; `differs`, that this way of reading gives
other values than `torch.load` alone. Without `--bless` it fails if the outcome is not
what truth.json says; with it, truth.json is written.
"""

import argparse
import atexit
import concurrent.futures
import gc
import importlib
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile

import numpy
import safetensors.torch
import torch
import torch.utils.serialization

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
            for contradiction in contradictions(truth | observed):
                print(f"{folder.name}: {contradiction}")
                wrong += 1
            wrong += bool(changed)
            if arguments.bless and changed:
                path.write_text(json.dumps(truth | observed, indent=2) + "\n")
    print(f"{len(folders)} files, {wrong} with other outcomes than before")
    return 1 if wrong and not arguments.bless else 0


def contradictions(truth):
    """What the expected verdicts must not say, given what real readers do."""
    outcomes = set()
    # Who gives a file to Python itself does not load a model.
    for reader in READERS.keys() - {"python"}:
        seen = truth.get(reader, {})
        outcomes |= set(seen.values() if isinstance(seen, dict) else [seen])
    verdicts = set(truth["expect"])
    if "executes" in outcomes and not {"unsafe"} <= verdicts <= {"unsafe", "unverified"}:
        yield f"it runs code, and may not be judged {truth['expect']}"
    if truth["torch"]["weights_only"] == "executes":
        yield "torch.load(weights_only=True) runs code"
    if verdicts & {"safe", "trusting"} and "loads" not in outcomes:
        yield "no reader loads it, and it may be judged safe"
    if "safe" in verdicts and (truth.get("jit") == "loads" or "differs" in outcomes):
        yield "a reader takes it for something else, and it may be judged safe"


def observe(folder):
    truth = json.loads((folder / "truth.json").read_text())
    path = folder / truth["file"]
    return {reader: READERS[reader](path, truth) for reader in READERS if reader in truth}


def by_torch(path, truth):
    def load(weights_only):
        def whole():
            with torch.serialization.safe_globals(allowed(truth)):
                return torch.load(path, weights_only=weights_only)

        return whole

    strict = outcome(load(True), truth)
    return {"weights_only": strict.replace("fails:", "refuses:"), "plain": outcome(load(False), truth)}


def allowed(truth):
    """What `allow` names, and the classes of numpy's dtypes, as users allow them."""
    names = truth.get("allow", [])
    found = [(getattr(importlib.import_module(of), name), f"{of}.{name}") for of, name in map(split, names)]
    if names:
        found += [kind for kind in vars(numpy.dtypes).values() if isinstance(kind, type)]
    return found


def split(name):
    return name.rsplit(".", 1)


def by_pickle(path, truth):
    import pickle

    def load():
        with open(path, "rb") as file:
            return pickle.load(file)

    return outcome(load, truth)


def by_safetensors(path, truth):
    return outcome(lambda: safetensors.torch.load_file(path), truth)


def by_numpy(path, truth):
    def load(allow_pickle):
        def whole():
            loaded = numpy.load(path, allow_pickle=allow_pickle)
            return dict(loaded) if isinstance(loaded, numpy.lib.npyio.NpzFile) else loaded

        return whole

    return {"no_pickle": outcome(load(False), truth), "allow_pickle": outcome(load(True), truth)}


def by_jit(path, truth):
    return outcome(lambda: torch.jit.load(path), truth)


def by_tarfile(path, truth):
    def load():
        with tarfile.open(path, "r:") as archive:
            return some(archive.getnames())

    return outcome(load, truth)


def by_zipfile(path, truth):
    def load():
        with zipfile.ZipFile(path) as archive:
            return some(archive.namelist())

    return outcome(load, truth)


def some(names):
    """An archive that is none has no members."""
    if not names:
        raise LookupError
    return names


def by_python(path, truth):
    """Python runs a `__main__.py` in an archive."""
    return outcome(lambda: subprocess.run([sys.executable, path], check=True), truth)


def by_mmap(path, truth):
    """What transformers does with files of torch."""
    return outcome(lambda: same_values(path, lambda: torch.load(path, mmap=True)), truth)


def by_offsets(path, truth):
    """The same where torch computes the places of storages that `.format_version` promises."""

    def load():
        torch.utils.serialization.config.load.calculate_storage_offsets = True
        same_values(path, lambda: torch.load(path, mmap=True))

    return outcome(load, truth)


def by_meta(path, truth):
    """Where the bytes are said to be of what is loaded without them."""

    def load():
        content = path.read_bytes()
        there = dict(storages(torch.load(path, map_location="cpu")))
        for name, found in storages(torch.load(path, map_location="meta")):
            start, length = found._checkpoint_offset, found.nbytes()
            if content[start : start + length] != bytes(there[name]):
                raise DiffersError

    return outcome(load, truth)


def same_values(path, load):
    for (_, ours), (_, theirs) in zip(storages(torch.load(path)), storages(load()), strict=True):
        if bytes(ours) != bytes(theirs):
            raise DiffersError


def storages(of, name=""):
    """The storages of a tensor, or of those in lists and dicts, by their places there."""
    if isinstance(of, torch.Tensor):
        yield name, of.untyped_storage()
    elif isinstance(of, (list, tuple, dict)):
        for key, item in of.items() if isinstance(of, dict) else enumerate(of):
            yield from storages(item, f"{name}.{key}")


class DiffersError(Exception):
    """A reader sees something else."""


READERS = {
    "torch": by_torch,
    "pickle": by_pickle,
    "safetensors": by_safetensors,
    "numpy": by_numpy,
    "jit": by_jit,
    "tarfile": by_tarfile,
    "zipfile": by_zipfile,
    "python": by_python,
    "mmap": by_mmap,
    "offsets": by_offsets,
    "meta": by_meta,
}


def outcome(load, truth):
    """`loads`, `differs`, `executes` or `fails: ` and why, found out in a child process."""
    imports = truth.get("imports")
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
    except DiffersError:
        return "differs"
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
