"""What a child of the simulation does: one act of ours at one moment, on a clock that only we move.

The clock stands still between acts and moves by a fixed tick each time it is read, so that a world
is the same each time it is lived. Sleeping moves it on.
"""

import io
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.invoice_number import NotNowError, NumberError
from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.verification import verify as check
from connector.actions import duplicates, renumber
from connector.actions.remove import remove
from connector.domain.errors import PostingError
from connector.jobs import runner
from connector.management import demo_data
from connector.sync.bills.run import enqueue_sync, run_cycle, under_way
from connector.sync.bills.verify import reprove
from connector.tenants.models import PostingSettings, Tenant
from mappings.files import MappingRow
from mappings.import_export import import_mappings
from sandbox.world import World
from tests.simulation import planted

TICK = timedelta(milliseconds=1)
ACTOR = "clerk"
MOST_STEPS = 60


class Clock:
    """All clocks of this process."""

    def __init__(self, start: datetime) -> None:
        self.at = start
        self._began = start

    def now(self) -> datetime:
        self.at += TICK
        return self.at

    def monotonic(self) -> float:
        self.at += TICK
        return 1000.0 + (self.at - self._began).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def install(self) -> None:
        timezone.now = self.now
        time.sleep = self.sleep
        time.monotonic = self.monotonic
        time.time = lambda: self.now().timestamp()


def act(
    name: str,
    at: str,
    jumps: Mapping[str, float] | None = None,
    slow: list[Any] | None = None,
    plant: str = "",
    **args: Any,
) -> dict[str, Any]:
    """Do one of ACTS at this moment; what stops it in an orderly way becomes {"stopped": …}.

    `jumps`: number of a request → seconds that pass while it is under way. `slow`: a part of a
    path and how many requests to it get their answer only after our patience has ended.
    """
    clock = Clock(datetime.fromisoformat(at))
    clock.install()
    _watch(clock, dict(jumps or {}), list(slow or ()))
    if plant:
        planted.BUGS[plant]()
    tenant = Tenant.objects.filter(slug="demo").first()
    done: dict[str, Any] = {}
    try:
        done["value"] = ACTS[name](tenant, **args)
    except PostingError as error:
        done |= {"stopped": type(error).__name__, "message": error.message}
    return {**done, "at": clock.at.isoformat()}


