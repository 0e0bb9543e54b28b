"""One measurement, in a fresh process: `python -m bench.measure RAMP EPICOR CASE`.

CASE is a `bench.run.Case` as JSON. `bench.run` starts it with a throw-away database in the
environment; it prints one JSON document. It never builds the whole world: the memory measured is
the application's alone.
"""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import django

from bench.standins import StandIns

BUDGET_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Sync:
    """What one whole sync took. `epicor`, `ramp` are requests, `*_writes` those that change."""

    fetched: int
    entered: int
    confirmed: int
    seconds: float
    cpu_s: float
    peak_mb: float
    epicor: int
    epicor_writes: int
    ramp: int
    ramp_writes: int
    labels: dict[str, int]


def main(arguments: list[str]) -> int:
    """Install the demo tenant, then sync twice; prints {"start_mb", "first", "second"}.

    Where entering is limited the first sync only reads; the second reads again and enters.
    """
    django.setup()
    from connector.management import demo_data
    from connector.sync.bills.duplicates import refresh_mirror
    from connector.sync.bills.run import run_cycle
    from connector.sync.context import open_cycle
    from connector.tenants.models import PostingSettings
    from sandbox.world import World

    boxes, case = StandIns(*arguments[:2]), json.loads(arguments[2])
    world = World(bills=1)  # the tenant and its mappings are the same for any number of bills
    tenant = demo_data.install(world, boxes.ramp, boxes.epicor)
    PostingSettings.objects.filter(tenant=tenant).update(lanes=case["lanes"], writer=case["writer"])
    run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}), budget_s=BUDGET_S)
    cycle = open_cycle(tenant)
    refresh_mirror(cycle, cycle.companies)  # read whole once; later only what changed
    cycle.close()

    def sync(budget_s: float) -> Sync:
        boxes.reset()
        wall, cpu = time.perf_counter(), time.process_time()
        summary = run_cycle(tenant, budget_s=budget_s)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        ramp, epicor = boxes.calls()
        return Sync(
            fetched=summary.fetched,
            entered=summary.entered,
            confirmed=summary.confirmed,
            seconds=wall,
            cpu_s=cpu,
            peak_mb=peak_mb(),
            epicor=epicor.total,
            epicor_writes=epicor.writes,
            ramp=ramp.total,
            ramp_writes=ramp.writes,
            labels={
                **{f"ramp {label}": n for label, n in ramp.by_label.items()},
                **{f"epicor {label}": n for label, n in epicor.by_label.items()},
            },
        )

    start_mb, enter_s = peak_mb(), case["enter_s"]
    first = sync(BUDGET_S if enter_s is None else 0)
    second = sync(BUDGET_S if enter_s is None else first.seconds + enter_s)
    print(json.dumps({"start_mb": start_mb, "first": asdict(first), "second": asdict(second)}))
    return 0


def peak_mb() -> float:
    """The most memory this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage would include the parent's memory from before exec
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
