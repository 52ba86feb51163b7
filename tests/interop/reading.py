"""Takes files through every reader that is installed. The part of readers.py that loads.

    python tests/interop/reading.py

A server on its standard streams. The first line says what it may meet, each line after it
names a file and readers; one answer a line. Files are loaded in forks of this process, in
empty folders, with limits on time and memory, and what was loaded is used. It runs under
PyTorch 1.13 as well, and where a module is missing its readers are.
"""

import copy
import encodings.raw_unicode_escape  # noqa: F401: what one reader imports late is no surprise
import gc
import hashlib
import importlib
import io
import itertools
import json
import os
import pickle
import random
import resource
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings

MARKER = "strongroom-marker"
# How long all readers of a file may take, and how long commands that one started may.
SECONDS, PATIENCE = 90, 2
# Tensors larger than this are looked at, not calculated with.
LARGE = 64 << 20
# Items of what was loaded that are used one by one.
MOST = 300
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


# Readers. Each answers what it loaded; one that opens a file of its own format says what of it.


def by_torch(**options):
    return lambda path, job: torch_load(lambda: path, job, options)


def torch_load(file, job, options):
    """Where a file wants a device that is not here, it is read to the CPU by all."""
    import torch

    if job.get("latin1") and not options.get("weights_only"):
        options = options | {"encoding": "latin1"}
    try:
        return torch.load(file(), **options)
    except RuntimeError as error:
        if "map_location" in options or "map_location=torch.device" not in str(error):
            raise
        return torch.load(file(), map_location="cpu", **options)


def torch_offsets(path, job):
    from torch.utils.serialization import config

    with config.patch("load.calculate_storage_offsets", True):
        return torch_load(lambda: path, job, {"mmap": True, "weights_only": True})


def torch_buffer(path, job):
    with open(path, "rb") as file:
        content = file.read()
    return torch_load(lambda: io.BytesIO(content), job, {"weights_only": True})


def torch_dill(path, job):
    import dill

    return torch_load(lambda: path, job, {"pickle_module": dill, "weights_only": False})


def torch_named(path, job):
    import torch

    os.symlink(path, "named.safetensors")
    return in_order(torch.load("named.safetensors"))


def torch_jit(path, job):
    import torch

    return {"jit": str(type(torch.jit.load(path, map_location="cpu")))}


def torch_package(path, job):
    import torch.package

    importer = torch.package.PackageImporter(path)
    return {"package": sorted(importer.extern_modules)}


def torch_export(path, job):
    import torch

    return {"export": str(type(torch.export.load(path)))}


def torch_records(path, job):
    import torch

    reader = torch._C.PyTorchFileReader(path)
    # The archive's own folder has the name that is left of it: none.
    files = (name for name in sorted(reader.get_all_records()) if name and not name.endswith("/"))
    return {name: reader.get_record(name) for name in files}


def by_zipfile(path, job):
    """Records by the names that torch gives them."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        read = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    if not read:
        raise ValueError("no record is in it")
    return {name.partition("/")[2] or name: read[name] for name in sorted(read)}


def pickles(module, *attributes):
    """All pickles in a row, as a program reads them that writes them in a row."""

    def load(path, job):
        of = importlib.import_module(module)
        for attribute in attributes[:-1]:
            of = getattr(of, attribute)
        loaded = []
        with open(path, "rb") as file:
            while file.peek(1):
                loaded.append(getattr(of, attributes[-1])(file))
                if not job.get("several"):
                    break
        return loaded

    return load


def by_joblib(**options):
    def load(path, job):
        import joblib

        return [joblib.load(path, **options)]

    return load


def by_numpy(**options):
    def load(path, job):
        import numpy

        loaded = numpy.load(path, **options)
        if isinstance(loaded, numpy.memmap):
            return loaded.view(numpy.ndarray)
        return dict(loaded) if isinstance(loaded, numpy.lib.npyio.NpzFile) else loaded

    return load


def safetensors_file(path, job):
    import safetensors.torch

    return in_order(safetensors.torch.load_file(path))


def safetensors_bytes(path, job):
    import safetensors.torch

    with open(path, "rb") as file:
        return in_order(safetensors.torch.load(file.read()))


def in_order(tensors):
    """By name: the order of keys says nothing, and the reader's ways differ in it."""
    return {name: tensors[name] for name in sorted(tensors)}


