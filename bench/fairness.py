"""How long one tenant's long queue delays another: `python -m bench.fairness [--bills 10000]`.

One worker does the tasks of the queue in their order, as the background worker does. Tenant A has
N queued bills. While they are entered tenant B is due, and the time until B's first bill is in
Epicor is measured; the same was measured before with a tenant C and nobody else at work.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.run import environment, python
from bench.standins import standins

FEW = 40  # bills of the tenants that shall not wait


def main(arguments: list[str] | None = None) -> int:
    """Print the delays; 1 when B waited for more than one of A's steps."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--bills", type=int, default=10_000, metavar="N", help="of tenant A")
    parser.add_argument("--latency-ms", type=float, default=0.0, metavar="MS")
    parser.add_argument("--measure", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        return _measure(options.measure)
    latency = options.latency_ms
    with (
        standins(options.bills, latency, "all") as a,
        standins(FEW, latency, "all") as b,
        standins(FEW, latency, "all") as c,
        tempfile.TemporaryDirectory(prefix="ml-connector-bench-") as folder,
    ):
        variables = environment(Path(folder))
        python(variables, "manage.py", "migrate", "--verbosity", "0")
        addresses = [address for box in (a, b, c) for address in (box.ramp, box.epicor)]
        output = python(variables, "-m", "bench.fairness", "--measure", *addresses)
    found: dict[str, Any] = json.loads(output)
    print(f"Queued bills of A when B was due              {found['queued']:>8}")
    print(f"Steps of A before B's first bill              {found['steps']:>8}")
    print(f"Longest step of A                             {found['longest_s']:>8.2f} s")
    print(f"First bill in Epicor, with A busy (B)         {found['busy_s']:>8.2f} s")
    print(f"First bill in Epicor, nobody else at work (C) {found['idle_s']:>8.2f} s")
    return 0 if found["steps"] <= 1 else 1


def _measure(addresses: list[str]) -> int:
    """In a process with a database of its own: prints the figures as JSON."""
    import django

    django.setup()
    from audit.ledger.models import Posting
    from connector.jobs.models import Job
    from connector.sync.bills.run import enqueue_sync

    a, b, c = (_install(slug, *addresses[2 * n : 2 * n + 2]) for n, slug in enumerate("abc"))

    def entered(tenant: Any) -> bool:
        return Posting.objects.filter(tenant=tenant, entered_at__isnull=False).exists()

    def ended(tenant: Any) -> bool:
        return not Job.objects.filter(tenant=tenant, state="open").exists()

    def first_entered(tenant: Any) -> float:
        rows = Posting.objects.filter(tenant=tenant, entered_at__isnull=False)
        return min(rows.values_list("entered_at", flat=True)).timestamp()

    enqueued_at = time.time()
    enqueue_sync(c)
    _work(lambda: ended(c))
    idle_s = first_entered(c) - enqueued_at
    enqueue_sync(a)
    first = _work(lambda: entered(a))
    queued = Posting.objects.filter(tenant=a, state="queued", hold_reason="").count()
    enqueued_at = time.time()
    enqueue_sync(b)
    then = _work(lambda: entered(b))
    busy_s = first_entered(b) - enqueued_at
    steps = [seconds for tenant_id, seconds in then if tenant_id == a.pk]
    longest_s = max(seconds for tenant_id, seconds in first + then if tenant_id == a.pk)
    figures = {"idle_s": idle_s, "busy_s": busy_s, "queued": queued, "longest_s": longest_s}
    print(json.dumps({**figures, "steps": len(steps)}))
    return 0


def _install(slug: str, ramp: str, epicor: str) -> Any:
    """A tenant with mappings and catalogs; they are the same for any number of bills."""
    from connector.management import demo_data
    from connector.sync.bills.run import run_cycle
    from connector.tenants import tenant_file
    from sandbox.world import World

    world = World(bills=1)
    file = {**world.tenant_file(ramp, epicor), "slug": slug, "name": slug}
    tenant, _, _ = tenant_file.apply(file, actor="bench")
    demo_data.install_mappings(tenant, world)
    run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))
    return tenant


def _work(until: Callable[[], bool]) -> list[tuple[int, float]]:
    """Do the queue's tasks in order until then: the tenant's id and the seconds of each step."""
    from django.utils.module_loading import import_string
    from django_q.models import OrmQ

    from connector.jobs.models import Job

    steps: list[tuple[int, float]] = []
    while not until():
        row = OrmQ.objects.order_by("id").first()
        if row is None:
            raise SystemExit("The queue is empty; the lines above say why.")
        task = row.task
        row.delete()
        began = time.perf_counter()
        import_string(task["func"])(*task["args"])
        job = Job.objects.filter(pk=task["args"][0]).first() if task["args"] else None
        if job is not None:
            steps.append((job.tenant_id, time.perf_counter() - began))
    return steps


if __name__ == "__main__":
    sys.exit(main())
