"""Holds partial reads against PyTorch's own CheckpointReader and CheckpointWriter.

    python tests/interop/reader.py --programs target/release --work DIR

It wants torch 2.15, and of the programs `strongroom` and `examples/load_into`. Prints
a line for each group and exits with 1 if anything failed.

PyTorch's reader is the judge where it reads right. Where it does not (tensors that
are not contiguous, empty ones, ones in tuples, conjugate and negative views), what
torch.load gives is.
"""

import argparse
import copy
import itertools
import json
import logging
import pathlib
import random
import shutil
import subprocess
import sys
import warnings
from collections import Counter, OrderedDict

import torch
from compare import difference
from generate import Generator
from interop import readable, splittable
from torch.distributed.checkpoint._experimental.checkpoint_reader import CheckpointReader
from torch.distributed.checkpoint._experimental.checkpoint_writer import (
    CheckpointWriter,
    CheckpointWriterConfig,
)
from torch.distributed.checkpoint._experimental.types import RankInfo


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="where cargo put them")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--count", type=int, default=60, help="random state dicts")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    bench = Bench(options)
    for group in [random_templates, like_their_reader, rules, training]:
        before = bench.passed, bench.failed
        group(bench)
        print(f"{group.__name__}: {bench.passed - before[0]} passed, {bench.failed - before[1]} failed")
    sys.exit(1 if bench.failed else 0)


class Bench:
    """Runs the programs and keeps count."""

    def __init__(self, options):
        self.programs = options.programs.resolve()
        self.work = options.work.resolve()
        self.seeds = itertools.count(options.seed)
        self.count = options.count
        self.passed = self.failed = 0

    def check(self, what, wrong):
        """One result: `wrong` says what is, or is None."""
        if wrong is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  FAILED {what}: {wrong}", flush=True)

    def place(self, name):
        """A path under the work directory where nothing is."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(path, ignore_errors=True)
        return path

    def states(self):
        """Random state dicts that torch.load reads without trust."""
        states = ((seed, Generator(seed).state_dict()) for seed in self.seeds)
        return itertools.islice((pair for pair in states if splittable(pair[1])), self.count)

    def run(self, program, *arguments):
        command = [self.programs / program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, timeout=600)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode()

    def theirs(self, states):
        """A directory by PyTorch's own writer, a state dict for each rank."""
        path = self.place("theirs")
        for rank, state in enumerate(states):
            CheckpointWriter(CheckpointWriterConfig(), RankInfo(rank, len(states))).write(str(path), state)
        return path

    def ours(self, state):
        """A committed directory of one rank."""
        source, path = self.work / "source.pt", self.place("ours")
        torch.save(state, source)
        self.run("strongroom", "save", source, path, "--ranks", 1)
        return path

    def read(self, directory, target, rank=0):
        """What strongroom reads into a target, and what is missing."""
        like, out = self.work / "like.pt", self.work / "out.pt"
        torch.save(target, like)
        missing = self.run("examples/load_into", directory, like, out, rank)
        return torch.load(out), json.loads(missing)


# Each group takes a bench.


def random_templates(bench):
    """Random parts of random state dicts of two ranks, by either writer."""
    states = bench.states()
    for seed, state in states:
        other = {"seed": seed, "weight": torch.full([3], float(seed))}
        directories = [(bench.theirs([other, state]), 1), (bench.ours(state), 0)]
        for directory, rank in directories:
            source = torch.load(directory / f"checkpoint_{rank}.pt")
            target = Templates(seed).of(source)
            missing = []
            wanted = filled(target, source, "", missing)
            try:
                found, ours = bench.read(directory, target, rank)
            except RuntimeError as error:
                bench.check(f"seed {seed}", str(error))
                continue
            bench.check(f"values of seed {seed}", wrong(wanted, found, "root"))
            bench.check(f"missing of seed {seed}", None if ours == missing else f"{ours}, not {missing}")


