"""Checks that another host of the component lists the same tensors as the command.

    python examples/check.py --target target python|node

Run by `cargo xtask test`, which builds everything first.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
FIXTURES = ["full_checkpoint", "dtypes_typed", "dtypes_v3", "tied_and_views", "sparse_coo", "quantized",
            "legacy_full_checkpoint", "many_storages_300", "opaque_module", "st_dtypes", "st_unicode",
            "odd_places"]
FIELDS = ("path", "dtype", "shape")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=pathlib.Path, required=True)
    parser.add_argument("host", choices=["python", "node"])
    arguments = parser.parse_args()
    target = arguments.target.resolve()
    component = ROOT / "component/made/strongroom.wasm"
    if arguments.host == "python":
        lister, last = [sys.executable, ROOT / "examples/python/list_tensors.py"], [component]
    else:
        node = target / "node"
        run([node / "node_modules/.bin/jco", "transpile", component, "--name", "strongroom",
             "--out-dir", node / "build"], cwd=node)
        run(["node", ROOT / "examples/node/limit_memory.mjs", "build", "512"], cwd=node)
        lister, last = ["node", node / "list_tensors.mjs"], []
    failed = 0
    for name in FIXTURES:
        file = next((ROOT / "tests/data/good" / name).glob("model.*"))
        theirs = [json.loads(line) for line in run([*lister, file, *last], cwd=target).splitlines()]
        ours = json.loads(run([target / "release/strongroom", "inspect", "--json", file], cwd=target))["tensors"]
        ours = [{field: tensor[field] for field in FIELDS} for tensor in ours]
        if theirs != ours:
            failed += 1
            print(f"{name}: {arguments.host} lists {theirs}, the command {ours}")
    with tempfile.TemporaryDirectory() as folder:
        bomb = pathlib.Path(folder) / "bomb.pkl"
        bomb.write_bytes(b"\x80\x02](" + b"N" * 30_000_000 + b"e.")
        ended = subprocess.run([*map(str, lister), bomb, *map(str, last)], capture_output=True)
        if ended.returncode == 0 or ended.stdout:
            failed += 1
            print(f"a file that asks for a gigabyte: {arguments.host} ends with {ended.returncode}")
    print(f"{len(FIXTURES) + 1 - failed} passed, {failed} failed")
    sys.exit(failed > 0)


def run(command, cwd):
    return subprocess.run(list(map(str, command)), cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
