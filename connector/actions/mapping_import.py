"""Mapping files that people upload: first what each row would do, then all of it or nothing.

The file is not kept: its rows are in the job that looks at them, and the job that imports
them names that one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from audit.ledger.models import Posting
from connector.actions.requests import request_replay
from connector.jobs import queue
from connector.jobs.models import Job
from connector.jobs.registry import Done, job
from connector.tenants.models import Tenant
from mappings.changes import stored
from mappings.decisions import DecisionError
from mappings.files import MappingFileError, MappingRow
from mappings.impact import open_holds
from mappings.import_export import Effect, import_mappings
from mappings.kinds import UnknownKindError, label_of
from mappings.known_ids import folded
from mappings.preview import preview

PREVIEW, IMPORT = "import_preview", "import_mappings"
AT_ONCE = 1000  # so many rows are looked at while the person waits for the page
MOST_ROWS, MOST_BYTES = 20_000, 5_000_000
_TAKEN = "imported"
_EXPECTED = (MappingFileError, UnknownKindError, DecisionError)


def request_preview(
    tenant: Tenant, kind: str, file: str, rows: Sequence[MappingRow], *, actor: str
) -> Job:
    """Have it looked at what these rows would do."""
    cells = [[row.number, *row.cells(), row.flaw] for row in folded(tenant.pk, kind, rows)]
    arguments = {"kind": kind, "file": file[:200], "rows": cells}
    title = f"Check {len(rows):,} rows of {file[:150]} for {label_of(kind)}"
    return queue.request(
        tenant, PREVIEW, title=title, actor=actor, arguments=arguments, total=len(rows)
    )[0]


@job(PREVIEW, expected=_EXPECTED)
def look(job: Job, *, kind: str, file: str, rows: Sequence[Any]) -> Done:
    """Find out what each row would do. Changes nothing."""
    found = preview(job.tenant_id, kind, rows_of(job))
    job.done = job.total = len(rows)
    return Done(
        "rows_checked",
        {"rows": len(rows)},
        {
            "effects": [list(asdict(effect).values()) for effect in found.effects],
            "errors": {str(number): message for number, message in found.errors.items()},
            "counts": dict(found.counts),
            "bills": found.freed.bills,
            "sums": {currency: str(amount) for currency, amount in found.freed.money.sums.items()},
            "unreadable": found.freed.money.unreadable,
            "partly": found.freed.partly,
            "unusable": found.unusable,
            "misnamed": found.misnamed,
            "unknown": list(found.unknown),
            "used": found.used.bills,
            "used_sums": {currency: str(amount) for currency, amount in found.used.sums.items()},
        },
    )


def request_import(looked: Job, *, actor: str, with_replay: bool) -> Job:
    """Have the rows of a preview imported, once; asking again gives the same job.

    Raises MappingFileError when the preview is not over or has wrong rows.
    """
    if looked.finished_at is None or looked.failed or looked.details.get("errors"):
        raise MappingFileError("These rows cannot be imported as they are; nothing was changed.")
    rows = len(looked.arguments["rows"])
    with transaction.atomic():
        free = Job.objects.filter(pk=looked.pk, subject="")
        if not free.update(subject=_TAKEN):
            return imported_by(looked)
        return queue.request(
            looked.tenant,
            IMPORT,
            title=f"Import {rows:,} rows of {looked.arguments['file'][:150]}",
            actor=actor,
            arguments={"preview": looked.pk, "replay": with_replay},
            subject=f"preview {looked.pk}",
            total=rows,
        )[0]


def is_past(looked: Job) -> bool:
    """Whether the rows of a preview were imported, and are not kept any more."""
    return looked.subject == _TAKEN and not looked.arguments["rows"]


def imported_by(looked: Job) -> Job:
    """The job that imports, or has imported, the rows of a preview. Raises MappingFileError."""
    subject = f"preview {looked.pk}"
    found = Job.objects.filter(tenant=looked.tenant, kind=IMPORT, subject=subject).first()
    if found is None:
        raise MappingFileError("This file is not kept any more; choose it once again.")
    return found


@job(IMPORT, tries=1, expected=_EXPECTED)
def bring_in(job: Job, *, preview: int, replay: bool) -> Done:
    """Import all rows if each still does what the person was shown."""
    looked = Job.objects.get(tenant=job.tenant, pk=preview)
    kind, rows = looked.arguments["kind"], rows_of(looked)
    seen = [Effect(*effect) for effect in looked.details["effects"]]
    keys = {
        (row.company, row.ramp_id)
        for row, effect in zip(rows, seen, strict=True)
        if effect.what != "same"
    }
    holds, others = open_holds(job.tenant_id), stored(job.tenant_id, kind, rows).keys()
    result = import_mappings(job.tenant_id, kind, rows, actor=job.actor, seen=seen)
    if result.errors:
        number, message = result.errors[0]
        raise MappingFileError(
            f"Row {number}: {message} It was right when you looked; nothing of this file was "
            "imported. Look at what it does now."
        )
    job.done = job.total = len(rows)
    _forget_rows(looked)
    if result.proposed:
        return Done("proposed", {"proposed": result.proposed})
    names = ("created", "updated", "unchanged")
    counts: dict[str, int] = {name: getattr(result, name) for name in names}
    freed = holds.impact_of(kind, keys, others)
    if freed.postings and replay:
        again = _replay(job, freed.postings)
        counts |= {"bills": freed.bills, "replay": again.pk}
    return Done("imported", counts)


def _forget_rows(looked: Job) -> None:
    """What was imported is in the mappings and on the record; the rows are not needed any more."""
    arguments = {**looked.arguments, "rows": []}
    details = {**looked.details, "effects": [], "errors": {}}
    Job.objects.filter(pk=looked.pk).update(arguments=arguments, details=details)


def _replay(job: Job, ids: Sequence[int]) -> Job:
    chosen = list(Posting.objects.filter(tenant=job.tenant, pk__in=ids).order_by("pk"))
    title = f"Replay of the bills that the imported mappings free ({len(chosen):,})"
    return request_replay(job.tenant, chosen, title, actor=job.actor)


def rows_of(looked: Job) -> list[MappingRow]:
    """The rows that a preview is about."""
    return [MappingRow(*cells) for cells in looked.arguments["rows"]]


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One row as the page shows it."""

    row: MappingRow
    what: str
    old: str
    error: str
    unknown: bool = False  # no bill, mapping or upload of ours knows its Ramp id


def seen_rows(looked: Job, what: str = "") -> list[SeenRow]:
    """The rows of a preview that is over, with what each does; `what` picks one effect."""
    errors: Mapping[str, str] = looked.details.get("errors", {})
    pairs = zip(rows_of(looked), looked.details.get("effects", []), strict=True)
    unknown = set(looked.details.get("unknown", ()))
    return [
        SeenRow(row, effect, old, errors.get(str(row.number), ""), row.number in unknown)
        for row, (effect, old) in pairs
        if what in ("", effect)
    ]


def sums_of(looked: Job, name: str) -> dict[str, Decimal]:
    """Money of a preview, per currency: of the bills that it frees (`sums`), or `used_sums`."""
    sums: dict[str, Any] = looked.details.get(name, {})
    return {currency: Decimal(amount) for currency, amount in sums.items()}
