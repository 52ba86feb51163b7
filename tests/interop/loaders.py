"""The readers that readers.py takes files through: how each is called, what it answers with, and
which formats it must load.
"""

import importlib
import io
import itertools
import os
import sys

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


def by_accounts(path, job):
    import accounts

    with open(path, "rb") as file:
        read = accounts.records(file.read())
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
    # Ours: no byte may be nobody's.
    "accounts": Reader("accounts", by_accounts, "zip", ANY_ZIP),
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
