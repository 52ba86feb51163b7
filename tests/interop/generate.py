"""Random state dicts, the same ones for the same seed.

Everything that torch.save writes without classes of others, in odd company:
shared and equal containers, strings that are one object and strings that only
look so, tensors over one storage, whole models and optimizers.
"""

import random
import struct
from collections import Counter, OrderedDict

import torch

# Words that are one object wherever they stand, for torch uses them too.
WORDS = ["cpu", "storage", "weight", "lr", "params", "version", "latin1", "state", "step", "a", ""]
TEXTS = ["layer.0.weight", "重み", "🦀 crab", "a\nb\0c", "x" * 300, "\ud800"]
NUMBERS = [0, 1, 255, 256, 65535, 65536, -1, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63), 2**64, 10**30]
FLOATS = [0.0, -0.0, 1e-3, 0.1, 1e300, 5e-324, float("inf"), struct.unpack("<d", b"\1\0\0\0\0\0\xf8\xff")[0]]
TYPED = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex128 complex64".split()
NEWER = [str(dtype).removeprefix("torch.") for dtype in sorted(torch.storage._new_dtypes(), key=str)]
# Those with kernels that copy, so that a tensor of them can be rearranged.
FLEXIBLE = set(TYPED) | {"float8_e5m2", "float8_e4m3fn", "uint16", "uint32", "uint64"}
SAFETENSORS = [name for name in TYPED if name != "complex128"] + [
    *["float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz", "uint16", "uint32", "uint64"]
]