def safetensors_each(path, job):
    import safetensors

    with safetensors.safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}


def safetensors_slices(path, job):
    import safetensors

    with safetensors.safe_open(path, "pt") as file:
        parts = {name: file.get_slice(name) for name in sorted(file.keys())}
        return {name: part[:] if part.get_shape() else file.get_tensor(name) for name, part in parts.items()}


def by_tarfile(mode):
    def load(path, job):
        import tarfile

        with open(path, "rb") as file, tarfile.open(fileobj=file, mode=mode) as archive:
            return {"members": [member.name for member in itertools.islice(archive, 10)]}

    return load


def decompressed(module, *attributes):
    """The first byte of what is compressed."""

    def load(path, job):
        of = importlib.import_module(module)
        for attribute in attributes:
            of = getattr(of, attribute)
        with of(path, "rb") as file:
            byte = file.read(1)
        if not byte:
            raise EOFError("nothing is in it")
        return {module: byte}

    return load


def by_zlib(path, job):
    import zlib

    with open(path, "rb") as file:
        out = zlib.decompressobj().decompress(file.read(1 << 20), 1)
    if not out:
        raise EOFError("nothing is in it")
    return {"zlib": out}


def by_h5py(path, job):
    import h5py

    with h5py.File(path, "r") as file:
        return {"hdf5": sorted(map(str, file.keys()))}


def h5py_signature(path, job):
    import h5py

    if not h5py.is_hdf5(path):
        raise ValueError("no HDF5 file")
    return {"hdf5": True}


def by_gguf(path, job):
    import gguf

    return {"gguf": sorted(gguf.GGUFReader(path).fields)}


def by_onnx(path, job):
    import onnx

    model = onnx.load_model(path, load_external_data=False)
    if not model.graph.node and not model.functions:
        raise ValueError("no operator is in it")
    return {"onnx": model.ir_version}


class Reader:
    """A reader, the module that it is of, and how its answers compare: those of a `group` are equal."""

    def __init__(self, module, load, group, fits=(), shapes=False, compiles=False):
        self.module, self.load, self.group = module, load, group
        # The formats that it must load, and that it may open as its own.
        self.fits = fits
        self.shapes, self.compiles = shapes, compiles


