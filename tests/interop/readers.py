"""Takes every file that strongroom judges safe through every reader there is.

    python tests/interop/readers.py --strongroom target/release/strongroom --work DIR
        [--seconds N | --count N] [--seed N] [--readers LIST] [--require LIST] [--environment NAME=PATHS]...
        [--keep DIR] [--jobs N] [--damaged] [--first] [--allow NAME]... [FILE OR DIRECTORY]...

Files are those of tests/data, those that benign.py and generate.py make, damaged ones of both,
and those of made.py. Readers run in throw-away processes (`reading.py`). What is safe must load where it
belongs, to the same value by all readers, within the bounds on time and memory, run nothing
and change nothing around it; and no reader of another format may open it.

An environment is a folder of `pip install --target`, or several joined by `:`, whose modules
are in front of those that are installed. Readers that are installed too are other versions there:
they may refuse a file.
"""

import argparse
import collections
import concurrent.futures
import io
import itertools
import json
import os
import pathlib
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
import zlib

import benign
import differential
import loaders
from headers import Headers
from made import Made
from torch import _weights_only_unpickler as restricted

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "data"
BATCH = 60
# Larger files are taken as they are, and not damaged.
LARGEST = 1 << 17
# The share of files that are made.
MADE = 0.04
# What loading may take: the bounds that the cost rule states.
SECONDS, PER_BYTE, PER_PACKED = 4.0, 2e-6, 16e-6
MEMORY, MEMORY_PER_BYTE, MEMORY_PER_FILE = 1 << 30, 512, 8
# What is safe besides, and what weights_only refuses: sets that cannot change, and the empty
# bytes of a pickle whose protocol has none.
BESIDES = {"builtins.frozenset", "builtins.bytes"}
# What may be loaded; the second only where names are allowed.
GOOD = ("safe", "trusting")
# What a file says that it needs, and may look up.
NEEDS = {"SR-LEVEL-NO-CODE", "SR-LEVEL-WEIGHTS-ONLY"}


