"""`replay TENANT (BILL_ID… | --all | --reason REASON)`: tries bills that wait once more, now."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from audit.ledger import lifecycle
from audit.ledger.models import Blocker, Posting
from audit.ledger.waiting import open_holds, waiting_for
from connector.actions.replay import STILL_WAIT, forecasts, replay, results
from connector.domain.errors import PostingError, Reason
from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand, actor
from connector.management.commands.sync import table
from connector.sync import clock
from connector.sync.bills import under_way
from connector.sync.bills.blackout import notice, stopped_bills
from connector.sync.bills.run import KINDS, Summary, run_cycle
from connector.sync.catalogs import refresh, request_refresh
from connector.sync.context import open_cycle
from connector.tenants import pauses
from connector.tenants.models import Tenant

BUDGET_S = 3600.0
_NAMED = 10  # as many unknown bills are named in a sentence
_SHOWN = 50  # as many bills are told one by one


class Command(TenantCommand):
    help = "Close the holds of these bills (or of all, or of one cause) and enter them now."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser that takes options between TENANT and the bill ids, too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT, then bill ids, --all or --reason; --dry-run only says what would happen."""
        super().add_arguments(parser)
        parser.add_argument("bill_ids", metavar="BILL_ID", nargs="*", help="bill ids in Ramp")
        parser.add_argument("--all", action="store_true", help="every bill that waits for a person")
        parser.add_argument(
            "--reason",
            metavar="REASON",
            choices=[reason.value for reason in Reason],
            help="every bill that waits for this reason",
        )
        parser.add_argument(
            "--subject",
            metavar="SUBJECT",
            help="with --reason: only because of this, by its name or its id in Ramp",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen; change nothing"
        )
        parser.add_argument("--force", action="store_true", help="ignore the finance calendar")

    def run(self, options: dict[str, Any]) -> None:
        """Replay and print the summary; exit code 1 when one of them waits again."""
        chosen = _chosen(self.tenant, options)
        dry, force = bool(options["dry_run"]), bool(options["force"])
        blackout = "" if force or not chosen else notice(self.tenant)
        stopped = blackout or pauses.decided(self.tenant)
        if stopped and chosen and not dry:
            raise CommandProblem(f"{stopped} {STILL_WAIT}")
        if dry or not chosen:
            summary, said, waits = _rehearsal(self.tenant, chosen)
            document = {**summary.as_json(), "run": None}  # nothing is recorded
        else:
            summary, said, waits = _replay(self.tenant, chosen, force=force)
            document = summary.as_json()
        parts = [_sentence(said), table(summary, dry=dry), blackout]
        parts += [under_way.notice(self.tenant), clock.notice()]
        code = NEEDS_A_PERSON if waits else 0
        self.emit(document, lambda: "\n".join(filter(None, parts)), code=code)


def _chosen(tenant: Tenant, options: Mapping[str, Any]) -> list[Posting]:
    """The postings that are meant. Raises CommandProblem when that is not clear."""
    bill_ids, reason, subject = options["bill_ids"], options["reason"], options["subject"]
    if sum(map(bool, (bill_ids, options["all"], reason))) != 1:
        raise CommandProblem(
            "Give the ids of the bills to replay, or --all, or --reason. Nothing was changed."
        )
    if subject is not None and not (reason and subject.strip()):
        raise CommandProblem("--subject needs a name, and --reason. Nothing was changed.")
    if reason:
        return _of_cause(tenant, reason, subject)
    if options["all"]:
        return list(open_holds(tenant.pk).order_by("pk"))
    return _named(tenant, list(dict.fromkeys(bill_ids)))


def _of_cause(tenant: Tenant, reason: str, subject: str | None) -> list[Posting]:
    """The bills that wait for this reason, because of this subject (as `exceptions` calls it)."""
    waiting = waiting_for(tenant.pk, reason).order_by("pk")
    if not subject or not waiting.exists():
        return list(waiting)
    blockers = Blocker.objects.filter(posting__in=waiting, reason=reason)
    named = blockers.filter(Q(ramp_id=subject) | Q(name=subject))
    # One thing may have had several names since.
    bills = blockers.filter(ramp_id__in=named.values("ramp_id")).values("posting_id")
    chosen = list(waiting.filter(pk__in=bills))
    if not chosen:
        rows = blockers.order_by("name", "ramp_id").values_list("name", "ramp_id").distinct()
        known = [name or ramp_id for name, ramp_id in rows[:_NAMED]]
        hint = f"Known: {', '.join(known)}." if known else f"{reason} has no subjects."
        raise CommandProblem(
            f"No bill waits for {subject!r} ({reason}). Nothing was changed. {hint}"
        )
    return chosen