TORCH, ARCHIVE, ANY_ZIP = ("torch-zip", "torch-legacy"), ("torch-zip",), ("torch-zip", "npz", "zip")
NUMPY = ("npy", "npz")
READERS = {
    "torch.full": Reader("torch", by_torch(weights_only=False), "torch", TORCH),
    "torch.weights_only": Reader("torch", by_torch(weights_only=True), "torch", TORCH),
    "torch.mmap": Reader("torch", by_torch(weights_only=True, mmap=True), "torch", ARCHIVE),
    "torch.offsets": Reader("torch.utils.serialization", torch_offsets, "torch", ARCHIVE),
    "torch.meta": Reader(
        "torch", by_torch(weights_only=True, map_location="meta"), "torch", TORCH, shapes=True
    ),
    "torch.buffer": Reader("torch", torch_buffer, "torch", TORCH),
    "torch.dill": Reader("dill", torch_dill, "torch", TORCH),
    "torch.named": Reader("safetensors.torch", torch_named, "safetensors", ("safetensors",)),
    "torch.records": Reader("torch", torch_records, "zip", ARCHIVE),
    "torch.jit": Reader("torch", torch_jit, "other", (), compiles=True),
    "torch.package": Reader("torch.package", torch_package, "other", (), compiles=True),
    "torch.export": Reader("torch.export", torch_export, "other", (), compiles=True),
    "pickle.load": Reader("pickle", pickles("pickle", "load"), "pickle", ("pickle",)),
    "pickle.python": Reader("pickle", pickles("pickle", "_load"), "pickle", ("pickle",)),
    "dill": Reader("dill", pickles("dill", "load"), "pickle", ("pickle",)),
    "cloudpickle": Reader("cloudpickle", pickles("cloudpickle", "load"), "pickle", ("pickle",)),
    "joblib": Reader("joblib", by_joblib(), "joblib", ("pickle",)),
    "joblib.mmap": Reader("joblib", by_joblib(mmap_mode="r"), "joblib", ("pickle",)),
    # Its headers are Python literals, which `ast` parses.
    "numpy": Reader("numpy", by_numpy(allow_pickle=False), "numpy", NUMPY, compiles=True),
    "numpy.pickle": Reader("numpy", by_numpy(allow_pickle=True), "numpy", NUMPY, compiles=True),
    "numpy.mmap": Reader("numpy", by_numpy(allow_pickle=False, mmap_mode="r"), "numpy", compiles=True),
    "safetensors.file": Reader("safetensors.torch", safetensors_file, "safetensors", ("safetensors",)),
    "safetensors.bytes": Reader("safetensors.torch", safetensors_bytes, "safetensors", ("safetensors",)),
    "safetensors.each": Reader("safetensors.torch", safetensors_each, "safetensors", ("safetensors",)),
    "safetensors.slices": Reader("safetensors.torch", safetensors_slices, "safetensors", ("safetensors",)),
    "zipfile": Reader("zipfile", by_zipfile, "zip", ANY_ZIP),
    "tarfile": Reader("tarfile", by_tarfile("r:"), "other", ()),
    "tarfile.any": Reader("tarfile", by_tarfile("r:*"), "other", ()),
    "gzip": Reader("gzip", decompressed("gzip", "open"), "other", ()),
    "bz2": Reader("bz2", decompressed("bz2", "open"), "other", ()),
    "lzma": Reader("lzma", decompressed("lzma", "open"), "other", ()),
    "zlib": Reader("zlib", by_zlib, "other", ()),
    "lz4": Reader("lz4.frame", decompressed("lz4.frame", "open"), "other", ()),
    "h5py": Reader("h5py", by_h5py, "other", ()),
    "h5py.is_hdf5": Reader("h5py", h5py_signature, "other", ()),
    "gguf": Reader("gguf", by_gguf, "other", ()),
    "onnx": Reader("onnx", by_onnx, "other", ()),
}


def installed():
    """The readers there are with where their modules are and their versions, and why others are not."""
    there, missing = {}, {}
    for name, reader in READERS.items():
        try:
            module = importlib.import_module(reader.module)
            root = sys.modules[reader.module.split(".")[0]]
        except Exception as error:
            missing[name] = f"{type(error).__name__}: {str(error).splitlines()[:1]}"
            continue
        version = getattr(root, "__version__", "") or f"Python {sys.version.split()[0]}"
        there[name] = {"file": getattr(module, "__file__", None) or "", "version": str(version)}
    return there, missing


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
                    use(READERS[name].load(path, {}), [])
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


# What was loaded.


