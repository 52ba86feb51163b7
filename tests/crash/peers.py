"""Other writers of checkpoints, for `cargo xtask crash`: they save, and are judged as
strongroom is.

Imports all that is heavy once, then forks a process for each command on its input:

    prepare PEER ROOT   saves the old checkpoint
    save PEER ROOT      saves the new one; answers with its process id, waits for the
                        line `go`, and answers how it ended
    judge PEER ROOT ACKNOWLEDGED
                        what a process finds that starts after a fault, in one line
"""

import ctypes
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

import torch
from torch.distributed.checkpoint._experimental.builder import make_sync_checkpointer
from torch.distributed.checkpoint._experimental.checkpoint_reader import CheckpointReader
from torch.distributed.checkpoint._experimental.checkpoint_writer import CheckpointWriter, CheckpointWriterConfig
from torch.distributed.checkpoint._experimental.types import RankInfo
from torch_checkpointing import CheckpointManager
from torch_checkpointing.config import SyncCheckpointSaverConfig
from torch_checkpointing.storage.filesystem import LocalFileSystemStorageConfig


def state(number):
    """Of all sizes that are written differently, and no two with the same bytes."""
    generator = torch.Generator().manual_seed(number)
    elements = {"embedding.weight": 300_000, "layer.weight": 20_000, "layer.bias": 1_000, "scale": 1}
    return {name: torch.rand(count, generator=generator) for name, count in elements.items()}


OLD, NEW = state(1), state(2)


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class File:
    """`torch.save` to a path."""

    suffix = ".pt"

    def save(self, path, state):
        torch.save(state, path)

    def load(self, path):
        return torch.load(path)


class Experimental:
    """`torch.distributed.checkpoint._experimental`, synchronous, one rank."""

    suffix = ""

    def save(self, path, state):
        make_sync_checkpointer().save(str(path), state)

    def load(self, path):
        return make_sync_checkpointer().load(str(path))


class ExperimentalRanks:
    """The same of two ranks that share a state dict, killed together: one is done first,
    and each rank has a file of its own."""

    suffix = ""

    def save(self, path, state):
        for rank in range(2):
            part = dict(list(state.items())[rank::2])
            CheckpointWriter(CheckpointWriterConfig(), RankInfo(rank, 2)).write(str(path), part)

    def load(self, path):
        ranks = [CheckpointReader(RankInfo(rank, 2)).read(str(path))[0] for rank in range(2)]
        return {name: ranks[index % 2][name] for index, name in enumerate(OLD)}


class Successor:
    """torch_checkpointing, synchronous, one rank. It refuses a path that is taken: what
    is to be replaced has to be deleted."""

    suffix = ""

    def manager(self):
        # Direct I/O fails with EINVAL on ext4: what it writes last is not a whole block.
        storage = LocalFileSystemStorageConfig(use_direct_io=False)
        return CheckpointManager.Config(save=SyncCheckpointSaverConfig(), storage_config=storage).build()

    def save(self, path, state):
        if path.exists():
            shutil.rmtree(path)
        self.manager().save(str(path), {"model": state})

    def load(self, path):
        return self.manager().load(str(path), into={"model": None})["model"]


class Scene:
    """A writer in a directory of checkpoints, with what it writes and where."""

    def __init__(self, writer, replaces):
        self.writer = writer
        self.replaces = replaces

    def path(self, root, step):
        return root / f"step-{1 if self.replaces else step}{self.writer.suffix}"

    def prepare(self, root):
        root.mkdir(parents=True)
        self.writer.save(self.path(root, 1), OLD)

    def save(self, root):
        self.writer.save(self.path(root, 2), NEW)

    def newest(self, root):
        """What a program takes that starts again: the checkpoint with the greatest number."""
        found = [entry for entry in root.iterdir() if entry.name.startswith("step-")]
        return max(found, key=lambda entry: entry.name, default=None)

    def tried(self, path):
        """Whether it is the old or the new one; else what is wrong."""
        try:
            loaded = self.writer.load(path)
        except Exception as error:
            return None, f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
        if equal(loaded, NEW):
            return "new", ""
        return ("old", "") if equal(loaded, OLD) else ("other", "it loads, with other values")

    def judge(self, root, acknowledged):
        newest = self.newest(root)
        if newest is None:
            return "lost work: there is no checkpoint any more"
        found, reason = self.tried(newest)
        if found == "other":
            return f"silent divergence: {newest.name}: {reason}"
        if found is None:
            old = self.path(root, 1)
            if newest == old or self.tried(old)[0] != "old":
                return f"lost work: {newest.name} does not load, and there is no other: {reason}"
            return f"hard fail: {newest.name}, the newest, does not load and has to be removed: {reason}"
        if acknowledged and found == "old":
            return "lost work: the save was acknowledged, and is not there"
        try:
            self.save(root)
        except Exception as error:
            return f"hard fail: the next save fails: {type(error).__name__}: {error}"
        if self.tried(self.newest(root))[0] != "new":
            return "hard fail: the next save does not load"
        expected = {self.path(root, 1).name, self.path(root, 2).name}
        left = sorted(entry.name for entry in root.iterdir() if entry.name not in expected)
        return f"hard fail: left over after the next save: {', '.join(left)}" if left else "pass"


PEERS = {
    "torch.save-over": Scene(File(), True),
    "torch.save-new": Scene(File(), False),
    "experimental-over": Scene(Experimental(), True),
    "experimental-new": Scene(Experimental(), False),
    "experimental-ranks-over": Scene(ExperimentalRanks(), True),
    "experimental-ranks-new": Scene(ExperimentalRanks(), False),
    "torch_checkpointing-over": Scene(Successor(), True),
    "torch_checkpointing-new": Scene(Successor(), False),
}


def forked(work):
    """The id of a process that does some work and ends."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def ended(process):
    """How a process ended: an exit code, or minus a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def save(scene, root):
    waiting, go = os.pipe()

    def work():
        # Whoever started this may look on, where the system lets only parents do so.
        ctypes.CDLL(None).prctl(0x59616D61, -1, 0, 0, 0)
        os.close(go)
        if os.read(waiting, 1):
            scene.save(root)

    process = forked(work)
    os.close(waiting)
    print(process, flush=True)
    if sys.stdin.readline() == "go\n":
        os.write(go, b"!")
    os.close(go)
    print(ended(process), flush=True)


def judge(scene, root, acknowledged):
    answer, tell = os.pipe()
    process = forked(lambda: os.write(tell, scene.judge(root, acknowledged).encode()))
    os.close(tell)
    with os.fdopen(answer, "rb") as stream:
        judged = stream.read().decode()
    status = ended(process)
    print(judged.replace("\n", " ") or f"hard fail: the process that looked ended with {status}", flush=True)


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
    print(" ".join(PEERS), flush=True)
    while line := sys.stdin.readline():
        command, peer, root, *rest = line.split()
        scene, root = PEERS[peer], Path(root)
        if command == "prepare":
            print(ended(forked(lambda scene=scene, root=root: scene.prepare(root))), flush=True)
        elif command == "save":
            save(scene, root)
        else:
            judge(scene, root, rest == ["acknowledged"])


if __name__ == "__main__":
    main()
