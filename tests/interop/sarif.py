"""What `strongroom validate --format sarif` prints is SARIF, as its schema says.

    python tests/interop/sarif.py --strongroom PROGRAM --work DIRECTORY --sarif-tools PYTHON

The schema is the one of OASIS, out of Microsoft's package of matchers for tests. Microsoft's
sarif-tools, which PYTHON has, count what is there.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tarfile

import jsonschema

DATA = pathlib.Path(__file__).parent.parent / "data"
PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SCHEMA = "package/lib/schemas/sarif-2.1.0-rtm.5.json"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--strongroom", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--sarif-tools", type=pathlib.Path, required=True)
    options = parser.parse_args()
    work = options.work / "sarif"
    work.mkdir(parents=True, exist_ok=True)
    validator = jsonschema.Draft7Validator(schema(work))
    jsonschema.Draft7Validator.check_schema(validator.schema)
    odd = work / "odd names"
    make_odd(odd)
    results = 0
    for arguments in (
        ["good"],
        ["bad"],
        ["hostile", "--digest"],
        ["--deep", "good"],
        ["good", "--require", "tensors-only"],
        [str(odd)],
    ):
        log = sarif(options.strongroom.resolve(), arguments)
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(log)]
        assert not errors, "\n".join(errors[:20])
        results += taken_by_github(log)
        counted_by_tools(options.sarif_tools, log, work)
    assert not validator.is_valid({**log, "version": "2.0.0"}), "the schema refuses nothing"
    print(f"SARIF: {results} results are as the schema says")


def sarif(program, arguments):
    command = [program, "validate", "--format", "sarif", *arguments]
    done = subprocess.run(command, cwd=DATA, capture_output=True, check=False)
    assert done.returncode in (0, 1, 2) and not done.stderr, done
    return json.loads(done.stdout)


def taken_by_github(log):
    """What GitHub asks for beyond the schema."""
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["help"]["text"], rule
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result
        assert result["message"]["text"] and result["partialFingerprints"], result
        assert "primaryLocationLineHash" in result["partialFingerprints"], result
        for location in result["locations"]:
            place = location["physicalLocation"]
            artifact = run["artifacts"][place["artifactLocation"]["index"]]
            assert artifact["location"]["uri"] == place["artifactLocation"]["uri"], result
            assert place["region"]["startLine"] == 1, result
    of_file = [(r["ruleId"], r["locations"][0]["physicalLocation"]["artifactLocation"]["index"]) for r in run["results"]]
    assert len(set(of_file)) == len(of_file), "a rule has two results in a file"
    return len(run["results"])


def counted_by_tools(python, log, work):
    """What sarif-tools see, by level."""
    path = work / "log.sarif"
    path.write_text(json.dumps(log))
    command = [python, "-m", "sarif", "summary", path]
    summary = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for level in ("error", "warning", "note"):
        count = sum(result["level"] == level for result in log["runs"][0]["results"])
        assert f"{level}: {count}\n" in summary, summary


def make_odd(directory):
    directory.mkdir(exist_ok=True)
    for name in (b"a b.pkl", b"\xff\n%.pkl", "ü#?.pkl".encode()):
        with open(os.fsencode(directory) + b"/" + name, "wb") as file:
            file.write(b"cos\nsystem\n(S'echo'\ntR.")


def schema(work):
    pack = ["npm", "pack", "--silent", PACKAGE, "--pack-destination", str(work)]
    name = subprocess.run(pack, check=True, capture_output=True, text=True).stdout.strip()
    with tarfile.open(work / name) as archive:
        return json.load(archive.extractfile(SCHEMA))


if __name__ == "__main__":
    main()
