"""The administration pages: for superusers, without secrets, and on the record."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from audit.models import AuditEntry
from connector.models import Membership, Tenant
from tests import builders
from tests.web.rows import SECRET


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "", "root"))
    return client


def test_every_page_of_ours_opens_and_shows_no_secret(root: Client, tenant: Tenant) -> None:
    builders.make_user("ann", tenant)
    opened = 0
    for model in admin.site._registry:
        if model._meta.app_label not in {"connector", "auth"}:
            continue
        answer = root.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        )
        assert answer.status_code == 200, model
        assert SECRET not in answer.content.decode()
        opened += 1
    assert opened >= 5
    page = root.get(reverse("admin:connector_tenant_change", args=[tenant.pk])).content.decode()
    assert tenant.slug in page
    assert SECRET not in page


def test_credentials_and_the_queues_pages_are_not_there() -> None:
    names = {model.__name__ for model in admin.site._registry}
    assert not names & {"RampCredentials", "EpicorCredentials", "AccessToken", "Canary"}
    assert not names & {"Schedule", "Success", "Failure", "OrmQ"}


def test_permissions_of_a_group_do_not_open_the_users_page(tenant: Tenant) -> None:
    user = builders.make_user("ann", tenant, "admin")
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(user)
    for name in ["auth_user", "auth_group", "connector_tenant", "connector_membership"]:
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403


def test_memberships_are_on_the_tenants_record(root: Client, tenant: Tenant) -> None:
    user = builders.make_user("ann")
    add = reverse("admin:connector_membership_add")
    root.post(add, {"user": user.pk, "tenant": tenant.pk, "role": "auditor"})
    member = Membership.objects.get(user=user)
    change = reverse("admin:connector_membership_change", args=[member.pk])
    root.post(change, {"user": user.pk, "tenant": tenant.pk, "role": "admin"})
    root.post(reverse("admin:connector_membership_delete", args=[member.pk]), {"post": "yes"})
    assert not Membership.objects.exists()
    entries = AuditEntry.objects.filter(tenant=tenant).order_by("at")
    assert [(e.action, e.actor, e.subject_id, e.body) for e in entries] == [
        ("membership_saved", "root", "ann", {"before": "", "after": "auditor"}),
        ("membership_saved", "root", "ann", {"before": "auditor", "after": "admin"}),
        ("membership_removed", "root", "ann", {"before": "admin", "after": ""}),
    ]


def test_a_new_user_may_log_in_at_once_and_cannot_be_deleted(root: Client) -> None:
    password = "correct horse battery"
    form = {
        "username": "ann",
        "password1": password,
        "password2": password,
        "usable_password": "true",
    }
    root.post(reverse("admin:auth_user_add"), form)
    user = User.objects.get(username="ann")
    assert user.is_staff
    assert not user.is_superuser
    assert root.post(reverse("admin:auth_user_delete", args=[user.pk])).status_code == 403


def test_what_serves_nobody_is_not_offered(root: Client, tenant: Tenant) -> None:
    page = root.get(reverse("admin:index")).content.decode()
    assert reverse("admin:connector_tenant_changelist") in page
    for address in ("/admin/axes/", "/admin/connector/membership/", "/admin/auth/group/"):
        assert address not in page, address
    users = root.get(reverse("admin:auth_user_changelist")).content.decode()
    assert "select record" not in users.lower()
