"""Looking for an Epicor target by what a person types: number, code or name.

Every word must be the beginning of a code, of a number, or of a word of the name. What can be
used comes first; what cannot is shown with why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from mappings.coding import GL_ACCOUNTS, VENDORS, Validity
from mappings.models import EpicorAccount, EpicorSegmentValue, EpicorVendor
from mappings.suggestions import segments_of

MOST = 20
_WORDS = 5
_LONGEST = 100
_SPARE = 3  # the same code in several companies is shown once


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """A target that fits; `unusable`: why it cannot be mapped to, "" when it can."""

    id: str
    name: str
    note: str
    unusable: str = ""


def find(tenant_id: int, kind: str, typed: str, *, company: str, today: date) -> list[FoundTarget]:
    """At most MOST targets of a kind that fit, best first; a blank company means every company."""
    words = typed[:_LONGEST].replace("\x00", "").split()[:_WORDS]
    if kind == VENDORS:
        found = _vendors(tenant_id, company, words)
    elif kind == GL_ACCOUNTS:
        found = _accounts(tenant_id, company, words, today)
    else:
        found = _values(tenant_id, kind, company, words, today)
    once: dict[str, FoundTarget] = {}
    for one in found:  # the first of the same code is the best
        once.setdefault(one.id, one)
    return sorted(once.values(), key=lambda one: bool(one.unusable))[:MOST]


def name_of(tenant_id: int, kind: str, id_: str, *, company: str) -> str:
    """The name of a target as the mirror has it, "" when it is not there."""
    if kind == VENDORS:
        rows: QuerySet[Any] = EpicorVendor.objects.filter(vendor_id=id_).order_by("inactive")
        column = "name"
    elif kind == GL_ACCOUNTS:
        rows, column = EpicorAccount.objects.filter(account=id_), "description"
    else:
        numbers = segments_of(tenant_id, kind)
        rows = EpicorSegmentValue.objects.filter(code=id_, number__in=numbers)
        column = "name"
    mine = _of_company(rows.filter(tenant_id=tenant_id), company)
    return str(mine.values_list(column, flat=True).first() or "")


def _vendors(tenant_id: int, company: str, words: Sequence[str]) -> Iterable[FoundTarget]:
    rows: QuerySet[Any] = _of_company(EpicorVendor.objects.filter(tenant_id=tenant_id), company)
    for word in words:
        fits = _starts("vendor_id", word) | _word_of("name", word)
        if word.isdecimal() and len(word) <= 9:
            fits |= Q(vendor_num=int(word))
        rows = rows.filter(fits)
    rows = _ranked(rows, words, "vendor_id", "name").order_by("inactive", "rank", "name", "pk")
    for row in rows[: MOST * _SPARE]:
        terms = f" · terms {row.terms_code}" if row.terms_code else " · no terms"
        note = f"{row.vendor_id} · number {row.vendor_num} · {row.company}{terms}"
        why = "is inactive in Epicor" if row.inactive else ""
        yield FoundTarget(row.vendor_id, row.name, _noted(note, why), why)


def _accounts(
    tenant_id: int, company: str, words: Sequence[str], today: date
) -> Iterable[FoundTarget]:
    rows: QuerySet[Any] = _of_company(EpicorAccount.objects.filter(tenant_id=tenant_id), company)
    for word in words:
        inside = Q(account__icontains=f"|{word}") | _starts("account", word)
        rows = rows.filter(inside | _word_of("description", word))
    rows = _ranked(rows, words, "account", "description").order_by("-active", "rank", "account")
    for row in rows[: MOST * _SPARE]:
        why = Validity(row.active, row.effective_from, row.effective_to).problem(today)
        note = _noted(f"{row.account} · {row.company}", why)
        yield FoundTarget(row.account, row.description or row.account, note, why)


def _values(
    tenant_id: int, kind: str, company: str, words: Sequence[str], today: date
) -> Iterable[FoundTarget]:
    numbers = segments_of(tenant_id, kind)
    values = EpicorSegmentValue.objects.filter(tenant_id=tenant_id, number__in=numbers)
    rows: QuerySet[Any] = _of_company(values, company)
    for word in words:
        rows = rows.filter(_starts("code", word) | _word_of("name", word))
    rows = _ranked(rows, words, "code", "name").order_by("-active", "rank", "code", "pk")
    for row in rows[: MOST * _SPARE]:
        why = Validity(row.active, row.effective_from, row.effective_to).problem(today)
        note = _noted(f"{row.code} · segment {row.number} · {row.company}", why)
        yield FoundTarget(row.code, row.name or row.code, note, why)


def _of_company(rows: QuerySet[Any], company: str) -> QuerySet[Any]:
    return rows.filter(company=company) if company else rows


def _ranked(rows: QuerySet[Any], words: Sequence[str], code: str, name: str) -> QuerySet[Any]:
    """`rank`: the code itself, codes that begin so, names that begin so, all others."""
    typed = " ".join(words)
    whens = [
        When(**{f"{code}__iexact": typed}, then=Value(0)),
        When(**{f"{code}__istartswith": typed}, then=Value(1)),
        When(**{f"{name}__istartswith": typed}, then=Value(2)),
    ]
    rank = Case(*whens, default=Value(3), output_field=IntegerField())
    ranked: QuerySet[Any] = rows.annotate(
        rank=rank if typed else Value(0, output_field=IntegerField())
    )
    return ranked


def _starts(column: str, word: str) -> Q:
    return Q(**{f"{column}__istartswith": word})


def _word_of(column: str, word: str) -> Q:
    """A word of the text begins so; words are parted by spaces and hyphens."""
    found = _starts(column, word)
    for mark in " -":
        found |= Q(**{f"{column}__icontains": f"{mark}{word}"})
    return found


def _noted(note: str, why: str) -> str:
    return f"{note} · cannot be used: {why}" if why else note
