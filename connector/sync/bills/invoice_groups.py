"""Epicor invoice groups of our own: one company and one fiscal period each, one lane at a time."""

import logging
import string
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from audit.trail import log
from connector.domain.errors import (
    AccessError,
    DuplicateInvoiceError,
    OutageError,
    PostingError,
    RejectedError,
    TransientError,
)
from connector.epicor.ap_invoice.conversation import Reply, Step
from connector.epicor.ap_invoice.rows import Row, day
from connector.epicor.client import quote
from connector.epicor.contract import AP_GROUP
from connector.sync.context import Cycle
from connector.sync.models import InvoiceGroup

logger = logging.getLogger(__name__)

TABLE = "APInvGrp"
NO_LEASE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}
LETTERS = string.ascii_uppercase + string.digits
LEASE = timedelta(minutes=20)
MOST_REFUSED = 3  # openings in a row that Epicor does not do
_CLOSED_S = 60.0  # so that the next cycle tries it again
_BUSY_S = 60.0
_NOT_OPENED = (
    "Epicor opened no invoice group in {company}, {times} times in a row, so nothing more is "
    "entered there for now. {why}"
)


class NoGroupError(TransientError):
    """No group can be had for a bill just now; the bill is not to blame, and nothing was sent."""


class Groups:
    """The groups that this cycle holds; `close` gives them back.

    `closed`: the companies in which no group is opened any more, and why.
    """

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle
        self._today = timezone.now().astimezone(ZoneInfo(cycle.tenant.time_zone)).date()
        self._idle: dict[tuple[str, str], list[InvoiceGroup]] = defaultdict(list)
        self._checked: set[str] = set()
        self._refused: Counter[str] = Counter()
        self._lent: set[int] = set()
        self._unsure: set[int] = set()
        self.closed: dict[str, str] = {}

    @property
    def trouble(self) -> OutageError:
        """What a person must know of the companies that are closed."""
        return OutageError(" ".join(self.closed.values()), detail={"system": "Epicor"})

    def take(self, company: str, period: str) -> InvoiceGroup:
        """A group nobody else writes into. Not `ready`: it must be opened in Epicor first.

        Raises NoGroupError when the names of the day are used up, or after several that Epicor
        did not open.
        """
        if company in self.closed:
            raise NoGroupError(self.closed[company], retry_after_s=_CLOSED_S)
        idle = self._idle[company, period]
        while idle:
            group = idle.pop()
            if group.ready:  # not lost meanwhile
                return group
        if company not in self._checked:
            self._check(company)
        return self._known(company, period) or self._new(company, period)

    def borrow(self, company: str, group_id: str) -> InvoiceGroup | None:
        """Lease the group of an invoice that is there, so that nobody else of us writes into it.

        None when it is not a group of ours. Raises NoGroupError while another worker has it.
        """
        for groups in self._idle.values():
            for group in groups:
                if (group.company, group.group_id) == (company, group_id):
                    groups.remove(group)
                    return group
        rows = InvoiceGroup.objects.filter(tenant=self._cycle.tenant)
        found = rows.filter(company=company, group_id=group_id).first()
        if found is not None and not self._lease(found):
            message = f"Group {group_id} is written into by another worker just now."
            raise NoGroupError(message, retry_after_s=_BUSY_S)
        if found is not None:
            self._lent.add(found.pk)
        return found

    def not_opened(self, group: InvoiceGroup, error: PostingError) -> None:
        """Epicor did not open it: its name is free again, unless it is, or may be, there."""
        if isinstance(error, DuplicateInvoiceError):
            return
        if isinstance(error, RejectedError | TransientError | AccessError):
            InvoiceGroup.objects.filter(pk=group.pk, ready=False).delete()
        else:
            self._unsure.add(group.pk)  # looked at when its lease is over
        self._refused[group.company] += 1
        if self._refused[group.company] >= MOST_REFUSED:
            self.closed[group.company] = _NOT_OPENED.format(
                times=MOST_REFUSED, company=group.company, why=error.message
            )

    def opened(self, group: InvoiceGroup, locked_to: str) -> None:
        """Epicor has it now; `locked_to` is the user it is locked to, us, or ""."""
        self._refused.pop(group.company, None)
        group.ready, group.locked_to = True, locked_to
        InvoiceGroup.objects.filter(pk=group.pk).update(ready=True, locked_to=locked_to)

    def give_back(self, group: InvoiceGroup) -> None:
        """The lane is done with it; one that was never opened is not used again."""
        if group.pk in self._lent:
            self._lent.remove(group.pk)
            InvoiceGroup.objects.filter(pk=group.pk).update(**NO_LEASE)
        elif group.ready:
            self._idle[group.company, group.fiscal_period].append(group)

    def lost(self, group: InvoiceGroup) -> str:
        """Asks Epicor whether a group of ours can still be used; why not, or "" when it can.

        A group that a person took, that is being posted or is gone is not used again: the next
        letter is taken, and the trail says so. Raises AccessError, TransientError.
        """
        why = taken(self._cycle, group.company, group.group_id, ours=group.locked_to)
        if why:
            group.ready, group.locked_to = False, ""
            over = {"ready": False, "locked_to": "", **NO_LEASE}
            InvoiceGroup.objects.filter(pk=group.pk).update(**over)
            log.record(
                self._cycle.tenant.pk,
                "group.lost",
                subject_kind="group",
                subject_id=f"{group.company} {group.group_id}",
                body={"message": f"{why} The next bills go into another group."},
            )
        return why

    def close(self) -> None:
        """Give up Epicor's locks where it locks groups by itself, then every lease."""
        mine = InvoiceGroup.objects.filter(tenant=self._cycle.tenant, lease_owner=self._cycle.owner)
        for group in mine.exclude(locked_to=""):
            unlock(self._cycle, group)
        mine.exclude(pk__in=self._unsure).update(**NO_LEASE)

    def _lease(self, group: InvoiceGroup) -> bool:
        now = timezone.now()
        free = Q(lease_owner="") | Q(lease_until__lt=now)
        lease = {"lease_owner": self._cycle.owner, "lease_until": now + LEASE}
        return InvoiceGroup.objects.filter(free, pk=group.pk).update(**lease) == 1

    def _known(self, company: str, period: str) -> InvoiceGroup | None:
        today = InvoiceGroup.objects.filter(
            tenant=self._cycle.tenant,
            company=company,
            fiscal_period=period,
            opened_on=self._today,
            ready=True,
        )
        return next((group for group in today if self._lease(group)), None)

    def _check(self, company: str) -> None:
        """Forget today's groups that were posted, taken by a person, or are being posted."""
        self._checked.add(company)
        mine = InvoiceGroup.objects.filter(
            tenant=self._cycle.tenant, company=company, opened_on=self._today, ready=True
        )
        names = set(mine.values_list("group_id", flat=True))
        if not names:
            return
        usable = {
            str(row["GroupID"]) for row in rows_of(self._cycle, company, names) if is_free(row)
        }
        mine.filter(group_id__in=names - usable).update(ready=False)

    def _new(self, company: str, period: str) -> InvoiceGroup:
        stem = f"{self._cycle.posting.group_prefix}{self._today:%y%m%d}"
        used = set(
            InvoiceGroup.objects.filter(
                tenant=self._cycle.tenant, company=company, group_id__startswith=stem
            ).values_list("group_id", flat=True)
        )
        for letter in LETTERS:
            if f"{stem}{letter}" in used:
                continue
            group = self._reserve(company, period, f"{stem}{letter}")
            if group is not None:
                return group
        self.closed[company] = (
            f"All {len(LETTERS)} group names of today are taken in {company}; its bills are "
            "entered tomorrow, or after another group_prefix is set."
        )
        raise NoGroupError(self.closed[company], retry_after_s=_CLOSED_S)

    def _reserve(self, company: str, period: str, group_id: str) -> InvoiceGroup | None:
        try:
            with transaction.atomic():
                return InvoiceGroup.objects.create(
                    tenant=self._cycle.tenant,
                    company=company,
                    group_id=group_id,
                    fiscal_period=period,
                    opened_on=self._today,
                    lease_owner=self._cycle.owner,
                    lease_until=timezone.now() + LEASE,
                )
        except IntegrityError:
            return None  # another worker was faster


