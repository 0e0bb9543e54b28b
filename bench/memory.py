"""Whether memory grows with the backlog: `python -m bench.memory [--bills 1000 20000]`."""

import argparse
import sys

from bench.run import Case, run

ALLOWED = 1.25  # the largest backlog's peak over the smallest one's


def main(arguments: list[str] | None = None) -> int:
    """Print the peak of each backlog and their ratio; 1 when it is above what is allowed."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--bills", type=int, nargs="+", default=[1000, 20000], metavar="N")
    parser.add_argument("--lanes", type=int, default=2, metavar="N")
    options = parser.parse_args(arguments)
    print("|  bills | entered | before MB | 1st sync MB | 2nd sync MB | bills/s | as planned |")
    print("| -----: | ------: | --------: | ----------: | ----------: | ------: | ---------: |")
    peaks = []
    good = True
    for bills in sorted(options.bills):
        result = run(Case(bills, 0, options.lanes, "all"))
        first, second = result.first, result.second
        peaks.append(second.peak_mb)
        good = good and result.ok
        print(
            f"| {bills:>6} | {first.entered:>7} | {result.start_mb:>9.1f} | {first.peak_mb:>11.1f} "
            f"| {second.peak_mb:>11.1f} | {first.entered / first.seconds:>7.1f} "
            f"| {'yes' if result.ok else 'NO':>10} |",
            flush=True,
        )
    ratio = peaks[-1] / peaks[0]
    print(f"Peak of the largest over the smallest backlog: {ratio:.2f} (allowed {ALLOWED})")
    return 0 if good and ratio <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
