"""Epicor invoice groups of our own: one company and one fiscal period each, one lane at a time."""

import logging
import string
from collections import defaultdict
from collections.abc import Generator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from audit import log
from audit.failures import PostingError, TransientError
from connector.epicor.client import quote
from connector.epicor.contract import AP_GROUP
from connector.epicor.dataset import Row, day
from connector.epicor.writers import Reply, Step
from connector.models import InvoiceGroup
from connector.sync.context import Cycle

logger = logging.getLogger(__name__)

TABLE = "APInvGrp"
LETTERS = string.ascii_uppercase + string.digits
LEASE = timedelta(minutes=20)


def open_group(group: InvoiceGroup, apply_on: date) -> Generator[Step, Reply, str]:
    """The conversation that opens a group in Epicor; returns who it is locked to ("" = nobody)."""
    answer = yield Step("GetNewAPInvGrpNoLock", {"ds": {}}, writes=False, service=AP_GROUP)
    skeleton = (answer.ds.get(TABLE) or [{}])[-1]
    row = {**skeleton, "GroupID": group.group_id, "ApplyDate": day(apply_on)}
    answer = yield Step("Update", {"ds": {TABLE: [row]}}, writes=True, service=AP_GROUP)
    return next((str(r["ActiveUserID"]) for r in answer.ds.get(TABLE, ()) if _locked(r)), "")


class Groups:
    """The groups that this cycle holds; `close` gives them back."""

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle
        self._today = timezone.now().astimezone(ZoneInfo(cycle.tenant.time_zone)).date()
        self._idle: dict[tuple[str, str], list[InvoiceGroup]] = defaultdict(list)
        self._checked: set[str] = set()
        self._locked: dict[int, tuple[InvoiceGroup, str]] = {}

    def take(self, company: str, period: str) -> InvoiceGroup:
        """A group nobody else writes into. Not `ready`: it must be opened in Epicor first.

        Raises TransientError when the names of the day are used up.
        """
        idle = self._idle[company, period]
        while idle:
            group = idle.pop()
            if group.ready:  # not lost meanwhile
                return group
        if company not in self._checked:
            self._check(company)
        return self._known(company, period) or self._new(company, period)

    def opened(self, group: InvoiceGroup, locked_to: str) -> None:
        """Epicor has it now; `locked_to` is the user it is locked to, us, or ""."""
        group.ready = True
        InvoiceGroup.objects.filter(pk=group.pk).update(ready=True)
        if locked_to:
            self._locked[group.pk] = (group, locked_to)

    def give_back(self, group: InvoiceGroup) -> None:
        """The lane is done with it; one that was never opened is not used again."""
        if group.ready:
            self._idle[group.company, group.fiscal_period].append(group)

    def lost(self, group: InvoiceGroup) -> str:
        """Asks Epicor whether a group of ours can still be used; why not, or "" when it can.

        A group that a person took, that is being posted or is gone is not used again: the next
        letter is taken, and the trail says so. Raises AccessError, TransientError.
        """
        why = taken(self._cycle, group.company, group.group_id, ours=self._locked_to(group))
        if why:
            group.ready = False
            self._locked.pop(group.pk, None)
            InvoiceGroup.objects.filter(pk=group.pk).update(ready=False)
            log.record(
                self._cycle.tenant.pk,
                "group.lost",
                subject_kind="group",
                subject_id=f"{group.company} {group.group_id}",
                body={"message": f"{why} The next bills go into another group."},
            )
        return why

    def close(self) -> None:
        """Release every lease, and Epicor's lock where it locks groups by itself."""
        InvoiceGroup.objects.filter(
            tenant=self._cycle.tenant, lease_owner=self._cycle.owner
        ).update(lease_owner="", lease_until=None)
        for group, _ in self._locked.values():
            body = {"InGroupID": group.group_id}
            try:
                self._cycle.epicor.call(
                    group.company, AP_GROUP, "UnlockGroup", body, repeatable=True
                )
            except PostingError as error:
                # Nothing is at risk: a person who opens the group is told that it is in use.
                logger.warning("Group %s stays locked: %s", group.group_id, error.message)

    def _locked_to(self, group: InvoiceGroup) -> str:
        return self._locked[group.pk][1] if group.pk in self._locked else ""

    def _known(self, company: str, period: str) -> InvoiceGroup | None:
        now = timezone.now()
        free = Q(lease_owner="") | Q(lease_until__lt=now)
        today = InvoiceGroup.objects.filter(
            tenant=self._cycle.tenant,
            company=company,
            fiscal_period=period,
            opened_on=self._today,
            ready=True,
        )
        for group in today.filter(free):
            lease = {"lease_owner": self._cycle.owner, "lease_until": now + LEASE}
            if InvoiceGroup.objects.filter(free, pk=group.pk).update(**lease) == 1:
                return group
        return None

    def _check(self, company: str) -> None:
        """Forget today's groups that were posted, taken by a person, or are being posted."""
        self._checked.add(company)
        mine = InvoiceGroup.objects.filter(
            tenant=self._cycle.tenant, company=company, opened_on=self._today, ready=True
        )
        names = set(mine.values_list("group_id", flat=True))
        if not names:
            return
        usable = {str(row["GroupID"]) for row in _rows(self._cycle, company, names) if _free(row)}
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
        raise TransientError(
            f"All {len(LETTERS)} group names of today are taken in {company}. Nothing was sent; "
            "the bills are entered tomorrow, or after another group_prefix is set."
        )

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


def taken(cycle: Cycle, company: str, group_id: str, *, ours: str = "") -> str:
    """Why nothing can be written into a group now, or "". `ours` is the user we lock as.

    One request. Raises AccessError, TransientError.
    """
    rows = _rows(cycle, company, [group_id])
    if not rows:
        return f"Group {group_id} is not there any more (posted or deleted)."
    row = rows[0]
    if _locked(row) and str(row["ActiveUserID"]) != ours:
        return f"Group {group_id} is open on the screen of {row['ActiveUserID']}."
    if row.get("PostInProcess"):
        return f"Group {group_id} is being posted."
    return ""


def _rows(cycle: Cycle, company: str, names: Any) -> list[Row]:
    where = {TABLE: " or ".join(f"GroupID = {quote(name)}" for name in sorted(names))}
    pages = cycle.epicor.get_rows(company, AP_GROUP, where, tables=(TABLE,))
    return [row for page in pages for row in page.get(TABLE) or ()]


def _locked(row: Row) -> bool:
    return bool(row.get("ActiveUserID"))


def _free(row: Row) -> bool:
    return not _locked(row) and not row.get("PostInProcess")
