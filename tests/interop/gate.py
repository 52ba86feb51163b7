"""Whether a gate can stay switched on over what people have: a cache of the hub, and what training leaves.

    python tests/interop/gate.py --strongroom target/release/strongroom --work DIR

Every file is safe or inert, or of a format or class that is named; and nothing that runs no code is
called by the words for code.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import warnings

import hub_tree
import training_tree


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    root = options.work / "gate"
    shutil.rmtree(root, ignore_errors=True)
    wrong = [*hub(options.strongroom, root / "huggingface"), *training(options.strongroom, root / "runs")]
    for what in wrong:
        print(f"gate: {what}")
    sys.exit(1 if wrong else 0)


def hub(strongroom, root):
    expected = hub_tree.make(root)
    code, told = validate(strongroom, root)
    yield from unless(code == 2, f"{root}: what is not judged ends with {code}")
    for path, wanted in expected.items():
        found = told.get(str(path))
        yield from unless(found, f"{path}: not told")
        if not found:
            continue
        if wanted in ("safe", "inert"):
            yield from unless(found["verdict"] == wanted, f"{path}: {found['verdict']}, expected {wanted}")
        else:
            classes = {finding.get("class") for finding in found["findings"] if finding["severity"] == "error"}
            fits = found["verdict"] == "unverified" and classes == {"code" if wanted == "code" else "format"}
            yield from unless(fits and wanted in ("code", found["format"]), f"{path}: {found}")
    accepted = ",".join(sorted(set(hub_tree.ACCEPTED.values())))
    code, told = validate(strongroom, root, "--accept", accepted)
    failing = [path for path, found in told.items() if not found["passes"]]
    yield from unless(code == 0 and not failing, f"{root}: ends with {code}: {failing}")
    blobs = len({path.resolve() for path in root.rglob("*") if path.is_file()})
    reports = {id(found) for found in told.values()}
    yield from unless(len(reports) == blobs, f"{len(reports)} reports of {blobs} files")
    print(f"gate: {len(expected)} files of a hub's cache, exit code {code} with --accept {accepted}")


def training(strongroom, root):
    for said in training_tree.make(root):
        print(f"gate: {said}")
    code, told = validate(strongroom, root)
    levels = ("no-code", "weights-only", "tensors-only")
    foreign = 0
    for path, found in told.items():
        errors = {finding.get("class") for finding in found["findings"] if finding["severity"] == "error"}
        yield from unless("runs" not in errors, f"{path}: called by the words for code: {found}")
        name = pathlib.Path(path).name
        if name in training_tree.FOREIGN or name in training_tree.CODE:
            foreign += 1
            wanted = "foreign" if name in training_tree.FOREIGN else "code"
            yield from unless(errors == {wanted}, f"{path}: {found}")
            continue
        fits = found["verdict"] == "inert" or found["verdict"] == "safe" and found["level"] in levels
        yield from unless(fits, f"{path}: {found}")
    yield from unless(code == (1 if foreign else 0), f"{root}: ends with {code}")
    print(f"gate: {len(told)} files of training, {foreign} of other libraries' own classes, exit code {code}")


def validate(strongroom, root, *options):
    """The exit code, and what is told of each path and link."""
    done = subprocess.run([strongroom, "validate", "--no-config", "--json", *options, root], stdout=subprocess.PIPE)
    told = {}
    for found in json.loads(done.stdout)["files"]:
        for path in [found["path"], *found.get("links", [])]:
            told[path] = found
    return done.returncode, told


def unless(good, what):
    if not good:
        yield what


if __name__ == "__main__":
    main()
