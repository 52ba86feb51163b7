"""Takes files through every reader that is installed. The part of readers.py that loads.

    python tests/interop/reading.py

A server on its standard streams. The first line says what it may meet, the second which readers
are wanted (of these it tells which do not open even `specimens.py`), each line after it names a
file and readers; one answer a line. Files are loaded in forks of this process, in empty folders,
with limits on time and memory, and what was loaded is used. It runs under PyTorch 1.13 as well,
and where a module is missing its readers are.
"""

import ast
import encodings.raw_unicode_escape  # noqa: F401: what one reader imports late is no surprise
import gc
import hashlib
import importlib
import io
import json
import os
import pickle
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings

import specimens
from loaders import READERS, installed
from using import COMPRESSED, Digest, use

MARKER = "strongroom-marker"
# How long all readers of a file may take, and how long commands that one started may.
SECONDS, PATIENCE = 90, 2
NEVER = ("subprocess.", "socket.", "ctypes.", "shutil.", "webbrowser.", "urllib.", "ftplib.", "smtplib.")
NEVER += (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.link",
)
COMPILES = ("exec", "compile")


def warm():
    """Has readers and codecs import what they import at their first use."""
    import codecs

    for codec in ["latin1", "utf-8", "ascii", "cp437"]:
        codecs.lookup(codec)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for path in warming(folder):
            for name in READERS:
                try:
                    reader, job = READERS[name], {}
                    use(reader.load(reader.prepare(path, job), job), [])
                except BaseException:
                    continue
        os.chdir("/")


def warming(folder):
    """Small files of each format."""
    files = {"pickle": pickle.dumps({"a": [1.0, "b"]})}
    try:
        import torch

        value = {"w": torch.rand(2, 3), "p": torch.nn.Parameter(torch.ones(2)), "d": torch.device("cpu")}
        for name, new in [("new", True), ("old", False)]:
            out = io.BytesIO()
            torch.save(value, out, _use_new_zipfile_serialization=new)
            files[name] = out.getvalue()
        import safetensors.torch

        files["safetensors"] = safetensors.torch.save({"w": value["w"]})
    except Exception:
        pass
    try:
        import numpy

        # What is imported late is no surprise.
        import numpy.ma
        import numpy.random
        import numpy.rec

        for module in ["multiarray", "numeric"]:
            # numpy 1.26 has these for pickles of numpy 2.
            importlib.import_module(f"numpy._core.{module}")

        out = io.BytesIO()
        numpy.save(out, numpy.ones(3))
        files["npy"] = out.getvalue()
        out = io.BytesIO()
        numpy.savez(out, a=numpy.ones(3))
        files["npz"] = out.getvalue()
    except Exception:
        pass
    for name, content in files.items():
        path = os.path.join(folder, f"warm.{name}")
        with open(path, "wb") as file:
            file.write(content)
        yield path


# The world around: what loading data must leave as it was.


def world():
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    now = {
        "random": hash(random.getstate()),
        "environment": hash(tuple(sorted(os.environ.items()))),
        "directory": os.getcwd(),
        "files": tuple(sorted(os.listdir("."))),
        "path": tuple(sys.path),
        "recursion": sys.getrecursionlimit(),
        "digits": sys.get_int_max_str_digits(),
        "copyreg": tuple(
            map(len, (sys.modules["copyreg"].dispatch_table, sys.modules["copyreg"]._extension_registry))
        ),
    }
    if torch:
        now["torch.rand"] = hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
        now["torch default"] = (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads())
        now["torch deterministic"] = torch.are_deterministic_algorithms_enabled()
    if numpy:
        now["numpy.random"] = hashlib.sha256(numpy.random.get_state()[1].tobytes()).hexdigest()
    return now


def guarded(names):
    """What the classes of these names have, by name."""
    found = {}
    for name in names:
        module, _, attribute = name.rpartition(".")
        value = getattr(sys.modules.get(module), attribute, None)
        if isinstance(value, type):
            # torch.distributed.checkpoint sets this on whatever `.metadata` loads to.
            own = [id(item) for key, item in vars(value).items() if key != "storage_meta"]
            found[name] = hash(tuple(own))
    return found


# The process for a file.


def status(field):
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(field):
                return int(line.split()[1]) << 10
    return 0


