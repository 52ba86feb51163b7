"""Looks for safe files that a reader of another format opens.

    python tests/interop/recognise.py --strongroom target/release/strongroom --work DIR

Takes the options of readers.py. Safe files of each format get headers of other formats where
there is room for any bytes (`disguises.py`). What is judged safe goes through every reader.
Of the rest, those readers get some that only ever open their own format: their count tells
that the headers are good ones.
"""

import sys

import disguises
import loaders
import readers

OPENERS = tuple(name for name, reader in loaders.READERS.items() if reader.group in ("other", "zip"))


def main():
    options = readers.arguments().parse_args()
    sys.exit(readers.run(options, disguised(options.seed), "recognise", OPENERS))


def disguised(seed):
    while True:
        content, carrier, kind = disguises.Disguise(seed).make()
        yield f"{kind} in {carrier}, seed {seed}", content
        seed += 1


if __name__ == "__main__":
    main()
