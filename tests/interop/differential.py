"""Looks for files that strongroom judges safe and Python does not take so.

    python tests/interop/differential.py --strongroom target/release/strongroom --work DIR

Random checkpoints are damaged (`mutate.py`) and judged. Whatever is judged safe
is then loaded, in a process of its own that is thrown away: by torch.load with
and without weights_only, by pickle.load, by safetensors. There it must load, to
the same values by all readers, and look up no name that PyTorch does not allow.
"""

import argparse
import codecs
import collections
import io
import json
import os
import pathlib
import pickle
import resource
import shutil
import subprocess
import sys
import warnings

import safetensors.torch
import torch
from compare import difference
from generate import Generator
from mutate import Mutator
from torch import _weights_only_unpickler as restricted

KINDS = ["archive", "pickle", "legacy", "safetensors"]
# What a reader may take: a bomb must not take the machine.
MEMORY = 8 << 30
SECONDS = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--count", type=int, default=2000, help="files, in all")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    warm()
    directory = options.work / "differential"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for number in range(options.count):
        kind = KINDS[number % len(KINDS)]
        (directory / f"{number:06}.{kind}").write_bytes(damaged(kind, options.seed + number))
    verdicts, told = judge(options.strongroom, directory)
    wrong = [(path, trouble) for path in verdicts["safe"] if (trouble := load(path, told[path]))]
    counts = {verdict: len(paths) for verdict, paths in verdicts.items()}
    print(f"differential: {options.count} damaged files: {counts}; {len(wrong)} judged safe and not so")
    for path, trouble in wrong[:20]:
        print(f"  {path}: {trouble}")
    sys.exit(1 if wrong or not counts.get("safe") else 0)


def warm():
    """Has readers and codecs import what they import at their first use."""
    codecs.lookup("latin1")
    out = io.BytesIO()
    torch.save({"w": torch.zeros(1)}, out)
    for careful in [True, False]:
        torch.load(io.BytesIO(out.getvalue()), weights_only=careful)


def damaged(kind, seed):
    """A damaged file of this kind."""
    state = Generator(seed, newer=kind != "legacy")
    mutator = Mutator(seed)
    if kind == "safetensors":
        return mutator.safetensors(safetensors.torch.save(state.flat()))
    value = state.state_dict()
    out = io.BytesIO()
    if kind == "pickle":
        data = pickle.dumps(plain(value), protocol=mutator.random.randrange(6))
        return mutator.pickle(data) if mutator.random.random() < 0.9 else mutator.bytes(data)
    torch.save(value, out, _use_new_zipfile_serialization=kind == "archive")
    data = out.getvalue()
    if kind == "archive":
        return mutator.archive(data)
    if mutator.random.random() < 0.3:
        return mutator.bytes(data)
    # The first pickles of a legacy file are short and always the same.
    ends = pickles(data)
    first, last = ends[2], ends[3]
    return data[:first] + mutator.pickle(data[first:last]) + data[last:]


def plain(value):
    """The same without tensors, which a plain pickle cannot hold."""
    if isinstance(value, collections.OrderedDict):
        return collections.OrderedDict((key, plain(item)) for key, item in value.items())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value) if type(value) in (list, tuple) else None
    if isinstance(value, str | int | float | bool | bytes | complex | set):
        return value
    return None


def pickles(data):
    """Where the pickles at the start of some bytes end."""
    stream, ends = io.BytesIO(data), []

    class Anything(dict):
        def __init__(self, *args):
            pass

        def __setstate__(self, state):
            pass

        def __hash__(self):
            return id(self)

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid):
            return None

        def find_class(self, module, name):
            return Anything

    while len(ends) < 4:
        Unpickler(stream).load()
        ends.append(stream.tell())
    return ends


def judge(strongroom, directory):
    """The files, by verdict, and those that weights_only refuses, or that need an encoding, as a warning says."""
    command = [strongroom, "validate", directory, "--format", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=600)
    verdicts, told = collections.defaultdict(list), collections.defaultdict(set)
    for file in json.loads(done.stdout)["files"]:
        path = pathlib.Path(file["path"])
        verdicts[file["verdict"]].append(path)
        told[path] = {finding["id"] for finding in file["findings"]}
    return verdicts, told


def load(path, told):
    """What is wrong with a file that should be safe; None if nothing is."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            trouble = loaded(path, told)
        except BaseException as error:
            trouble = f"{type(error).__name__}: {str(error).splitlines()[:1]}"
        os.write(write, (trouble or "").encode()[:4096])
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        trouble = pipe.read()
    status = os.waitpid(child, 0)[1]
    return trouble or (f"the reader ended with {status}" if status else None)


def loaded(path, told):
    """Loads a file by all readers of its kind, in this process."""
    names = []
    sys.addaudithook(lambda event, args: watch(event, args, names))
    if path.suffix == ".safetensors":
        safetensors.torch.load_file(path)
        return None
    if path.suffix == ".pickle":
        with path.open("rb") as file:
            while file.peek(1):
                pickle.load(file)
        return foreign(names)
    options = {"encoding": "latin1"} if "SR-LEGACY-ENCODING" in told else {}
    careless = torch.load(path, weights_only=False, **options)
    try:
        careful = torch.load(path, weights_only=True, **options)
    except pickle.UnpicklingError:
        # A warning says that it refuses the file, and nothing else is excused.
        if "SR-PICKLE-PROTOCOL" not in told:
            raise
        careful = careless
    try:
        return foreign(names) or difference(careful, careless)
    except NotImplementedError:
        # Tensors of some types can be loaded and not be looked at.
        return None


def watch(event, args, names):
    if event == "pickle.find_class":
        names.append(".".join(args))
    elif event.split(".")[0] in {"subprocess", "socket", "ctypes", "shutil", "exec", "compile"} or event == "os.system":
        names.append(event)


def foreign(names):
    """Names that PyTorch does not allow, in words."""
    allowed = restricted._get_allowed_globals()
    old = {"__builtin__": "builtins", "copy_reg": "copyreg"}
    found = [name for name in names if name not in allowed and ".".join([old.get(name.split(".")[0], name.split(".")[0]), *name.split(".")[1:]]) not in allowed]
    return f"it looks up {found}" if found else None


if __name__ == "__main__":
    main()