def like_their_reader(bench):
    """What their reader reads right, read by both."""
    for seed, state in bench.states():
        for directory in [bench.theirs([state]), bench.ours(state)]:
            target = Templates(seed).for_their_reader(state)
            found, ours = bench.read(directory, target)
            try:
                wanted, missing = CheckpointReader(RankInfo(0, 1)).read(str(directory), copy.deepcopy(target))
            except RuntimeError:
                # It reads no file with a sparse tensor, and torch.load then stumbles
                # over what it left.
                torch._utils._get_sparse_tensors_to_validate().clear()
                continue
            missing = list(map(str, missing))
            bench.check(f"values of seed {seed}", wrong(wanted, found, "root"))
            bench.check(f"missing of seed {seed}", None if ours == missing else f"{ours}, not {missing}")


def rules(bench):
    """Both readers take, or refuse, the same kinds of value for each other; what
    they take is the same, and so is what is missing."""
    zeros = torch.zeros
    pairs = [
        (1, 2), (1, 2.5), (1.5, 2), (1.5, 2.5), (True, 7), (7, True), (True, False), ("a", "b"), ("a", 1),
        (None, 1), (1, None), (None, None), (b"a", b"b"), ("a", b"b"), (b"a", bytearray(b"b")),
        ([1], [2, 3]), ([1, 2], [3]), ([1, None], [3]), ([1], (2,)), ((1,), [2]), ((1,), (2, 3)), ([], [1]),
        ({"a": 1}, {"a": 2, "b": 3}), ({"a": 1}, OrderedDict(a=2)), (OrderedDict(a=1), {"a": 2}),
        (OrderedDict(a=1), OrderedDict(a=2)), (Counter(a=1), {"a": 2}), (Counter(a=1), Counter(a=2)),
        ({"a": 1}, Counter(a=2)), ({"a": 1}, [1]), ([1], {"a": 1}), ({"a": 1}, None), (None, {"a": 1}),
        ({"a": {"b": [{"c": 1, "d": 2}]}}, {"a": {"b": [{"c": 3}]}}), ([None, {"z": 1}], [1, {"y": 1}]),
        ({5: 1, "x": 2}, {"5": 1}), ({0: {1: 2}}, {0: {1: 3}}), ({0: {1: 2}}, {0: {}}),
        (zeros(2), torch.ones(2)), (zeros(2), torch.ones(3)), (zeros(2), torch.ones(2, dtype=torch.int32)),
        (zeros(2, 3), torch.ones(3, 2)), (zeros(2), torch.nn.Parameter(torch.ones(2))), (zeros(2), 1),
        (zeros([]), torch.ones([])), (1, torch.ones(2)), (None, torch.ones(2)), (zeros(2), None),
        (torch.Size([1]), torch.Size([2])), (torch.Size([1]), (2,)), ((1,), torch.Size([2])),
        (1j, 2j), (1j, 2.0), ({1}, {2}), (torch.float32, torch.int8), (2**70, 2**80), (1, 2**80), (2**80, 1),
    ]  # fmt: skip
    for target, source in pairs:
        nested = {"k": target}
        directory = bench.theirs([{"k": source}])
        what = f"{target!r} over {source!r}"
        try:
            wanted = CheckpointReader(RankInfo(0, 1)).read(str(directory), copy.deepcopy(nested))
        except RuntimeError:
            wanted = None
        try:
            found = bench.read(directory, nested)
        except RuntimeError as error:
            named = "expected" in str(error) and ": k" in str(error)
            agreed = wanted is None and named
            bench.check(what, None if agreed else f"{error}; PyTorch reads {wanted}")
            continue
        if wanted is None:
            bench.check(what, f"PyTorch refuses it, and {found} was read")
            continue
        bench.check(what, wrong(wanted[0], found[0], "root"))
        bench.check(f"missing of {what}", None if wanted[1] == found[1] else f"{found[1]}, not {wanted[1]}")


def training(bench):
    """A model and its optimizer, restored into fresh ones."""
    for optimizer in [torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad]:
        trained = trainer(optimizer, steps=3)
        fresh = trainer(optimizer, steps=1)
        directory = bench.theirs([trained])
        target = copy.deepcopy(fresh)
        found, missing = bench.read(directory, target)
        bench.check(f"missing of {optimizer.__name__}", None if missing == [] else missing)
        bench.check(f"values of {optimizer.__name__}", wrong(trained, found, "root"))
        tied = found["model"]["0.weight"].data_ptr() == found["model"]["2.weight"].data_ptr()
        bench.check(f"ties of {optimizer.__name__}", None if tied else "two tensors of one")


