"""What Epicor has of our invoice groups: opened, open on a screen, posted, or left behind."""

import logging
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone

from connector.domain.errors import PostingError
from connector.epicor.ap_invoice.conversation import Reply, Step
from connector.epicor.ap_invoice.rows import Row, day
from connector.epicor.client import quote
from connector.epicor.contract import AP_GROUP
from connector.sync.context import Cycle
from connector.sync.models import InvoiceGroup

logger = logging.getLogger(__name__)

TABLE = "APInvGrp"
NO_LEASE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None}


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
