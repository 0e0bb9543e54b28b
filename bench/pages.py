"""Measures every list page on the database of DATABASE_URL, which bench.seed filled.

    DATABASE_URL=sqlite:////tmp/bench.sqlite3 python -m bench.pages [--tenant bench] [--only audit]

Prints a table: page, queries, median and 95th percentile of the server's time in ms over
--requests requests, this process's own part of it (the rest is the database, or waiting for a busy
machine), and the size of the answer, gzipped. Exit code 1 when a list's median is above the limit.
Lists are the addresses of tests/web/permissions.py that are about nothing single.
"""

import argparse
import gzip
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.ready import ready

LIMIT_MS = 150
_WARM_UP = 2

# Filters that people use, by the name of the address.
FILTERS = {
    "bills": [
        "state=confirmed",
        "state=queued&reason=none",
        "reason=vendor_unmapped",
        "number=INV-00",
        "vendor=Acme",
        "currency=USD&amount_from=100&amount_to=500",
        "issued_from={day}&issued_to={day}",
        "entered_from={day}",
        "group={group}",
        "sort=-amount",
        "sort=due",
        "state=confirmed&sort=-entered",
        "after={middle}",
        "state=confirmed&after={middle}",
    ],
    "exceptions": ["page=2"],
    "exceptions-cause": ["{cause}"],
    "exceptions-more": ["{cause}"],
    "audit": [
        "who=ann",
        "who=nobody",
        "people=on",
        "singles=on",
        "what=posting.held",
        "what=tenant.paused",
        "what=posting.entered&who=ann",
        "what=kind:mapping",
        "what=kind:mapping&who=ann",
        "what=kind:posting&people=on",
        "since=2000-01-01&until=2000-01-02",
        "about=bill&subject={number}",
        "about=vendor&subject=Acme Supplies 100",
        "after={after}",
        "who=system&after={after}",
    ],
}


@dataclass(frozen=True, slots=True)
class Page:
    """One address to measure, with the role of whoever asks for it."""

    title: str
    address: str
    role: str
    is_list: bool
    piece: bool = False  # htmx asks for it


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out; times in ms."""

    page: Page
    queries: int
    median: float
    p95: float
    cpu: float
    gzipped: int

    @property
    def slow(self) -> bool:
        """Whether it is a list that takes too long."""
        return self.page.is_list and self.median > LIMIT_MS

    def line(self) -> str:
        """The row of the table."""
        times = f"{self.median:>9.1f} | {self.p95:>7.1f} | {self.cpu:>6.1f}"
        numbers = f"{self.queries:>7} | {times} | {self.gzipped:>6}"
        return f"| {self.page.title:<44} | {numbers} |{' slow' if self.slow else ''}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenant", default="bench", help="its slug")
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--only", default="", help="pages whose name begins so")
    options = parser.parse_args(arguments)
    ready()
    print(f"| {'page':<44} | queries | median ms |  p95 ms | CPU ms |  bytes |")
    print(f"| {'-' * 44} | ------: | --------: | ------: | -----: | -----: |")
    slow = 0
    for page in pages(options.tenant):
        if page.title.startswith(options.only):
            found = measure(options.tenant, page, options.requests)
            print(found.line(), flush=True)
            slow += found.slow
    print(f"{slow} of the lists are slower than {LIMIT_MS} ms." if slow else "Every list is quick.")
    return 1 if slow else 0


def pages(slug: str) -> Iterator[Page]:
    """Every list with its usual filters, then the pages of one bill."""
    from django.db.models import Count
    from django.urls import reverse

    from audit.ledger.models import Blocker, Posting
    from audit.permissions import CAPABILITIES, can
    from audit.trail.models import AuditEntry
    from audit.trail.search import Place
    from tests.web.permissions import TABLE

    oldest = AuditEntry.objects.filter(tenant__slug=slug).order_by("at")[1000]
    bill = Posting.objects.filter(tenant__slug=slug, state="confirmed").order_by("-id")[0]
    causes = Blocker.objects.filter(posting__tenant__slug=slug).values_list(
        "posting__hold_reason", "kind", "ramp_id", "company"
    )
    biggest = causes.annotate(bills=Count("pk")).order_by("-bills")[0]
    values = {
        "cause": urlencode(dict(zip(("cause", "kind", "ref", "at"), biggest, strict=False))),
        "after": str(Place(oldest.at, oldest.pk)),
        "number": bill.invoice_num,
        "group": bill.group_id,
        "day": str(bill.issued_on),
        "middle": bill.pk // 2,
    }
    for row in TABLE:
        role = next(role for role in CAPABILITIES if can(role, row.capability))
        if row.method != "GET" or row.of:
            continue
        bare = reverse(row.name, kwargs={"slug": slug, **row.fixed})
        address = f"{bare}?{row.query}" if row.query else bare
        title = str(row).removeprefix("GET ")
        yield Page(title, address, role, is_list=True, piece=row.piece)
        for query in FILTERS.get(row.name, ()):
            filled = query.format(**values).replace(" ", "+")
            title = f"{row.name}?{filled}"[:44]
            yield Page(title, f"{bare}?{filled}", role, is_list=True, piece=row.piece)
    for name in ("bill", "bill-as-of"):
        yield Page(name, reverse(name, args=[slug, bill.bill_id]), "auditor", is_list=False)


def measure(slug: str, page: Page, requests: int) -> Measured:
    """Ask for a page again and again. Raises RuntimeError when it does not answer as it should."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from connector.tenants.models import Membership

    headers = {"HX-Request": "true"} if page.piece else {}
    client = Client(SERVER_NAME="localhost", headers=headers)
    member = Membership.objects.filter(tenant__slug=slug, role=page.role)[0]
    client.force_login(member.user)
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(page.address)
    queries = len(seen)  # later requests begin a new count
    if answer.status_code not in (200, 302):  # the start of the mappings leads to a kind's
        raise RuntimeError(f"{page.address} answered {answer.status_code}.")
    times, work = [], []
    for number in range(_WARM_UP + requests):
        began, worked = time.perf_counter(), time.process_time()
        client.get(page.address)
        if number >= _WARM_UP:
            times.append((time.perf_counter() - began) * 1000)
            work.append((time.process_time() - worked) * 1000)
    p95 = sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]
    size = len(gzip.compress(answer.content))
    return Measured(page, queries, statistics.median(times), p95, statistics.median(work), size)


if __name__ == "__main__":
    sys.exit(main())
