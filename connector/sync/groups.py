"""Epicor invoice groups of our own: one company and one fiscal period each, one lane at a time."""

import logging
import string
from collections import defaultdict
from collections.abc import Generator, Mapping
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
from connector.epicor.conversation import Reply, Step
from connector.epicor.dataset import Row, day
from connector.models import InvoiceGroup
from connector.sync.context import Cycle

logger = logging.getLogger(__name__)

TABLE = "APInvGrp"
LETTERS = string.ascii_uppercase + string.digits
LEASE = timedelta(minutes=20)
_NO_LEASE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}


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
        group.ready, group.locked_to = True, locked_to
        InvoiceGroup.objects.filter(pk=group.pk).update(ready=True, locked_to=locked_to)

    def give_back(self, group: InvoiceGroup) -> None:
        """The lane is done with it; one that was never opened is not used again."""
        if group.ready:
            self._idle[group.company, group.fiscal_period].append(group)

    def lost(self, group: InvoiceGroup) -> str:
        """Asks Epicor whether a group of ours can still be used; why not, or "" when it can.

        A group that a person took, that is being posted or is gone is not used again: the next
        letter is taken, and the trail says so. Raises AccessError, TransientError.
        """
        why = taken(self._cycle, group.company, group.group_id, ours=group.locked_to)
        if why:
            group.ready, group.locked_to = False, ""
            InvoiceGroup.objects.filter(pk=group.pk).update(ready=False, locked_to="")
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
            _unlock(self._cycle, group)
        mine.update(**_NO_LEASE)

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


def unlock_left(cycle: Cycle) -> None:
    """Free the groups that dead workers left locked to us, so that people can open them.

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
        rows = [row for row in _rows(cycle, company, groups) if row.get("ActiveUserID") == us]
        locked = [groups[str(row["GroupID"])] for row in rows]
        InvoiceGroup.objects.filter(over, pk__in=pks).update(**_NO_LEASE)
        InvoiceGroup.objects.filter(pk__in=pks, lease_owner="").update(locked_to="")
        InvoiceGroup.objects.filter(pk__in=[group.pk for group in locked]).update(locked_to=us)
        for group in locked:
            _unlock(cycle, group)


def _unlock(cycle: Cycle, group: InvoiceGroup) -> None:
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
