"""What an admin does about second factors: the tenant's rule, and helping who lost one."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client

from audit.trail.events import sentence
from audit.trail.models import AuditEntry
from connector.management.base import CommandProblem
from connector.tenants.models import Membership, Tenant
from tests import builders
from tests.web.factors import SEED, code_of, give_app, kinds
from tests.web.test_forgotten import work

HOME = "/t/acme/people/"


@pytest.fixture
def admin(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "admin"))
    return client


@pytest.fixture
def bea(tenant: Tenant) -> Membership:
    user = builders.make_user("bea", tenant, "accountant")
    User.objects.filter(pk=user.pk).update(email="bea@example.com", is_staff=True)
    give_app(user)
    return Membership.objects.get(user=user)


def reset(client: Client, member: Membership) -> Any:
    return client.post(f"{HOME}{member.pk}/second-factor", follow=True).content.decode()


def said(tenant: Tenant, action: str = "login_changed") -> list[str]:
    rows = AuditEntry.objects.filter(action=action, tenant=tenant)
    return [sentence(one) for one in rows.order_by("at")]


def test_an_admin_removes_the_factor_of_who_lost_it(
    admin: Client, bea: Membership, tenant: Tenant
) -> None:
    assert "Remove the second factor of bea" in admin.get(HOME).content.decode()
    assert "bea has no second factor any more" in reset(admin, bea)
    assert kinds(bea.user) == []
    assert said(tenant) == ["ann removed the second factor of user bea."]
    work()
    assert [(one.subject, one.to) for one in mail.outbox] == [
        ("Second factor removed – ml-connector", ["bea@example.com"])
    ]
    assert "has no second factor; nothing was changed" in reset(admin, bea)
    assert len(said(tenant)) == 1


@pytest.mark.parametrize("why", ["another tenant", "superuser"])
def test_not_of_somebody_whose_account_opens_more(
    admin: Client, bea: Membership, tenant: Tenant, why: str
) -> None:
    if why == "superuser":
        User.objects.filter(pk=bea.user_id).update(is_superuser=True)
    else:
        other = builders.make_tenant("other")
        Membership.objects.create(tenant=other, user=bea.user, role="auditor")
    assert "Only a superuser may do this for bea" in reset(admin, bea)
    assert kinds(bea.user) == ["recovery_codes", "totp"]
    root = Client()
    root.force_login(User.objects.create_superuser("root", "", "root"))
    assert "has no second factor any more" in reset(root, bea)
    for one in Tenant.objects.all():
        assert said(one) == ["root removed the second factor of user bea."]


def test_not_ones_own(admin: Client, tenant: Tenant) -> None:
    member = Membership.objects.get(user__username="ann")
    give_app(member.user)
    session = Client()
    User.objects.filter(pk=member.user_id).update(is_staff=True)
    session.force_login(member.user)
    session.post("/account/again/code/", {"code": code_of(SEED)})
    assert "own account" in reset(session, member)
    assert kinds(member.user) == ["recovery_codes", "totp"]


def test_another_tenants_member_is_not_found(admin: Client, tenant: Tenant) -> None:
    other = builders.make_user("joe", builders.make_tenant("other"), "admin")
    give_app(other)
    pk = Membership.objects.get(user=other).pk
    assert admin.post(f"{HOME}{pk}/second-factor").status_code == 404
    assert kinds(other) == ["recovery_codes", "totp"]


def test_a_rule_is_on_the_record_and_binds_its_maker_too(admin: Client, tenant: Tenant) -> None:
    assert admin.post(f"{HOME}second-factor", {"required": "yes"}).url == HOME
    assert admin.get(HOME).url.startswith("/account/?next=")
    assert said(tenant, "second_factor_rule") == [
        "ann decided that a second factor is required of everybody here."
    ]
    Tenant.objects.filter(pk=tenant.pk).update(second_factor_required=False)
    admin.post(f"{HOME}second-factor", {"required": "no"})
    assert len(said(tenant, "second_factor_rule")) == 1  # nothing was different


def test_a_removed_factor_is_asked_for_again(bea: Membership, tenant: Tenant) -> None:
    """The session proved a factor that is gone now."""
    Tenant.objects.filter(pk=tenant.pk).update(second_factor_required=True)
    session = Client()
    session.force_login(bea.user)
    session.post("/account/again/code/", {"code": code_of(SEED)})
    assert session.get("/t/acme/").status_code == 200
    Tenant.objects.filter(pk=tenant.pk).update(second_factor_required=False)
    Authenticator.objects.filter(user=bea.user).delete()
    Tenant.objects.filter(pk=tenant.pk).update(second_factor_required=True)
    assert session.get("/t/acme/").url.startswith("/account/?next=")


def test_reset_second_factor_helps_a_superuser(db: None, tenant: Tenant, capsys: Any) -> None:
    root = User.objects.create_superuser("root", "", "root")
    give_app(root)
    call_command("reset_second_factor", "root")
    assert kinds(root) == []
    assert "root has no second factor any more" in capsys.readouterr().out
    assert "(command line) removed the second factor of user root." in said(tenant)[0]
    for name, sentence_ in (("root", "has no second factor"), ("nobody", "Nobody is called")):
        with pytest.raises(CommandProblem, match=sentence_) as refused:
            call_command("reset_second_factor", name)
        assert refused.value.returncode == 2
