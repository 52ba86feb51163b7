"""The readers that readers.py takes files through: how each is called, what it answers with, and
which formats it must load.
"""

import importlib
import importlib.metadata
import io
import itertools
import sys

import dcp_files
import hubs
import keras_files
from naming import in_order, named

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

    return in_order(torch.load(path))


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


def by_onnx(form=None):
    """A form is that of files with other names than `.onnx`. Where a model says that its data is in
    other files, those are read as well."""

    def load(path, job):
        import onnx

        model = onnx.load_model(path, form)
        if not model.graph.node and not model.functions:
            raise ValueError("no operator is in it")
        return {"onnx": model.ir_version}

    return load


class Reader:
    """A reader, the module that it is of, and how its answers compare: those of a `group` are equal."""

    def __init__(self, module, load, group, fits=(), **more):
        self.module, self.load, self.group = module, load, group
        # The formats that it must load, and that it may open as its own.
        self.fits = fits
        # Is compared without data, may compile, and refuses what weights_only does.
        self.shapes, self.compiles = more.pop("shapes", False), more.pop("compiles", False)
        self.careful = more.pop("careful", False)
        # What has to lie in the present directory, and what names that was written with.
        self.prepare = more.pop("prepare", lambda path, job: path)
        self.own = more.pop("own", ())
        assert not more, more


# What readers of zip archives may open besides: the last of several, or the first.
SEVERAL = ("dcp-items",)
TORCH, ARCHIVE, ANY_ZIP = ("torch-zip", "torch-legacy"), ("torch-zip",), ("torch-zip", "npz", "zip")
NUMPY, SAFETENSORS = ("npy", "npz"), ("safetensors",)
READERS = {
    "torch.full": Reader("torch", by_torch(weights_only=False), "torch", TORCH),
    "torch.weights_only": Reader("torch", by_torch(weights_only=True), "torch", TORCH, careful=True),
    "torch.cpu": Reader(
        "torch", by_torch(weights_only=True, map_location="cpu"), "torch", TORCH, careful=True
    ),
    "torch.mmap": Reader("torch", by_torch(weights_only=True, mmap=True), "torch", ARCHIVE, careful=True),
    "torch.offsets": Reader("torch.utils.serialization", torch_offsets, "torch", ARCHIVE, careful=True),
    "torch.meta": Reader(
        "torch",
        by_torch(weights_only=True, map_location="meta"),
        "torch",
        TORCH,
        shapes=True,
        careful=True,
    ),
    "torch.buffer": Reader("torch", torch_buffer, "torch", TORCH, careful=True),
    "torch.dill": Reader("dill", torch_dill, "torch", TORCH),
    "torch.named": Reader(
        "safetensors.torch", torch_named, "safetensors", SAFETENSORS, prepare=named("named.safetensors")
    ),
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
    "safetensors.file": Reader("safetensors.torch", safetensors_file, "safetensors", SAFETENSORS),
    "safetensors.bytes": Reader("safetensors.torch", safetensors_bytes, "safetensors", SAFETENSORS),
    "safetensors.each": Reader("safetensors.torch", safetensors_each, "safetensors", SAFETENSORS),
    "safetensors.slices": Reader("safetensors.torch", safetensors_slices, "safetensors", SAFETENSORS),
    "zipfile": Reader("zipfile", by_zipfile, "zip", ANY_ZIP),
    # Ours: no byte may be nobody's.
    "accounts": Reader("accounts", by_accounts, "zip", ANY_ZIP),
    "tarfile": Reader("tarfile", by_tarfile("r:"), "other", ()),
    "tarfile.any": Reader("tarfile", by_tarfile("r:*"), "other", ()),
    "gzip": Reader("gzip", decompressed("gzip", "open"), "other", ()),
    "bz2": Reader("bz2", decompressed("bz2", "open"), "other", ()),
    "lzma": Reader("lzma", decompressed("lzma", "open"), "other", ()),
    "zlib": Reader("zlib", by_zlib, "other", ()),
    "lz4": Reader("lz4.frame", decompressed("lz4.frame", "LZ4FrameFile"), "other", ()),
    "h5py": Reader("h5py", by_h5py, "other", ()),
    "h5py.is_hdf5": Reader("h5py", h5py_signature, "other", ()),
    "gguf": Reader("gguf", by_gguf, "gguf", ()),
    "onnx": Reader("onnx", by_onnx(), "other", ()),
    "onnx.textproto": Reader("onnx", by_onnx("textproto"), "other", ()),
    "onnx.json": Reader("onnx", by_onnx("json"), "other", ()),
    "onnx.text": Reader("onnx", by_onnx("onnxtxt"), "other", ()),
}


def dcp(load, group, prepare, fits=(), module="torch.distributed.checkpoint", **more):
    return Reader(module, load, group, fits, prepare=prepare, **more)


