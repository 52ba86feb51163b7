"""Where a case works, and what it asks for."""

import functools
import json
import os
import re
import shutil
import subprocess
import zipfile

import safetensors.torch
import torch
from compare import difference

# How a zip of torch.save starts.
TORCH = b"PK\3\4\0\0\x08\x08"


class Wrong(Exception):
    """Not what was wanted."""


def wanted(true, text):
    """Raises unless it is true."""
    if not true:
        raise Wrong(text)


class Done:
    """What a run of the program came to."""

    def __init__(self, arguments, code, out, err):
        self.arguments = [os.fsdecode(argument) for argument in arguments]
        self.code, self.out, self.err = code, out, err
        self.said = out + err

    def __str__(self):
        typed = " ".join(argument[-50:] for argument in self.arguments)
        return f"strongroom {typed} exits with {self.code}: {self.said.strip()[:700]}"

    def error(self):
        """The error that it ends with; there may be notes before it."""
        found = re.search("^error: .*", self.err, re.MULTILINE | re.DOTALL)
        return found[0].removeprefix("error: ") if found else ""

    def says(self, *texts):
        """Wants each of the texts, in any case, in what was printed besides the paths that were given."""
        said = self.said
        for argument in sorted(self.arguments, key=len, reverse=True):
            said = said.replace(argument, "…") if "/" in argument else said
        for text in texts:
            wanted(text.lower() in said.lower(), f"{text!r} is not said by {self}")
        return self


