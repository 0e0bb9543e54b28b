"""The record in the admin pages can be read and not changed."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from audit.admin import AttemptAdmin, AuditEntryAdmin, PostingAdmin
from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.writes import attempts
from audit.writes.models import Attempt
from tests.audit.build import make_tenant, opened

ADMINS = [(Posting, PostingAdmin), (Attempt, AttemptAdmin), (AuditEntry, AuditEntryAdmin)]


@pytest.fixture
def request_of_root(db: None, rf: RequestFactory) -> Any:
    request = rf.get("/admin/")
    request.user = User.objects.create_superuser("root")
    return request


@pytest.mark.parametrize(("model", "admin_class"), ADMINS)
def test_even_a_superuser_only_reads(model: Any, admin_class: Any, request_of_root: Any) -> None:
    page = admin_class(model, admin.site)
    row = model()
    assert page.has_view_permission(request_of_root, row)
    assert not page.has_add_permission(request_of_root)
    assert not page.has_change_permission(request_of_root, row)
    assert not page.has_delete_permission(request_of_root, row)
    assert "delete_selected" not in page.get_actions(request_of_root)
    with pytest.raises(PermissionDenied):
        page.add_view(request_of_root)


@pytest.mark.parametrize(("model", "admin_class"), ADMINS)
def test_lists_show_what_is_there(model: Any, admin_class: Any, request_of_root: Any) -> None:
    tenant = make_tenant()
    opened(tenant, "b1")
    attempts.begin(tenant.pk, "posting", "b1", "enter_invoice", request={})
    log.record(tenant.pk, "t", subject_kind="posting", subject_id="other")
    page = admin_class(model, admin.site)
    found, _ = page.get_search_results(request_of_root, model.objects.all(), "b1")
    assert found.exists()
    assert not page.get_search_results(request_of_root, model.objects.all(), "b")[0].exists()
    assert page.get_changelist_instance(request_of_root).result_count == model.objects.count()
