"""Epicor invoice groups of our own: one company and one fiscal period each, one lane at a time."""

import logging
import string
from collections import defaultdict
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from audit import attempts
from audit.failures import (
    DuplicateInvoiceError,
    PostingError,
    TransientError,
    UncertainOutcomeError,
)
from audit.models import Attempt
from connector.epicor.client import quote
from connector.epicor.dataset import day
from connector.models import InvoiceGroup
from connector.redaction import redact
from connector.sync.context import Cycle

logger = logging.getLogger(__name__)

SERVICE = "Erp.BO.APInvGrpSvc"
TABLE = "APInvGrp"
LETTERS = string.ascii_uppercase + string.digits
LEASE = timedelta(minutes=20)
WRITE_S = 60.0


class Groups:
    """The groups that this cycle holds; `close` gives them back."""

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle
        self._today = timezone.now().astimezone(ZoneInfo(cycle.tenant.time_zone)).date()
        self._idle: dict[tuple[str, str], list[InvoiceGroup]] = defaultdict(list)
        self._checked: set[str] = set()
        self._locked: list[InvoiceGroup] = []

    def take(self, company: str, period: str, apply_on: date) -> InvoiceGroup:
        """A group nobody else writes into, opened in Epicor when there is none."""
        idle = self._idle[company, period]
        if idle:
            return idle.pop()
        if company not in self._checked:
            self._check(company)
        return self._known(company, period) or self._new(company, period, apply_on)

    def give_back(self, group: InvoiceGroup) -> None:
        """The lane is done with it."""
        self._idle[group.company, group.fiscal_period].append(group)

    def close(self) -> None:
        """Release every lease, and Epicor's lock where it locks groups by itself."""
        InvoiceGroup.objects.filter(
            tenant=self._cycle.tenant, lease_owner=self._cycle.owner
        ).update(lease_owner="", lease_until=None)
        for group in self._locked:
            body = {"InGroupID": group.group_id}
            try:
                self._cycle.epicor.call(
                    group.company, SERVICE, "UnlockGroup", body, repeatable=True
                )
            except PostingError as error:
                # Nothing is at risk: a person who opens the group is told that it is in use.
                logger.warning("Group %s stays locked: %s", group.group_id, error.message)

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
        where = {TABLE: " or ".join(f"GroupID = {quote(name)}" for name in sorted(names))}
        usable = set()
        for page in self._cycle.epicor.get_rows(company, SERVICE, where, tables=(TABLE,)):
            for row in page.get(TABLE) or ():
                if not row.get("ActiveUserID") and not row.get("PostInProcess"):
                    usable.add(str(row["GroupID"]))
        mine.filter(group_id__in=names - usable).update(ready=False)

    def _new(self, company: str, period: str, apply_on: date) -> InvoiceGroup:
        stem = f"{self._cycle.posting.group_prefix}{self._today:%y%m%d}"
        taken = set(
            InvoiceGroup.objects.filter(
                tenant=self._cycle.tenant, company=company, group_id__startswith=stem
            ).values_list("group_id", flat=True)
        )
        for letter in LETTERS:
            if f"{stem}{letter}" in taken:
                continue
            group = self._reserve(company, period, f"{stem}{letter}")
            if group is not None and self._open(group, apply_on):
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

    def _open(self, group: InvoiceGroup, apply_on: date) -> bool:
        """Open it in Epicor; False when the name is in use there."""
        epicor = self._cycle.epicor
        answer = epicor.call(
            group.company, SERVICE, "GetNewAPInvGrpNoLock", {"ds": {}}, repeatable=True
        )
        skeleton = (answer.ds.get(TABLE) or [{}])[-1]
        row = {**skeleton, "GroupID": group.group_id, "ApplyDate": day(apply_on)}
        body = {"ds": {TABLE: [row]}}
        attempt = attempts.begin(
            self._cycle.tenant.pk,
            "group",
            f"{group.company} {group.group_id}",
            "open_group",
            request=redact(body),
            deadline_at=timezone.now() + timedelta(seconds=WRITE_S),
        )
        try:
            answer = epicor.call(
                group.company, SERVICE, "Update", body, repeatable=False, deadline_s=WRITE_S
            )
        except DuplicateInvoiceError as error:
            attempts.finish(attempt, Attempt.Outcome.REFUSED, message=error.message)
            return False
        except UncertainOutcomeError as error:
            # Perhaps opened: the name is used up, and an empty group does no harm.
            attempts.finish(attempt, Attempt.Outcome.UNKNOWN, message=error.message)
            raise TransientError(
                f"Epicor did not say whether group {group.group_id} was opened. No bill was sent "
                "into it; they are tried again in another group."
            ) from error
        except PostingError as error:
            attempts.finish(attempt, Attempt.Outcome.REFUSED, message=error.message)
            raise
        attempts.finish(attempt, Attempt.Outcome.DONE)
        InvoiceGroup.objects.filter(pk=group.pk).update(ready=True)
        if any(saved.get("ActiveUserID") for saved in answer.ds.get(TABLE) or ()):
            self._locked.append(group)
        return True