class Generator:
    """Makes values from a seed. Without `newer`, tensors keep to the types that
    torch can read back from its old format."""

    def __init__(self, seed, newer=True):
        self.random = random.Random(seed)
        self.dtypes = [getattr(torch, name) for name in TYPED + (NEWER if newer else [])]
        self.budget = self.random.choice([5, 20, 60, 200])
        self.tensors, self.containers = [], []

    def state_dict(self):
        """A whole state dict; at times something stranger than a dict."""
        kind = self.random.choice(["dict"] * 5 + ["ordered", "list", "tuple", "training", "tensor"])
        if kind == "training":
            return self.training()
        if kind == "tensor":
            return self.tensor()
        return self.container(kind, 0)

    def flat(self):
        """Tensors by name that safetensors can hold, each with a storage of its own."""
        dtypes = [getattr(torch, name) for name in SAFETENSORS]
        names = [
            self.computed(f"layer{index}.{self.random.choice(TEXTS[:4])}")
            for index in range(self.random.randint(0, 12))
        ]
        return {name: self.fresh(self.random.choice(dtypes), spare=2) for name in names}

    def value(self, depth):
        self.budget -= 1
        if self.containers and self.random.random() < 0.05:
            return self.random.choice(self.containers)
        if depth < 5 and self.budget > 0 and self.random.random() < 0.3:
            return self.container(self.random.choice(["dict", "dict", "ordered", "list", "tuple"]), depth + 1)
        if self.random.random() < 0.45:
            return self.any_tensor()
        return self.leaf()

    def container(self, kind, depth):
        count = self.random.choice([0, 1, 2, 3, 5, 8] if depth else [1, 4, 8, 12])
        if kind in ("dict", "ordered"):
            made = {} if kind == "dict" else OrderedDict()
            for _ in range(count):
                made[self.key()] = self.value(depth)
        elif self.random.random() < 0.03:
            made = [None] * self.random.choice([999, 1000, 1001, 2000])
        else:
            made = [self.value(depth) for _ in range(count)]
        made = tuple(made) if kind == "tuple" else made
        self.containers.append(made)
        return made

    def key(self):
        return self.random.choice([self.text, self.text, lambda: self.random.randint(-5, 400)])()

    def text(self):
        text = self.random.choice(WORDS + TEXTS)
        return text if self.random.random() < 0.5 else self.computed(text)

    def computed(self, text):
        """The same text, as an object of its own."""
        return "".join(list(text))

    def leaf(self):
        choose = self.random.choice
        return choose(
            [
                lambda: choose([None, True, False]),
                lambda: choose(NUMBERS) * choose([1, -1]),
                lambda: choose([choose(FLOATS), self.random.random()]),
                self.text,
                lambda: complex(choose(FLOATS), choose(FLOATS)),
                lambda: self.random.randbytes(choose([1, 5, 300])),
                lambda: bytearray(self.random.randbytes(3)),
                lambda: set(self.random.sample(range(1000), choose([0, 1, 5]))),
                lambda: Counter(self.random.choices(range(4), k=5)),
                lambda: torch.Size(self.shape()),
                lambda: torch.device(choose(["cpu", "cuda:0", "cuda:11", "meta"])),
                lambda: choose([torch.float32, torch.int8, torch.uint16, torch.strided, torch.sparse_csr]),
            ]
        )()

    # Tensors.

    def any_tensor(self):
        roll = self.random.random()
        if self.tensors and roll < 0.15:
            return self.random.choice(self.tensors)
        if self.tensors and roll < 0.35:
            return self.view(self.random.choice(self.tensors))
        if roll < 0.5:
            return torch.nn.Parameter(self.fresh(self.random.choice([torch.float32, torch.bfloat16])))
        if roll < 0.6:
            return self.special()
        return self.tensor()

    def tensor(self):
        tensor = self.fresh(self.random.choice(self.dtypes))
        self.tensors.append(tensor)
        return tensor

    def fresh(self, dtype, spare=0):
        """A tensor over a new storage, which may be up to `spare` elements longer
        on either side; one in fifty is megabytes large."""
        shape = self.shape()
        if self.random.random() < 0.02:
            shape = [self.random.randint(1, 300), 1000]
        before, after = self.random.randint(0, spare), self.random.randint(0, spare)
        count = torch.Size(shape).numel()
        raw = bytearray(self.random.randbytes((before + count + after) * dtype.itemsize))
        if dtype == torch.bool:
            raw = bytearray(byte & 1 for byte in raw)
        whole = torch.frombuffer(raw, dtype=torch.uint8).clone() if raw else torch.empty(0, dtype=torch.uint8)
        return whole.view(dtype)[before : before + count].reshape(shape)

    def shape(self):
        return [
            self.random.choice([0, 1, 2, 3, 5, 16]) for _ in range(self.random.choice([0, 1, 1, 2, 2, 3, 4]))
        ]

    def view(self, tensor):
        """Another view of a tensor's storage."""
        if not tensor.dim() or str(tensor.dtype).removeprefix("torch.") not in FLEXIBLE:
            return tensor.detach()
        views = [
            lambda: tensor.transpose(0, -1),
            lambda: tensor[:: self.random.randint(1, 3)],
            lambda: tensor[tensor.shape[0] // 2 :],
            lambda: tensor.unsqueeze(0).expand(3, *tensor.shape),
            lambda: tensor.conj() if tensor.is_complex() else tensor.detach(),
        ]
        return self.random.choice(views)()

    def special(self):
        values = torch.tensor(
            [[self.random.randint(-3, 3) for _ in range(4)] for _ in range(4)], dtype=torch.float32
        )
        rows, ints = torch.tensor([0.5, 0.25, 1.0, 2.0], dtype=torch.float64), torch.tensor([0, 1, -1, 3])
        attributed = self.fresh(torch.float32)
        attributed.note = self.text()
        return self.random.choice(
            [
                values.to_sparse,
                values.to_sparse_csr,
                values.to_sparse_csc,
                lambda: values.to_sparse_bsr((2, 2)),
                lambda: values.to_sparse_bsc((2, 2)),
                lambda: torch.quantize_per_tensor(values, 0.5, 1, torch.qint8),
                lambda: torch.quantize_per_channel(values, rows, ints, 0, torch.qint8),
                lambda: torch.empty(self.shape(), device="meta"),
                lambda: values.clone().requires_grad_(),
                lambda: torch._neg_view(values),
                lambda: attributed,
            ]
        )()

    # Models.

    def training(self):
        """A checkpoint as training loops write it."""
        torch.manual_seed(self.random.randint(0, 2**31))
        module = self.module()
        name, options = self.random.choice(OPTIMIZERS)
        optimizer = getattr(torch.optim, name)(module.parameters(), **options)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        for _ in range(self.random.randint(0, 2)):
            for parameter in module.parameters():
                parameter.grad = torch.rand_like(parameter)
            optimizer.step()
            scheduler.step()
        checkpoint = {
            "model": module.state_dict(),
            "ema": module.state_dict(keep_vars=self.random.random() < 0.3),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "extra": self.value(2),
        }
        return checkpoint

    def module(self):
        layers = torch.nn
        tied = layers.Sequential(layers.Embedding(5, 3), layers.Linear(3, 5, bias=False))
        tied[1].weight = tied[0].weight
        return self.random.choice(
            [
                lambda: tied,
                lambda: layers.Linear(3, 4),
                lambda: layers.Sequential(layers.Conv2d(1, 2, 3), layers.BatchNorm2d(2)),
                lambda: layers.TransformerEncoderLayer(4, 2, 8),
                lambda: layers.LSTM(3, 4, 2),
            ]
        )()


OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("RMSprop", {}),
    ("Adagrad", {}),
]
