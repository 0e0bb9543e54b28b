"""The people page and the page behind an invitation."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.trail.models import AuditEntry
from connector.tenants.models import Membership, Tenant
from tests import builders

HOME = "/t/acme/people/"
GOOD = {"new_password1": "a long one 77", "new_password2": "a long one 77"}


@pytest.fixture
def admin(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "admin"))
    return client


def member(name: str) -> Membership:
    return Membership.objects.get(user__username=name)


def invited(admin: Client, **values: str) -> str:
    typed = {"username": "new", "email": "new@example.com", "role": "accountant", **values}
    page = admin.post(f"{HOME}create", typed).content.decode()
    found = re.search(r'id="invitation">http://[^/]+(/password/[^<]+)<', page)
    assert found is not None
    return found[1]


def test_members_with_role_login_and_state(admin: Client, tenant: Tenant) -> None:
    builders.make_user("bea", tenant, "auditor")
    User.objects.filter(username="bea").update(is_active=False, email="bea@example.com")
    page = admin.get(HOME).content.decode()
    for expected in ("bea@example.com", "inactive", "never", "last login", "Have bills tried"):
        assert expected in page.lower() or expected in page


def test_one_button_of_the_page_is_the_primary_one(admin: Client) -> None:
    assert admin.get(HOME).content.decode().count("mc-primary") == 1


def test_each_role_is_explained(admin: Client) -> None:
    page = admin.get(HOME).content.decode()
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', page, re.DOTALL))
    cells = rows["Approve vendors that others proposed (later)"].split("<td>")[1:]
    approve = [">yes<" in cell for cell in cells]
    assert approve == [False, False, True, False]


def test_an_existing_user_is_added(admin: Client, tenant: Tenant) -> None:
    builders.make_user("bea")
    answer = admin.post(f"{HOME}add", {"who": "bea", "role": "approver"}, follow=True)
    assert "bea is approver now." in answer.content.decode()
    again = admin.post(f"{HOME}add", {"who": "bea", "role": "approver"})
    assert again.status_code == 422
    assert "member already" in again.content.decode()
    assert member("bea").role == "approver"


def test_who_is_unknown_stays_in_the_field(admin: Client) -> None:
    page = admin.post(f"{HOME}add", {"who": "<b>", "role": "approver"}).content.decode()
    assert 'value="&lt;b&gt;"' in page
    assert "&lt;b&gt; cannot be added" in page


def test_the_link_is_shown_once_and_lets_the_person_in(admin: Client, tenant: Tenant) -> None:
    link = invited(admin)
    assert link not in admin.get(HOME).content.decode()
    person = Client()
    assert "for <strong>new</strong>" in person.get(link).content.decode()
    answer = person.post(link, GOOD)
    assert (answer.status_code, answer.url) == (302, "/admin/login/")
    login = {"username": "new", "password": GOOD["new_password1"], "next": "/t/acme/"}
    assert person.post("/admin/login/", login).url == "/t/acme/"
    assert person.get("/t/acme/").status_code == 200
    entry = AuditEntry.objects.get(action="password_set")
    assert (entry.tenant_id, entry.actor) == (tenant.pk, "new")


def test_a_used_link_is_worth_nothing(admin: Client) -> None:
    link = invited(admin)
    Client().post(link, GOOD)
    thief = {"new_password1": "another one 88", "new_password2": "another one 88"}
    for answer in (Client().get(link), Client().post(link, thief)):
        assert answer.status_code == 410
        assert "This link works no more" in answer.content.decode()
    assert User.objects.get(username="new").check_password(GOOD["new_password1"])


def test_an_expired_or_invented_link(admin: Client, settings: Any) -> None:
    link = invited(admin)
    assert Client().get("/password/MQ/abc-def/").status_code == 410
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(link).status_code == 410
    assert Client().post(link, GOOD).status_code == 410
    assert not User.objects.get(username="new").has_usable_password()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("short", "short", "too short"),
        ("password", "password", "too common"),
        ("4827361905", "4827361905", "entirely numeric"),
        ("a long one 77", "another one 77", "match"),
        ("", "", "required"),
    ],
)
def test_a_weak_password_is_refused_and_not_shown(
    admin: Client, first: str, second: str, said: str
) -> None:
    link = invited(admin)
    answer = Client().post(link, {"new_password1": first, "new_password2": second})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "a long one" not in page
    assert not User.objects.get(username="new").has_usable_password()


def test_the_page_of_a_link_is_kept_nowhere_and_sends_no_referrer(admin: Client) -> None:
    answer = Client().get(invited(admin))
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_refused_new_user_stays_in_the_form(admin: Client) -> None:
    typed = {"username": "new", "email": "none", "role": "auditor"}
    answer = admin.post(f"{HOME}create", typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="none"' in page
    assert "invitation" not in page
    assert not User.objects.filter(username="new").exists()


def test_sent_twice_a_user_is_made_once(admin: Client) -> None:
    invited(admin)
    typed = {"username": "new", "email": "new@example.com", "role": "accountant"}
    assert admin.post(f"{HOME}create", typed).status_code == 422
    assert User.objects.filter(username="new").count() == 1


def test_a_new_link_for_who_never_had_a_password(admin: Client, tenant: Tenant) -> None:
    invited(admin)
    answer = admin.post(f"{HOME}{member('new').pk}/link")
    assert 'id="invitation"' in answer.content.decode()
    builders.make_user("bea", tenant, "auditor")
    refused = admin.post(f"{HOME}{member('bea').pk}/link", follow=True).content.decode()
    assert "has a password already" in refused
    assert "invitation" not in refused


def test_a_link_ends_when_the_person_is_removed(admin: Client) -> None:
    link = invited(admin)
    admin.post(f"{HOME}{member('new').pk}/remove")
    assert Client().get(link).status_code == 410
    assert Client().post(link, GOOD).status_code == 410
    assert not User.objects.get(username="new").has_usable_password()


def test_a_person_of_two_tenants_gets_no_new_link_here(admin: Client, tenant: Tenant) -> None:
    invited(admin)
    other = builders.make_tenant("other")
    Membership.objects.create(tenant=other, user=User.objects.get(username="new"), role="auditor")
    pk = Membership.objects.get(tenant=tenant, user__username="new").pk
    page = admin.post(f"{HOME}{pk}/link", follow=True).content.decode()
    assert "Only a superuser may give new a password." in page
    assert 'id="invitation"' not in page


def test_a_role_is_changed_and_a_member_removed(admin: Client, tenant: Tenant) -> None:
    builders.make_user("bea", tenant, "auditor")
    pk = member("bea").pk
    typed = {"role": "accountant", "before": "auditor"}
    assert b"bea is accountant now." in admin.post(f"{HOME}{pk}/role", typed, follow=True).content
    late = admin.post(f"{HOME}{pk}/role", {"role": "admin", "before": "auditor"}, follow=True)
    assert b"was made accountant meanwhile" in late.content
    assert b"no member of Acme" in admin.post(f"{HOME}{pk}/remove", follow=True).content
    assert b"no member any more" in admin.post(f"{HOME}{pk}/remove", follow=True).content
    assert User.objects.filter(username="bea", is_active=True).exists()


def test_the_last_admin_cannot_leave(admin: Client, tenant: Tenant) -> None:
    pk = member("ann").pk
    typed = {"role": "auditor", "before": "admin"}
    assert b"last admin" in admin.post(f"{HOME}{pk}/role", typed, follow=True).content
    assert b"last admin" in admin.post(f"{HOME}{pk}/remove", follow=True).content
    assert member("ann").role == "admin"


def test_another_tenants_member_is_not_touched(admin: Client, tenant: Tenant) -> None:
    builders.make_user("eve", builders.make_tenant("other"), "auditor")
    pk = member("eve").pk
    for act, typed in (
        ("role", {"role": "admin", "before": "auditor"}),
        ("remove", {}),
        ("link", {}),
    ):
        assert admin.post(f"{HOME}{pk}/{act}", typed).status_code == 404
    assert member("eve").role == "auditor"


@pytest.mark.parametrize("role", ["accountant", "approver", "auditor", None])
def test_only_admins(tenant: Tenant, role: str | None) -> None:
    builders.make_user("ann", tenant, "admin")
    client = Client()
    client.force_login(builders.make_user("x", tenant if role else None, role or "admin"))
    expected = 403 if role else 404
    assert client.get(HOME).status_code == expected
    pk = member("ann").pk
    for act in ("add", "create", f"{pk}/link", f"{pk}/role", f"{pk}/remove"):
        assert client.post(HOME + act, {"role": "admin", "who": "x"}).status_code == expected
    assert Membership.objects.filter(role="admin").count() == 1


def test_looking_changes_nothing(admin: Client) -> None:
    pk = member("ann").pk
    for act in ("add", "create", f"{pk}/link", f"{pk}/role", f"{pk}/remove"):
        assert admin.get(HOME + act).status_code == 405


def test_ones_own_password_is_changed_in_the_same_shell(admin: Client) -> None:
    User.objects.filter(username="ann").update(is_staff=True)
    page = admin.get("/admin/password_change/").content.decode()
    assert "unfold/css/styles.css" in page
    assert 'name="old_password"' in page


def test_a_constant_number_of_queries(admin: Client, tenant: Tenant) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert admin.get(HOME).status_code == 200
        return len(seen)

    few = count()
    for number in range(30):
        builders.make_user(f"p{number}", tenant, "auditor")
    assert count() == few
    assert few <= 9  # one of them: has this person a second factor?
