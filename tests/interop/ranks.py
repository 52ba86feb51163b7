"""Four commands save one checkpoint over each barrier, and PyTorch's own reader reads it.

    ranks.py --strongroom PROGRAM --work DIRECTORY

Needs torch, and `etcd` for the commands that were built with it.
"""

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.distributed.checkpoint._experimental import CheckpointReader, CheckpointWriter, CheckpointWriterConfig, RankInfo

RANKS = 4
LIMIT = 120


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--strongroom", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    work = arguments.work / "ranks"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    parts = [part(rank) for rank in range(RANKS)]
    for rank, state in enumerate(parts):
        torch.save(state, work / f"checkpoint_{rank}.pt")
    failed = 0
    for name, place in [("tcp-store", tcp_store), ("etcd", etcd)]:
        with place(work) as barrier:
            for options in [[], ["--async"], ["--process"]]:
                path = work / "-".join([name, *options])
                found = save(arguments.strongroom, work, path, barrier, options) or read(path, parts)
                print(f"{name} {' '.join(options)}: {found or 'ok'}")
                failed += bool(found)
    print(f"ranks: {failed} failed")
    sys.exit(failed > 0)


def part(rank):
    generator = torch.Generator().manual_seed(rank)
    weight = torch.randn(64, 32, generator=generator)
    return {
        "weight": weight,
        "tied": weight,
        "transposed": torch.randn(8, 4, generator=generator).t(),
        "half": torch.randn(100, generator=generator).to(torch.bfloat16),
        "nested": {"list": [torch.tensor(rank), {"lr": 0.1, "name": f"rank {rank}"}], "none": None},
        "step": 1000 + rank,
    }


def save(program, work, path, barrier, options):
    """Runs all ranks; what went wrong, if anything."""
    ranks = []
    for rank in range(RANKS):
        command = [program, "save", work / f"checkpoint_{rank}.pt", path, "--barrier", barrier]
        command += ["--rank", str(rank), "--world-size", str(RANKS), "--barrier-timeout", str(LIMIT), *options]
        ranks.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    ended = [rank.communicate(timeout=2 * LIMIT)[0] for rank in ranks]
    return "; ".join(
        f"rank {number} ended with {rank.returncode}: {output}"
        for number, (rank, output) in enumerate(zip(ranks, ended))
        if rank.returncode
    )


def read(path, parts):
    """Reads with PyTorch's reader what each rank saved; what differs, if anything."""
    for rank, expected in enumerate(parts):
        found, missing = CheckpointReader(RankInfo(rank, RANKS)).read(str(path))
        if missing or not same(expected, found):
            return f"rank {rank} reads something else"
        if found["tied"].untyped_storage().data_ptr() != found["weight"].untyped_storage().data_ptr():
            return f"rank {rank} reads tensors that are not tied"
        # Not only the values: the file is the one that PyTorch's writer writes.
        directory = path.with_name(f"{path.name}-by-torch")
        CheckpointWriter(CheckpointWriterConfig(), RankInfo(rank, RANKS)).write(str(directory), expected)
        name = f"checkpoint_{rank}.pt"
        if (directory / name).read_bytes() != (path / name).read_bytes():
            return f"the file of rank {rank} is not PyTorch's"
    return None


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@contextlib.contextmanager
def tcp_store(_):
    yield f"tcp-store://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def etcd(work):
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = ["etcd", "--data-dir", work / "etcd-data", "--listen-client-urls", client, "--advertise-client-urls", client]
    command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
    command += ["--initial-cluster", f"default={peer}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = client.removeprefix("http://")
        wait_for(address)
        yield f"etcd://{address}"
    finally:
        server.kill()
        server.wait()


def wait_for(address):
    host, port = address.split(":")
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.1)
    sys.exit("etcd does not start")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
