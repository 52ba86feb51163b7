"""Random trees of every kind of value in every position, through the program and back.

    python tests/interop/trees.py --strongroom target/release/strongroom --work DIR

Each tree is saved by torch.save, written again, in place, over one to five ranks and
merged, to safetensors and back. What comes out is what went in, or the program refuses
with a clear error; a refusal that is not in the list below is a failure as well. All
pairs of a kind and a position come first, then random trees. Prints how often each pair
was tried, and fails where one was not. `--only KIND --at POSITION` tries one again.
"""

import argparse
import collections
import io
import itertools
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time
import warnings
import zipfile

import kinds
import safetensors.torch
import torch
from compare import difference
from contents import Contents
from kinds import KINDS

# What may be refused: the kind, the position (None for any), and a part of the error's text.
# Flat formats refuse much and say what; that is not listed.
ALLOWED = [
    # In place the sources of classes that the old format keeps would be gone.
    (None, None, "the source of the class, which"),
]
# A refusal that owns to a fault of the program's own.
OUR_FAULT = "could not be read again"
FLAT = ("safetensors", "tensors only")
FORMATS = ["zip", "zip", "legacy", "protocol 3", "protocol 4", "protocol 5"]
SHOWN = 12
# Values in a tree of another format than usual.
BATCH = 20
# Of each fault so many are cut down.
EXAMPLES = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--count", type=int, default=2000, help="trees, about")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    parser.add_argument("--only", metavar="KIND", help="each pair with this kind, by itself")
    parser.add_argument("--at", metavar="POSITION", help="each pair with this position, by itself")
    parser.add_argument("--format", choices=sorted(set(FORMATS)), help="save all trees in this one")
    parser.add_argument("--report", type=pathlib.Path, help="write what failed here, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    start = time.monotonic()
    warnings.simplefilter("ignore")
    setting = Setting(options.strongroom.resolve(), options.work.resolve() / "trees")
    plan = planned(options)
    report = Report()
    with multiprocessing.Pool(options.jobs, begin, [setting]) as pool:
        for result in pool.imap_unordered(run, plan, chunksize=1):
            report.add(result)
            if options.report and report.results % 20 == 0:
                options.report.write_text(report.text(options))
    text = report.text(options)
    print(text)
    print(f"seed {options.seed}: {report.trees} trees, {time.monotonic() - start:.0f} s")
    if options.report:
        options.report.write_text(text)
    sys.exit(1 if report.failed() else 0)


def planned(options):
    """Trees with the format of each: all pairs, pairs in other formats, random ones."""
    pairs = [
        (kind, position)
        for kind, position in kinds.legal()
        if options.only in (None, kind) and options.at in (None, position)
    ]
    if options.only or options.at:
        wanted = [options.format] if options.format else ["zip", "legacy", "protocol 4"]
        seeds = itertools.count(options.seed)
        return [
            Try(index, kinds.single(*pair, next(seeds)), name)
            for index, (pair, name) in enumerate(itertools.product(pairs, wanted))
        ]
    seeds = itertools.count(options.seed * 1_000_003)
    singles = [kinds.single(*pair, next(seeds)) for pair in pairs]
    alone = [tree for tree in singles if tree.root == "value"]
    together = [tree for tree in singles if tree.root != "value"]
    trees = [(tree, options.format or "zip") for tree in alone]
    trees += [(tree, options.format or "zip") for tree in batches(together, options.count // 3)]
    chance = random.Random(options.seed)
    for name in [options.format] if options.format else FORMATS[2:]:
        for _ in range(options.count // 20):
            trees.append((kinds.several(chance.sample(together, BATCH)), name))
    rest = max(0, options.count - len(trees))
    formats = itertools.cycle([options.format] if options.format else FORMATS)
    trees += [(kinds.grown(next(seeds)), next(formats)) for _ in range(rest)]
    return [Try(index, tree, name) for index, (tree, name) in enumerate(trees)]


def batches(singles, count):
    """Those in `count` trees. Neighbours have much in common, so they are mixed."""
    return [kinds.several(singles[start::count]) for start in range(min(count, len(singles)))]


class Try(collections.namedtuple("Try", ["index", "tree", "format"])):
    """One tree and how it is saved."""


class Finding(collections.namedtuple("Finding", ["operation", "refused", "text"])):
    """What did not come out as it went in."""

    def sign(self):
        """What is common to all findings of one fault."""
        text = re.sub(r"`[^`]*`|'[^']*'|\[[^]]*\]|/\S+|0x\w+|\d+", "…", self.text.splitlines()[0])
        return self.operation, self.refused, text.rpartition(": ")[2][:60] if self.refused else text[-70:]


Setting = collections.namedtuple("Setting", ["program", "work"])


def begin(setting):
    """Once in each process."""
    global BENCH
    torch.set_num_threads(1)
    BENCH = Bench(setting)


class Result:
    """What one tree came to."""

    def __init__(self, attempt):
        self.pairs, self.trees = list(attempt.tree.pairs()), 0
        self.faults, self.excused, self.refused = [], [], collections.Counter()

    def look(self, attempt, found):
        """Takes in what was found of a tree."""
        _, tree, format = attempt
        if isinstance(found, str):
            self.excused.append((tree, format, found))
            return
        for finding in found:
            if finding.refused:
                kind = "" if finding.operation in FLAT else next(tree.pairs())[0]
                self.refused[*finding.sign(), kind] += 1
            if unexpected(finding, tree):
                small, steps = smallest(attempt, finding)
                self.trees += steps
                self.faults.append((finding, small, format))


def run(attempt):
    """Tries a tree, and if something is wrong its values one by one."""
    index, tree, format = attempt
    result, found = Result(attempt), BENCH.findings(*attempt)
    wrong = isinstance(found, str) or any(unexpected(finding, tree) for finding in found)
    values = tree.values if wrong and len(tree.values) > 1 else ()
    for value in values:
        part = Try(index, kinds.Tree(tree.seed, (value,)), format)
        result.look(part, BENCH.findings(*part))
    # Or it takes several of them.
    if not values or not isinstance(found, str) and not result.faults:
        result.look(attempt, found)
    result.trees += 1 + len(values)
    return result


def unexpected(finding, tree):
    """Whether it is a failure."""
    if not finding.refused or OUR_FAULT in finding.text:
        return True
    listed = any(
        text in finding.text and kind in (None, pair[0]) and position in (None, pair[1])
        for kind, position, text in ALLOWED
        for pair in tree.pairs()
    )
    return finding.operation not in FLAT and not listed


def smallest(attempt, finding):
    """The tree with as much taken away as can be, and how many were tried."""
    index, tree, format = attempt
    steps, going = 0, True
    BENCH.known[finding.sign()] += 1
    if BENCH.known[finding.sign()] > EXAMPLES:
        return tree, 0
    while going and steps < 60:
        going = False
        for less in tree.smaller():
            steps += 1
            found = BENCH.findings(index, less, format)
            if not isinstance(found, str) and any(finding.sign() == other.sign() for other in found):
                tree, going = less, True
                break
    return tree, steps


class Bench:
    """Saves trees and runs the program on them."""

    def __init__(self, setting):
        self.program = setting.program
        self.work = setting.work / str(os.getpid())
        self.found, self.known = [], collections.Counter()

    def findings(self, index, tree, format):
        """What is wrong, or in a word why torch cannot do it itself."""
        shutil.rmtree(self.work, ignore_errors=True)
        for name in ("in", "out", "place", "merged"):
            (self.work / name).mkdir(parents=True)
        self.found = []
        source = self.work / "in" / "model.pt"
        try:
            value = tree.make()
        except TypeError as error:
            return f"cannot be made: {error}"
        try:
            save(value, source, format)
            value = torch.load(source, weights_only=False)
        except Exception as error:
            return f"torch: {type(error).__name__}: {str(error).splitlines()[0][:80]}"
        self.format, self.source = format, source
        written = self.written(value)
        self.in_place(written)
        for ranks in {1 + index % 5, 1 + (index * 2 + 2) % 5}:
            self.shared(ranks, written)
        contents = Contents(value)
        self.inspected(contents, written)
        self.flat(contents)
        return self.found

    def wrong(self, operation, text):
        """Notes a failure."""
        if text:
            self.found.append(Finding(operation, False, text))

    def run(self, operation, *arguments):
        """Runs the program: what it did, or None if it refused."""
        done = subprocess.run([self.program, *arguments], capture_output=True, close_fds=False, timeout=60)
        said = done.stderr.decode("utf8", "replace").replace(str(self.work), "")
        if done.returncode == 0:
            return done.stdout.decode(), said
        error = re.search("^error: .*", said, re.MULTILINE | re.DOTALL)
        if done.returncode != 1 or not error or "panicked" in said:
            self.wrong(operation, f"exit code {done.returncode}: {said}")
        elif ".pt" not in said and ".safetensors" not in said and "/run" not in said:
            self.wrong(operation, f"names no file: {said}")
        else:
            self.found.append(Finding(operation, True, error[0].removeprefix("error: ")))
        return None

    def written(self, value):
        """The file written again; None if that is refused."""
        path = self.work / "out" / "model.pt"
        if self.run("convert", "convert", self.source, path) is None:
            return None
        after = path.read_bytes()
        if after != self.source.read_bytes():
            self.wrong(
                "convert",
                self.different(value, path) or (self.format == "zip" and "other bytes, same values"),
            )
        return after

    def different(self, value, path):
        """How what torch reads from a file differs."""
        try:
            return difference(value, torch.load(path, weights_only=False))
        except Exception as error:
            return f"torch.load: {type(error).__name__}: {str(error).splitlines()[0]}"

    def in_place(self, written):
        """The same over itself: a refusal leaves what was there."""
        path, before = self.work / "place" / "model.pt", self.source.read_bytes()
        path.write_bytes(before)
        done = self.run("in place", "convert", path, path)
        if path.read_bytes() != (written if done else before):
            self.wrong("in place", "another file than by its side" if done else "refused, and not as it was")
        if done and written is None:
            self.wrong("in place", "done, and refused by its side")

    def shared(self, ranks, written):
        """Over ranks: each file opens, has its own storages only, and all of them make the whole."""
        run = self.work / "run" / f"step-{ranks}"
        if self.run("save", "save", self.source, run, "--ranks", str(ranks)) is None:
            return self.wrong("save", run.exists() and "refused, and there is something")
        if self.run("verify", "verify", run) is None:
            return
        for rank in range(ranks):
            try:
                torch.load(run / f"checkpoint_{rank}.pt", weights_only=False)
            except Exception as error:
                self.wrong("rank file", f"{type(error).__name__}: {str(error).splitlines()[0]}")
        if written:
            self.wrong("rank file", misplaced(records(written), run, ranks))
        merged = self.work / "merged" / "model.pt"
        merged.unlink(missing_ok=True)
        if self.run("load", "load", run, merged) is not None and merged.read_bytes() != written:
            self.wrong(
                "load", self.different(torch.load(self.source, weights_only=False), merged) or "other bytes"
            )

    def inspected(self, contents, written):
        """Every tensor is listed, once for each place and under a name of its own."""
        done = self.run("inspect", "inspect", "--json", self.source)
        if done is None:
            return
        shown = json.loads(done[0])
        listed = [entry["path"] for entry in shown["tensors"]]
        twice = [path for path, times in collections.Counter(listed).items() if times > 1]
        self.wrong("inspect", twice and f"one name for several tensors: {twice[:3]}")
        facts = {entry["path"]: (entry["dtype"], entry["shape"]) for entry in shown["tensors"]}
        for path, tensor in contents.named.items():
            wanted = (str(tensor.dtype).removeprefix("torch."), list(tensor.shape))
            # What leads to itself has no end of names.
            if facts.get(path) != wanted and (not contents.cyclic or path in facts):
                self.wrong("inspect", f"{path} is listed as {facts.get(path)}, not {wanted}")
                break
        if written:
            storages = {entry["storage"] for entry in shown["tensors"]} - {None}
            there = len(records(written)) - contents.lone_storages()
            self.wrong(
                "inspect", len(storages) != there and f"{len(storages)} of {there} storages are under tensors"
            )

    def flat(self, contents):
        """To safetensors, all or tensors only, and back."""
        flat, back = self.work / "out" / "model.safetensors", self.work / "out" / "back.pt"
        done = self.run("safetensors", "convert", self.source, flat)
        if done is not None:
            found = safetensors.torch.load_file(flat)
            self.wrong("safetensors", contents.lacks(found, ""))
        else:
            done = self.run("tensors only", "convert", self.source, flat, "--tensors-only", "--verbose")
            if done is None:
                return
            found = safetensors.torch.load_file(flat)
            self.wrong("tensors only", contents.lacks(found, done[1]))
        if self.run("from safetensors", "convert", flat, back) is not None:
            again = torch.load(back)
            wrong = again.keys() != found.keys() or any(
                difference(found[name].clone(), again[name].clone()) for name in found
            )
            self.wrong("from safetensors", wrong and "other values")


def save(value, path, format):
    """As torch does in one of its formats."""
    options = {}
    if format == "legacy":
        options = {"_use_new_zipfile_serialization": False}
    elif format != "zip":
        options = {"pickle_protocol": int(format[-1])}
    torch.save(value, path, **options)


def records(file):
    """The bytes of each storage in a zip."""
    archive = zipfile.ZipFile(io.BytesIO(file))
    return [archive.read(name) for name in archive.namelist() if re.search("/data/[0-9]+$", name)]


def misplaced(storages, run, ranks):
    """Which storage is not in one file of a rank alone. Only bytes that tell are looked for."""
    files = [(run / f"checkpoint_{rank}.pt").read_bytes() for rank in range(ranks)]
    for content, times in collections.Counter(storages).items():
        if times == 1 and len(set(content)) > 4:
            holders = [rank for rank, file in enumerate(files) if content in file]
            if len(holders) != 1:
                return f"a storage of {len(content)} bytes is in the files of ranks {holders} of {ranks}"
    return None


class Report:
    """What all trees came to."""

    def __init__(self):
        self.results = self.trees = 0
        self.pairs = collections.defaultdict(collections.Counter)
        self.faults = collections.defaultdict(list)
        self.refused, self.excused = collections.Counter(), collections.defaultdict(set)

    def add(self, result):
        self.results += 1
        self.trees += result.trees
        for pair in result.pairs:
            self.pairs[pair[0]][pair[1]] += 1
        for finding, tree, format in result.faults:
            self.faults[finding.sign()].append((finding, tree, format))
        self.refused += result.refused
        for tree, format, why in result.excused:
            self.excused[why.split(":")[0], format].add(str(tree))

    def missing(self, options):
        """Pairs that were not tried."""
        if options.only or options.at:
            return []
        return [pair for pair in kinds.legal() if not self.pairs[pair[0]][pair[1]]]

    def failed(self):
        return self.faults or self.lacking

    def text(self, options):
        """For people."""
        lines = ["kind × position: pairs tried, of those that there are", ""]
        self.lacking = self.missing(options)
        for kind in KINDS:
            there = [position for other, position in kinds.legal() if other == kind]
            tried = sum(bool(self.pairs[kind][position]) for position in there)
            times = sum(self.pairs[kind].values())
            lines.append(f"  {kind:32} {tried:3} of {len(there):3} positions, {times} times")
        lines += ["", f"{sum(bool(n) for at in self.pairs.values() for n in at.values())} pairs tried"]
        lines += [f"MISSING {kind} at {position}" for kind, position in self.lacking[:SHOWN]]
        lines += ["", "torch itself cannot:"]
        for (why, format), trees in sorted(self.excused.items()):
            lines.append(f"  {format}: {why}: {len(trees)}, such as {min(trees, key=len)}")
        lines += ["", "refused:"]
        for (operation, _, text, kind), times in self.refused.most_common():
            lines.append(f"  {operation}{f' of {kind}' if kind else ''}: {text}: {times} times")
        lines += ["", f"failures: {sum(map(len, self.faults.values()))}"]
        for sign, faults in sorted(self.faults.items(), key=lambda item: -len(item[1])):
            lines += self.fault(sign, faults)
        return "\n".join(lines)

    def fault(self, sign, faults):
        """One kind of failure."""
        finding, tree, format = min(faults, key=lambda fault: (len(str(fault[1])), str(fault[1])))
        operation, refused, _ = sign
        yield ""
        yield f"## {operation} {'refuses' if refused else 'fails'}, {len(faults)} times"
        yield f"   {finding.text.strip()[:600]}"
        yield f"   smallest: {tree} ({format})"
        pairs = [pair for _, tree, _ in faults for pair in itertools.islice(tree.pairs(), 1)]
        for index, what in enumerate(["kinds", "positions"]):
            names = collections.Counter(pair[index] for pair in pairs)
            most = ", ".join(f"{name} {times}" for name, times in names.most_common(SHOWN))
            more = f", … {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield f"   {what}: {most}{more}"


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of texts are in the same order every time.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    main()
