"""Files that hold weights and other data of training, as people write them.

    python tests/interop/benign.py DIRECTORY

`make(directory)` writes them and returns their paths. Each is proven to load:
checkpoints by torch.load(weights_only=True), safetensors and numpy files by
their own readers, what training writes besides (`training.py`) by all of torch.load. A validator
must call every one of them safe.
"""

import io
import pathlib
import sys
import warnings
import zipfile
from collections import Counter, OrderedDict

import numpy
import safetensors.numpy
import safetensors.torch
import torch
import training

LITTLE = torch.tensor([[1.0, -2.0], [0.5, 4.0]])


def make(directory):
    """Writes all files into `directory`, which is made if need be."""
    root = pathlib.Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = [*checkpoints(root), *safetensors_files(root), *numpy_files(root)]
        for path in paths:
            prove(path)
        paths += training.make(root)
    return paths


def prove(path):
    if path.suffix == ".safetensors":
        safetensors.torch.load_file(path)
    elif path.suffix in (".npy", ".npz"):
        loaded = numpy.load(path, allow_pickle=False)
        dict(loaded) if path.suffix == ".npz" else loaded
    else:
        torch.load(path, weights_only=True)


def checkpoints(root):
    """Each object in the zip format and the old one, some of them zipped again."""
    for name, value in objects():
        path = root / f"{name}.pt"
        torch.save(value, path)
        yield path
        if name not in WITHOUT_OLD_FORMAT:
            old = root / f"{name}.old.pt"
            torch.save(value, old, _use_new_zipfile_serialization=False)
            yield old
        if name in ZIPPED_AGAIN:
            for label, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
                yield zip_again(path, root / f"{name}.{label}.pt", method)
            yield zip_streamed(path, root / f"{name}.streamed.pt")


def records(source):
    """The records of an archive, but for those that promise where storages lie: another program
    puts them elsewhere."""
    promises = (".format_version", ".storage_alignment")
    return [info for info in source.infolist() if not info.filename.endswith(promises)]


def packing(info, method):
    """How a record is packed by whoever packs with this method, and leaves storages as they are:
    readers map them."""
    return zipfile.ZIP_STORED if "/data/" in info.filename else method


def zip_again(path, to, method):
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(to, "w", method) as written:
        for info in records(source):
            written.writestr(info.filename, source.read(info), packing(info, method))
    return to


def zip_streamed(path, to):
    """With folders, and sizes behind the data, as when the output cannot seek."""

    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

        def tell(self):
            raise io.UnsupportedOperation

    stream = Stream()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        infos = records(source)
        written.writestr(infos[0].filename.split("/")[0] + "/", b"")
        for info in infos:
            written.writestr(info.filename, source.read(info), packing(info, zipfile.ZIP_DEFLATED))
    to.write_bytes(stream.getvalue())
    return to


def objects():
    yield from models()
    yield from optimizers()
    yield from schedulers()
    yield from dtypes()
    yield from kinds_of_tensor()
    yield from values()


def models():
    def model(name, module):
        return f"model_{name}", module.state_dict()

    yield model("linear", torch.nn.Linear(3, 2))
    yield model("batch_norm", torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)))
    yield model("lstm", torch.nn.LSTM(3, 4, 2, bidirectional=True))
    yield model("gru", torch.nn.GRU(3, 4))
    yield model("transformer", torch.nn.TransformerEncoderLayer(8, 2, 16))
    yield model("attention", torch.nn.MultiheadAttention(8, 2))
    yield model("embedding", torch.nn.Embedding(10, 4, padding_idx=0))
    yield model("embedding_bag", torch.nn.EmbeddingBag(10, 4))
    yield model("group_norm", torch.nn.GroupNorm(2, 4))
    yield model("parametrized", torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2)))
    tied = torch.nn.Sequential(OrderedDict(a=torch.nn.Linear(3, 3), b=torch.nn.Linear(3, 3)))
    tied.b.weight = tied.a.weight
    yield model("tied", tied)
    yield "model_kept_parameters", torch.nn.Linear(3, 2).state_dict(keep_vars=True)
    swa = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(3, 2))
    swa.update_parameters(torch.nn.Linear(3, 2))
    yield model("averaged", swa)
    yield "model_half", torch.nn.Linear(3, 2).half().state_dict()
    yield "model_bfloat16", torch.nn.Linear(3, 2).bfloat16().state_dict()
    yield "model_meta", torch.nn.Linear(3, 2, device="meta").state_dict()


def optimizers():
    names = [name for name in dir(torch.optim) if isinstance(getattr(torch.optim, name), type)]
    for name in names:
        kind = getattr(torch.optim, name)
        if name == "Optimizer" or not issubclass(kind, torch.optim.Optimizer):
            continue
        state = stepped(kind, name)
        yield f"optimizer_{name.lower()}", state


