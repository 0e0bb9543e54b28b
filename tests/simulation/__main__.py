"""The simulation: seeded worlds of bills, people and trouble, and what must hold in all of them.

    python -m tests.simulation --seeds 1-200            every seed, one line at the end
    python -m tests.simulation --seeds 1-200 --jobs 2   on two processors
    python -m tests.simulation --seed 17 --story        one world, told whole

A seed decides everything: the bills, what people do in Ramp, in Epicor and with us, which answers
are lost, late, broken or refused, where a process is killed or stands still while another works.
Both systems are the stand-ins, over real HTTP; each run of ours is a process of its own, forked,
and really killed. The same seed gives the same story, line by line, on the same code.

After each act and again at the end the invariants are checked (`invariants.py`): never two
invoices for one bill, never a wrong cent, nothing entered that must not be, nothing lost, every
hold with a reason that is true, Ramp's record, Epicor's and ours the same, the trail tells the
state of each posting and its chain verifies, no lease and no doubt left behind.

How to read a story: each line has the world's time and who did what ("Ramp:", "Epicor:", "ours:"
are people; "run" is a run of ours with the trouble planned for it, "→" what it reported). The last
line names what was violated. `truth.py` says what a bill must become; `people.py` and `trouble.py`
what can happen; `worlds.py` in which order; `planted.py` has bugs that the simulation must find.

Exit codes: 0 all worlds kept their promises, 1 one did not (its story is printed), 2 bad arguments.
"""

import argparse
import sys
import time
from collections import Counter

from tests.simulation import many
from tests.simulation.worlds import Result

TOTALS = ("bills", "runs", "deaths", "faults")
FOUND = (("doubled", "doubled"), ("lost", "lost"), ("wrong cents", "cents"))


def main(arguments: list[str] | None = None) -> int:
    """Live the worlds that the command line names."""
    options = _parser().parse_args(arguments)
    seeds = [options.seed] if options.seed is not None else _seeds(options.seeds)
    started = time.monotonic()
    found: list[Result] = []
    for result in many.results(seeds, jobs=options.jobs, plant=options.plant):
        found.append(result)
        if not result.ok or options.story:
            _tell(result)
        elif options.verbose:
            print(f"seed {result.seed}: fine, {result.seconds:.1f} s ({result.options})")
    _summary(found, time.monotonic() - started)
    return 0 if all(result.ok for result in found) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="1-20", help="1-200, or 3,7,11-20")
    parser.add_argument("--seed", type=int, help="one world")
    parser.add_argument("--story", action="store_true", help="tell the story of each world")
    parser.add_argument("--jobs", type=int, default=1, help="worlds at the same time")
    parser.add_argument("--plant", default="", help="a bug of planted.py, to be found")
    parser.add_argument("--verbose", action="store_true", help="a line for each world")
    return parser


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def _tell(result: Result) -> None:
    print(f"\n== seed {result.seed}: {result.options}")
    print("\n".join(result.story))
    if not result.ok:
        print(f"== again: python -m tests.simulation --seed {result.seed} --story")


def _summary(found: list[Result], seconds: float) -> None:
    totals: Counter[str] = sum((result.counts for result in found), Counter())
    broken = Counter(result.invariant for result in found if not result.ok)
    words = [f"{len(found)} seeds", *(f"{totals[name]} {name}" for name in TOTALS)]
    words += [f"{label} {broken[name]}" for label, name in FOUND]
    others = sum(broken.values()) - sum(broken[name] for _, name in FOUND)
    words += [f"otherwise wrong {others}", f"{seconds:.0f} s"]
    print(", ".join(words))
    if broken:
        failed = sorted(result.seed for result in found if not result.ok)
        print(f"failed: {', '.join(map(str, failed))} ({dict(broken)})")


if __name__ == "__main__":
    sys.exit(main())