def open_group(group: InvoiceGroup, apply_on: date) -> Generator[Step, Reply, str]:
    """The conversation that opens a group in Epicor; returns who it is locked to ("" = nobody)."""
    answer = yield Step("GetNewAPInvGrpNoLock", {"ds": {}}, writes=False, service=AP_GROUP)
    skeleton = (answer.ds.get(TABLE) or [{}])[-1]
    row = {**skeleton, "GroupID": group.group_id, "ApplyDate": day(apply_on)}
    answer = yield Step("Update", {"ds": {TABLE: [row]}}, writes=True, service=AP_GROUP)
    return next((str(r["ActiveUserID"]) for r in answer.ds.get(TABLE, ()) if _locked(r)), "")


def unlock_left(cycle: Cycle) -> None:
    """Free what dead workers and lost answers left: groups locked to us, names never used.

    A group that a person has open by now stays theirs. Asks Epicor nothing when none was left.
    Raises AccessError, TransientError.
    """
    over = Q(lease_until__lt=timezone.now()) & ~Q(lease_owner="")
    left = InvoiceGroup.objects.filter(
        over | Q(lease_owner="") & ~Q(locked_to=""), tenant=cycle.tenant
    )
    by_company: dict[str, dict[str, InvoiceGroup]] = defaultdict(dict)
    for group in left:
        by_company[group.company][group.group_id] = group
    for company, groups in by_company.items():
        pks = [group.pk for group in groups.values()]
        us = cycle.epicor.user(company)
        there = rows_of(cycle, company, groups)
        ours = [row for row in there if row.get("ActiveUserID") == us]
        locked = [groups[str(row["GroupID"])] for row in ours]
        # What was never seen in Epicor and is not there now was never opened: its name is free.
        never = InvoiceGroup.objects.filter(over, pk__in=pks, ready=False)
        never.exclude(group_id__in=[str(row["GroupID"]) for row in there]).delete()
        InvoiceGroup.objects.filter(over, pk__in=pks).update(**NO_LEASE)
        InvoiceGroup.objects.filter(pk__in=pks, lease_owner="").update(locked_to="")
        InvoiceGroup.objects.filter(pk__in=[group.pk for group in locked]).update(locked_to=us)
        for group in locked:
            unlock(cycle, group)


