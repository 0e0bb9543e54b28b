"""Keeps the mirrored catalogs young: Epicor's master data and what we uploaded to Ramp."""

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from math import inf

from django.utils import timezone

from audit.ledger.models import Blocker, Posting
from connector.domain.chunks import chunks
from connector.domain.errors import AccessError, RejectedError, TransientError
from connector.epicor.ap_invoice.rows import HEADER, LINE
from connector.epicor.catalogs import refresh_catalogs
from connector.epicor.contract import AP_INVOICE
from connector.sync.context import LENGTHS, Cycle, open_rules
from connector.tenants import entities, pauses
from connector.tenants.models import EntityRoute, LearnedFact, Tenant
from mappings import catalog
from mappings.coding import FIELDS
from mappings.models import Dimension

logger = logging.getLogger(__name__)

MAX_AGE = timedelta(hours=1)
OURS = "Epicor"  # part of the name under which our accounting connection is known in Ramp


def refresh(cycle: Cycle, *, kinds: frozenset[str], stop_at: float = inf) -> bool:
    """Read every catalog that is older than an hour, whole, until `stop_at` (monotonic).

    As many at the same time as bills may be written.

    `vendors` alone refreshes the vendors, `accounts` the rest; `bills` needs both. What our own
    connection issued is read with the last of them, and Ramp's names of its entities at the end.
    Returns True when more are to be read.
    """
    now = timezone.now()
    stale = _stale(cycle, kinds, now)
    read = refresh_catalogs(cycle.epicor, cycle.tenant.pk, stale, at_once=cycle.lanes)
    with closing(read):
        for place, _ in enumerate(read):
            if place > 0 and time.monotonic() >= stop_at:
                return True
            if place == len(stale) - 1:  # before the last: if we die in between, it is read again
                _issued(cycle)
                _columns(cycle, stale[place][0])
    _names(cycle)
    return False


def _names(cycle: Cycle) -> None:
    """What Ramp calls its entities, for people; entering goes on where we may not read them."""
    try:
        rows = cycle.ramp.entities()
    except (AccessError, RejectedError) as error:
        logger.info("The names of Ramp's entities were not read: %s", error.message)
        return
    cycle.entity_names = entities.remember(cycle.tenant, rows)


def request_refresh(tenant: Tenant, postings: Sequence[Posting]) -> None:
    """Have the catalogs that stop these bills read by the next run, however young they are.

    For a person who mended something in Epicor and has the bills tried again.
    """
    pks = [posting.pk for posting in postings]
    behind: set[tuple[str, str]] = set()
    for some in chunks(pks):
        rows = Blocker.objects.filter(posting_id__in=some).values_list("company", "kind")
        for company, kind in rows.distinct():
            behind |= {(company, name) for name in catalog.catalogs_behind(kind)}
    catalog.request_refresh(tenant.pk, behind, now=timezone.now())


def request_refresh_of_all(tenant: Tenant, kinds: frozenset[str]) -> None:
    """The same for every catalog of these kinds, which a person named."""
    companies = EntityRoute.objects.filter(tenant=tenant).values_list("company", flat=True)
    wanted = [(company, name) for company in set(companies) for name in _catalogs(kinds)]
    catalog.request_refresh(tenant.pk, wanted, now=timezone.now())


def _catalogs(kinds: frozenset[str]) -> list[str]:
    return [
        name
        for name in catalog.ALL_CATALOGS
        if "bills" in kinds or ("vendors" if name == "vendors" else "accounts") in kinds
    ]


def _stale(cycle: Cycle, kinds: frozenset[str], now: datetime) -> list[tuple[str, str]]:
    """The catalogs to read: (company, name). After a pause all, to see that Epicor is back."""
    paused = pauses.stops(cycle.tenant)
    max_age = min(MAX_AGE, now - cycle.started_at) if paused else MAX_AGE
    return [
        (company, name)
        for company in cycle.companies
        for name in _catalogs(kinds)
        if not catalog.is_fresh(cycle.tenant.pk, company, [name], now=now, max_age=max_age)
    ]


def _columns(cycle: Cycle, company: str) -> None:
    """How long Epicor's texts may be; where it does not say, what was known stays.

    Not every installation lets the description of its services be read, and none needs it to
    enter a bill: the connection test says so.
    """
    try:
        tables = cycle.epicor.column_lengths(company, AP_INVOICE, HEADER, LINE)
    except (AccessError, RejectedError, TransientError) as error:
        logger.warning("The lengths of Epicor's columns were not read: %s", error.message)
        return
    known = {table: dict(columns) for table, columns in tables.items() if columns}
    LearnedFact.objects.update_or_create(
        tenant=cycle.tenant, name=LENGTHS, defaults={"value": known}
    )
    cycle.policy = open_rules(cycle.tenant).policy


def _issued(cycle: Cycle) -> None:
    """Which ids our own accounting connection gave to Ramp; only those map to themselves."""
    tenant_id = cycle.tenant.pk
    ours = any(
        row.get("is_active") and OURS in str(row.get("remote_provider_name", ""))
        for row in cycle.ramp.connections()
    )
    vendors = cycle.ramp.accounting_vendors() if ours else []
    accounts = cycle.ramp.gl_accounts() if ours else []
    catalog.replace_issued(tenant_id, "vendors", (str(row.get("id", "")) for row in vendors))
    catalog.replace_issued(tenant_id, "gl_accounts", (str(row.get("id", "")) for row in accounts))
    kinds = dict(Dimension.objects.filter(tenant=cycle.tenant).values_list("ramp_field", "kind"))
    fields = cycle.ramp.fields() if ours and kinds else []
    catalog.replace_issued(tenant_id, FIELDS, (str(row.get("id", "")) for row in fields))
    for field in fields:
        kind = kinds.get(str(field.get("id", "")))
        if kind is not None:
            options = cycle.ramp.field_options(str(field["ramp_id"]))
            catalog.replace_issued(tenant_id, kind, (str(row.get("id", "")) for row in options))