WRITTEN = ("torch.distributed.checkpoint.",)
READERS |= {
    "torch.dcp.metadata": dcp(dcp_files.metadata, "dcp.metadata", dcp_files.metadata_folder),
    "torch.dcp.bytes": dcp(
        dcp_files.bytes_item, "torch", dcp_files.bytes_folder, TORCH, careful=True, own=WRITTEN
    ),
    "torch.dcp.tensor": dcp(dcp_files.tensor_item, "dcp.tensor", dcp_files.tensor_folder, own=WRITTEN),
    "torch.dcp.safetensors": dcp(
        dcp_files.safetensors_folder,
        "safetensors",
        named("model.safetensors"),
        SAFETENSORS,
        "torch.distributed.checkpoint.hf_storage",
        # Copies of booleans are 0 and 1.
        shapes=True,
    ),
}


def hub(module, load, group, fits=(), name=None, **more):
    """One that goes by the name; without one, by that which the file has: no reader's."""
    prepare = more.pop("prepare", named(name) if name else lambda path, job: path)
    return Reader(module, load, group, fits, prepare=prepare, careful=True, **more)


MODELING, MODEL = "transformers.modeling_utils", "model.safetensors"
DIFFUSERS, HUB = "diffusers.models.model_loading_utils", "huggingface_hub.serialization._torch"
IN_ORDER = {"order": in_order}
READERS |= {
    "transformers": hub(MODELING, hubs.transformers_file(), "torch", TORCH),
    "transformers.meta": hub(
        MODELING, hubs.transformers_file(map_location="meta"), "torch", TORCH, shapes=True
    ),
    "transformers.random": hub("transformers.trainer_pt_utils", hubs.transformers_random, "torch", TORCH),
    "transformers.safetensors": hub(
        MODELING, hubs.transformers_file(**IN_ORDER), "safetensors", SAFETENSORS, MODEL
    ),
    "transformers.safetensors.bytes": hub(
        MODELING,
        hubs.transformers_file(**IN_ORDER, disable_mmap=True),
        "safetensors",
        SAFETENSORS,
        MODEL,
    ),
    "transformers.safetensors.meta": hub(
        MODELING,
        hubs.transformers_file(**IN_ORDER, map_location="meta"),
        "safetensors",
        SAFETENSORS,
        MODEL,
        shapes=True,
    ),
    "transformers.model": hub(
        MODELING, hubs.transformers_model, "model", prepare=hubs.model_folder("pytorch_model.bin")
    ),
    "transformers.model.safetensors": hub(
        MODELING, hubs.transformers_model, "model", prepare=hubs.model_folder(MODEL)
    ),
    "transformers.gguf": hub(
        "transformers.modeling_gguf_pytorch_utils", hubs.transformers_gguf, "gguf", (), "model.gguf"
    ),
    "diffusers": hub(DIFFUSERS, hubs.diffusers_file(), "torch", TORCH),
    "diffusers.read": hub(DIFFUSERS, hubs.diffusers_file(disable_mmap=True), "torch", TORCH),
    "diffusers.meta": hub(
        DIFFUSERS, hubs.diffusers_file(map_location="meta"), "torch", TORCH, shapes=True
    ),
    "diffusers.safetensors": hub(
        DIFFUSERS, hubs.diffusers_file(**IN_ORDER), "safetensors", SAFETENSORS, MODEL
    ),
    "diffusers.safetensors.bytes": hub(
        DIFFUSERS, hubs.diffusers_file(**IN_ORDER, disable_mmap=True), "safetensors", SAFETENSORS, MODEL
    ),
    "diffusers.gguf": hub(DIFFUSERS, hubs.diffusers_file(), "gguf.diffusers", (), "model.gguf"),
    "huggingface_hub": hub(HUB, hubs.hub_file(safe=False), "torch", TORCH),
    "huggingface_hub.full": hub(HUB, hubs.hub_file(safe=False, weights_only=False), "torch", TORCH),
    "huggingface_hub.mmap": hub(HUB, hubs.hub_file(safe=False, mmap=True), "torch", ARCHIVE),
    "huggingface_hub.safetensors": hub(HUB, hubs.hub_file(**IN_ORDER), "safetensors", SAFETENSORS),
    "huggingface_hub.model": hub(HUB, hubs.hub_model, "model"),
}


def keras(load, name):
    return Reader("keras", load, "other", (), prepare=named(name))


READERS |= {
    "keras": keras(keras_files.model(), "model.keras"),
    "keras.unsafe": keras(keras_files.model(safe_mode=False), "model.keras"),
    "keras.h5": keras(keras_files.model(), "model.h5"),
    "keras.weights": keras(keras_files.weights(), "model.keras"),
    "keras.weights.h5": keras(keras_files.weights(), "model.weights.h5"),
    "keras.weights.json": keras(keras_files.weights(), "model.weights.json"),
    "keras.weights.old": keras(keras_files.weights(), "model.h5"),
    "keras.weights.names": keras(keras_files.weights(by_name=True), "model.h5"),
    "keras.editor": keras(keras_files.editor, "model.keras"),
    "keras.editor.h5": keras(keras_files.editor, "model.weights.h5"),
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
        version = getattr(root, "__version__", "") or packaged(root.__name__)
        there[name] = {"file": getattr(module, "__file__", None) or "", "version": str(version)}
    return there, missing


def packaged(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"Python {sys.version.split()[0]}"