class Digest:
    """Two hashes of a value: of all of it, and of all but devices and data. Objects that are one
    object are so in both."""

    def __init__(self, value):
        self.whole, self.shapes = hashlib.sha256(), hashlib.sha256()
        self.met, self.alive = {}, []
        stack = [value]
        while stack:
            self.item(stack.pop(), stack)

    def say(self, *words, data=False):
        for word in words:
            raw = (
                word if isinstance(word, (bytes, memoryview)) else str(word).encode("utf-8", "surrogatepass")
            )
            raw = struct.pack("<Q", len(raw)) + bytes(raw)
            self.whole.update(raw)
            if not data:
                self.shapes.update(raw)

    def known(self, key, kept):
        if key in self.met:
            self.say("met", self.met[key])
            return True
        self.met[key] = len(self.met)
        self.alive.append(kept)
        return False

    def item(self, value, stack):
        kind = type(value)
        self.say(f"{kind.__module__.replace('numpy.core', 'numpy._core')}.{kind.__qualname__}")
        if isinstance(value, float):
            return self.say(struct.pack("<d", value))
        if isinstance(value, complex):
            return self.say(struct.pack("<2d", value.real, value.imag))
        if isinstance(value, int):
            return self.say(hex(value))
        if isinstance(value, (str, bytes, type(None))):
            return self.say(value)
        torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
        if torch and isinstance(value, (torch.dtype, torch.layout, torch.device, torch.qscheme)):
            return self.say(repr(value), data=isinstance(value, torch.device))
        if kind in (tuple, frozenset) and not value:
            return None
        if self.known(id(value), value):
            return None
        if torch and isinstance(value, torch.Tensor):
            return self.tensor(torch, value, stack)
        if torch and "Storage" in kind.__name__ and not isinstance(value, type):
            return self.storage(torch, value)
        if numpy and isinstance(value, (numpy.ndarray, numpy.generic)):
            self.say(value.dtype.str, value.shape)
            if value.dtype.hasobject:
                stack.extend(value.ravel().tolist())
            else:
                self.say(value.tobytes(), data=True)
            return None
        if isinstance(value, dict):
            self.say(len(value))
            stack.extend(part for pair in reversed(list(value.items())) for part in reversed(pair))
            if hasattr(value, "__dict__"):
                stack.append(vars(value))
        elif isinstance(value, (list, tuple)):
            self.say(len(value))
            stack.extend(reversed(value))
        elif isinstance(value, (set, frozenset)):
            self.say(len(value), *sorted(Digest(member).whole.hexdigest() for member in value))
        elif isinstance(value, bytearray):
            self.say(bytes(value))
        elif isinstance(value, type) or callable(value):
            self.say(getattr(value, "__module__", ""), getattr(value, "__qualname__", ""))
        return None

    def tensor(self, torch, value, stack):
        self.say(value.dtype, value.layout, tuple(value.shape), value.requires_grad, value.is_quantized)
        self.say(value.device, data=True)
        stack.append({key: item for key, item in vars(value).items()})
        if value.layout == torch.sparse_coo:
            self.say(value.is_coalesced(), data=True)
            return stack.extend([value._indices(), value._values()])
        if value.layout in COMPRESSED:
            parts = COMPRESSED[value.layout]
            return stack.extend([getattr(value, part)() for part in (*parts, "values")])
        self.say(value.stride(), value.storage_offset(), value.is_conj(), value.is_neg())
        if value.is_quantized:
            self.say(value.qscheme())
            if value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
                self.say(value.q_scale(), value.q_zero_point(), data=True)
            else:
                stack.extend([value.q_per_channel_scales(), value.q_per_channel_zero_points()])
        storage = value.untyped_storage() if hasattr(value, "untyped_storage") else value.storage()
        return self.storage(torch, storage)

    def storage(self, torch, value):
        untyped = value.untyped() if hasattr(value, "untyped") else value
        untyped = getattr(untyped, "_untyped_storage", untyped)
        if self.known(("storage", untyped._cdata), untyped):
            return
        self.say(untyped.nbytes())
        if untyped.device.type == "cpu" and untyped.nbytes():
            self.say(memoryview(torch.empty(0, dtype=torch.uint8).set_(untyped).numpy()), data=True)


COMPRESSED = {}


def use(value, trouble):
    """Does with a value what programs do. Appends what that fails with."""

    def attempt(what, do):
        try:
            do()
        except Exception as error:
            trouble.append(f"{what} of {type(value).__name__}: {type(error).__name__}")

    attempt("repr", lambda: repr(value))
    attempt("deepcopy", lambda: copy.deepcopy(value))
    attempt("comparison", lambda: value == value)
    seen, queue, count = set(), [value], 0
    while queue and count < MOST:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        count += 1
        use_one(item, trouble)
        if isinstance(item, dict):
            queue.extend(itertools.islice(item.values(), MOST))
            queue.extend(itertools.islice(item, MOST))
        elif isinstance(item, (list, tuple, set, frozenset)):
            queue.extend(itertools.islice(item, MOST))
        if hasattr(item, "__dict__") and not isinstance(item, type) and not callable(item):
            queue.append(vars(item))


def use_one(item, trouble):
    for what, do in uses(item):
        try:
            do()
        except Exception as error:
            trouble.append(f"{what} of {type(item).__name__}: {type(error).__name__}: {str(error)[:60]}")


