"""Who gets to see a tenant's pages, and that looking changes nothing."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.tenants.models import Membership, Tenant
from tests import builders

PAGES = ["", "exceptions/", "bills/", "bills/b-held", "bills/b-held/"]


@pytest.mark.parametrize("page", PAGES)
def test_without_login_every_page_asks_for_it_and_comes_back(held: Posting, page: str) -> None:
    answer = Client().get(f"/t/acme/{page}")
    assert answer.status_code == 302
    assert answer.url == f"/admin/login/?next=/t/acme/{page}"


def test_without_login_nobody_learns_which_tenants_exist(tenant: Tenant) -> None:
    known, unknown = Client().get("/t/acme/"), Client().get("/t/nobody/")
    assert (known.status_code, unknown.status_code) == (302, 302)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", Membership.Role.values)
def test_every_role_may_look(held: Posting, role: str, page: str) -> None:
    client = Client()
    client.force_login(builders.make_user("member", held.tenant, role))
    assert client.get(f"/t/acme/{page}").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_finds_nothing(held: Posting, page: str) -> None:
    builders.make_tenant("other")
    client = Client()
    client.force_login(builders.make_user("eve", Tenant.objects.get(slug="other"), "admin"))
    assert client.get(f"/t/acme/{page}").status_code == 404
    assert client.get("/t/no-such-tenant/").status_code == 404


def test_another_tenants_bill_is_not_shown_under_ones_own(held: Posting) -> None:
    other = builders.make_tenant("other")
    client = Client()
    client.force_login(builders.make_user("eve", other, "admin"))
    assert client.get("/t/other/bills/b-held").status_code == 404
    assert b"b-held" not in client.get("/t/other/bills/").content


def test_a_superuser_sees_every_tenant_without_membership(held: Posting) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "", "root"))
    assert client.get("/t/acme/").status_code == 200
    assert client.get("/t/no-such-tenant/").status_code == 404


def test_a_superuser_who_is_a_member_has_the_members_role(tenant: Tenant) -> None:
    root = User.objects.create_superuser("root", "", "root")
    client = Client()
    client.force_login(root)
    assert client.get("/t/acme/").wsgi_request.role == "admin"
    Membership.objects.create(tenant=tenant, user=root, role="auditor")
    assert client.get("/t/acme/").wsgi_request.role == "auditor"


def test_a_piece_of_a_page_never_becomes_the_login_form(tenant: Tenant) -> None:
    answer = Client().get("/t/acme/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (401, b"You are not logged in.")


def test_a_person_made_inactive_is_asked_to_log_in(tenant: Tenant) -> None:
    user = builders.make_user("gone", tenant)
    client = Client()
    client.force_login(user)
    user.is_active = False
    user.save()
    assert client.get("/t/acme/").status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_pages_only_show(held: Posting, page: str) -> None:
    client = Client()
    client.force_login(builders.make_user("ann", held.tenant, "admin"))
    before = (list(Posting.objects.values()), AuditEntry.objects.count())
    client.get(f"/t/acme/{page}", {"state": "queued", "dismiss": "1"})
    assert (list(Posting.objects.values()), AuditEntry.objects.count()) == before
    assert client.post(f"/t/acme/{page}").status_code == 405


def test_the_login_page_lets_a_member_in_and_goes_on_to_the_bill(held: Posting) -> None:
    user = builders.make_user("ann", held.tenant)
    user.is_staff = True  # as the administration page makes them
    user.save()
    client = Client()
    answer = client.post(
        "/admin/login/?next=/t/acme/bills/b-held",
        {"username": "ann", "password": "ann", "next": "/t/acme/bills/b-held"},
    )
    assert (answer.status_code, answer.url) == (302, "/t/acme/bills/b-held")


@pytest.mark.parametrize("address", ["/healthz", "/admin/login/", "/t/acme/", "/nothing-here"])
def test_every_answer_forbids_foreign_and_inline_scripts(db: None, address: str) -> None:
    policy = Client().get(address).headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in policy
    assert "frame-ancestors 'none'" in policy


def test_home_goes_to_the_only_tenant_or_lets_one_choose(tenant: Tenant) -> None:
    user = builders.make_user("ann", tenant)
    client = Client()
    assert client.get("/").url == "/admin/login/?next=/"
    client.force_login(user)
    assert client.get("/").url == "/t/acme/"
    hidden = builders.make_tenant("hidden")
    second = builders.make_tenant("second")
    Membership.objects.create(tenant=second, user=user, role="auditor")
    page = client.get("/").content.decode()
    assert "/t/acme/" in page
    assert "/t/second/" in page
    assert hidden.name not in page


def test_home_tells_somebody_without_tenant_what_to_do(db: None) -> None:
    client = Client()
    client.force_login(builders.make_user("new"))
    assert "Ask your administrator" in client.get("/").content.decode()
    client.force_login(User.objects.create_superuser("root", "", "root"))
    assert client.get("/").url == "/setup/"


@pytest.mark.parametrize("address", ["/t/acme/", "/", "/account/"])
def test_who_may_no_longer_log_in_is_asked_to(tenant: Tenant, address: str) -> None:
    user = builders.make_user("ann", tenant)
    client = Client()
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(is_staff=False)
    assert client.get(address).url == f"/admin/login/?next={address}"
    assert client.get(f"/admin/login/?next={address}").status_code == 200
