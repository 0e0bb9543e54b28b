"""`sync TENANT`: one whole cycle in the foreground."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from connector.jobs.models import Job
from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.sync import clock
from connector.sync.bills import under_way
from connector.sync.bills.blackout import notice
from connector.sync.bills.run import KINDS, PLANNED, Summary, run_cycle
from connector.sync.catalogs import request_refresh_of_all

FOREGROUND_S = 24 * 3600.0
_SHOWN = 50  # as many causes are told one by one


class Command(TenantCommand):
    """Runs a cycle now; exit code 1 when something waits for a person."""

    help = "Read what Ramp says is ready, enter it into Epicor, and tell Ramp the result."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --only, --dry-run and --force."""
        super().add_arguments(parser)
        parser.add_argument("--only", metavar="KIND,…", default=None, help="only these kinds")
        parser.add_argument("--dry-run", action="store_true", help="write to neither system")
        parser.add_argument("--force", action="store_true", help="ignore the finance calendar")

    def run(self, options: dict[str, Any]) -> None:
        """Run the cycle and print its summary."""
        kinds = None if options["only"] is None else _kinds(str(options["only"]))
        if kinds is not None:
            request_refresh_of_all(self.tenant, kinds)
        summary = run_cycle(
            self.tenant,
            kinds=kinds,
            dry_run=options["dry_run"],
            force=options["force"],
            budget_s=FOREGROUND_S,
        )
        dry = bool(options["dry_run"])
        bills = "bills" in (kinds or KINDS)
        would_hold = _would_hold(summary) if dry else {}
        parts = [table(summary, dry=dry)]
        parts += [_sentence(would_hold)] if dry and bills else []
        parts += [notice(self.tenant)] if bills and not options["force"] else []
        parts += [under_way.notice(self.tenant), clock.notice()]
        waits = bool(summary.exceptions or summary.in_doubt or would_hold)
        code = NEEDS_A_PERSON if waits else 0
        self.emit(summary.as_json(), lambda: "\n\n".join(filter(None, parts)), code=code)


def table(summary: Summary, *, dry: bool = False) -> str:
    """The summary for a person."""
    rows = [
        ("bills read", summary.fetched),
        ("would be entered" if dry else "entered in Epicor", summary.entered),
        ("updated in Epicor", summary.updated),
        ("confirmed to Ramp", summary.confirmed),
        ("exceptions open", summary.exceptions),
        ("in doubt", summary.in_doubt),
        ("held by calendar", summary.held),
        ("unchanged", summary.unchanged),
        ("requests to Ramp", summary.calls["ramp"]),
        ("requests to Epicor", summary.calls["epicor"]),
        ("seconds", summary.seconds),
    ]
    return "\n".join(f"{name:<20}{value:>10}" for name, value in rows)


def _would_hold(summary: Summary) -> dict[str, int]:
    """How many bills each cause would hold, the biggest first."""
    counts = Job.objects.get(pk=summary.run).counts
    found: dict[str, int] = counts.get("would_hold", {})
    return dict(sorted(found.items(), key=lambda cause: (-cause[1], cause[0])))


def _sentence(would_hold: Mapping[str, int]) -> str:
    lines = ["Nothing would wait for a person."]
    if would_hold:
        lines = ["What would wait for a person, and how many bills:"]
        lines += [f"{count:>7}  {cause}" for cause, count in list(would_hold.items())[:_SHOWN]]
        more = len(would_hold) - _SHOWN
        lines += [f"and {more} more causes"] if more > 0 else []
    return "\n".join([*lines, "Epicor was not asked what it has already or would refuse."])


def _kinds(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise CommandProblem(
            f"--only names nothing. Nothing was done; use some of: {', '.join(sorted(KINDS))}, or "
            "leave it out to run everything."
        )
    if planned := sorted(names & PLANNED):
        raise CommandProblem(
            f"{', '.join(planned)}: matching these is planned, this version cannot do it yet. "
            "Nothing was done."
        )
    if unknown := sorted(names - KINDS):
        raise CommandProblem(
            f"Unknown kind: {', '.join(unknown)}. Use some of: {', '.join(sorted(KINDS))}."
        )
    return names
