"""A tenant with one bill of each kind, for the pages."""

import warnings
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log
from audit.writes.models import Attempt
from connector.sync.models import Bill
from connector.tenants.models import Tenant
from tests import builders
from tests.web.rows import SECRET, block, make_posting


@pytest.fixture(autouse=True)
def without_collectstatic() -> None:
    """A checkout has no collected static files, and needs none."""
    warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)


@pytest.fixture
def tenant(db: None) -> Tenant:
    tenant = builders.make_tenant("acme")
    builders.make_ramp_credentials(tenant, client_secret=SECRET)
    builders.make_epicor_credentials(tenant, api_key=SECRET, client_secret=SECRET)
    return tenant


@pytest.fixture
def held(tenant: Tenant) -> Posting:
    """A bill held for its vendor, with Ramp's copy, an attempt and a trail, full of secrets."""
    posting = make_posting(
        tenant,
        "b-held",
        hold_reason="vendor_unmapped",
        hold_message="Acme <b>Supplies</b> has no Epicor vendor. Nothing was sent.",
        hold_detail={"api_key": SECRET, "path": "/ok"},
    )
    block(posting, "v-1", "Acme <b>Supplies</b>")
    payload = builders.bill_payload(id="b-held", memo="Paper & ink")
    Bill.objects.create(
        tenant=tenant, bill_id="b-held", payload=payload, content_hash="x", seen_at=timezone.now()
    )
    Attempt.objects.create(
        tenant=tenant,
        subject_kind="posting",
        subject_id="b-held",
        action="enter_invoice",
        request={"headers": {"Authorization": f"Bearer {SECRET}"}, "InvoiceNum": "INV-1"},
        request_hash="x",
        outcome="refused",
        message="Epicor refused the invoice.",
        started_at=timezone.now() - timedelta(hours=1),
    )
    log.record(
        tenant.pk,
        "posting.held",
        subject_kind="posting",
        subject_id="b-held",
        actor="system",
        body={"why": "vendor"},
    )
    return posting