def uses(item):
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    yield "str", lambda: str(item)
    if torch and isinstance(item, torch.Tensor):
        yield "shape", lambda: (item.shape, item.dim(), item.numel(), item.element_size(), item.device)
        if item.numel() * item.element_size() > LARGE or item.device.type == "meta":
            return
        yield "length", lambda: len(item) if item.dim() else item.numel()
        yield "item 0", lambda: item[0] if item.dim() and item.shape[0] else None
        yield "iteration", lambda: list(itertools.islice(iter(item), 3)) if item.dim() else None
        yield "clone", item.clone
        yield "contiguous", item.contiguous
        if item.layout != torch.strided:
            yield "dense", item.to_dense
            yield "product", lambda: item @ torch.ones(item.shape[-1], 1, dtype=item.dtype)
        if not item.is_quantized:
            yield "sum", lambda: (item + 1, item * item, item.sum())
            yield "comparison", lambda: (item == item).all()
            yield "list", lambda: item.flatten()[:100].tolist()
        return
    if numpy and isinstance(item, numpy.ndarray):
        yield "length", lambda: len(item) if item.ndim else item.size
        yield "item 0", lambda: item.ravel()[0] if item.size else None
        yield "list", lambda: item.ravel()[:100].tolist()
        yield "comparison", lambda: item == item
        yield "copy", item.copy
        return
    if isinstance(item, (int, float, complex)):
        yield "arithmetic", lambda: (item + 1, item * 2, -item, item == 1, hash(item), bool(item))
    elif isinstance(item, (str, bytes, bytearray)):
        yield "text", lambda: (len(item), item[:10], item + item[:1], item == item[:1])
    elif isinstance(item, (dict, list, tuple, set, frozenset)):
        yield (
            "container",
            lambda: (len(item), list(itertools.islice(iter(item), 3)), bool(item), copy.copy(item)),
        )
    elif isinstance(item, type) or not callable(item):
        yield "hash", lambda: hash(item)


# The world around: what loading data must leave as it was.


def world():
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    now = {
        "random": hash(random.getstate()),
        "environment": hash(tuple(sorted(os.environ.items()))),
        "directory": os.getcwd(),
        "files": tuple(name for name in sorted(os.listdir(".")) if name != "named.safetensors"),
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
            found[name] = hash(tuple(map(id, vars(value).values())))
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
        self.events, self.watching, self.may_compile = [], False, False

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
            if self.old(name) not in self.allowed and name not in self.allowed:
                self.events.append(f"looks up {name}")
        elif event == "import" and args[0] not in sys.modules:
            self.events.append(f"imports {args[0]}")
        elif (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            self.events.append(f"opens {args[0]} to write")
        elif event.startswith(NEVER) or (event in COMPILES and not self.may_compile):
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
        before = world()
        gc.collect()
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        resident, mapped = status("VmRSS"), status("VmSize")
        limit = mapped + self.job["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        self.events, self.may_compile = [], reader.compiles
        said = {}
        self.watching, started = True, time.process_time()
        try:
            loaded = reader.load(self.job["path"], self.job)
            said["outcome"] = "loads"
        except BaseException as error:
            lines = str(error).strip().splitlines()
            said["outcome"] = f"fails: {type(error).__name__}: {lines[0][:200] if lines else ''}"
        said["time"] = time.process_time() - started
        said["memory"] = max(0, status("VmHWM") - resident)
        after = world()
        said["changed"] = sorted(key for key in after if after[key] != before.get(key))
        if said["outcome"] == "loads":
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.watching = False
            try:
                digest = Digest(loaded)
                said["digest"], said["shapes"] = digest.whole.hexdigest(), digest.shapes.hexdigest()
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
    for line in sys.stdin:
        job = json.loads(line)
        results = load(job, settings)
        # What one reader ended is for the others in a process of their own.
        while left := [name for name in job["readers"] if name not in results]:
            results |= load(job | {"readers": left}, settings)
        print(json.dumps(results), file=answers, flush=True)


if __name__ == "__main__":
    main()
