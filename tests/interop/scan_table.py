"""Holds strongroom's verdicts against those of other scanners, and against the truth.

    python tests/interop/scan_table.py --strongroom target/release/strongroom
        --scanners VENV/bin/python --work DIR [--write docs/validation.md]

The hostile files are those of tests/data/hostile, whose `truth.json` says what
loading them does; the benign ones are made by real PyTorch, safetensors and numpy
(`benign.py`), and torch.load(weights_only=True) takes them. Prints a table, and
fails if strongroom calls a file safe that is not, or a benign one anything else.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import benign

ROOT = pathlib.Path(__file__).parent.parent.parent
HOSTILE = ROOT / "tests/data/hostile"
START, END = "<!-- scanners -->", "<!-- /scanners -->"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--scanners", type=pathlib.Path, required=True, help="a Python that has the scanners")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--write", type=pathlib.Path, help="put the table into this document")
    options = parser.parse_args()
    files = hostile() | harmless(options.work / "benign")
    answers = {"strongroom validate": strongroom(options.strongroom, files)}
    for name, version in versions().items():
        answers[f"{name} {version}"] = scanner(options.scanners, name, files)
    table = render(files, answers)
    print(table)
    if options.write:
        text = options.write.read_text()
        before, after = text.split(START)[0], text.split(END)[1]
        options.write.write_text(f"{before}{START}\n{table}{END}{after}")
    wrong = [path for path, kind in files.items() if wrongly(kind, answers["strongroom validate"][0][path])]
    for path in wrong:
        print(f"wrong: {path}: {files[path]}, and judged {answers['strongroom validate'][0][path]}")
    sys.exit(1 if wrong else 0)


def hostile():
    """The hostile files: what each does when it is loaded."""
    files = {}
    for case in sorted(HOSTILE.glob("*/truth.json")):
        truth = json.loads(case.read_text())
        # Some are there to see that oddities alone are no reason to refuse a file, and what is
        # right of some depends on what the user allows.
        if {"safe", "inert"} & set(truth["expect"]) or "allow" in truth:
            continue
        loads = [(truth.get("torch") or {}).get("plain"), truth.get("pickle")]
        files[str(case.parent / truth["file"])] = "runs code" if "executes" in loads else "is broken"
    return files


def harmless(directory):
    """Benign files, made anew."""
    directory.mkdir(parents=True, exist_ok=True)
    return {str(path): "is benign" for path in benign.make(directory)}


def wrongly(kind, answer):
    return (answer == "clean") != (kind == "is benign")


def strongroom(program, files):
    """What strongroom says of each file, and the seconds for all."""
    start = time.perf_counter()
    command = [program, "validate", "--format", "json", *files]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=600)
    seconds = time.perf_counter() - start
    answers = {"safe": "clean", "inert": "clean", "trusting": "clean", "unverified": "undecided"}
    reports = json.loads(done.stdout)["files"]
    return {report["path"]: answers.get(report["verdict"], "flagged") for report in reports}, seconds


def scanner(python, name, files):
    """The same by another scanner."""
    start = time.perf_counter()
    command = [python, ROOT / "tests/interop/scanners.py", name, *files]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=3600).stdout.splitlines()
    seconds = time.perf_counter() - start
    return {line["path"]: line["answer"] for line in map(json.loads, lines)}, seconds


def versions():
    """The scanners and their versions."""
    lines = (ROOT / "tests/interop/scanners.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    return {name: pinned[name] for name in ["picklescan", "modelscan", "fickling"]}


def render(files, answers):
    """The table in Markdown."""
    kinds = {kind: sum(of == kind for of in files.values()) for kind in ["runs code", "is broken", "is benign"]}
    lines = [
        "| | " + " | ".join(f"{count} files: {kind}" for kind, count in kinds.items()) + " | all, s |",
        "|---|" + "---|" * len(kinds) + "---:|",
    ]
    for name, (answer, seconds) in answers.items():
        cells = []
        for kind in kinds:
            found = [answer[path] for path, of in files.items() if of == kind]
            counts = [(word, found.count(word)) for word in ["clean", "flagged", "undecided"]]
            wrong = ["flagged", "undecided"] if kind == "is benign" else ["clean"]
            words = [f"{count} {word}" for word, count in counts if count]
            words = [f"**{words}**" if words.split()[1] in wrong else words for words in words]
            cells.append(", ".join(words))
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {seconds:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
