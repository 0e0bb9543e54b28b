"""`replay TENANT (BILL_ID… | --all)`: tries bills that wait for a person once more, now."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit import postings
from audit.models import Posting
from audit.queue import open_holds
from connector.commands import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.inspect_bill import rehearse
from connector.management.commands.sync import table
from connector.models import Tenant
from connector.sync.context import open_cycle
from connector.sync.run import Summary, run_cycle

ACTOR = "command line"
BUDGET_S = 3600.0
_CHUNK = 5000  # SQLite limits the values in one statement
_NAMED = 10  # as many unknown bills are named in a sentence
_TRIED = (Posting.State.QUEUED, Posting.State.IN_DOUBT)


class Command(TenantCommand):
    help = "Close the holds of these bills (or of all) and enter them now."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser that takes options between TENANT and the bill ids, too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT, then bill ids or --all; --dry-run only counts."""
        super().add_arguments(parser)
        parser.add_argument("bill_ids", metavar="BILL_ID", nargs="*", help="bill ids in Ramp")
        parser.add_argument("--all", action="store_true", help="every bill that waits for a person")
        parser.add_argument(
            "--dry-run", action="store_true", help="count what could be entered; change nothing"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Replay and print the summary; exit code 1 when one of them waits again."""
        chosen = _chosen(self.tenant, options["bill_ids"], every=options["all"])
        if options["dry_run"]:
            summary, waits = _rehearsal(self.tenant, chosen)
            document = {**summary.as_json(), "run": None}  # nothing is recorded
        else:
            summary, waits = _replay(self.tenant, chosen)
            document = summary.as_json()
        self.emit(document, lambda: table(summary), code=NEEDS_A_PERSON if waits else 0)


def _chosen(tenant: Tenant, bill_ids: Sequence[str], *, every: bool) -> list[Posting]:
    """The postings that are meant. Raises CommandProblem when that is not clear."""
    if every and bill_ids:
        raise CommandProblem("Give either bill ids or --all, not both. Nothing was changed.")
    if every:
        return list(open_holds(tenant.pk).order_by("pk"))
    if not bill_ids:
        raise CommandProblem("Give the ids of the bills to replay, or --all. Nothing was changed.")
    wanted = list(dict.fromkeys(bill_ids))
    found = {p.bill_id: p for p in Posting.objects.filter(tenant=tenant, bill_id__in=wanted)}
    if unknown := [bill_id for bill_id in wanted if bill_id not in found]:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise CommandProblem(
            f"{tenant.name} has no such bill: {', '.join(unknown[:_NAMED])}{more}. Nothing was "
            "changed and nothing was sent; check the ids."
        )
    return [found[bill_id] for bill_id in wanted]


def _replay(tenant: Tenant, chosen: Sequence[Posting]) -> tuple[Summary, bool]:
    """Close the holds and run a cycle for just these; True when one has a hold afterwards."""
    ids = [posting.pk for posting in chosen]
    try:
        for start in range(0, len(chosen), _CHUNK):
            postings.replay(chosen[start : start + _CHUNK], actor=ACTOR)
        summary = run_cycle(tenant, only_ids=ids, budget_s=BUDGET_S)
    except (ValueError, postings.LostLeaseError) as error:
        raise CommandProblem(str(error)) from error
    held = set(open_holds(tenant.pk).values_list("pk", flat=True))
    return summary, not held.isdisjoint(ids)


def _rehearsal(tenant: Tenant, chosen: Sequence[Posting]) -> tuple[Summary, bool]:
    """Prepare them only: `entered` is how many could go; True when one would wait again."""
    started = time.monotonic()
    tried = [posting for posting in chosen if posting.state in _TRIED]
    others = [posting for posting in chosen if posting.state not in _TRIED]
    cycle = open_cycle(tenant, dry_run=True)
    try:
        ready, held = rehearse(cycle, tried)
        calls = {"ramp": cycle.ramp.calls, "epicor": cycle.epicor.calls}
    finally:
        cycle.close()
    now = _now(tenant)
    summary = Summary(
        run=0,
        fetched=0,
        entered=len(ready),
        updated=0,
        confirmed=0,
        exceptions=now["exceptions"],
        held=now["held"],
        in_doubt=now["in_doubt"],
        unchanged=0,
        calls=calls,
        seconds=round(time.monotonic() - started, 3),
    )
    return summary, bool(held) or any(posting.hold_reason for posting in others)


def _now(tenant: Tenant) -> Counter[str]:
    """The tenant's counts as they stand, by the meaning they have in `sync`."""
    rows = Posting.objects.filter(tenant=tenant)
    waiting = rows.filter(state=Posting.State.QUEUED, hold_reason="")
    return Counter(
        exceptions=open_holds(tenant.pk).count(),
        held=waiting.filter(not_before__gt=timezone.now()).count(),
        in_doubt=rows.filter(state=Posting.State.IN_DOUBT).count(),
    )