def _named(tenant: Tenant, wanted: list[str]) -> list[Posting]:
    found = {p.bill_id: p for p in Posting.objects.filter(tenant=tenant, bill_id__in=wanted)}
    if unknown := [bill_id for bill_id in wanted if bill_id not in found]:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise CommandProblem(
            f"{tenant.name} has no such bill: {', '.join(unknown[:_NAMED])}{more}. Nothing was "
            "changed and nothing was sent; check the ids."
        )
    return [found[bill_id] for bill_id in wanted]


def _replay(
    tenant: Tenant, chosen: Sequence[Posting], *, force: bool
) -> tuple[Summary, dict[str, str], bool]:
    """Close the holds and run a cycle for just these; True when one has a hold afterwards."""
    ids = [posting.pk for posting in chosen]
    _ask_epicor(tenant, chosen)
    try:
        replay(chosen, actor=actor())
        summary = run_cycle(tenant, force=force, only_ids=ids, budget_s=BUDGET_S)
    except (ValueError, lifecycle.LostLeaseError) as error:
        raise CommandProblem(str(error)) from error
    held = set(open_holds(tenant.pk).values_list("pk", flat=True))
    return summary, results(chosen), not held.isdisjoint(ids)


def _ask_epicor(tenant: Tenant, chosen: Sequence[Posting]) -> None:
    """Read again what stops them, before any hold is closed: a system that is away changes none."""
    request_refresh(tenant, chosen)
    cycle = open_cycle(tenant, dry_run=True)
    try:
        refresh(cycle, kinds=KINDS)
    except PostingError as error:
        raise CommandProblem(f"{error.message} {STILL_WAIT}") from error
    finally:
        cycle.remember()
        cycle.close()


def _rehearsal(tenant: Tenant, chosen: Sequence[Posting]) -> tuple[Summary, dict[str, str], bool]:
    """Prepare them only: `entered` is how many could go; True when one would wait again."""
    started = time.monotonic()
    cycle = open_cycle(tenant, dry_run=True)
    try:
        if chosen:
            request_refresh(tenant, chosen)
            refresh(cycle, kinds=KINDS)
        said, waits = forecasts(cycle, chosen)
        calls = {"ramp": cycle.ramp.calls, "epicor": cycle.epicor.calls}
    finally:
        cycle.close()
    tried = [p for p in chosen if p.state in (Posting.State.QUEUED, Posting.State.IN_DOUBT)]
    now = _now(tenant)
    summary = Summary(
        run=0,
        fetched=0,
        entered=sum(posting.bill_id not in waits for posting in tried),
        updated=0,
        confirmed=0,
        exceptions=now["exceptions"],
        held=now["held"],
        in_doubt=now["in_doubt"],
        unchanged=0,
        calls=calls,
        seconds=round(time.monotonic() - started, 3),
    )
    return summary, said, bool(waits)


def _now(tenant: Tenant) -> Counter[str]:
    """The tenant's counts as they stand, by the meaning they have in `sync`."""
    rows = Posting.objects.filter(tenant=tenant)
    return Counter(
        exceptions=open_holds(tenant.pk).count(),
        held=stopped_bills(tenant),
        in_doubt=rows.filter(state=Posting.State.IN_DOUBT).count(),
    )


def _sentence(said: Mapping[str, str]) -> str:
    """One line for each bill, the first ones; and how many there are."""
    lines = [f"Bill {bill_id} {text}" for bill_id, text in list(said.items())[:_SHOWN]]
    if len(said) > _SHOWN:
        lines.append(f"and {len(said) - _SHOWN} more")
    return "\n".join(lines) or "No bill waits for that."
