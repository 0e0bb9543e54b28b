"""Which references come first in a kind's grid: a few at a time, whatever many there are.

Three lists follow each other: (a) references without target, those that bills wait for first;
(b) references with a target that bills use, by use; (c) mappings that no bill used, by name. A
place in them is a letter and how many of that list were passed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from connector.domain.chunks import CHUNK
from mappings.effective import IDENTITY, identity_uses, stands
from mappings.kinds import store_of
from mappings.models import ReferenceUse

NOT_MAPPED, USED, UNUSED = "a", "b", "c"
ALL = "-"  # the company filter: mappings for all companies


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to see; "" = everything. `start`: of a name or an id."""

    start: str = ""
    show: str = ""  # unmapped, unusable, waiting
    company: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read: the list, and how many of it were passed."""

    section: str = NOT_MAPPED
    passed: int = 0

    def __str__(self) -> str:
        return f"{self.section}{self.passed}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """What `str` wrote; the start for anything odd."""
        section, number = text[:1], text[1:]
        odd = section not in (NOT_MAPPED, USED, UNUSED) or not number.isdecimal()
        return cls() if odd or len(number) > 7 else cls(section, int(number))


@dataclass(frozen=True, slots=True)
class Listing:
    """The lists of one kind, filtered. `blocked`: references without target that bills wait for,
    in order; `only`: nothing but these references."""

    tenant_id: int
    kind: str
    wanted: Wanted
    blocked: Sequence[str]
    only: Collection[str] | None = None

    def refs(self, section: str, passed: int, most: int) -> list[str]:
        """References of one list, in order, after so many."""
        if section == NOT_MAPPED:
            return self._not_mapped(passed, most)
        found = self.used() if section == USED else self.unused()
        return list(found[passed : passed + most])

    def _not_mapped(self, passed: int, most: int) -> list[str]:
        first = list(self.blocked[passed : passed + most])
        rest = most - len(first)
        if rest <= 0:
            return first
        start = max(0, passed - len(self.blocked))
        return [*first, *self.loose()[start : start + rest]]

    def loose(self) -> QuerySet[ReferenceUse, Any]:
        """References that bills name without any target, and that no bill waits for."""
        if self.wanted.source:
            return ReferenceUse.objects.none().values_list("ramp_id", flat=True)
        # As a CASE each row is looked up in an index, whatever the database thinks of its tables.
        covered = Case(
            When(Exists(self._mapping(company="")), then=Value(1)),
            When(Exists(self._mapping(company=OuterRef("company"))), then=Value(1)),
            When(stands(self.tenant_id, self.kind), then=Value(1)),
            default=Value(0),
            output_field=IntegerField(),
        )
        uses = self._uses().alias(covered=covered).filter(covered=0)
        uses = uses.exclude(ramp_id__in=list(self.blocked[:CHUNK]))
        if self.wanted.company == ALL:
            uses = uses.exclude(Exists(self._mapping()))
        elif self.wanted.company:
            mine = ReferenceUse.objects.filter(
                tenant_id=self.tenant_id,
                kind=self.kind,
                ramp_id=OuterRef("ramp_id"),
                company=self.wanted.company,
            )
            uses = uses.filter(Exists(mine))
        if self.wanted.start:
            uses = uses.filter(self._starts())
        ordered = uses.order_by("-total", "ramp_id").values_list("ramp_id", flat=True)
        return ordered.distinct()  # one of several companies may stand for it

    def used(self) -> QuerySet[ReferenceUse, Any]:
        """References with a target that bills use, most used first."""
        uses = self._uses().filter(first=True)
        mapped = Q(Exists(self._mapping(**self._narrow())))
        itself = Q(Exists(self._identity_uses()))
        if self.wanted.source == IDENTITY:
            mapped = itself
        elif not self.wanted.source:
            mapped |= itself
        uses = uses.filter(mapped)
        if self.wanted.start:
            uses = uses.filter(self._starts())
        return uses.order_by("-total", "ramp_id").values_list("ramp_id", flat=True)

    def unused(self) -> QuerySet[Any, Any]:
        """References of mappings that no counted bill used, by name."""
        store = store_of(self.kind)
        if self.wanted.source == IDENTITY:
            return store.model._default_manager.none().values_list("ramp_id", flat=True)
        mappings = store.model._default_manager.filter(tenant_id=self.tenant_id, **store.extra)
        mappings = mappings.filter(
            ~Exists(
                ReferenceUse.objects.filter(
                    tenant_id=self.tenant_id, kind=self.kind, ramp_id=OuterRef("ramp_id")
                )
            ),
            **self._narrow(),
        )
        if self.only is not None:
            mappings = mappings.filter(ramp_id__in=list(self.only)[:CHUNK])
        start = self.wanted.start
        if start:
            mappings = mappings.filter(
                Q(ramp_name__istartswith=start)
                | Q(ramp_id__istartswith=start)
                | Q(epicor_id__istartswith=start)
            )
        return mappings.order_by("ramp_name", "id").values_list("ramp_id", flat=True)

    def _uses(self) -> QuerySet[ReferenceUse]:
        uses = ReferenceUse.objects.filter(tenant_id=self.tenant_id, kind=self.kind)
        return uses if self.only is None else uses.filter(ramp_id__in=list(self.only)[:CHUNK])

    def _mapping(self, **more: Any) -> QuerySet[Any]:
        """The mappings of the use of an outer query."""
        store = store_of(self.kind)
        return store.model._default_manager.filter(
            tenant_id=self.tenant_id, ramp_id=OuterRef("ramp_id"), **store.extra, **more
        )

    def _identity_uses(self) -> QuerySet[ReferenceUse]:
        """Where the reference of an outer query stands for itself, no mapping deciding it."""
        uses = identity_uses(self.tenant_id, self.kind).filter(ramp_id=OuterRef("ramp_id"))
        uses = uses.exclude(Exists(self._mapping(company="")))
        uses = uses.exclude(Exists(self._mapping(company=OuterRef("company"))))
        company = self.wanted.company
        return uses if company in ("", ALL) else uses.filter(company=company)

    def _starts(self) -> Q:
        start = self.wanted.start
        named = self._mapping().filter(
            Q(ramp_name__istartswith=start) | Q(epicor_id__istartswith=start)
        )
        return Q(name__istartswith=start) | Q(ramp_id__istartswith=start) | Q(Exists(named))

    def _narrow(self) -> dict[str, str]:
        """The filters of a mapping's own columns."""
        narrow: dict[str, str] = {}
        if self.wanted.source and self.wanted.source != IDENTITY:
            narrow["source"] = self.wanted.source
        if self.wanted.company:
            narrow["company"] = "" if self.wanted.company == ALL else self.wanted.company
        return narrow

    def sections(self, start: str) -> Iterator[str]:
        """The lists from one on that this filter shows."""
        shown = (NOT_MAPPED,) if self.wanted.show == "unmapped" else (NOT_MAPPED, USED, UNUSED)
        return (section for section in shown if section >= start)