class Room:
    """A directory for one case, and the program."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.wrong = []

    def __truediv__(self, name):
        return self.folder / name

    def part(self, name, act, *arguments, **options):
        """One of several things wanted: the others are looked at whatever becomes of it."""
        try:
            act(*arguments, **options)
        except Exception as error:
            kind = "" if isinstance(error, Wrong) else f"{type(error).__name__}: "
            self.wrong.append(f"{name}: {kind}{error}")

    def save(self, name, value, **options):
        """By torch.save."""
        path = self / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(value, path, **options)
        return path

    # Runs.

    def run(self, *arguments, **options):
        """Whatever it exits with; never by an accident."""
        options = {"capture_output": True, "timeout": 300, "cwd": self.folder, **options}
        done = subprocess.run([self.program, *arguments], **options)
        out, err = (text.decode("utf8", "replace") for text in (done.stdout, done.stderr))
        made = Done(arguments, done.returncode, out, err)
        wanted(done.returncode in (*range(6), 64) and "panicked" not in err, f"an accident: {made}")
        return made

    def ok(self, *arguments, **options):
        """Success."""
        done = self.run(*arguments, **options)
        wanted(done.code == 0, str(done))
        return done

    def refused(self, *arguments, says=(), **options):
        """A failure that says what, where and why."""
        done = self.run(*arguments, **options)
        wanted(done.code != 0, f"is not refused: {done}")
        wanted(": " in done.error(), f"no error with a path: {done}")
        wanted(not done.error().startswith(": "), f"an empty path: {done}")
        return done.says(*says)

    def shell(self, script, **options):
        """A line of shell in the room, with `strongroom`; its exit code and what it printed."""
        typed = f'strongroom() {{ "{self.program}" "$@"; }}; {script}'
        done = subprocess.run(
            ["timeout", "30", "bash", "-c", typed],
            cwd=self.folder,
            capture_output=True,
            timeout=60,
            **options,
        )
        said = (text.decode("utf8", "replace") for text in (done.stdout, done.stderr))
        return Done([script], done.returncode, *said)

    def inspect(self, path):
        """What `inspect --json` says."""
        return json.loads(self.ok("inspect", path, "--json").out)

    def verdict(self, path, *options):
        """What `validate` says of one file."""
        done = self.run("validate", path, "--format", "json", *options)
        (file,) = json.loads(done.out)["files"]
        return file["verdict"]

    # What is wanted of most files.

    def lossless(self, path, ranks=(1, 2, 3), alike=None, identical=True, flags=()):
        """Written again, in place and over ranks: the same bytes, or the same values if it is
        in another form than torch.save's usual one. Or each is refused, and nothing is lost.
        In place with these flags."""
        alike = alike or functools.partial(same_values, path)
        before = path.read_bytes()
        usual = identical and before[:8] == TORCH and pickle_protocol(path) == 2

        def again(after, what):
            if usual:
                wanted(after.read_bytes() == before, f"{what} is another file")
            alike(after, what)

        written = self / "again" / path.name
        written.parent.mkdir(exist_ok=True)
        self.part(
            f"{path.name} to .pt", lambda: (self.ok("convert", path, written), again(written, "the copy"))
        )
        place = self / "place" / path.name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(before)
        self.part(
            f"{path.name} in place",
            lambda: (self.ok("convert", place, place, *flags), again(place, "in place")),
        )
        for count in ranks:
            self.part(f"{path.name} over {count} ranks", self.over_ranks, path, count, again)

    def over_ranks(self, path, count, again):
        """Saved, checked, opened by torch and merged."""
        run, merged = self / "run" / f"{path.parent.name}-{path.stem}-{count}", self / "merged" / path.name
        run.parent.mkdir(exist_ok=True)
        merged.parent.mkdir(exist_ok=True)
        self.ok("save", path, run, "--ranks", str(count))
        self.ok("verify", run)
        for rank in range(count):
            torch.load(run / f"checkpoint_{rank}.pt", weights_only=False)
        self.ok("load", run, merged)
        again(merged, f"merged from {count} ranks, it")

    def flat(self, path, *options):
        """A safetensors file of it: its tensors, and what was said."""
        out = self / f"{path.stem}{len(options)}.safetensors"
        out.unlink(missing_ok=True)
        done = self.ok("convert", path, out, *options)
        return safetensors.torch.load_file(out), done


def same_values(path, after, what):
    """Wants two files to be the same to torch."""
    one, other = (torch.load(file, weights_only=False) for file in (path, after))
    differ = difference(one, other)
    wanted(not differ, f"{what} differs: {differ}")


def pickle_protocol(path):
    """Of the pickle in a zip."""
    archive = zipfile.ZipFile(path)
    name = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
    return archive.read(name)[1] if name else 0


def values(tensors):
    """Facts that two dicts of tensors can be compared by."""
    return {name: facts(tensor) for name, tensor in tensors.items()}


def facts(tensor):
    """Type, shape and bytes as torch shows the tensor."""
    whole = tensor.detach().resolve_conj().resolve_neg().contiguous()
    whole = whole.reshape(1) if whole.dim() == 0 else whole
    return str(tensor.dtype), tuple(tensor.shape), whole.view(torch.uint8).numpy().tobytes()


def names(done):
    """What a note or an error lists."""
    return re.findall(r"^  (.+?): ", done.err, re.MULTILINE)


def root():
    """Whether this user may do anything."""
    return os.geteuid() == 0


def full(value, count=2):
    """A tensor that tells where it came from."""
    return torch.full((count,), float(value))


def kept_or_refused(room, path, alike):
    """Each way out gives what went in, or is refused; and where nothing is refused, nothing is lost."""
    outs = [("convert", room / "again" / path.name), ("convert", None), ("save", room / "dir" / path.stem)]
    for command, out in outs:
        before = path.read_bytes()
        if out is None:
            out = room / "place" / path.name
            out.parent.mkdir(exist_ok=True)
            out.write_bytes(before)
            source = out
        else:
            out.parent.mkdir(exist_ok=True)
            source = path
        more = ["--ranks", "2"] if command == "save" else []
        done = room.run(command, source, out, *more)
        if done.code:
            wanted(done.error(), str(done))
            wanted(source.read_bytes() == before, f"refused, and changed: {done}")
            continue
        if command == "save":
            merged = room / "merged" / path.name
            merged.parent.mkdir(exist_ok=True)
            room.ok("load", out, merged)
            for rank in range(2):
                torch.load(out / f"checkpoint_{rank}.pt", weights_only=False)
            out = merged
        alike(out, f"{command} to {out.parent.name}")
