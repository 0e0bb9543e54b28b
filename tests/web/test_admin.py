"""The administration pages: for superusers, without secrets, and on the record."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.events import sentence
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.tenants.models import Membership, Tenant
from connector.web.admin import admin  # with its pages registered
from tests import builders
from tests.web.rows import SECRET, make_posting


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


def test_no_permission_opens_a_page_to_members(held: Posting) -> None:
    """Whatever a group gives: a page of the administration shows all tenants."""
    user = builders.make_user("ann", held.tenant, "admin")
    user.is_staff = True
    user.save()
    group = Group.objects.create(name="everything")
    group.permissions.set(Permission.objects.all())
    user.groups.add(group)
    client = Client()
    client.force_login(user)
    opened = []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        pages += [reverse(f"{name}_change", args=[one.pk]) for one in model.objects.all()[:1]]
        opened += [page for page in pages if client.get(page).status_code != 403]
    assert opened == []
    assert len(admin.site._registry) > 15


def test_groups_are_not_offered(root: Client) -> None:
    assert Group not in admin.site._registry
    user = User.objects.get()
    page = root.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()
    assert 'name="groups"' not in page
    assert 'name="user_permissions"' not in page


def test_memberships_are_on_the_tenants_record(root: Client, tenant: Tenant) -> None:
    builders.make_user("eve", tenant, "admin")
    user = builders.make_user("ann")
    add = reverse("admin:connector_membership_add")
    root.post(add, {"user": user.pk, "tenant": tenant.pk, "role": "auditor"})
    member = Membership.objects.get(user=user)
    change = reverse("admin:connector_membership_change", args=[member.pk])
    root.post(change, {"user": user.pk, "tenant": tenant.pk, "role": "admin"})
    root.post(reverse("admin:connector_membership_delete", args=[member.pk]), {"post": "yes"})
    assert not Membership.objects.filter(user=user).exists()
    entries = AuditEntry.objects.filter(tenant=tenant).order_by("at")
    assert [(e.action, e.actor, e.subject_id, e.changes) for e in entries] == [
        ("membership_saved", "root", "ann", {"role": ["", "auditor"]}),
        ("membership_saved", "root", "ann", {"role": ["auditor", "admin"]}),
        ("membership_removed", "root", "ann", {"role": ["admin", ""]}),
    ]


def change(user: User, **values: str) -> dict[str, str]:
    """The form of a user's page as it is, with some values changed; "" unticks a box."""
    form = {"email": user.email, "first_name": "", "last_name": ""}
    form |= {name: "on" for name in ("is_active", "is_staff") if getattr(user, name)}
    return {name: value for name, value in (form | values).items() if value or name == "email"}


@pytest.fixture
def ann(tenant: Tenant) -> User:
    user = builders.make_user("ann", tenant, "admin")
    User.objects.filter(pk=user.pk).update(is_staff=True, email="ann@example.com")
    user.refresh_from_db()
    return user


def test_the_last_admin_stays_here_too(root: Client, tenant: Tenant, ann: User) -> None:
    member = Membership.objects.get(user=ann)
    address = reverse("admin:connector_membership_change", args=[member.pk])
    said = "is the last admin of Acme"
    assert said in root.post(address, {"role": "auditor"}).content.decode()
    delete = reverse("admin:connector_membership_delete", args=[member.pk])
    assert said in root.post(delete, {"post": "yes"}).content.decode()
    listed = reverse("admin:connector_membership_changelist")
    act = {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}
    assert said in root.post(listed, act).content.decode()
    bea = builders.make_user("bea", tenant, "admin")
    both = [member.pk, Membership.objects.get(user=bea).pk]
    assert said in root.post(listed, {**act, "_selected_action": both}).content.decode()
    assert set(Membership.objects.values_list("pk", "role")) == {(pk, "admin") for pk in both}
    User.objects.filter(pk=bea.pk).update(is_active=False)  # cannot log in: no admin
    page = reverse("admin:auth_user_change", args=[ann.pk])
    for form in (change(ann, is_active=""), change(ann, is_staff="")):
        assert said in root.post(page, form).content.decode()
    ann.refresh_from_db()
    assert (ann.is_active, ann.is_staff) == (True, True)
    assert not AuditEntry.objects.exists()


def test_a_membership_is_one_persons_in_one_tenant(root: Client, tenant: Tenant, ann: User) -> None:
    bea = builders.make_user("bea", tenant, "auditor")
    other = builders.make_tenant("other")
    member = Membership.objects.get(user=bea)
    address = reverse("admin:connector_membership_change", args=[member.pk])
    root.post(address, {"user": ann.pk, "tenant": other.pk, "role": "approver"})
    member.refresh_from_db()
    assert (member.user, member.tenant, member.role) == (bea, tenant, "approver")


