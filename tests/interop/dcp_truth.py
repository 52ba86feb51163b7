"""What `dcp.load` does with each checkpoint under tests/data/dcp/hostile.

    python tests/interop/dcp_truth.py [--bless] [--only PREFIX]

It wants torch. Every load runs in a process of its own, in an empty folder, with limits on time and
memory: `executes` means that the payload's marker appeared there. Without `--bless` it fails if the
outcome is not what truth.json says; with it, truth.json is written. It fails too where a payload
ran and truth.json allows another verdict than `unsafe`.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

DATA = pathlib.Path(__file__).parent.parent / "data" / "dcp" / "hostile"
MARKER = "strongroom-marker"
SECONDS, MEMORY = 60, 8 << 30


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in DATA.glob(f"{arguments.only}*/truth.json"))
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for folder, seen in zip(folders, pool.map(observe, folders)):
            path = folder / "truth.json"
            truth = json.loads(path.read_text())
            if seen == "executes" and truth["expect"] != ["unsafe"]:
                print(f"{folder.name}: it executes, and {truth['expect']} is expected")
                wrong += 1
            if truth.get("dcp.load") != seen:
                print(f"{folder.name}: {truth.get('dcp.load')} -> {seen}")
                wrong += not arguments.bless
                if arguments.bless:
                    path.write_text(json.dumps(truth | {"dcp.load": seen}, indent=2) + "\n")
    print(f"{len(folders)} checkpoints, {wrong} wrong")
    return 1 if wrong else 0


def observe(folder):
    with tempfile.TemporaryDirectory() as room:
        shutil.copytree(folder / "checkpoint", f"{room}/checkpoint")
        command = [sys.executable, __file__, "--load"]
        try:
            done = subprocess.run(
                command, cwd=room, timeout=SECONDS, capture_output=True, text=True, preexec_fn=limit
            )
            outcome = "loads" if done.returncode == 0 else "fails"
        except subprocess.TimeoutExpired:
            outcome = "does not end"
        return "executes" if os.path.exists(f"{room}/{MARKER}") else outcome


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def load():
    import torch
    import torch.distributed.checkpoint as dcp

    torch.set_num_threads(1)
    state = {"w": torch.full((4, 2), -1.0), "epoch": 0}
    dcp.load(state, storage_reader=dcp.FileSystemReader("checkpoint"))


if __name__ == "__main__":
    if sys.argv[1:] == ["--load"]:
        load()
    else:
        sys.exit(main())
