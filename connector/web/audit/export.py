"""The filtered trail as a file for auditors, with what verifying the chain said.

Written while it is read, so that memory does not grow; cells that a spreadsheet would run as a
formula get a quote in front. Exporting is an entry of the trail itself.
"""

import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

import openpyxl
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from audit.permissions import requires
from audit.trail import chain, events, log, search
from audit.trail.differences import changed
from audit.trail.heads import Head as Mark
from audit.trail.models import AuditEntry
from audit.trail.verification import verify
from connector.http_client.redaction import redact, redact_text
from connector.sync.narrow import narrow
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.audit.forms import AuditForm
from connector.web.audit.subjects import is_bill, names_of
from connector.web.exports import Echo
from mappings.files import escaped

MOST = {"csv": 200_000, "xlsx": 20_000}  # a workbook is made while the person waits
VERIFIED_AT_ONCE = 20_000  # as many entries are verified while the person waits
COLUMNS = (
    "number",
    "at",
    "at_utc",
    "who",
    "what",
    "sentence",
    "changes",
    "subject_kind",
    "subject_id",
    "details",
    "entry_id",
    "details_sha256",
    "seal",
)
_CHUNK = 1000
_CELL = 32_000  # characters; a workbook takes no more


@require_POST
@requires("export_audit")
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The filtered entries as CSV or XLSX; what is too much for a file is refused."""
    tenant, form = layout.tenant_of(request), AuditForm(request.POST)
    back = f"{reverse('audit', args=[slug])}?{form.query()}"
    kind = request.POST.get("format", "")
    if not form.is_valid() or kind not in MOST:
        return layout.done(request, _UNREADABLE, back, good=False)
    until = timezone.now()
    found = search.found(tenant.pk, form.wanted(tenant)).filter(at__lte=until)
    count = search.how_many(found, MOST[kind])
    if count > MOST[kind]:
        instead = _OR_CSV.format(most=MOST["csv"]) if kind == "xlsx" else ""
        sentence = _TOO_MANY.format(kind=kind.upper(), most=MOST[kind], instead=instead)
        return layout.done(request, sentence, back, good=False)
    actor, mark = layout.actor(request), chain.state(tenant.pk).head
    head = Head(tenant, actor, until, form.in_words(), count, verdict_of(tenant), mark)
    _record(tenant, actor, kind, head)
    write = _csv if kind == "csv" else _xlsx
    return write(head, Lines(found, tenant.pk, timezone.get_current_timezone()))


def verdict_of(tenant: Tenant) -> chain.Verdict | None:
    """What verifying says: a short chain is verified now, of a long one the last result counts."""
    state = chain.state(tenant.pk)
    if state.sealed + state.waiting > VERIFIED_AT_ONCE:
        return state.verdict
    found = verify(tenant.pk)
    now = timezone.now()
    return chain.Verdict(now, "this export", found.entries, ok=found.ok, message=found.message)


@dataclass(frozen=True, slots=True)
class Head:
    """What the file says before its entries."""

    tenant: Tenant
    actor: str
    at: datetime
    filter: str
    entries: int
    verdict: chain.Verdict | None
    head: Mark | None  # to note elsewhere and to compare with later

    def lines(self, zone: tzinfo) -> list[tuple[str, str]]:
        """Name and value, to read."""
        verdict = self.verdict
        sentence = verdict.sentence if verdict else "Nobody has verified the chain yet."
        when = f"{_moment(verdict.at, zone)} by {verdict.actor}" if verdict else "never"
        return [
            ("Audit trail of", self.tenant.name),
            ("Exported", f"{_moment(self.at, zone)} by {self.actor}"),
            ("Filter", self.filter),
            ("Entries", str(self.entries)),
            ("Audit chain", sentence),
            ("Chain verified", when),
            ("Chain head", str(self.head) if self.head else "nothing is sealed yet"),
        ]


@dataclass(frozen=True, slots=True)
class Lines:
    """The entries as rows of cells, read a thousand at a time, newest first."""

    found: QuerySet[AuditEntry]
    tenant_id: int
    zone: tzinfo

    def __iter__(self) -> Iterator[list[str]]:
        """Each entry in the order of COLUMNS, every cell safe to open in a spreadsheet."""
        entries = self.found.iterator(chunk_size=_CHUNK)
        while piece := list(islice(entries, _CHUNK)):
            names = names_of(self.tenant_id, piece)
            for entry in piece:
                called = names.get(entry.subject_id, "") if is_bill(entry) else ""
                yield [clean(cell) for cell in self._whatever(entry, called)]

    def _whatever(self, entry: AuditEntry, called: str) -> Sequence[str]:
        """The cells of an entry; one that breaks that is there all the same, with its seal."""
        bare: list[str] = []

        def broke(_: AuditEntry, error: Exception) -> None:
            text = f"This entry cannot be written out ({type(error).__name__})."
            seal = (str(entry.pk), entry.body_digest, entry.mac or "not sealed yet")
            number = "" if entry.seq is None else str(entry.seq)
            about = (entry.subject_kind, entry.subject_id)
            bare.extend([number, *[""] * 4, text, "", *about, "", *seal])

        parts = narrow([entry], lambda _: self._cells(entry, called), broke)
        return parts[0] if parts else bare

    def _cells(self, entry: AuditEntry, called: str) -> Sequence[str]:
        return (
            "" if entry.seq is None else str(entry.seq),
            _moment(entry.at, self.zone),
            entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            entry.actor,
            events.name_of(entry.action),
            redact_text(events.sentence(entry, called)),
            "; ".join(one.sentence for one in changed(redact(entry.changes))),
            entry.subject_kind,
            entry.subject_id,
            json.dumps(redact(entry.body), ensure_ascii=False, sort_keys=True),
            str(entry.pk),
            entry.body_digest,
            entry.mac or "not sealed yet",
        )


def clean(cell: str) -> str:
    """A text that no spreadsheet runs as a formula, nor a workbook refuses."""
    return escaped(ILLEGAL_CHARACTERS_RE.sub("", cell)[:_CELL])


def _csv(head: Head, lines: Lines) -> HttpResponseBase:
    def text() -> Iterator[str]:
        writer = csv.writer(Echo(), lineterminator="\r\n")
        yield "\ufeff"  # so that spreadsheets read UTF-8
        for name, value in head.lines(lines.zone):
            yield writer.writerow([name, clean(value)])
        yield writer.writerow([])
        yield writer.writerow(COLUMNS)
        for cells in lines:
            yield writer.writerow(cells)

    answer = StreamingHttpResponse(text(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{_name(head)}.csv"'
    return answer


def _xlsx(head: Head, lines: Lines) -> HttpResponseBase:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Entries")
    sheet.append(COLUMNS)
    for cells in lines:
        sheet.append(cells)
    about = book.create_sheet("Verification")
    for name, value in head.lines(lines.zone):
        about.append([name, clean(value)])
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
    book.save(file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{_name(head)}.xlsx")


def _name(head: Head) -> str:
    return f"audit-{head.tenant.slug}-{head.at.astimezone(UTC):%Y%m%d-%H%M%S}"


def _moment(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def _record(tenant: Tenant, actor: str, kind: str, head: Head) -> None:
    verdict = head.verdict
    body: dict[str, Any] = {
        "format": kind,
        "filter": head.filter,
        "entries": head.entries,
        "chain_ok": verdict.ok if verdict else None,
    }
    log.record(
        tenant.pk,
        "audit.exported",
        subject_kind="audit",
        subject_id=tenant.slug,
        actor=actor,
        body=body,
    )


_UNREADABLE = "Nothing was exported: this filter cannot be read. Correct it and export again."
_OR_CSV = "Export CSV, which may have {most:,}. "
_TOO_MANY = (
    "Nothing was exported: more than {most:,} entries fit, which is the most for {kind}. {instead}"
    "Choose fewer days and export the parts."
)

urlpatterns = [path("audit/export/", export, name="audit-export")]
