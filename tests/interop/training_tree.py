"""A directory as training leaves it: by torch itself, and by transformers, Lightning and accelerate where
they are installed.
"""

import argparse
import collections
import datetime
import pathlib
import pickle
import random

import numpy
import torch
import torch.distributed.checkpoint
import training

# Classes of a library that are pickled whole: what they do is for their authors to say.
FOREIGN = {"training_args.bin"}
# Settings that make a YAML reader build objects.
CODE = {"hparams.yaml"}


def make(root):
    """Writes it, and says which libraries took part, or why not."""
    root.mkdir(parents=True)
    for name, part in {"torch": by_torch, "pickle": by_pickle, "dcp": by_dcp}.items():
        folder = root / name
        folder.mkdir()
        part(folder)
    list(training.make(root / "torch"))
    for library, part in {"transformers": by_transformers, "lightning": by_lightning, "accelerate": by_accelerate}.items():
        try:
            __import__(library)
        except ImportError as error:
            yield f"{library} is not installed, and not asked: {error}"
            continue
        part(root / library)
        yield f"{library} took part"


def by_torch(root):
    weights = [torch.nn.Parameter(torch.ones(2))]
    for name in ("SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop", "NAdam", "RAdam", "Adamax", "ASGD", "Rprop"):
        optimizer = getattr(torch.optim, name)(weights, lr=0.1)
        weights[0].grad = torch.ones(2)
        optimizer.step()
        torch.save(optimizer.state_dict(), root / f"{name}.pt")
    for name, make_one in SCHEDULERS.items():
        scheduler = make_one(torch.optim.SGD(weights, lr=0.1, momentum=0.9))
        torch.save(scheduler.state_dict(), root / f"{name}.pt")
        (root / f"{name}.pkl").write_bytes(pickle.dumps(scheduler.state_dict()))
    torch.save(torch.amp.GradScaler("cpu").state_dict(), root / "scaler.pt")
    averaged = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(2, 2))
    torch.save({"swa": averaged.state_dict(), "generator": torch.Generator().get_state()}, root / "swa.pt")
    epoch = {"epoch": 1, "best": numpy.float64(0.5), "history": [numpy.float32(1)], "when": datetime.datetime(2024, 1, 1)}
    torch.save(epoch | {"args": argparse.Namespace(lr=0.1), "matrix": numpy.zeros((2, 2))}, root / "epoch1.pth.tar")
    numpy.savez(root / "a.npz", a=numpy.ones(2), b=numpy.array(["x"]))


schedulers = torch.optim.lr_scheduler
SCHEDULERS = {
    "step": lambda of: schedulers.StepLR(of, 2),
    "multi": lambda of: schedulers.MultiStepLR(of, [1, 2]),
    "cosine": lambda of: schedulers.CosineAnnealingLR(of, 5),
    "plateau": lambda of: schedulers.ReduceLROnPlateau(of),
    "one_cycle": lambda of: schedulers.OneCycleLR(of, 0.1, total_steps=5),
    "lambda": lambda of: schedulers.LambdaLR(of, lambda epoch: 1.0),
    "polynomial": lambda of: schedulers.PolynomialLR(of),
}


def by_pickle(root):
    values = {
        "array": numpy.arange(4.0),
        "set": {1, 2},
        "frozenset": frozenset("ab"),
        "defaultdict": collections.defaultdict(list),
        "tensor": torch.ones(2),
        "state_dict": torch.nn.Linear(2, 2).state_dict(),
        "numpy_state": numpy.random.get_state(),
        "python_state": random.getstate(),
        "objects": numpy.array(["a", None], object),
        "scalar": {"x": numpy.float32(1)},
    }
    for name, value in values.items():
        for protocol in range(6):
            (root / f"{name}.{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))


def by_dcp(root):
    model = torch.nn.Linear(4, 4)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    others = {"step": 3, "array": numpy.ones(3), "tuple": (1, torch.ones(2)), "rng": torch.get_rng_state()}
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), **others}
    torch.distributed.checkpoint.save(state, checkpoint_id=str(root / "step-1"), no_dist=True)


def by_transformers(root):
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    sizes = {"vocab_size": 10, "hidden_size": 8, "intermediate_size": 8, "max_position_embeddings": 8}
    model = BertForSequenceClassification(BertConfig(num_hidden_layers=1, num_attention_heads=1, **sizes))
    settings = TrainingArguments(str(root), per_device_train_batch_size=2, max_steps=2, save_steps=1, report_to="none", use_cpu=True)
    rows = [{"input_ids": torch.arange(4), "labels": torch.tensor(index % 2)} for index in range(8)]
    Trainer(model, settings, train_dataset=rows).train()


def by_lightning(root):
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self, lr=0.1, args=None):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(4, 2)

        def training_step(self, batch, index):
            return self.layer(batch).sum()

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), self.hparams.lr)

    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(default_root_dir=root, max_epochs=1, **quiet)
    args = argparse.Namespace(a=1, path=pathlib.Path("/x"))
    trainer.fit(Module(args=args), torch.utils.data.DataLoader(torch.ones(4, 4), batch_size=2))


def by_accelerate(root):
    from accelerate import Accelerator

    accelerator, model = Accelerator(cpu=True), torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = schedulers.LambdaLR(optimizer, lambda epoch: 1.0)
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    accelerator.save_state(str(root))
