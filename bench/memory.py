"""Whether memory grows with the backlog: `python -m bench.memory [--bills 1000 20000 100000]`.

The first sync reads the whole backlog, the second enters of it for about `--enter-s` seconds, so
that 100 000 bills are measured in minutes. With `--enter-s 0` the first enters everything.
"""

import argparse
import sys

from bench.run import Case, Result, run

ALLOWED = 1.25  # the largest backlog's peak over the smallest one's


def main(arguments: list[str] | None = None) -> int:
    """Print the peak of each backlog and their ratios; 1 when one is above what is allowed."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--bills", type=int, nargs="+", default=[1000, 20000, 100000], metavar="N")
    parser.add_argument("--lanes", type=int, default=2, metavar="N")
    parser.add_argument("--enter-s", type=float, default=60, metavar="SECONDS")
    options = parser.parse_args(arguments)
    print(
        "|  bills |   read | entered | before MB | 1st sync | 2nd sync | ratio |   s | as planned |"
    )
    print(
        "| -----: | -----: | ------: | --------: | -------: | -------: | ----: | --: | ---------: |"
    )
    smallest = 0.0
    good = True
    for bills in sorted(options.bills):
        result = run(Case(bills, lanes=options.lanes, enter_s=options.enter_s or None))
        smallest = smallest or result.second.peak_mb
        ratio = result.second.peak_mb / smallest
        good = good and result.ok and ratio <= ALLOWED
        print(_row(result, ratio), flush=True)
    print(f"`ratio`: the peak over that of the smallest backlog (allowed {ALLOWED}).")
    return 0 if good else 1


def _row(result: Result, ratio: float) -> str:
    first, second = result.first, result.second
    return (
        f"| {result.case.bills:>6} | {first.fetched:>6} | {first.entered + second.entered:>7} "
        f"| {result.start_mb:>9.1f} | {first.peak_mb:>8.1f} | {second.peak_mb:>8.1f} "
        f"| {ratio:>5.2f} | {first.seconds + second.seconds:>3.0f} "
        f"| {'yes' if result.ok else 'NO':>10} |"
    )


if __name__ == "__main__":
    sys.exit(main())