def main():
    options = arguments().parse_args()
    given = [path for top in options.files for path in sorted(every(top))]
    source = given_files(given) if given else files(options)
    sys.exit(run(options, source, "readers"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--seconds", type=float, default=120, help="how long it goes on")
    parser.add_argument("--count", type=int, help="how many files, instead of --seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", default="all", help="names, separated by commas")
    parser.add_argument("--require", default="", help="readers without which it fails; or `all`")
    parser.add_argument("--environment", action="append", default=[], help="NAME=PATHS of other versions")
    parser.add_argument("--keep", type=pathlib.Path, help="a directory for findings")
    parser.add_argument("--jobs", type=int, default=1, help="files at once")
    parser.add_argument(
        "--damaged", action="store_true", help="damaged files only, not what they are made of"
    )
    parser.add_argument("--first", action="store_true", help="ends with the first finding")
    parser.add_argument("--allow", action="append", default=[], help="names that strongroom is to trust")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    return parser


def every(top):
    return (path for path in top.rglob("*") if path.is_file()) if top.is_dir() else [top]


def given_files(paths):
    for path in paths:
        yield str(path), path.read_bytes()


def files(options):
    """All seeds, then damaged ones without end."""
    seeds, safe = [], []
    folder = options.work / "benign"
    shutil.rmtree(folder, ignore_errors=True)
    named = [(str(path.relative_to(DATA)), path) for path in sorted(every(DATA))]
    named += [(f"benign/{path.name}", path) for path in benign.make(folder)]
    verdicts = judge(options.strongroom, [path for _, path in named])
    for name, path in named:
        content = path.read_bytes()
        if not options.damaged:
            yield name, content
        if len(content) <= LARGEST:
            seeds.append((name, content))
            if verdicts[str(path)]["verdict"] == "safe":
                safe.append((name, content))
    number = options.seed
    while True:
        number += 1
        # What is damaged must not tell how: two rows of numbers.
        chance, damage = random.Random(number), f"damage {number}"
        if chance.random() < MADE:
            content, kind = Made(number).any()
            yield f"{kind}-{number}", content
        elif chance.random() < 0.25:
            kind = chance.choice(differential.KINDS)
            content = differential.damaged(kind, number)
            yield f"{kind}-{number}", content if chance.random() < 0.5 else Headers(damage).any(content)
        else:
            name, content = chance.choice(safe if chance.random() < 0.9 else seeds)
            mutator = Headers(damage)
            for _ in range(chance.choice([1, 1, 1, 2, 3])):
                content = mutator.any(content)
            yield f"{name}-{number}", content


def judge(strongroom, paths, allow=()):
    """What strongroom says of files, by path."""
    told, options = {}, [word for name in allow for word in ("--allow", name)]
    for start in range(0, len(paths), 1000):
        some = [str(path) for path in paths[start : start + 1000]]
        command = [strongroom, "validate", "--json", *options, *some]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=600)
        told |= {file["path"]: file for file in json.loads(done.stdout)["files"]}
    return told


class Server:
    """A process that loads: `reading.py` in an environment."""

    def __init__(self, name, paths, wanted, allow):
        self.name = name
        settings = {"allowed": sorted({*restricted._get_allowed_globals(), *BESIDES, *allow})}
        settings["classes"] = [n for n in settings["allowed"] if n.split(".")[0] in ("torch", "collections")]
        path = os.pathsep.join(filter(None, [*map(os.path.abspath, paths), os.environ.get("PYTHONPATH")]))
        environment = os.environ | {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "reading.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        answer = self.ask(settings)
        self.missing = answer["missing"]
        mine = answer["there"].items()
        if name:
            roots = tuple(os.path.abspath(path) + os.sep for path in paths)
            mine = [(reader, what) for reader, what in mine if what["file"].startswith(roots)]
        self.versions = {reader: what["version"] for reader, what in mine if not wanted or reader in wanted}
        self.useless = self.ask(list(self.versions))

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the readers {self.name or 'that are installed'} ended")
        return json.loads(answer)


class Bounds:
    """What loading a file may take."""

    def __init__(self, content):
        pickled, packed = len(content), 0
        if content[:2] == b"PK":
            try:
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    pickles = [info for info in archive.infolist() if info.filename.endswith(".pkl")]
                pickled = sum(info.file_size for info in pickles)
                packed = sum(info.compress_size for info in pickles if info.compress_type)
            except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
                pass
        self.time = SECONDS + PER_BYTE * pickled + PER_PACKED * packed
        self.memory = MEMORY + MEMORY_PER_BYTE * pickled + MEMORY_PER_FILE * len(content)


def run(options, source, name, opened_only=()):
    """Judges and loads until time is up, or so many files. `opened_only` are readers that get what is not safe, too:
    how often they open it tells whether the files are any good as a test."""
    warnings.simplefilter("ignore")
    started = time.monotonic()
    pool = start(options, name)
    if not pool:
        return 2
    options.work.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(dir=options.work.resolve()))
    tally = Tally(options)
    end = time.monotonic() + options.seconds
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as threads:
        for batch in batches(itertools.islice(source, options.count)):
            paths = [work / f"{index:03}" for index in range(len(batch))]
            for path, (_, content) in zip(paths, batch, strict=True):
                path.write_bytes(content)
            told = judge(options.strongroom, paths, options.allow)
            jobs = []
            for path, (label, content) in zip(paths, batch, strict=True):
                report = told[str(path)]
                tally.take(label, report)
                if report["verdict"] in GOOD:
                    jobs.append(threads.submit(one, pool, path, label, content, report, tally, ()))
                elif opened_only and zlib.crc32(content) % 4 == 0:
                    jobs.append(threads.submit(one, pool, path, label, content, report, tally, opened_only))
            for job in jobs:
                job.result()
            for path in paths:
                path.unlink()
            if (options.first and tally.findings) or (options.count is None and time.monotonic() > end):
                break
    shutil.rmtree(work)
    tally.tell(name, time.monotonic() - started)
    return 1 if tally.findings else 0


def start(options, name):
    """Starts the readers, says which there are, and answers those that can be asked; None if some lack."""
    wanted = set(options.readers.split(",")) if options.readers != "all" else set()
    required = (
        set(loaders.READERS) if options.require == "all" else set(filter(None, options.require.split(",")))
    )
    if unknown := (wanted | required) - set(loaders.READERS):
        print(f"{name}: no such readers: {sorted(unknown)}")
        return None
    environments = [("", [])]
    for given in options.environment:
        label, _, paths = given.partition("=")
        environments.append((label, paths.split(os.pathsep)))
    pool = queue.Queue()
    for _ in range(options.jobs):
        pool.put([Server(label, paths, wanted, options.allow) for label, paths in environments])
    first = pool.queue[0]
    for server in first:
        versions = collections.defaultdict(list)
        for reader, version in server.versions.items():
            versions[loaders.READERS[reader].module.split(".")[0], version].append(reader)
        for (module, version), readers in versions.items():
            print(f"{name}: {server.name or 'installed'}: {module} {version}: {', '.join(readers)}")
    missing = first[0].missing.copy()
    for server in first:
        missing = {reader: why for reader, why in missing.items() if reader not in server.versions}
    for why in sorted(set(missing.values())):
        them = [r for r in missing if missing[r] == why and (not wanted or r in wanted | required)]
        if them:
            print(f"{name}: not installed, and not run: {', '.join(them)}: {why}")
    useless = {reader: why for server in first for reader, why in server.useless.items()}
    for reader, why in useless.items():
        print(f"{name}: opens no file of its own: {reader}: {why}")
    if useless:
        return None
    if lacking := sorted(required & set(missing)):
        print(f"{name}: required, and not installed: {', '.join(lacking)}")
        return None
    return pool


def batches(source):
    batch = []
    for item in source:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def one(pool, path, label, content, report, tally, only):
    """Takes a file through all readers."""
    told = {finding["id"] for finding in report["findings"]}
    bounds = Bounds(content)
    job = {"path": str(path), "memory": bounds.memory, "latin1": "SR-LEGACY-ENCODING" in told}
    job["several"] = report["format"] == "pickle"
    servers = pool.get()
    try:
        answers = {}
        for server in servers:
            readers = [reader for reader in server.versions if not only or reader in only]
            if readers:
                answers[server.name] = server.ask(job | {"readers": readers})
    finally:
        pool.put(servers)
    if report["verdict"] not in GOOD:
        for results in answers.values():
            for reader, result in results.items():
                tally.caught[reader] += result["outcome"] == "loads"
        return
    tally.loaded += 1
    for environment, results in answers.items():
        for reader, result in results.items():
            tally.count(environment, reader, result)
            older = environment and reader in answers.get("", {})
            for what in wrong(reader, result, report, told, bounds, older):
                tally.find(label, content, report, environment, reader, what, result)
    for environment, reader, what in disagreements(answers, report):
        tally.find(label, content, report, environment, reader, what, answers[environment][reader])


def wrong(name, result, report, told, bounds, older):
    """What a reader does that it must not with a safe file. One that is safe only where names are
    trusted may fail, and be of no use: that harms nobody."""
    reader, outcome = loaders.READERS[name], result["outcome"]
    if result.get("died"):
        yield outcome
        return
    if result["marked"]:
        yield "runs code"
    needs = {finding["message"].removeprefix("needs ") for finding in report["findings"] if finding["id"] in NEEDS}
    # No module's name begins with a NUL: the unpickler in Python takes the first bytes of a
    # safetensors file for the name of one, whose end is the file's.
    for event in result["events"]:
        late = event.startswith(("imports ", "opens ")) and older
        known = event.startswith("looks up ") and today(event.removeprefix("looks up ")) in needs
        if not late and not known and not event.startswith(("imports \0", "looks up \0")):
            yield event
    if result["changed"]:
        yield f"changes {result['changed']}"
    if result["time"] > bounds.time:
        yield f"takes {result['time']:.1f} s of {bounds.time:.1f}"
    if result["memory"] > bounds.memory:
        yield f"takes {result['memory'] >> 20} MiB of {bounds.memory >> 20}"
    if outcome == "loads":
        if reader.group == "other" or (reader.group == "zip" and report["format"] not in loaders.ANY_ZIP + loaders.SEVERAL):
            yield f"opens what is judged as {report['format']}"
        if result["use"] > 10 * bounds.time:
            yield f"using it takes {result['use']:.1f} s"
        for trouble in result["trouble"]:
            if not older and not harmless(trouble, name) and report["verdict"] == "safe":
                yield f"use: {trouble}"
    elif report["format"] in reader.fits and not older and report["verdict"] == "safe":
        if not (reader.careful and report["level"] == "no-code") and not stated(name, outcome, told):
            yield outcome


def today(name):
    """A name as Python 3 has it."""
    for old, new in {"__builtin__": "builtins", "copy_reg": "copyreg"}.items():
        name = f"{new}.{name.removeprefix(f'{old}.')}" if name.startswith(f"{old}.") else name
    return "builtins.range" if name == "builtins.xrange" else name


def stated(name, outcome, told):
    """Whether it is told, by a warning or in docs/validation.md, that this reader refuses such a file."""
    return any(
        reader in name and part in outcome and (rule is None or rule in told)
        for reader, part, rule in STATED
    )


def harmless(trouble, name):
    """Whether Python and torch say this of data that is as its writer made it: not all dtypes and
    layouts can do everything. The quantized weights of diffusers are for its own layers alone."""
    if name == "diffusers.gguf" and ("GGUFParameter" in trouble or "deepcopy" in trouble):
        return True
    # numpy's own masked structures cannot do this wherever they are from.
    if any(part in trouble for part in ("of mvoid", "of MaskedArray: IndexError: too many indices")):
        return True
    # torch 2.4 and 2.5 wrote none, and what 2.15 makes of their files cannot be shown.
    if "'StorageMeta' object has no attribute 'modules'" in trouble:
        return True
    if any(part in trouble for part in SERIOUS):
        return False
    # A structure of numpy's that can be written to is no key.
    return "TypeError: unhashable type" in trouble or any(f": {kind}" in trouble for kind in UNABLE)


SERIOUS = ["INTERNAL", "out of bounds", "out of range", "inconsistent", "negative"]
UNABLE = ["RecursionError", "NotImplementedError", "OverflowError", "RuntimeError", "ValueError"]
# A part of the names of readers, what they say, and the warning that says so before; None where no
# file is to blame.
STATED = [
    ("", "PytorchStreamReader", "SR-ZIP-SEVERAL"),
    ("accounts", "", "SR-ZIP-SEVERAL"),
    ("", "restore data location", "SR-TENSOR-BACKEND"),
    ("", "last dim be divisible", "SR-SAFETENSORS-ODD"),
    # The sums of records are for --deep.
    ("zipfile", "Bad CRC-32", None),
    # A `data.pkl` that was unpacked: ids of storages are for torch.
    ("", "persistent id", None),
    # The reader of bytes lacks some types, and that of slices counts two F4 in one element.
    ("safetensors.bytes", "F8_E8M0", None),
    ("safetensors.bytes", "KeyError: 'F4'", None),
    ("dcp.safetensors", "metadata read failed: 'F8_E8M0'", None),
    ("dcp.safetensors", "metadata read failed: 'F4'", None),
    ("transformers.safetensors.meta", "safetensors of unknown dtype", None),
    # Metadata of others, in which there is no `format`.
    ("huggingface_hub.safetensors", "does not contain the valid metadata", None),
    # It knows no `map_location`.
    ("dcp.bytes", "please use torch.load with map_location", None),
    ("safetensors.slices", "is invalid for input of size", None),
    ("safetensors.bytes", "Stride calculation overflowed", None),
    ("dcp.safetensors", "Stride calculation overflowed", None),
    ("transformers.safetensors.meta", "Stride calculation overflowed", None),
    # Numbers of Python 2 in a header of version 3.
    ("numpy", "Cannot parse header", None),
    # Nobody needs what the records of it say they need.
    ("zipfile", "zip file version", None),
    # What torch cannot do with files that it wrote itself.
    (".meta", "meta tensor", None),
    (".meta", "'meta' device", None),
    (".meta", "QuantizedMeta", None),
]


def disagreements(answers, report):
    """Readers that load other values than the first of their group."""
    groups = collections.defaultdict(list)
    for environment, results in answers.items():
        for name, result in results.items():
            group = loaders.READERS[name].group
            # Before 2.15, what is loaded to meta loses strides and flags.
            old = environment and name in answers.get("", {}) and loaders.READERS[name].shapes
            # Of several archives in one file each finds one.
            another = group == "zip" and report["format"] in loaders.SEVERAL
            if result["outcome"] == "loads" and group not in ("other", "joblib") and not old and not another:
                groups[group].append((environment, name, result))
    for members in groups.values():
        whole = [member for member in members if not loaders.READERS[member[1]].shapes]
        for first, others, key in [(whole[:1], whole[1:], "digest"), (whole[:1], members, "shapes")]:
            for environment, name, result in others:
                # What says it is on `meta` has its data where readers are told another device.
                bare = key == "digest" and first and result["bare"] != first[0][2]["bare"]
                if first and not bare and result[key] != first[0][2][key]:
                    yield (
                        environment,
                        name,
                        f"another {'value' if key == 'digest' else 'shape'} than by {first[0][1]}",
                    )


class Tally:
    def __init__(self, options):
        self.keep = options.keep
        self.verdicts, self.readers = collections.Counter(), collections.Counter()
        self.caught, self.findings = collections.Counter(), collections.Counter()
        self.examples, self.loaded, self.worst = {}, 0, {}
        # How many files there were before one was taken, and the first one with a finding.
        self.numbers, self.first = {}, None

    def take(self, label, report):
        self.verdicts[f"{report['format']} {report['verdict']}"] += 1
        self.numbers[label] = self.verdicts.total()

    def count(self, environment, reader, result):
        name = f"{environment}/{reader}" if environment else reader
        self.readers[name, "loads" if result["outcome"] == "loads" else "fails"] += 1
        for key in ("time", "memory", "use"):
            self.worst[key] = max(self.worst.get(key, (0, "")), (result.get(key, 0), name))

    def find(self, label, content, report, environment, reader, what, result):
        name = f"{environment}/{reader}" if environment else reader
        # Numbers vary between files that show the same.
        what = ascii(what)[1:-1]
        self.first = min(filter(None, [self.first, (self.numbers[label], name, what[:120])]))
        kind = (name, report["format"], "".join(c for c in what if not c.isdigit())[:120])
        if what.startswith("use: "):
            kind = ("use", *kind[1:])
        self.findings[kind] += 1
        if kind in self.examples and len(content) >= len(self.examples[kind][1]):
            return
        self.examples[kind] = (label, content, what)
        if self.keep:
            self.keep.mkdir(parents=True, exist_ok=True)
            stem = "".join(c if c.isalnum() else "-" for c in f"{name}-{report['format']}-{kind[2]}")[:100]
            (self.keep / stem).write_bytes(content)
            said = {"from": label, "reader": name, "what": what, "report": report, "result": result}
            (self.keep / f"{stem}.json").write_text(json.dumps(said, indent=1))

    def tell(self, name, seconds):
        files = sum(self.verdicts.values())
        print(
            f"{name}: {files} files in {seconds:.0f} s ({files / seconds:.1f}/s), {self.loaded} safe ones loaded"
        )
        print(f"{name}: verdicts: {dict(sorted(self.verdicts.items()))}")
        for reader in sorted({reader for reader, _ in self.readers}):
            loads, fails = self.readers[reader, "loads"], self.readers[reader, "fails"]
            print(f"{name}:   {reader}: loads {loads}, refuses {fails}")
        if self.caught:
            print(f"{name}: opened, and not judged safe: {dict(sorted((+self.caught).items()))}")
        print(f"{name}: most: {self.worst}")
        for (reader, form, _), count in self.findings.most_common():
            label, content, what = self.examples[reader, form, _]
            print(
                f"{name}: FINDING: {reader}: {form}: {what[:200]} ({count} files, {label}, {len(content)} bytes)"
            )
        if self.first:
            print(f"{name}: FIRST: file {self.first[0]}: {self.first[1]}: {self.first[2]}")
        print(f"{name}: {len(self.findings)} kinds of findings")


if __name__ == "__main__":
    main()
