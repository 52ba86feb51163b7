"""Faults that people reported of other programs, and that attacks found here, as inputs.

    python tests/interop/cases.py --strongroom target/release/strongroom --work DIR

Each makes its input with the real libraries and wants the right outcome. `--only TEXT`
runs those whose name has the text.
"""

import argparse
import os
import pathlib
import sys
import time
import warnings

import torch
from reported import formats, losses, objects, places, python2, saves, values
from reported.room import Room

# Cases that come out wrong as yet. One of them that comes out right has to leave the list.
STILL_WRONG = set()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strongroom", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a directory for files")
    parser.add_argument("--only", default="", help="a part of the names of cases")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    modules = (values, objects, python2, formats, places, saves, losses)
    every = [case for module in modules for case in vars(module).items()]
    cases = [case for name, case in every if name.startswith("case_") and options.only in name]
    outcomes = [run(case, options) for case in cases]
    bad = [name for name, good in outcomes if not good and name not in STILL_WRONG]
    mended = [name for name, good in outcomes if good and name in STILL_WRONG]
    print(f"{sum(good for _, good in outcomes)} of {len(cases)} cases come out right")
    print(
        f"wrong: {', '.join(bad) or 'none'}"
        + (f"; right, and on the list: {', '.join(mended)}" if mended else "")
    )
    sys.exit(1 if bad or mended else 0)


def run(case, options):
    """One case: what is wrong with it is printed."""
    start = time.monotonic()
    room = Room(options.strongroom.resolve(), options.work.resolve() / "cases" / case.__name__)
    room.part("", case, room)
    known = " (as known)" if case.__name__ in STILL_WRONG else ""
    print(
        f"{case.__name__}: {f'WRONG{known}' if room.wrong else 'right'}, {time.monotonic() - start:.1f} s",
        flush=True,
    )
    for wrong in room.wrong[:8]:
        print("    " + wrong.removeprefix(": ").replace("\n", "\n      ")[:900])
    return case.__name__, not room.wrong


if __name__ == "__main__":
    # torch.load finds the classes of the cases; nothing else is imported from where files are.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