def _watch(clock: Clock, jumps: dict[str, float], slow: list[Any]) -> None:
    send = httpx.HTTPTransport.handle_request
    count = 0

    def watched(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        mine = str(count)
        response = send(transport, request)
        clock.sleep(jumps.get(mine, 0.0))
        if slow and slow[1] > 0 and slow[0] in request.url.path:
            slow[1] -= 1
            response.read()
            response.close()
            clock.sleep(request.extensions["timeout"].get("read") or 0.0)
            raise httpx.ReadTimeout("too late", request=request)
        return response

    httpx.HTTPTransport.handle_request = watched  # type: ignore[method-assign]


# -- acts ------------------------------------------------------------------------------------


def install(
    _: Tenant | None,
    seed: int,
    bills: int,
    ramp_url: str,
    epicor_url: str,
    settings: Mapping[str, Any],
) -> None:
    """The demo tenant of this world, with its mappings."""
    tenant = demo_data.install(World(seed, bills), ramp_url, epicor_url)
    PostingSettings.objects.filter(tenant=tenant).update(**settings)


def sync(tenant: Tenant, **options: Any) -> dict[str, object]:
    """One whole cycle in the foreground."""
    return run_cycle(tenant, **options).as_json()


def job(tenant: Tenant) -> str:
    """One cycle as the background workers do it."""
    enqueue_sync(tenant)
    run = under_way(tenant)
    for _ in range(MOST_STEPS):
        ended = "over" if run is None else runner.run(run.pk)
        if ended != "more":
            return ended
    return f"not over after {MOST_STEPS} steps"


def replay(tenant: Tenant, bills: list[str] | None = None) -> Any:
    """A person replays these bills, or everything that waits."""
    rows = Posting.objects.filter(tenant=tenant)
    rows = rows.exclude(hold_reason="") if bills is None else rows.filter(bill_id__in=bills)
    chosen = list(rows.order_by("pk"))
    moved = lifecycle.replay(chosen, actor=ACTOR)
    ids = [row.pk for row in chosen]
    return {"moved": moved, "run": run_cycle(tenant, only_ids=ids).as_json()}


def dismiss(tenant: Tenant, bill: str) -> str:
    """A person says that a bill was handled outside, or stays in Epicor as it is."""
    try:
        call_command(
            "dismiss", tenant.slug, bill, "--reason", "handled outside", stdout=io.StringIO()
        )
    except CommandError as error:
        return f"refused: {error}"
    posting = Posting.objects.get(tenant=tenant, bill_id=bill)
    return posting.state if posting.state == Posting.State.DISMISSED else "kept"


def map_reference(
    tenant: Tenant, kind: str, ramp_id: str, epicor_id: str, company: str = ""
) -> str:
    """A person maps one reference."""
    row = MappingRow(2, ramp_id, "", epicor_id, "", company)
    result = import_mappings(tenant.pk, kind, [row], actor=ACTOR)
    return "mapped" if not result.errors else f"refused: {result.errors[0][1]}"


def removal(tenant: Tenant, bill: str, again: bool) -> str:
    """A person takes an entered invoice out of Epicor again, and perhaps has it entered anew."""
    posting = Posting.objects.get(tenant=tenant, bill_id=bill)
    remove(tenant, posting, actor=ACTOR, reason="entered wrongly", enter_again=again)
    return posting.state


def ours(tenant: Tenant, bill: str, number: str) -> str:
    """A person says that an invoice typed by hand is this bill."""
    posting = Posting.objects.get(tenant=tenant, bill_id=bill)
    try:
        duplicates.adopt(tenant, posting, actor=ACTOR, number=number)
    except lifecycle.LostLeaseError:
        return "refused"
    return posting.state


def different(tenant: Tenant, bill: str) -> str:
    """A person says that what is suspected is another invoice."""
    posting = Posting.objects.get(tenant=tenant, bill_id=bill)
    try:
        duplicates.different(tenant, posting, actor=ACTOR, reason="two deliveries")
    except lifecycle.LostLeaseError:
        return "refused"
    return posting.state


def number(tenant: Tenant, bill: str, number: str) -> str:
    """A person has a bill entered under another number, or under Ramp's again ("")."""
    posting = Posting.objects.get(tenant=tenant, bill_id=bill)
    person = {"actor": ACTOR, "reason": "the number is taken"}
    try:
        if number:
            renumber.give_number(tenant, posting, number, **person)
        else:
            renumber.back_to_ramp(tenant, posting, **person)
    except (NumberError, NotNowError, lifecycle.LostLeaseError) as error:
        return f"refused: {error}"
    return "given"


def proof(tenant: Tenant) -> Any:
    """Everything entered lately is read back and compared."""
    return reprove(tenant, days=30).as_json()


def acknowledge(tenant: Tenant) -> str:
    """A person says why the trail is behind: a backup was put back."""
    out = io.StringIO()
    call_command("verify_audit", tenant.slug, acknowledge="A backup was put back.", stdout=out)
    return out.getvalue().strip()


def verify(tenant: Tenant) -> dict[str, Any]:
    """Seal the trail and recompute its chain."""
    log.seal(tenant.pk)
    found = check(tenant.pk)
    # A world's clock may jump, and the trail says so.
    bad = [one for one in found.findings if not one.key.startswith("clock:")]
    first = bad[0] if bad else None
    return {
        "entries": found.entries,
        "first_bad": first.where if first else None,
        "message": first.message if first else "",
    }


ACTS: dict[str, Callable[..., Any]] = {
    "install": install,
    "sync": sync,
    "job": job,
    "replay": replay,
    "dismiss": dismiss,
    "map": map_reference,
    "remove": removal,
    "ours": ours,
    "different": different,
    "number": number,
    "proof": proof,
    "verify": verify,
    "acknowledge": acknowledge,
}

__all__ = ["ACTS", "act"]
