"""The jobs that `cargo xtask bench` measures, done by torch and safetensors.

Started as `peers.py DIRECTORY MEBIBYTES TENSORS`. Does the job named on each line
of its input, and answers each with a line of JSON, as the Rust program beside it.
"""

import json
import mmap
import os
import shutil
import sys
import time
from functools import cache
from pathlib import Path

import safetensors.torch
import torch
import torch.multiprocessing

DIRECTORY = Path(sys.argv[1])
MEBIBYTES = int(sys.argv[2])
TENSORS = int(sys.argv[3])


@cache
def large():
    elements = MEBIBYTES * (1 << 20) // 64 // 4
    return {f"layers.{index}.weight": torch.full((elements,), index + 0.5) for index in range(64)}


@cache
def tiny():
    return {f"layers.{index}.weight": torch.full((16,), float(index)) for index in range(TENSORS)}


def kibibytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def measured(work):
    """Seconds and mebibytes of a job; what it returns is dropped after the clock.

    Before, memory is used and given back: in a virtual machine the first use of
    memory can cost fifty times the second. In huge pages, because then both huge
    and ordinary pages can be made of it afterwards.
    """
    with mmap.mmap(-1, MEBIBYTES * ((1 << 20) + (1 << 18))) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        memory[::4096] = b"\1" * (len(memory) // 4096)
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = kibibytes("VmRSS:")
    start = time.perf_counter()
    made = work()
    seconds = time.perf_counter() - start
    peak = kibibytes("VmHWM:")
    del made
    return {"seconds": seconds, "mebibytes": max(peak - before, 0) / 1024}


def prepare():
    """The files that are read by both sides, on disk and in the page cache."""
    for name, state in [("large", large()), ("tiny", tiny())]:
        torch.save(state, DIRECTORY / f"{name}.pt")
        safetensors.torch.save_file(state, DIRECTORY / f"{name}.safetensors")
    torch.save(torch.nn.Linear(60, 60).state_dict(), DIRECTORY / "small.pt")
    # Payloads are left out: the file has its whole length and takes no space.
    with torch.serialization.skip_data():
        sparse = {f"layers.{index}.weight": torch.empty(10 << 22) for index in range(64)}
        torch.save(sparse, DIRECTORY / "sparse.pt")
    os.sync()


def save(state, name, write=torch.save, before=None):
    path = DIRECTORY / f"new-torch.{name}"
    if before:
        before(path)
    result = measured(lambda: write(state, path))
    path.unlink()
    return result


def durable(state, path):
    with open(path, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def existing(path):
    """A file to be replaced, on disk already so that its writing back does not disturb."""
    with open(path, "wb") as file:
        for tensor in large().values():
            file.write(tensor.numpy())
        os.fsync(file.fileno())


def rank(index, path, ready, start, done):
    """One of two ranks, each with half of the state dict, in a process of its own."""
    from torch.distributed.checkpoint._experimental.checkpoint_writer import (
        CheckpointWriter,
        CheckpointWriterConfig,
    )
    from torch.distributed.checkpoint._experimental.types import RankInfo

    part = dict(list(large().items())[index::2])

    class Durable:
        """Makes the rank's file durable: the writer itself never does."""

        def pre_commit(self, path, **_):
            with open(Path(path) / f"checkpoint_{index}.pt") as file:
                os.fsync(file.fileno())

        def post_commit(self, path, **_):
            pass

    writer = CheckpointWriter(CheckpointWriterConfig(), RankInfo(index, 2), commit_hook=Durable())
    ready.wait()
    start.wait()
    writer.write(str(path), part)
    done.wait()


def save_ranks():
    context = torch.multiprocessing.get_context("fork")
    ready, start, done = (context.Barrier(3) for _ in range(3))
    path = DIRECTORY / "new-torch-ranks"
    large()
    ranks = [context.Process(target=rank, args=(index, path, ready, start, done)) for index in range(2)]
    for process in ranks:
        process.start()

    ready.wait()

    def work():
        start.wait()
        done.wait()

    result = measured(work)
    for process in ranks:
        process.join()
    shutil.rmtree(path)
    return result


def load(name, **options):
    return measured(lambda: torch.load(DIRECTORY / name, **options))


def load_file(name):
    return measured(lambda: safetensors.torch.load_file(DIRECTORY / name))


def load_copied(name):
    """Into memory: by itself `load_file` maps the file and reads nothing."""

    def work():
        mapped = safetensors.torch.load_file(DIRECTORY / name)
        return {key: tensor.clone() for key, tensor in mapped.items()}

    return measured(work)


@cache
def experimental():
    """PyTorch's own asynchronous checkpointer, as far as it works without an accelerator."""
    from torch.distributed.checkpoint._experimental import AsyncCheckpointer, CheckpointReader, RankInfo
    from torch.distributed.checkpoint._experimental.builder import (
        default_subprocess_init_fn,
        default_writer_init_fn,
    )
    from torch.distributed.checkpoint._experimental.checkpoint_process import (
        CheckpointProcess,
        CheckpointProcessConfig,
    )
    from torch.distributed.checkpoint._experimental.staging import CheckpointStagerConfig, DefaultStager

    rank = RankInfo(global_rank=0, global_world_size=1)
    stager = DefaultStager(
        CheckpointStagerConfig(
            use_pinned_memory=False,
            use_shared_memory=True,
            use_async_staging=False,
            use_non_blocking_copy=False,
        )
    )
    process = CheckpointProcess(
        rank, CheckpointProcessConfig(), default_subprocess_init_fn, (), default_writer_init_fn, {}
    )
    return AsyncCheckpointer(stager, process, CheckpointReader(rank))


@cache
def successor():
    """torch_checkpointing, which stages before `save` returns: nothing else is the same to the trainer."""
    from torch_checkpointing import CheckpointManager
    from torch_checkpointing.config import AsyncCheckpointSaverConfig
    from torch_checkpointing.staging import CheckpointStagerConfig
    from torch_checkpointing.storage.filesystem import LocalFileSystemStorageConfig

    staging = CheckpointStagerConfig(use_pinned_memory=False, use_async_staging=False, use_non_blocking_copy=False)
    save = AsyncCheckpointSaverConfig(staging_config=staging)
    # Direct I/O fails with EINVAL on ext4: what it writes last is not a whole block.
    storage = LocalFileSystemStorageConfig(use_direct_io=False)
    return CheckpointManager.Config(save=save, storage_config=storage).build()


def save_behind(begin, until_committed):
    """What an asynchronous save takes: until `save` returns, or until it is written."""
    path = DIRECTORY / "new-torch-async"
    written = []

    def work():
        written.append(begin(str(path)))
        if until_committed:
            written[0].result()

    result = measured(work)
    written[0].result()
    shutil.rmtree(path)
    return result


def begin_experimental(path):
    return experimental().save(path, large())[1]


def begin_successor(path):
    return successor().save(path, {"model": large()})


JOBS = {
    "async-stall": lambda: save_behind(begin_experimental, False),
    "async-total": lambda: save_behind(begin_experimental, True),
    "successor-stall": lambda: save_behind(begin_successor, False),
    "successor-total": lambda: save_behind(begin_successor, True),
    "prepare": lambda: measured(prepare),
    "save-pt": lambda: save(large(), "pt"),
    "save-pt-replace": lambda: save(large(), "pt", before=existing),
    "save-pt-durable": lambda: save(large(), "pt", write=durable),
    "save-safetensors": lambda: save(large(), "safetensors", write=safetensors.torch.save_file),
    "save-ranks": save_ranks,
    "save-tiny-pt": lambda: save(tiny(), "pt"),
    "save-tiny-safetensors": lambda: save(tiny(), "safetensors", write=safetensors.torch.save_file),
    "load-pt": lambda: load("large.pt"),
    "load-safetensors": lambda: load_copied("large.safetensors"),
    "map-safetensors": lambda: load_file("large.safetensors"),
    "load-tiny-pt": lambda: load("tiny.pt"),
    "load-tiny-safetensors": lambda: load_copied("tiny.safetensors"),
    "map-pt": lambda: load("large.pt", mmap=True),
}

# A checkpoint process imports this file anew.
if __name__ == "__main__":
    for line in sys.stdin:
        name = line.strip()
        print(json.dumps({"name": name, **JOBS[name]()}), flush=True)
    if experimental.cache_info().currsize:
        experimental().close()
    if successor.cache_info().currsize:
        successor().close()
