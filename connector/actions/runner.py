"""Doing an errand: one worker claims it, its kind's function does it, the end is noted once.

A kind's function gets the errand and a Report, raises one of _FORESEEN with a sentence for the
person (anything else is a mistake of ours, and logged), and returns the sentence that says what it
did; or None after a few seconds when there is more to do: then it is rung again at the end of the
queue, so that others have their turns, and finds in `result` what it kept. A doubled ring finds the
errand taken or over and changes nothing; after a dead worker the person is told to look and ask
again, because nobody knows how far it came.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Posting
from connector.actions import (
    bill_jobs,
    live_lookup,
    mapping_import,
    mapping_usage,
    mapping_what_if,
    rehearsal,
    requests,
    tenant_setup,
    verify_audit,
)
from connector.actions.replay import CHUNK, replay
from connector.domain.errors import PostingError
from connector.jobs.models import Errand
from connector.sync.scheduling import RUN_TIMEOUT_S, ring_errand, ring_tenant
from connector.tenants.models import zone_of
from mappings.decisions import DecisionError
from mappings.files import MappingFileError
from mappings.kinds import UnknownKindError

# What a person is told in its own words.
_FORESEEN = (
    PostingError,
    LostLeaseError,
    requests.ErrandError,
    MappingFileError,
    UnknownKindError,
    DecisionError,
)
logger = logging.getLogger(__name__)

LOST_AFTER = timedelta(seconds=60)
KEPT = timedelta(days=90)
_PRUNED_AT_ONCE = 500
_LEASE = timedelta(seconds=RUN_TIMEOUT_S + 20)


class Report:
    """Tells people who watch how far an errand is."""

    def __init__(self, errand: Errand) -> None:
        self._pk = errand.pk

    def at(self, done: int, total: int | None = None) -> None:
        """So much of it is done."""
        values: dict[str, Any] = {"done": done}
        if total is not None:
            values["total"] = total
        Errand.objects.filter(pk=self._pk).update(**values)

    def keep(self, result: Mapping[str, Any]) -> None:
        """What the page shows besides the sentence: JSON values without secrets."""
        Errand.objects.filter(pk=self._pk).update(result=dict(result))


Work = Callable[[Errand, Report], str | None]


def run(pk: int) -> bool:
    """Do an errand that nobody has done or is doing; False when there is nothing to do."""
    now = timezone.now()
    free = Errand.objects.filter(pk=pk, finished_at=None, lease_until=None)
    if free.update(lease_until=now + _LEASE) != 1:
        return False
    errand = Errand.objects.select_related("tenant").get(pk=pk)
    try:
        with timezone.override(zone_of(errand.tenant)):  # as on the tenant's pages
            said, failed = WORK[errand.kind](errand, Report(errand)), False
    except _FORESEEN as error:
        said, failed = str(error), True
    except Exception as error:
        # The one place that owns what nobody foresaw: the person must not wait for ever.
        logger.exception("Errand %s failed", pk)
        said, failed = _UNFORESEEN.format(name=type(error).__name__), True
    if said is None:
        _go_on(errand)
    else:
        finish(pk, said, failed=failed)
    return True


def _go_on(errand: Errand) -> None:
    """Let go of an errand that is not over and ring for its next part."""
    mine = Errand.objects.filter(pk=errand.pk, finished_at=None)
    if mine.update(lease_until=None, rung_at=timezone.now()):
        ring_errand(errand)


def finish(pk: int, said: str, *, failed: bool) -> None:
    """The end of an errand; the first one counts."""
    Errand.objects.filter(pk=pk, finished_at=None).update(
        finished_at=timezone.now(), said=said, failed=failed, lease_until=None
    )


def reap(now: datetime) -> int:
    """End what dead workers left and ring what nobody heard; says how many that were."""
    open_ones = Errand.objects.filter(finished_at=None)
    dead = list(open_ones.filter(lease_until__lt=now).values_list("pk", flat=True))
    for pk in dead:
        finish(pk, _DIED, failed=True)
    unheard = open_ones.filter(Q(lease_until=None), rung_at__lt=now - LOST_AFTER)
    rung = 0
    for errand in unheard.select_related("tenant"):
        same = Errand.objects.filter(pk=errand.pk, rung_at=errand.rung_at, lease_until=None)
        if same.update(rung_at=now):
            ring_errand(errand)
            rung += 1
    return len(dead) + rung


def prune(now: datetime) -> int:
    """Forget what was over long ago, some at a time; says how many.

    Of each kind a tenant's last one that worked and the last one that failed stay: pages show them.
    """
    newer = Errand.objects.filter(
        tenant=OuterRef("tenant"),
        kind=OuterRef("kind"),
        failed=OuterRef("failed"),
        pk__gt=OuterRef("pk"),
    )
    old = Errand.objects.filter(Exists(newer), finished_at__lt=now - KEPT).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:_PRUNED_AT_ONCE])
    return Errand.objects.filter(pk__in=ids).delete()[0]


def _replay(errand: Errand, report: Report) -> str:
    """Many bills made due, in chunks; how far they are is then read from their postings."""
    ids = errand.arguments["ids"]
    moved = 0
    for start in range(0, len(ids), CHUNK):
        chunk = Posting.objects.filter(tenant=errand.tenant, pk__in=ids[start : start + CHUNK])
        moved += replay(list(chunk), actor=errand.actor)
        report.at(min(start + CHUNK, len(ids)), len(ids))
    ring_tenant(errand.tenant, due_only=True)
    return f"{moved} bills are tried again."


WORK: Mapping[str, Work] = {
    "replay": _replay,
    bill_jobs.ADOPT: bill_jobs.adopt,
    bill_jobs.PLAN_REMOVAL: bill_jobs.plan_removal,
    bill_jobs.REMOVE: bill_jobs.remove,
    bill_jobs.SETTLE: bill_jobs.settle,
    bill_jobs.TELL_APART: bill_jobs.tell_apart,
    tenant_setup.TEST: tenant_setup.test,
    tenant_setup.ENTITIES: tenant_setup.entities,
    tenant_setup.CHART: tenant_setup.chart,
    tenant_setup.CATALOGS: tenant_setup.catalogs,
    tenant_setup.TWINS: rehearsal.twins,
    tenant_setup.REHEARSAL: rehearsal.rehearsal,
    live_lookup.LOOK: live_lookup.look,
    mapping_usage.COUNT: mapping_usage.count_uses,
    mapping_import.PREVIEW: mapping_import.look,
    mapping_import.IMPORT: mapping_import.bring_in,
    mapping_what_if.WHAT_IF: mapping_what_if.find_out,
    verify_audit.KIND: verify_audit.verify,
}

_UNFORESEEN = (
    "Something nobody foresaw stopped this ({name}). What was perhaps sent is looked up before "
    "anything is sent again. Look at the page again; if it stays, report it with the time."
)
_DIED = (
    "The worker ended before this was done. No bill is lost and none is entered twice. Look at "
    "the page again, and ask once more for what is still missing."
)