def stepped(kind, name):
    module = (
        torch.nn.Embedding(4, 3, sparse=True)
        if name == "SparseAdam"
        else torch.nn.Linear(4, 3, bias=name != "Muon")
    )
    optimizer = kind(module.parameters(), lr=0.1)
    given = torch.tensor([0, 1]) if name == "SparseAdam" else torch.ones(2, 4)

    def closure():
        optimizer.zero_grad()
        loss = module(given).square().sum()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return optimizer.state_dict()


def schedulers():
    of = torch.optim.lr_scheduler

    def optimizer():
        return torch.optim.SGD([torch.nn.Parameter(LITTLE.clone())], lr=0.1, momentum=0.9)

    made = {
        "step": of.StepLR(optimizer(), 2),
        "multi_step": of.MultiStepLR(optimizer(), [2, 4]),
        "exponential": of.ExponentialLR(optimizer(), 0.9),
        "cosine": of.CosineAnnealingLR(optimizer(), 10),
        "warm_restarts": of.CosineAnnealingWarmRestarts(optimizer(), 5),
        "one_cycle": of.OneCycleLR(optimizer(), 0.5, total_steps=10),
        "linear": of.LinearLR(optimizer()),
        "constant": of.ConstantLR(optimizer()),
        "polynomial": of.PolynomialLR(optimizer()),
        "plateau": of.ReduceLROnPlateau(optimizer()),
        "lambda": of.LambdaLR(optimizer(), lambda epoch: 0.9**epoch),
    }
    for name, scheduler in made.items():
        scheduler.optimizer.step()
        scheduler.step(*([1.0] if name == "plateau" else []))
        yield f"scheduler_{name}", scheduler.state_dict()
    module = torch.nn.Linear(4, 3)
    yield (
        "checkpoint",
        {
            "epoch": 3,
            "loss": 0.25,
            "model": module.state_dict(),
            "optimizer": stepped(torch.optim.AdamW, "AdamW"),
            "scheduler": made["cosine"].state_dict(),
            "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 0},
            "rng": torch.get_rng_state(),
            "arguments": {"lr": 1e-3, "layers": [64, 64], "name": "run"},
        },
    )


def dtypes():
    names = "float64 float32 float16 bfloat16 complex128 complex64 complex32 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool"
    eights = "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu"
    for name in names.split():
        yield (
            f"dtype_{name}",
            {
                "weight": torch.ones(3, 2).to(getattr(torch, name)),
                "empty": torch.empty(0, dtype=getattr(torch, name)),
            },
        )
    for name in eights.split():
        yield f"dtype_{name}", torch.zeros(4, dtype=torch.uint8).view(getattr(torch, name))


def kinds_of_tensor():
    whole = torch.arange(24.0).reshape(4, 6)
    yield (
        "views",
        {
            "whole": whole,
            "row": whole[1],
            "column": whole[:, 2],
            "transposed": whole.t(),
            "step": whole[::2, ::3],
        },
    )
    yield "expanded", torch.ones(1).expand(5)
    yield "overlapping", whole.flatten().unfold(0, 4, 2)
    yield "scalar", torch.tensor(3.5)
    yield "no_elements", {"a": torch.empty(0), "b": torch.empty(0, 3), "c": torch.empty(3, 0, 2)}
    yield "channels_last", torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last)
    yield "parameter", torch.nn.Parameter(whole.clone())
    yield "requires_grad", whole.clone().requires_grad_()
    yield "meta", torch.empty(3, 4, device="meta")
    yield "conj", torch.tensor([1 + 2j, 3 - 1j]).conj()
    yield "neg", torch.tensor([1 + 2j]).conj().imag
    attributes = torch.nn.Parameter(whole.clone())
    attributes.sequence_parallel = True
    attributes.note = ["a", 1]
    yield "parameter_attributes", attributes
    tensor = whole.clone()
    tensor.scale = 0.5
    yield "tensor_attributes", tensor
    dense = torch.tensor([[0.0, 1.0, 0.0, 2.0], [0.0, 0.0, 3.0, 0.0]])
    yield "sparse_coo", dense.to_sparse()
    yield "sparse_coo_loose", torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 4))
    yield "sparse_coo_empty", torch.sparse_coo_tensor(size=(2, 4))
    yield "sparse_csr", dense.to_sparse_csr()
    yield "sparse_csc", dense.to_sparse_csc()
    yield "sparse_bsr", dense.to_sparse_bsr((1, 2))
    yield "sparse_bsc", dense.to_sparse_bsc((1, 2))
    yield "quantized", torch.quantize_per_tensor(whole, 0.5, 3, torch.quint8)
    scales, zeros = torch.full((4,), 0.5, dtype=torch.double), torch.zeros(4, dtype=torch.long)
    yield "quantized_channels", torch.quantize_per_channel(whole, scales, zeros, 0, torch.qint8)
    yield "untyped_storage", torch.ones(4).untyped_storage()
    yield "typed_storage", torch.FloatStorage([1.0, 2.0])