def trainer(optimizer, steps):
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 4))
    model[2].weight = model[0].weight
    optimizer = optimizer(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.rand(8, 4)).sum().backward()
        optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "steps": steps}


class Templates:
    """Random targets for a state dict."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def of(self, value):
        """Some keys, some that are not there, and None here and there."""
        if type(value) in (dict, OrderedDict) and all(map(is_key, value)):
            made = type(value)()
            for key in value:
                if self.random.random() < 0.8:
                    made[key] = self.of(value[key]) if self.random.random() < 0.85 else None
            if self.random.random() < 0.3:
                made["not there"] = self.random.choice([7, "kept", None, [1], 2.5])
            return made
        if type(value) is list:
            return [self.of(item) for item in value[: self.random.randint(0, len(value))]]
        if type(value) in (torch.Tensor, torch.nn.Parameter):
            return zeros(value) if is_plain(value) else None
        if type(value) in (bool, int, float, str):
            return type(value)()
        return None if isinstance(value, dict) else self.random.choice([None, value])

    def for_their_reader(self, value):
        """The parts that it reads right."""
        made = type(value)()
        for key, item in value.items():
            if not is_key(key) or self.random.random() < 0.1:
                continue
            if type(item) in (dict, OrderedDict):
                made[key] = self.for_their_reader(item)
            elif type(item) is torch.Tensor and readable(item):
                made[key] = torch.zeros_like(item)
            elif type(item) in (bool, int, float, str):
                made[key] = type(item)()
        made["not there"] = 7
        return made


def zeros(tensor):
    made = torch.empty(tensor.shape, dtype=tensor.dtype)
    made.untyped_storage().fill_(0)
    return made


def is_key(key):
    """Whether a template can have this key by itself; dicts with others are asked
    for whole."""
    if type(key) is str:
        return key.encode(errors="replace") == key.encode(errors="surrogatepass")
    return type(key) is int and -(2**63) <= key < 2**63


def is_plain(tensor):
    dense = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return dense and not tensor.is_quantized and not vars(tensor)


class Whole:
    """A value taken with all that is in it."""

    def __init__(self, value):
        self.value = value


def filled(target, source, path, missing):
    """What a read of `source` into `target` gives."""
    if target is None:
        return Whole(source)
    if isinstance(target, dict):
        made = type(target)()
        for key, value in target.items():
            at = f"{path}.{key}" if path else str(key)
            if key in source:
                made[key] = filled(value, source[key], at, missing)
            else:
                missing.append(at)
                made[key] = value
        return made
    if isinstance(target, list):
        longest = itertools.zip_longest(target, source)
        return [filled(item, other, f"{path}[{index}]", missing) for index, (item, other) in enumerate(longest)]
    if isinstance(target, torch.Tensor):
        return source.detach().resolve_conj().resolve_neg().contiguous()
    return Whole(source)


def wrong(wanted, found, path):
    """How the values of two trees differ; None if they do not. Which tensors share
    memory does not count, but where a value was taken whole."""
    if isinstance(wanted, Whole):
        said = difference(wanted.value, found)
        return said and f"{path}: {said}"
    if isinstance(wanted, torch.Tensor) and isinstance(found, torch.Tensor):
        if wanted.dtype != found.dtype or wanted.shape != found.shape:
            return f"{path}: {found.dtype} {list(found.shape)}, not {wanted.dtype} {list(wanted.shape)}"
        return None if torch.equal(raw(wanted), raw(found)) else f"{path}: other values"
    if type(wanted) is not type(found):
        return f"{path}: {type(found)}, not {type(wanted)}"
    if isinstance(wanted, dict):
        if list(wanted) != list(found):
            return f"{path}: other keys"
        parts = ((wanted[key], found[key], f"{path}.{key}") for key in wanted)
        return next(filter(None, (wrong(*part) for part in parts)), None)
    if isinstance(wanted, (list, tuple)):
        if len(wanted) != len(found):
            return f"{path}: {len(found)} items, not {len(wanted)}"
        parts = zip(wanted, found, (f"{path}[{index}]" for index in itertools.count()))
        return next(filter(None, (wrong(*part) for part in parts)), None)
    same = wanted == found or wanted != wanted and found != found
    return None if same else f"{path}: {found!r}, not {wanted!r}"


def raw(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


if __name__ == "__main__":
    main()
