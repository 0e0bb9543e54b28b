"""How fast bills are entered, with how many requests: `python -m bench.entering --help`."""

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence

from bench.run import Case, Result, run

COLUMNS: dict[str, Callable[[Result], str]] = {
    "bills": lambda r: f"{r.case.bills}",
    "writer": lambda r: r.case.writer,
    "save": lambda r: r.case.update_master,
    "latency": lambda r: f"{r.case.latency_ms:g} ms",
    "lanes": lambda r: f"{r.case.lanes}",
    "entered": lambda r: f"{r.first.entered}",
    "Epicor/bill": lambda r: f"{r.first.epicor / max(1, r.first.entered):.2f}",
    "Ramp reads": lambda r: f"{r.first.ramp - r.first.ramp_writes}",
    "Ramp confirms": lambda r: f"{r.first.ramp_writes}",
    "seconds": lambda r: f"{r.first.seconds:.1f}",
    "bills/s": lambda r: f"{r.first.entered / r.first.seconds:.1f}",
    "of limit": lambda r: "–" if r.of_limit is None else f"{r.of_limit:.2f}",
    "CPU ms/bill": lambda r: f"{r.first.cpu_s * 1000 / max(1, r.first.entered):.1f}",
    "peak MB": lambda r: f"{r.first.peak_mb:.0f}",
    "2nd: Epicor": lambda r: f"{r.second.epicor}",
    "Ramp": lambda r: f"{r.second.ramp}",
    "writes": lambda r: f"{r.second.epicor_writes + r.second.ramp_writes}",
    "s": lambda r: f"{r.second.seconds:.1f}",
    "as planned": lambda r: "yes" if r.ok else f"NO ({r.planned})",
}


def row(cells: Sequence[str]) -> str:
    """One row of a Markdown table under COLUMNS' headings."""
    padded = (cell.rjust(len(name)) for cell, name in zip(cells, COLUMNS, strict=True))
    return "| " + " | ".join(padded) + " |"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.entering", description=__doc__)
    parser.add_argument("--bills", type=int, nargs="+", default=[1000], metavar="N")
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[0, 50, 200], metavar="N")
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 2, 4, 8], metavar="N")
    writers = ("two_step", "update_ext", "by_the_book")
    parser.add_argument("--writer", nargs="+", choices=writers, default=["two_step"])
    modes = ("all", "named", "echo")
    parser.add_argument("--update-master", nargs="+", choices=modes, default=["all"])
    parser.add_argument("--calls", action="store_true", help="also every request by its name")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Print the table row by row; 1 when a run did not end as the world planned it."""
    options = parse(arguments)
    print(row(list(COLUMNS)))
    print(row(["-" * (len(name) - 1) + ":" for name in COLUMNS]), flush=True)
    good = True
    for bills, writer, save, latency_ms, lanes in itertools.product(
        options.bills, options.writer, options.update_master, options.latency_ms, options.lanes
    ):
        result = run(Case(bills, latency_ms, lanes, save, writer))
        good = good and result.ok
        print(row([cell(result) for cell in COLUMNS.values()]), flush=True)
        if options.calls:
            for title, sync in (("first", result.first), ("second", result.second)):
                for label, count in sorted(sync.labels.items()):
                    print(f"    {title:<6} {count:>7}  {label}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