def values():
    yield "none", None
    yield "number", 7
    yield "plain", {"a": [1, 2.5, None, True], "b": ("x", (1, 2)), 3: {"c": float("nan")}}
    yield "big_integers", [2**63, -(2**64), 2**200]
    yield "texts", ["", "caf\u00e9", "\u91cd\u307f", "\U0001f980", "a\0b\nc", "x" * 300]
    yield "bytes", {"a": b"abc", "all": bytes(range(256)), "array": bytearray(b"xyz")}
    yield "sets", [{1, 2, 3}, set(), complex(1, -2)]
    yield "counters", Counter({"a": 2, "b": 1})
    yield "ordered", OrderedDict([("b", 1), ("a", torch.ones(2))])
    yield "types", [torch.float32, torch.Size([2, 3]), torch.device("cpu"), torch.strided, torch.Tensor]
    shared = [1, 2]
    yield "shared", {"a": shared, "b": shared}
    itself = []
    itself.append(itself)
    yield "recursive", itself
    yield "many", {f"layer.{number}.weight": torch.full((2,), float(number)) for number in range(300)}
    yield "many_keys", {f"key{number}": number for number in range(5000)}


# torch cannot read back what it writes of these in the old format: their storages have no class of their own.
WITHOUT_OLD_FORMAT = {
    "dtype_uint16",
    "dtype_uint32",
    "dtype_uint64",
    "dtype_complex32",
    "dtype_float8_e4m3fn",
    "dtype_float8_e4m3fnuz",
    "dtype_float8_e5m2",
    "dtype_float8_e5m2fnuz",
    "dtype_float8_e8m0fnu",
    "untyped_storage",
}
ZIPPED_AGAIN = {
    "model_linear",
    "optimizer_adam",
    "checkpoint",
    "sparse_coo",
    "sparse_csr",
    "quantized",
    "quantized_channels",
    "plain",
    "many",
}


def safetensors_files(root):
    def saved(name, tensors, metadata=None):
        path = root / f"{name}.safetensors"
        safetensors.torch.save_file(tensors, path, metadata)
        return path

    yield saved("model", torch.nn.Linear(3, 2).state_dict())
    yield saved("metadata", {"w": LITTLE}, {"format": "pt", "note": "caf\u00e9"})
    yield saved("nothing", {"empty": torch.empty(0, 3)})
    kinds = (
        "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool float8_e4m3fn float8_e5m2".split()
    )
    yield saved("dtypes", {name: torch.ones(3).to(getattr(torch, name)) for name in kinds})
    yield saved("many", {f"layer.{number}": torch.full((2,), float(number)) for number in range(300)})
    path = root / "from_numpy.safetensors"
    safetensors.numpy.save_file({"a": numpy.arange(6.0).reshape(2, 3)}, path)
    yield path


def numpy_files(root):
    for kind in "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 b1 c16 c8 >f4 >i8 S5 U3 M8[s] m8[ms]".split():
        path = root / f"array_{kind.replace('>', 'big_').replace('[', '_').replace(']', '')}.npy"
        numpy.save(path, numpy.zeros((2, 3), dtype=kind), allow_pickle=False)
        yield path
    shapes = {
        "scalar": numpy.array(1.5),
        "empty": numpy.empty((0, 3)),
        "columns": numpy.asfortranarray(numpy.ones((2, 3))),
    }
    shapes["records"] = numpy.zeros(3, dtype=[("a", "<i4"), ("b", "<f8", (2,))])
    for name, array in shapes.items():
        path = root / f"array_{name}.npy"
        numpy.save(path, array, allow_pickle=False)
        yield path
    for version in ((2, 0), (3, 0)):
        path = root / f"array_version_{version[0]}.npy"
        buffer = io.BytesIO()
        numpy.lib.format.write_array(buffer, numpy.ones(4), version, allow_pickle=False)
        path.write_bytes(buffer.getvalue())
        yield path
    for name, save in (("stored", numpy.savez), ("deflated", numpy.savez_compressed)):
        path = root / f"arrays_{name}.npz"
        save(path, a=numpy.ones((2, 3)), b=numpy.arange(5))
        yield path


if __name__ == "__main__":
    for made in make(sys.argv[1]):
        print(made)
