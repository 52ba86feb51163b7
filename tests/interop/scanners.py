"""What other scanners say of files: a line of JSON for each.

    python tests/interop/scanners.py SCANNER FILE...

SCANNER is picklescan, modelscan or fickling. Each file is scanned in a process of
its own, that is ended after 20 seconds: bombs must not stop the rest. Answers are
`clean`, `flagged`, or `undecided` where the scanner failed or looked at nothing.
"""

import json
import os
import resource
import signal
import sys
import time
import warnings

SECONDS = 3
MEMORY = 8 << 30


def main():
    warnings.simplefilter("ignore")
    scan = SCANNERS[sys.argv[1]]()
    for path in sys.argv[2:]:
        start = time.perf_counter()
        answer = apart(scan, path)
        print(json.dumps({"path": path, "answer": answer, "seconds": time.perf_counter() - start}), flush=True)


def apart(scan, path):
    """A scan in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(SECONDS)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            answer = scan(path)
        except BaseException:
            answer = "undecided"
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer or "undecided"


def picklescan():
    from picklescan.scanner import scan_file_path

    def scan(path):
        result = scan_file_path(path)
        if result.issues_count:
            return "flagged"
        return "undecided" if result.scan_err or not result.scanned_files else "clean"

    return scan


def modelscan():
    from modelscan.modelscan import ModelScan

    def scan(path):
        result = ModelScan().scan(path)
        if result["summary"]["total_issues"]:
            return "flagged"
        return "clean" if result["summary"]["scanned"]["total_scanned"] and not result["errors"] else "undecided"

    return scan


def fickling():
    import zipfile

    import fickling

    def scan(path):
        if zipfile.is_zipfile(path):
            results = list(fickling.scan_zip_archive(path, graceful=True).values())
        else:
            results = [fickling.scan_file(path, graceful=True)]
        if any(not result.is_safe for result in results):
            return "flagged"
        return "clean" if results and not any(result.errors for result in results) else "undecided"

    return scan


SCANNERS = {"picklescan": picklescan, "modelscan": modelscan, "fickling": fickling}

if __name__ == "__main__":
    main()
