"""Takes mappings from a CSV or Excel file into a tenant: all rows or none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand, actor
from mappings.import_export import (
    ImportResult,
    MappingFileError,
    UnknownKindError,
    import_mappings,
    read_rows,
)

_SHOWN = 20


class Command(TenantCommand):
    help = (
        "Create and update mappings from a .csv or .xlsx file. One wrong row and nothing changes. "
        "Kinds: vendors, gl_accounts, cost_centers, dimension:FIELD."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT KIND FILE."""
        super().add_arguments(parser)
        parser.add_argument("kind", metavar="KIND")
        parser.add_argument("file", metavar="FILE", type=Path)

    def run(self, options: dict[str, Any]) -> None:
        """Read, check and import the file."""
        try:
            rows = read_rows(options["file"])
            result = import_mappings(self.tenant.pk, options["kind"], rows, actor=actor())
        except (MappingFileError, UnknownKindError) as error:
            raise CommandProblem(str(error)) from error
        if result.unknown:
            self.stderr.write(_unknown(result.unknown))
        code = NEEDS_A_PERSON if result.errors or result.proposed else 0
        self.emit(result.as_json(), lambda: _table(result), code=code)


def _unknown(rows: Sequence[int]) -> str:
    """The warning about ids that nothing knows; on standard error, so that JSON stays JSON."""
    named = ", ".join(map(str, rows[:_SHOWN]))
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return (
        f"Warning: no bill knows the ramp_id in row {named}{more}. Perhaps there is no bill with "
        "it yet; perhaps a spreadsheet changed it: compare it with Ramp."
    )


def _table(result: ImportResult) -> str:
    if result.errors:
        lines = [f"Row {row}: {message}" for row, message in result.errors]
        return "\n".join([*lines, "Nothing was changed. Correct these rows and import again."])
    if result.proposed:
        return (
            f"{result.kind}: {result.proposed} changes wait for somebody to approve them, "
            f"{result.unchanged} rows unchanged. Nothing counts before that."
        )
    return (
        f"{result.kind}: {result.created} created, {result.updated} updated, "
        f"{result.unchanged} unchanged."
    )
