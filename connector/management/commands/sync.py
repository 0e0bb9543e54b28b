"""`sync TENANT`: one whole cycle in the foreground."""

from typing import Any

from django.core.management.base import CommandParser

from connector.commands import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.sync.run import KINDS, PLANNED, Summary, run_cycle

FOREGROUND_S = 24 * 3600.0


class Command(TenantCommand):
    """Runs a cycle now; exit code 1 when something waits for a person."""

    help = "Read what Ramp says is ready, enter it into Epicor, and tell Ramp the result."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --only, --dry-run and --force."""
        super().add_arguments(parser)
        parser.add_argument("--only", metavar="KIND,…", default="", help="only these kinds")
        parser.add_argument("--dry-run", action="store_true", help="write to neither system")
        parser.add_argument("--force", action="store_true", help="ignore the finance calendar")

    def run(self, options: dict[str, Any]) -> None:
        """Run the cycle and print its summary."""
        kinds = _kinds(str(options["only"]))
        summary = run_cycle(
            self.tenant,
            kinds=kinds,
            dry_run=options["dry_run"],
            force=options["force"],
            budget_s=FOREGROUND_S,
        )
        waits = bool(summary.exceptions or summary.in_doubt)
        self.emit(summary.as_json(), lambda: table(summary), code=NEEDS_A_PERSON if waits else 0)


def table(summary: Summary) -> str:
    """The summary for a person."""
    rows = [
        ("bills read", summary.fetched),
        ("entered in Epicor", summary.entered),
        ("confirmed to Ramp", summary.confirmed),
        ("exceptions open", summary.exceptions),
        ("in doubt", summary.in_doubt),
        ("waiting", summary.held),
        ("unchanged", summary.unchanged),
        ("requests to Ramp", summary.calls["ramp"]),
        ("requests to Epicor", summary.calls["epicor"]),
        ("seconds", summary.seconds),
    ]
    return "\n".join(f"{name:<20}{value:>10}" for name, value in rows)


def _kinds(text: str) -> frozenset[str] | None:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if planned := sorted(names & PLANNED):
        raise CommandProblem(
            f"{', '.join(planned)}: matching these is planned, this version cannot do it yet. "
            "Nothing was done."
        )
    if unknown := sorted(names - KINDS):
        raise CommandProblem(
            f"Unknown kind: {', '.join(unknown)}. Use some of: {', '.join(sorted(KINDS))}."
        )
    return names or None
