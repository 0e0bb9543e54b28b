"""Logging in with a second factor, adding and removing one, and who has to have one."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from audit.trail.events import sentence
from audit.trail.models import AuditEntry
from connector.tenants.models import Membership, Tenant
from connector.web.admin import admin  # with its pages registered
from tests import builders
from tests.web import factors
from tests.web.factors import PASSWORD, SEED, code_of, give_app, give_password, log_in, wrong_code


@pytest.fixture
def ann(tenant: Tenant) -> User:
    user = give_password(builders.make_user("ann", tenant, "accountant"))
    user.email, user.is_staff = "ann@example.com", True
    user.save()
    return user


@pytest.fixture
def browser() -> Client:
    return Client()


def on_record(action: str = "login_changed") -> list[str]:
    return [sentence(one) for one in AuditEntry.objects.filter(action=action).order_by("at")]


def queued() -> list[tuple[str, tuple[Any, ...]]]:
    """The mails that a worker is asked to send."""
    tasks = [SignedPackage.loads(one.payload) for one in OrmQ.objects.order_by("id")]
    return [(one["func"], one["args"]) for one in tasks if ".mails." in str(one["func"])]


# -- logging in ------------------------------------------------------------------------------------


def test_without_a_factor_the_password_is_enough(browser: Client, ann: User) -> None:
    answer = log_in(browser, ann, to="/t/acme/bills/")
    assert (answer.status_code, answer.url) == (302, "/t/acme/bills/")
    assert browser.get("/t/acme/bills/").status_code == 200


def test_the_password_alone_opens_nothing_once_there_is_a_factor(
    browser: Client, ann: User
) -> None:
    give_app(ann)
    assert log_in(browser, ann).url == "/account/code/"
    for address in ("/", "/t/acme/", "/admin/", "/account/", "/setup/"):
        assert browser.get(address).url.startswith("/admin/login/"), address


def test_the_code_lets_in_and_next_is_kept(browser: Client, ann: User) -> None:
    give_app(ann)
    answer = log_in(browser, ann, code=code_of(SEED), to="/t/acme/bills/")
    assert (answer.status_code, answer.url) == (302, "/t/acme/bills/")
    assert browser.get("/t/acme/bills/").status_code == 200


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example"])
@pytest.mark.parametrize("enrolled", [False, True])
def test_next_never_leads_elsewhere(
    browser: Client, ann: User, to: str, enrolled: bool, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "evil.example"]
    if enrolled:
        give_app(ann)
    answer = log_in(browser, ann, code=code_of(SEED) if enrolled else "", to=to)
    assert answer.url == "/"


def test_a_code_works_once(browser: Client, ann: User) -> None:
    give_app(ann)
    code = code_of(SEED)
    assert log_in(browser, ann, code=code).url == "/"
    other = Client()
    assert log_in(other, ann, code=code).status_code == 422
    assert other.get("/t/acme/").status_code == 302


def test_a_recovery_code_works_once(browser: Client, ann: User) -> None:
    first = give_app(ann)[0]
    assert log_in(browser, ann, code=first).url == "/"
    assert log_in(Client(), ann, code=first).status_code == 422


def test_codes_are_throttled_for_the_person_wherever_they_come_from(ann: User) -> None:
    give_app(ann)
    for number in range(20):
        browser = Client(REMOTE_ADDR=f"192.0.2.{number}")
        assert log_in(browser, ann, code=wrong_code(SEED)).status_code == 422
    answer = log_in(Client(REMOTE_ADDR="192.0.2.99"), ann, code=code_of(SEED))
    assert answer.status_code == 422
    assert "Too many" in answer.content.decode()


def test_wrong_passwords_are_still_locked(browser: Client, ann: User) -> None:
    give_app(ann)
    form = {"username": "ann", "password": "wrong"}
    for _ in range(5):
        last = browser.post("/admin/login/", form)
    assert last.status_code == 429
    assert log_in(browser, ann).status_code == 429


def test_who_may_not_log_in_does_not_after_the_code_either(browser: Client, ann: User) -> None:
    give_app(ann)
    log_in(browser, ann)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    browser.post("/account/code/", {"code": code_of(SEED)})
    assert browser.get("/t/acme/").url.startswith("/admin/login/")


def test_the_code_page_is_for_nobody_without_the_password(browser: Client, ann: User) -> None:
    give_app(ann)
    assert browser.get("/account/code/").url == "/admin/login/"
    assert browser.post("/account/code/", {"code": code_of(SEED)}).url == "/admin/login/"


# -- adding ----------------------------------------------------------------------------------------


def add_app(browser: Client) -> Any:
    page = browser.get("/account/app/")
    assert page.status_code == 200
    return browser.post("/account/app/", {"code": code_of(factors.seed_on(page.content))})


def test_add_an_app_get_codes_once_and_use_them(browser: Client, ann: User) -> None:
    log_in(browser, ann)
    page = browser.get("/account/app/")
    assert b"<svg" in page.content
    seed = factors.seed_on(page.content)
    wrong = browser.post("/account/app/", {"code": wrong_code(seed)})
    assert wrong.status_code == 422
    assert factors.seed_on(wrong.content) == seed
    answer = browser.post("/account/app/", {"code": code_of(seed)})
    assert answer.url == "/account/codes/"
    codes = browser.get("/account/codes/").content
    assert b"An authenticator app was added as second factor." in codes
    assert b"activated" not in codes  # what the library would say besides
    assert b"generated" not in codes
    shown = re.findall(rb'mc-id">(\d{8})<', codes)
    assert len(shown) == 10
    again = browser.get("/account/codes/").content
    assert not re.search(rb"\d{8}<", again)
    assert factors.kinds(ann) == ["recovery_codes", "totp"]
    assert on_record() == ["ann added an authenticator app of user ann."]
    assert [args[:3] for _, args in queued()] == [(ann.pk, "app_added", "ann")]
    assert browser.get("/t/acme/").status_code == 200  # this session has proved it
    browser.logout()
    assert log_in(browser, ann, code=shown[0].decode()).url == "/"


def test_the_seed_is_never_stored_in_the_clear(browser: Client, ann: User) -> None:
    log_in(browser, ann)
    seed = factors.seed_on(browser.get("/account/app/").content)
    assert seed not in json.dumps(dict(browser.session))
    browser.post("/account/app/", {"code": code_of(seed)})
    row = Authenticator.objects.get(user=ann, type="totp")
    assert seed not in json.dumps(row.data)
    codes = Authenticator.objects.get(user=ann, type="recovery_codes")
    assert not re.fullmatch("[0-9a-f]{80}", codes.data["seed"])
    dump = StringIO()
    call_command("dumpdata", stdout=dump)
    assert seed not in dump.getvalue()


def test_rotation_takes_seeds_along(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.fernet import Fernet, MultiFernet
    from encrypted_model_fields import fields

    from connector.tenants import key_rotation

    codes = give_app(ann)
    before = dict(Authenticator.objects.values_list("type", "data"))
    new = Fernet(Fernet.generate_key())
    monkeypatch.setattr(fields, "CRYPTER", MultiFernet([new, *fields.CRYPTER._fernets]))
    assert key_rotation.rotate() >= 2
    monkeypatch.setattr(fields, "CRYPTER", MultiFernet([new]))
    after = dict(Authenticator.objects.values_list("type", "data"))
    assert before["totp"]["secret"] != after["totp"]["secret"]
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code_of(SEED))
    assert Authenticator.objects.get(type="recovery_codes").wrap().generate_codes() == codes


def test_new_recovery_codes_end_the_old_ones(browser: Client, ann: User) -> None:
    old = give_app(ann)
    log_in(browser, ann, code=code_of(SEED))
    assert browser.post("/account/codes/new/").url == "/account/codes/"
    assert on_record() == ["ann made new recovery codes of user ann."]
    assert log_in(Client(), ann, code=old[0]).status_code == 422


def test_removing_the_app_asks_notifies_and_ends_the_codes(browser: Client, ann: User) -> None:
    give_app(ann)
    log_in(browser, ann, code=code_of(SEED))
    assert b"Remove the authenticator app?" in browser.get("/account/app/remove/").content
    assert factors.kinds(ann) == ["recovery_codes", "totp"]
    assert browser.post("/account/app/remove/").url == "/account/"
    assert factors.kinds(ann) == []
    assert on_record() == ["ann removed the authenticator app of user ann."]


@pytest.mark.parametrize(
    "address",
    ["/account/app/", "/account/app/remove/", "/account/codes/new/", "/account/passkeys/add/"],
)
def test_what_matters_asks_again_who_one_is(
    browser: Client, ann: User, address: str, settings: Any
) -> None:
    if address != "/account/app/":
        give_app(ann)
    log_in(browser, ann, code="" if address == "/account/app/" else code_of(SEED))
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    for method in (browser.get, browser.post):
        assert method(address).url == f"/account/again/?next={address.replace('/', '%2F')}"
    wrong = browser.post(f"/account/again/?next={address}", {"password": "no"})
    assert wrong.status_code == 422
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    right = browser.post("/account/again/", {"password": PASSWORD, "next": address})
    assert "/again/" not in right.headers.get("Location", "")


# -- who has to ------------------------------------------------------------------------------------


def require(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(second_factor_required=True)


def test_a_tenant_that_requires_it_leads_to_adding_one_and_back(
    browser: Client, ann: User, tenant: Tenant
) -> None:
    log_in(browser, ann)
    assert browser.get("/t/acme/bills/").status_code == 200
    require(tenant)  # the session was there before the rule
    answer = browser.get("/t/acme/bills/")
    assert answer.url == "/account/?next=%2Ft%2Facme%2Fbills%2F"
    assert b"needs a second factor" in browser.get(answer.url).content
    assert browser.post("/t/acme/exceptions/").url == "/account/?next=%2F"
    piece = browser.get("/t/acme/bills/", headers={"HX-Request": "true"})
    assert piece.headers["HX-Redirect"] == "/account/"
    add_app(browser)
    assert b'href="/t/acme/bills/"' in browser.get("/account/codes/").content
    assert browser.get("/t/acme/bills/").status_code == 200


def test_another_tenants_rule_binds_its_pages_only(
    browser: Client, ann: User, tenant: Tenant
) -> None:
    other = builders.make_tenant("other")
    Membership.objects.create(tenant=other, user=ann, role="auditor")
    require(other)
    log_in(browser, ann)
    assert browser.get("/t/acme/").status_code == 200
    assert browser.get("/t/other/").url.startswith("/account/")


def test_a_stranger_still_finds_nothing(browser: Client, ann: User) -> None:
    require(builders.make_tenant("other"))
    log_in(browser, ann)
    assert browser.get("/t/other/").status_code == 404


@pytest.mark.parametrize(
    ("rule", "who", "bound"),
    [
        ("optional", "superuser", False),
        ("administrators", "superuser", True),
        ("administrators", "admin", True),
        ("administrators", "accountant", False),
        ("everybody", "accountant", True),
    ],
)
def test_the_installations_rule(
    browser: Client, tenant: Tenant, settings: Any, rule: str, who: str, bound: bool
) -> None:
    settings.SECOND_FACTOR = rule
    user = (
        User.objects.create_superuser("root", "", "root")
        if who == "superuser"
        else builders.make_user("someone", tenant, who)
    )
    browser.force_login(user)
    for address in ("/t/acme/", "/", "/admin/"):
        answer = browser.get(address, follow=False)
        assert answer.headers.get("Location", "").startswith("/account/") == bound, address


def test_a_session_from_before_the_factor_has_to_use_it(browser: Client, ann: User) -> None:
    log_in(browser, ann)
    give_app(ann)  # in another browser
    answer = browser.get("/t/acme/bills/")
    assert answer.url == "/account/again/code/?next=%2Ft%2Facme%2Fbills%2F"
    assert b"/account/again/?" not in browser.get(answer.url).content  # the password is no way on
    form = {"code": code_of(SEED), "next": "/t/acme/bills/"}
    assert browser.post("/account/again/code/", form).url == "/t/acme/bills/"
    assert browser.get("/t/acme/bills/").status_code == 200


def test_the_administration_is_no_way_around(browser: Client, tenant: Tenant) -> None:
    root = give_password(User.objects.create_superuser("root", "", "root"))
    give_app(root)
    browser.post("/admin/login/?next=/admin/", {"username": "root", "password": PASSWORD})
    assert browser.get("/admin/").url.startswith("/admin/login/")
    browser.force_login(root)  # a session that knows only the password
    assert browser.get("/admin/").url.startswith("/account/again/code/")
    assert browser.get("/admin/password_change/").url.startswith("/account/again/code/")


def test_a_session_that_lacks_the_proof_changes_no_factor(browser: Client, ann: User) -> None:
    log_in(browser, ann)
    give_app(ann)
    for address in ("/account/app/remove/", "/account/codes/new/", "/account/passkeys/add/"):
        assert browser.post(address).url.startswith("/account/again/code/"), address
        assert browser.get(address).url.startswith("/account/again/code/"), address
    assert factors.kinds(ann) == ["recovery_codes", "totp"]


def test_no_page_of_the_administration_shows_factors() -> None:

    labels = {model._meta.app_label for model in admin.site._registry}
    assert not labels & {"account", "mfa", "socialaccount"}


def test_only_addresses_that_are_used_are_there() -> None:
    from django.urls import NoReverseMatch

    for name in ("account_signup", "account_email", "socialaccount_signup", "account_set_password"):
        with pytest.raises(NoReverseMatch):
            reverse(name)
    for address in ("/accounts/signup/", "/account/signup/", "/account/email/"):
        assert Client().get(address).status_code == 404


# -- what a browser may send as a passkey ----------------------------------------------------------

ODD = [
    "",
    "[]",
    "1",
    "null",
    "[" * 9000,
    "x" * 70_000,
    '{"id": 1}',
    '{"response": null}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": []}',
    '{"id": "AA", "rawId": "%%", "response": {"clientDataJSON": 5, "signature": []}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", '
    '"attestationObject": "AA", "authenticatorData": "AA", "signature": "AA", "userHandle": "M"}}',
]


@pytest.mark.parametrize("sent", ODD, ids=range(len(ODD)))
def test_odd_passkeys_are_refused_with_a_sentence(browser: Client, ann: User, sent: str) -> None:
    form = {"credential": sent, "name": "x"}
    browser.get("/account/passkey/", headers={"X-Requested-With": "XMLHttpRequest"})
    assert browser.post("/account/passkey/", form).url == "/admin/login/"
    log_in(browser, ann)
    browser.get("/account/passkeys/add/")
    assert browser.post("/account/passkeys/add/", form).status_code == 422
    assert factors.kinds(ann) == []
    give_app(ann)
    other = Client()
    log_in(other, ann)
    other.get("/account/code/")
    assert other.post("/account/code/", form).status_code in (200, 422)
    assert other.get("/t/acme/").status_code == 302


# -- what a session has proved, and is gone --------------------------------------------------------


def test_a_passkey_that_is_gone_proves_nothing(browser: Client, ann: User) -> None:
    give_app(ann)
    log_in(browser, ann, code=code_of(SEED))
    Authenticator.objects.create(user=ann, type="webauthn", data={})
    assert browser.get("/t/acme/").status_code == 200
    Authenticator.objects.filter(user=ann, type="totp").delete()
    assert browser.get("/t/acme/").url.startswith("/account/again/")


def test_recovery_codes_prove_only_beside_a_factor(
    browser: Client, ann: User, tenant: Tenant
) -> None:
    first = give_app(ann)[0]
    require(tenant)
    log_in(browser, ann, code=first)
    assert browser.get("/t/acme/").status_code == 200
    Authenticator.objects.filter(user=ann, type="totp").delete()
    assert browser.get("/t/acme/").url.startswith("/account/?next=")


def test_who_came_by_a_recovery_code_sees_the_new_ones(browser: Client, ann: User) -> None:
    first = give_app(ann)[0]
    log_in(browser, ann, code=first)
    answer = browser.post("/account/codes/new/")
    assert answer.url == "/account/codes/"
    assert browser.get(answer.url).status_code == 200
    assert browser.get("/t/acme/").status_code == 200


def test_a_superuser_is_bound_in_the_administration_by_any_tenants_rule(
    browser: Client, ann: User
) -> None:
    browser.force_login(User.objects.create_superuser("root", "", "root"))
    assert browser.get("/admin/").status_code == 200
    require(builders.make_tenant("other"))
    assert browser.get("/admin/").url == "/account/?next=%2Fadmin%2F"
    assert browser.get("/t/acme/").status_code == 200
    assert browser.get("/account/").status_code == 200
