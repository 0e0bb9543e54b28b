"""A tenant's first sync as a user feels it: `python -m bench.first_sync --help`.

One whole `manage.py sync` process on a database that knows the tenant and its mappings and nothing
of Epicor or Ramp, beside a script that does the same one call after the other: read the bills, and
for each look Epicor up, ask for an empty invoice and save it.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.run import environment, planned, python
from bench.standins import StandIns, standins
from sandbox.world import World

LANES = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """What one way took: `seconds` of the whole process, requests, and the bills it entered."""

    seconds: float
    epicor: int
    ramp: int
    entered: int


def main(arguments: list[str] | None = None) -> int:
    """Print both ways; 1 when the sync did not enter exactly what the world planned."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_sync", description=__doc__)
    parser.add_argument("--bills", type=int, default=120)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--lanes", type=int, default=LANES)
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts")
    options = parser.parse_args(arguments)
    start_s: list[float] = []
    best = min(
        (_ours(options, start_s) for _ in range(options.repeat)), key=lambda one: one.seconds
    )
    script = min((_script(options) for _ in range(options.repeat)), key=lambda one: one.seconds)
    limit_s = best.epicor * options.latency_ms / 1000 / options.lanes
    per_bill = script.seconds / max(1, script.entered)
    print("| way | bills | entered | seconds | requests to Epicor | to Ramp | as fast | of limit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, one, of_limit in (
        ("one call after the other", script, "–"),
        ("manage.py sync", best, f"{limit_s / best.seconds:.2f}"),
    ):
        faster = per_bill * one.entered / one.seconds
        print(
            f"| {name} | {options.bills} | {one.entered} | {one.seconds:.2f} | {one.epicor} "
            f"| {one.ramp} | {faster:.1f} × | {of_limit} |"
        )
    print(f"\nStarting the process takes {min(start_s):.2f} s of it.")
    return 0 if best.entered == planned(options.bills) else 1


def _ours(options: argparse.Namespace, start_s: list[float]) -> Figures:
    with (
        standins(options.bills, options.latency_ms, "all") as boxes,
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as folder,
    ):
        variables = environment(Path(folder))
        python(variables, "manage.py", "migrate", "--verbosity", "0")
        _set_up(variables, Path(folder), boxes, options.lanes)
        start_s.append(_timed(variables, "manage.py", "sync", "--help")[0])
        boxes.reset()
        seconds, output = _timed(variables, "manage.py", "sync", "demo", "--json")
        return _figures(boxes, seconds, int(json.loads(output)["entered"]))


def _set_up(variables: dict[str, str], folder: Path, boxes: StandIns, lanes: int) -> None:
    """The demo's tenant and mappings, as a user sets them up: nothing is asked of either system."""
    world = World(bills=1)
    file = world.tenant_file(boxes.ramp, boxes.epicor)
    file["posting"]["lanes"] = lanes
    config = folder / "tenant.json"
    config.write_text(json.dumps(file), encoding="utf-8")
    python(variables, "manage.py", "configure_tenant", str(config))
    for kind, rows in world.mapping_files().items():
        path = folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(
                stream, ["ramp_id", "ramp_name", "epicor_id", "epicor_name", "company"]
            )
            writer.writeheader()
            writer.writerows(rows)
        python(variables, "manage.py", "import_mappings", "demo", kind, str(path))


def _script(options: argparse.Namespace) -> Figures:
    with standins(options.bills, options.latency_ms, "all") as boxes:
        seconds, output = _timed(None, "-m", "bench.one_after_the_other", boxes.ramp, boxes.epicor)
        return _figures(boxes, seconds, int(output))


def _figures(boxes: StandIns, seconds: float, entered: int) -> Figures:
    ramp, epicor = boxes.calls()
    return Figures(seconds, epicor.total, ramp.total, entered)


def _timed(variables: dict[str, Any] | None, *arguments: str) -> tuple[float, str]:
    """Seconds and output of a Python process; 1, "something waits", is as good as 0."""
    began = time.perf_counter()
    output = python(variables, *arguments, fine=1)
    return time.perf_counter() - began, output


if __name__ == "__main__":
    sys.exit(main())
