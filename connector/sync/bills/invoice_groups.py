"""Epicor invoice groups of our own: one company and one fiscal period each, one lane at a time."""

import logging
import string
from collections import Counter, defaultdict
from datetime import timedelta
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
from connector.sync.bills.group_rows import NO_LEASE, is_free, rows_of, taken, unlock
from connector.sync.context import Cycle
from connector.sync.models import InvoiceGroup

logger = logging.getLogger(__name__)

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
