"""Gives the mappings of a tenant out as CSV, Excel or JSON, ready to be imported again."""

import io
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from connector.management.base import CommandProblem, TenantCommand
from mappings.files import COLUMNS, MappingRow, write_csv, write_xlsx
from mappings.import_export import UnknownKindError, export_mappings


class Command(TenantCommand):
    help = (
        "Print a tenant's mappings as CSV, or write them to a .csv or .xlsx file. "
        "Kinds: vendors, gl_accounts, cost_centers, dimension:FIELD."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT KIND, and where to write."""
        super().add_arguments(parser)
        parser.add_argument("kind", metavar="KIND")
        parser.add_argument("--output", metavar="FILE", type=Path, help="a .csv or .xlsx file")

    def run(self, options: dict[str, Any]) -> None:
        """Export one kind."""
        kind, output = options["kind"], options["output"]
        try:
            rows = export_mappings(self.tenant.pk, kind)
        except UnknownKindError as error:
            raise CommandProblem(str(error)) from error
        document = {
            "kind": kind,
            "rows": [dict(zip(COLUMNS, row.cells(), strict=True)) for row in rows],
        }
        if output is None:
            self.emit(document, lambda: _csv(rows))
            return
        _save(rows, output)
        self.emit(document, lambda: f"{len(rows)} mappings of {kind} written to {output}.")


def _csv(rows: list[MappingRow]) -> str:
    text = io.StringIO()
    write_csv(rows, text)
    return text.getvalue()


def _save(rows: list[MappingRow], output: Path) -> None:
    ending = output.suffix.lower()
    if ending not in (".csv", ".xlsx"):
        raise CommandProblem(f"{output} is neither .csv nor .xlsx; choose one of these.")
    try:
        if ending == ".csv":
            # The mark at the start tells Excel that the file is UTF-8.
            with output.open("w", encoding="utf-8-sig", newline="") as text:
                write_csv(rows, text)
        else:
            with output.open("wb") as stream:
                write_xlsx(rows, stream)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandProblem(f"{output} cannot be written ({why}).") from error