class Child:
    def __init__(self, job, settings, answer):
        self.job, self.settings, self.answer = job, settings, answer
        self.allowed = set(settings["allowed"])
        self.events, self.watching, self.may_compile, self.own = [], False, False, ()

    def run(self):
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        sys.addaudithook(self.watch)
        classes = guarded(self.settings["classes"])
        for name in self.job["readers"]:
            self.tell({"reader": name, "begins": True})
            said = self.read(name)
            # Of all readers so far: to look each time takes longer than to load.
            if name == self.job["readers"][-1] and guarded(self.settings["classes"]) != classes:
                said["changed"].append("classes")
            self.tell({"reader": name, **said})
        wait_for_commands()

    def tell(self, said):
        os.write(self.answer, json.dumps(said).encode() + b"\n")

    def watch(self, event, args):
        if not self.watching:
            return
        if event == "pickle.find_class":
            name = ".".join(map(str, args))
            if not {self.old(name), name} & self.allowed and not name.startswith(self.own):
                self.events.append(f"looks up {name}")
        elif event == "import" and args[0] not in sys.modules:
            self.events.append(f"imports {args[0]}")
        elif (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            self.events.append(f"opens {args[0]} to write")
        elif event.startswith(NEVER) or (event in COMPILES and not self.may_compile and not ours(args)):
            self.events.append(f"{event}{ascii(args)[:80]}")

    def old(self, name):
        first, _, rest = name.partition(".")
        return f"{dict(__builtin__='builtins', copy_reg='copyreg').get(first, first)}.{rest}"

    def read(self, name):
        reader = READERS[name]
        folder = tempfile.mkdtemp(prefix="reading-")
        os.chdir(folder)
        random.seed(1)
        for module in ("torch", "numpy"):
            if module in sys.modules:
                sys.modules[module].random.manual_seed(1) if module == "torch" else sys.modules[
                    module
                ].random.seed(1)
        # Made here, and not by the reader.
        path = reader.prepare(self.job["path"], self.job)
        before = world()
        gc.collect()
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        resident, mapped = status("VmRSS"), status("VmSize")
        limit = mapped + self.job["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        self.events, self.may_compile, self.own = [], reader.compiles, reader.own
        said = {}
        self.watching, started = True, time.process_time()
        try:
            loaded = reader.load(path, self.job)
            said["outcome"] = "loads"
        except BaseException as error:
            lines = str(error).strip().splitlines()
            said["outcome"] = f"fails: {type(error).__name__}: {lines[0][:200] if lines else ''}"
            forget()
        said["time"] = time.process_time() - started
        said["memory"] = max(0, status("VmHWM") - resident)
        after = world()
        said["changed"] = sorted(key for key in after if after[key] != before.get(key))
        if said["outcome"] == "loads":
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.watching, said["bare"] = False, False
            try:
                digest = Digest(loaded)
                said["digest"], said["shapes"] = digest.whole.hexdigest(), digest.shapes.hexdigest()
                said["bare"] = digest.bare
                del digest
            except BaseException as error:
                said["digest"] = said["shapes"] = f"{type(error).__name__}: {error}"[:200]
            limit = status("VmSize") + 4 * self.job["memory"]
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            self.watching, self.may_compile = True, True
            said["trouble"], started = [], time.process_time()
            try:
                use(loaded, said["trouble"])
                del loaded
                gc.collect()
            except BaseException as error:
                said["trouble"].append(f"use: {type(error).__name__}")
            said["use"] = time.process_time() - started
            said["trouble"] = said["trouble"][:20]
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.watching = False
        said["events"] = self.events[:20]
        said["marked"] = os.path.exists(MARKER)
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
        return said


def forget():
    """What PyTorch keeps of a load that failed, and would check together with the next."""
    kept = getattr(sys.modules.get("torch.serialization"), "_serialization_tls", None)
    for of, name in [(kept, "sparse_"), (sys.modules.get("torch._utils"), "_sparse_")]:
        getattr(of, f"{name}tensors_to_validate", []).clear()


def ours(args):
    """Whether a line of these scripts is compiled, as it is where an error is shown that nobody caught;
    or that of any, where `traceback` looks which part of it to underline."""
    by = sys._getframe(2)
    callers = [frame.f_code.co_filename for frame in (by, by.f_back) if frame]
    here = os.path.dirname(os.path.abspath(__file__))
    return callers == [ast.__file__, traceback.__file__] or str(args[-1]).startswith(here)


def wait_for_commands():
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return


def load(job, settings):
    """What the readers make of a file, by name. One that ends the process says so for itself."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            Child(job, settings, write).run()
        finally:
            os._exit(0)
    os.close(write)
    said, late = listen(read)
    for end in (os.killpg, os.kill):
        try:
            end(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    results, last = {}, None
    for line in said.decode().splitlines():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        last = result.pop("reader")
        results[last] = None if "begins" in result else result
    if last is not None and results[last] is None:
        results[last] = {
            "outcome": "fails: takes too long" if late else f"fails: ends with {code}",
            "died": True,
        }
    return results


def useless(names, settings):
    """Those of these readers that do not open a file of their own format."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in specimens.write_all(folder, names).items():
            result = load({"path": path, "memory": 1 << 32, "readers": [name]}, settings)[name]
            if result["outcome"] != "loads":
                yield name, result["outcome"]


def listen(pipe):
    said, deadline = b"", time.monotonic() + SECONDS
    while True:
        if not select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
            os.close(pipe)
            return said, True
        part = os.read(pipe, 1 << 16)
        if not part:
            os.close(pipe)
            return said, False
        said += part


def main():
    # Old wheels want libraries that nobody calls here.
    sys.setdlopenflags(os.RTLD_LAZY)
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    there, missing = installed()
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        for layout in ("csr", "bsr", "csc", "bsc"):
            rows, columns = ("crow_indices", "col_indices"), ("ccol_indices", "row_indices")
            if hasattr(torch, f"sparse_{layout}"):
                COMPRESSED[getattr(torch, f"sparse_{layout}")] = rows if layout.endswith("r") else columns
    warm()
    gc.freeze()
    print(json.dumps({"there": there, "missing": missing}), file=answers, flush=True)
    wanted = json.loads(sys.stdin.readline())
    print(json.dumps(dict(useless(wanted, settings))), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        results = load(job, settings)
        # What one reader ended is for the others in a process of their own.
        while left := [name for name in job["readers"] if name not in results]:
            results |= load(job | {"readers": left}, settings)
        print(json.dumps(results), file=answers, flush=True)


if __name__ == "__main__":
    main()
