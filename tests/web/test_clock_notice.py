"""That the clock was set back is said on every page of a tenant for a day."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connector.sync import clock
from connector.tenants.models import Tenant
from tests import builders

pytestmark = pytest.mark.django_db


def test_every_page_says_that_the_clock_was_set_back(tenant: Tenant) -> None:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "auditor"))
    for page in ("", "exceptions/", "bills/"):
        assert b'data-notice="clock"' not in client.get(f"/t/{tenant.slug}/{page}").content

    clock.settle(timezone.now(), moved=timedelta(days=30))

    for page in ("", "exceptions/", "bills/"):
        answer = client.get(f"/t/{tenant.slug}/{page}", follow=True)
        assert answer.status_code == 200
        assert b'data-notice="clock"' in answer.content
        assert b"30 days" in answer.content