def test_what_is_changed_of_an_account_is_on_the_record(
    root: Client, tenant: Tenant, ann: User
) -> None:
    bea = builders.make_user("bea", tenant, "auditor")
    User.objects.filter(pk=bea.pk).update(is_staff=True, email="b@example.com")
    bea.refresh_from_db()
    page = reverse("admin:auth_user_change", args=[bea.pk])
    root.post(page, change(bea))  # nothing was different
    root.post(page, change(bea, is_active="", email="bea@example.com"))
    password = reverse("admin:auth_user_password_change", args=[bea.pk])
    secret = "correct horse battery"
    root.post(password, {"password1": secret, "password2": secret, "usable_password": "true"})
    root.post(password, {"password1": "a", "password2": "b", "usable_password": "true"})
    entries = AuditEntry.objects.filter(tenant=tenant, action="user_changed").order_by("at", "id")
    assert [(one.actor, one.subject_id, one.body["changed"], one.changes) for one in entries] == [
        (
            "root",
            "bea",
            ["active", "e-mail"],
            {"active": [True, False], "e-mail": ["b@example.com", "bea@example.com"]},
        ),
        ("root", "bea", ["password"], {}),
    ]
    assert "root changed the account of user bea: active True" in sentence(entries[0])
    bea.refresh_from_db()
    assert bea.check_password(secret)


def test_a_new_superuser_is_on_the_record_of_every_tenant(
    root: Client, tenant: Tenant, ann: User
) -> None:
    builders.make_tenant("other")
    root.post(reverse("admin:auth_user_change", args=[ann.pk]), change(ann, is_superuser="on"))
    entries = AuditEntry.objects.filter(action="user_changed", subject_id="ann")
    assert {one.tenant.slug for one in entries} == {"acme", "other"}
    assert entries[0].changes == {"superuser": [False, True]}


def test_a_name_stays_what_it_was(root: Client, ann: User) -> None:
    """Who proposed a change cannot approve it under another name."""
    page = reverse("admin:auth_user_change", args=[ann.pk])
    assert root.post(page, change(ann, username="bob", email="x@example.com")).status_code == 302
    ann.refresh_from_db()
    assert (ann.username, ann.email) == ("ann", "x@example.com")


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


def test_unused_models_are_not_in_the_administration(root: Client, tenant: Tenant) -> None:
    page = root.get(reverse("admin:index")).content.decode()
    assert reverse("admin:connector_tenant_changelist") in page
    for address in ("/admin/axes/", "/admin/connector/membership/", "/admin/auth/group/"):
        assert address not in page, address
    users = root.get(reverse("admin:auth_user_changelist")).content.decode()
    assert "select record" not in users.lower()


def test_what_was_stored_unredacted_is_hidden_on_the_records_pages(
    root: Client, tenant: Tenant
) -> None:
    """Redaction happens before storing; a gap of an older version must not show here."""
    said = f"Epicor said: Bearer {SECRET}"
    now = timezone.now()
    rows = [
        make_posting(tenant, "b-1", hold_message=said, hold_detail={"said": said}),
        Attempt.objects.create(
            tenant=tenant,
            subject_kind="posting",
            subject_id="b-1",
            action="enter_invoice",
            request={"client_secret": SECRET},
            answer={"text": [said]},
            message=said,
            started_at=now,
        ),
        log.record(tenant.pk, "t", subject_kind="k", subject_id="b-1", body={"said": said}),
        builders.make_job(tenant, "sync", **builders.over(said, failed=True)),
    ]
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        for address in (reverse(f"{name}_change", args=[row.pk]), reverse(f"{name}_changelist")):
            answer = root.get(address)
            assert answer.status_code == 200
            assert SECRET not in answer.content.decode(), address
        assert "[hidden]" in root.get(reverse(f"{name}_change", args=[row.pk])).content.decode()


@pytest.mark.parametrize("name", ["Ac\x07me", "Ac\u202eme"], ids=ascii)
def test_a_name_with_control_characters_is_refused(root: Client, tenant: Tenant, name: str) -> None:
    page = reverse("admin:connector_tenant_change", args=[tenant.pk])
    assert root.post(page, {"name": name}).status_code == 200
    assert Tenant.objects.get(pk=tenant.pk).name == tenant.name
    assert root.post(page, {"name": "Other"}).status_code == 302
    assert Tenant.objects.get(pk=tenant.pk).name == "Other"
