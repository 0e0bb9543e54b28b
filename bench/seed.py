"""Fills the database of DATABASE_URL with one busy tenant, to measure the pages on.

    DATABASE_URL=sqlite:////tmp/bench.sqlite3 python -m bench.seed
    python -m bench.seed --postings 100000 --entries 1000000 --tenant bench

The same options give the same rows (times end now). The trail is sealed as it would be, so that
verifying it can be measured, too. Refuses a tenant that exists already.
"""

import argparse
import sys
import time

from bench.ready import ready


def main(arguments: list[str] | None = None) -> int:
    """Fill the database; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postings", type=int, default=100_000)
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the trail, at least")
    parser.add_argument("--tenant", default="bench", help="its slug")
    options = parser.parse_args(arguments)
    ready()
    from bench.seeding import fill  # needs the settings

    began = time.monotonic()
    try:
        written = fill(options.tenant, options.postings, options.entries)
    except ValueError as error:
        print(error)
        return 2
    counts = ", ".join(f"{number:,} {name}" for name, number in written.items())
    print(f"{options.tenant}: {counts}, in {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