def unlock(cycle: Cycle, group: InvoiceGroup) -> None:
    """Let people open it, where opening a group locks it to us; if that fails, tried later."""
    body = {"InGroupID": group.group_id}
    try:
        cycle.epicor.call(group.company, AP_GROUP, "UnlockGroup", body, repeatable=True)
    except PostingError as error:
        # Nothing is at risk: a person who opens it is told that it is in use; tried again later.
        logger.warning("Group %s stays locked: %s", group.group_id, error.message)
    else:
        InvoiceGroup.objects.filter(pk=group.pk).update(locked_to="")


def taken(cycle: Cycle, company: str, group_id: str, *, ours: str = "") -> str:
    """Why nothing can be written into a group now, or "". `ours` is the user we lock as.

    One request. Raises AccessError, TransientError.
    """
    rows = rows_of(cycle, company, [group_id])
    if not rows:
        return f"Group {group_id} is not there any more (posted or deleted)."
    row = rows[0]
    if _locked(row) and str(row["ActiveUserID"]) != ours:
        return f"Group {group_id} is open on the screen of {row['ActiveUserID']}."
    if row.get("PostInProcess"):
        return f"Group {group_id} is being posted."
    return ""


def rows_of(cycle: Cycle, company: str, names: Iterable[str]) -> list[Row]:
    """The groups of these names that are there. Raises AccessError, TransientError."""
    where = {TABLE: " or ".join(f"GroupID = {quote(name)}" for name in sorted(names))}
    pages = cycle.epicor.get_rows(company, AP_GROUP, where, tables=(TABLE,))
    return [row for page in pages for row in page.get(TABLE) or ()]


def _locked(row: Row) -> bool:
    return bool(row.get("ActiveUserID"))


def is_free(row: Row) -> bool:
    """Whether nobody has the group open or posts it."""
    return not _locked(row) and not row.get("PostInProcess")
