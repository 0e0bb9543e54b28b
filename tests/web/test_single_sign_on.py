"""Single sign-on over real HTTP with a provider of our own: who is let in, and who is not."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from audit.trail.events import sentence
from audit.trail.models import AuditEntry
from connector.accounts import factors, signon
from connector.tenants import members
from connector.tenants.models import Membership, Tenant
from sandbox.wire import Response
from tests import builders
from tests.web import openid
from tests.web.factors import PASSWORD, SEED, code_of, give_app, give_password, kinds, log_in
from tests.web.openid import CLIENT_ID, CLIENT_SECRET, Provider
from tests.web.passkeys import Device
from tests.web.test_forgotten import work
from tests.web.test_passkeys import add
from tests.web.test_passkeys import alone as by_passkey

PASSWORD_PAGE = "/admin/password_change/"


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    known = Provider()
    served = openid.start(known)
    settings.OIDC_ISSUER = served.url
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": "Acme login",
                    "client_id": CLIENT_ID,
                    "secret": CLIENT_SECRET,
                    "settings": {"server_url": served.url, "oauth_pkce_enabled": True},
                }
            ]
        }
    }
    yield known
    served.stop()


@pytest.fixture
def ann(tenant: Tenant, provider: Provider) -> User:
    """Invited, with no password yet; the provider knows her."""
    user = builders.make_user("ann", tenant, "accountant")
    user.set_unusable_password()
    user.email, user.is_staff = "Ann@Example.com", True
    user.save()
    provider.person = {"sub": "u-1", "email": "ann@example.com", "email_verified": True}
    return user


def sign_on(browser: Client, to: str = "") -> Any:
    """The way of a browser: to the provider, which agrees, and back."""
    away = browser.get("/account/sso/" + (f"?next={to}" if to else ""))
    assert away.status_code == 302, away.content.decode()[:500]
    if away.url.startswith("/"):
        return away
    agreed = httpx.get(away.url)
    assert agreed.status_code == 302, agreed.text
    back = urlsplit(agreed.headers["location"])
    assert f"{back.scheme}://{back.netloc}" == "http://127.0.0.1:8000"
    return browser.get(f"{back.path}?{back.query}")


def is_in(browser: Client) -> bool:
    return browser.get("/t/acme/").status_code == 200


def why(browser: Client) -> str:
    return browser.get("/admin/login/").content.decode()


def test_an_invited_person_comes_in_and_next_is_kept(ann: User) -> None:
    browser = Client()
    assert "Log in with" in why(browser)
    assert sign_on(browser, "/t/acme/bills/").url == "/t/acme/bills/"
    assert is_in(browser)
    row = SocialAccount.objects.get(user=ann)
    assert row.uid.endswith(":u-1")
    assert row.extra_data == {}
    said = [sentence(one) for one in AuditEntry.objects.filter(action="login_changed")]
    assert said == ["ann used single sign-on for the first time of user ann."]
    again = Client()
    sign_on(again)
    assert is_in(again)
    assert AuditEntry.objects.filter(action="login_changed").count() == 1


def test_next_never_leads_elsewhere(ann: User) -> None:
    assert sign_on(Client(), "https://evil.example/").url == "/"


def test_who_is_known_by_the_providers_id_keeps_the_account_after_marrying(
    ann: User, provider: Provider
) -> None:
    sign_on(Client())
    provider.person["email"] = "ann.miller@example.com"
    browser = Client()
    sign_on(browser)
    assert is_in(browser)


def test_an_address_given_to_somebody_else_opens_nothing(ann: User, provider: Provider) -> None:
    sign_on(Client())
    provider.person["sub"] = "u-2"
    browser = Client()
    sign_on(browser)
    assert "belongs to another login" in why(browser)
    assert not is_in(browser)


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({"email_verified": False}, "does not vouch"),
        ({"email_verified": "false"}, "does not vouch"),
        ({"email_verified": None}, "does not vouch"),
        ({"email": "joe@example.com"}, "Nobody here has the address"),
        ({"email": ""}, "told no e-mail address"),
        ({"email": ["ann@example.com"]}, "told no e-mail address"),
        ({"email": "ann@example.\u212aom"}, "letters beyond a to z"),
    ],
)
def test_an_unknown_sign_on_is_refused_and_makes_no_account(
    ann: User, provider: Provider, person: dict[str, Any], said: str
) -> None:
    provider.person |= person
    browser, before = Client(), User.objects.count()
    assert sign_on(browser).url == "/admin/login/"
    assert said in why(browser)
    assert not is_in(browser)
    assert (User.objects.count(), SocialAccount.objects.count()) == (before, 0)


@pytest.mark.parametrize("change", ["inactive", "no member", "not staff", "two people"])
def test_only_a_person_who_works_here(ann: User, change: str) -> None:
    if change == "no member":
        Membership.objects.filter(user=ann).delete()
    elif change == "two people":
        User.objects.create(username="ann2", email="ann@example.com", is_staff=True)
    else:
        User.objects.filter(pk=ann.pk).update(
            is_active=change != "inactive", is_staff=change != "not staff"
        )
    browser = Client()
    sign_on(browser)
    assert "Nobody here has the address" in why(browser)
    assert not is_in(browser)


def test_who_was_shut_out_after_the_first_time_stays_out(ann: User) -> None:
    sign_on(Client())
    User.objects.filter(pk=ann.pk).update(is_active=False)
    browser = Client()
    sign_on(browser)
    assert "may not log in here" in why(browser)
    assert not is_in(browser)


def test_domains(ann: User, settings: Any, provider: Provider) -> None:
    settings.OIDC_ALLOWED_DOMAINS = ["other.example"]
    browser = Client()
    sign_on(browser)
    assert "domain" in why(browser)
    settings.OIDC_ALLOWED_DOMAINS = ["example.com"]
    settings.OIDC_EMAILS_VERIFIED = True  # the organisation's own provider
    del provider.person["email_verified"]
    sign_on(browser)
    assert is_in(browser)


def test_the_address_may_be_in_the_user_information_of_the_same_person(
    ann: User, provider: Provider
) -> None:
    provider.in_token = ("sub",)
    provider.userinfo = {"sub": "u-9"}
    browser = Client()
    sign_on(browser)
    assert "was not finished" in why(browser)
    provider.userinfo = {}
    sign_on(browser)
    assert is_in(browser)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"exp": 1},
        {"sub": ""},
        {"sub": "u\x00"},
        {"sub": "u" * 200},
    ],
)
def test_a_token_that_is_not_for_us_is_refused(
    ann: User, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    browser = Client()
    sign_on(browser)
    assert "was not finished" in why(browser)
    assert not is_in(browser)


def test_without_an_id_token_nobody_is_let_in(ann: User, provider: Provider) -> None:
    provider.without_id_token = True
    browser = Client()
    sign_on(browser)
    assert not is_in(browser)


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, b"nothing", headers={"Content-Type": "application/json"}),
        Response(200, b"[1]", headers={"Content-Type": "application/json"}),
        Response(200, b"x", headers={"Content-Type": ""}),
        Response(200, {"access_token": "a", "expires_in": "soon", "id_token": "x"}),
        Response(200, {"access_token": "a", "id_token": {"sub": "u-1"}}),
        Response(500, "<html>"),
    ],
    ids=range(6),
)
def test_an_answer_that_cannot_be_read_lets_nobody_in(
    ann: User, provider: Provider, answer: Response
) -> None:
    provider.answer = answer
    browser = Client()
    assert sign_on(browser).url == "/admin/login/"
    assert "was not finished" in why(browser)


@pytest.mark.parametrize(
    "configuration", [{"issuer": "https://evil.example"}, {"token_endpoint": None}]
)
def test_another_configuration_is_refused(
    ann: User, provider: Provider, configuration: dict[str, Any]
) -> None:
    provider.configuration = configuration
    browser = Client()
    assert sign_on(browser).url == "/admin/login/"
    assert "does not answer as it should" in why(browser)


def test_a_provider_that_is_away_is_said(ann: User, settings: Any) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    apps[0]["settings"]["server_url"] = "http://127.0.0.1:9"
    browser = Client()
    assert sign_on(browser).url == "/admin/login/"
    assert "does not answer as it should" in why(browser)


def test_the_provider_is_asked_for_its_configuration_once_in_some_minutes(
    ann: User, provider: Provider
) -> None:
    for _ in range(3):
        assert Client().get("/account/sso/").url.startswith(provider.url)
    assert provider.asked == 1
    _forget("fresh")
    _other_asks()
    assert Client().get("/account/sso/").url.startswith(provider.url)
    assert provider.asked == 1  # somebody else is asking, and the old answer will do
    _forget("asked")
    assert Client().get("/account/sso/").url.startswith(provider.url)
    assert provider.asked == 2


def test_one_failure_ends_no_good_answer(
    ann: User, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    assert Client().get("/account/sso/").url.startswith(provider.url)
    provider.configuration = {"issuer": "https://evil.example"}
    _forget("fresh")
    for _ in range(3):
        assert Client().get("/account/sso/").url.startswith(provider.url)
    assert provider.asked == 2  # a failure pauses the asking
    assert "does not answer as it should (OAuth2Error)" in caplog.text
    provider.configuration = {}
    _forget("asked")
    assert Client().get("/account/sso/").url.startswith(provider.url)
    assert provider.asked == 3


def test_a_failure_is_remembered_for_a_while(ann: User, provider: Provider) -> None:
    provider.configuration = {"issuer": "https://evil.example"}
    for _ in range(3):
        browser = Client()
        assert browser.get("/account/sso/").url == "/admin/login/"
        assert "Try again in a minute, or log in another way." in why(browser)
    assert provider.asked == 1
    assert not Session.objects.exists()
    provider.configuration = {}
    _forget("asked")
    assert Client().get("/account/sso/").url.startswith(provider.url)


def test_a_configuration_that_is_no_object_is_refused(ann: User, provider: Provider) -> None:
    provider.told = [1]
    browser = Client()
    assert browser.get("/account/sso/").url == "/admin/login/"
    assert "does not answer as it should" in why(browser)


def test_sign_on_attempts_are_limited(ann: User, provider: Provider, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"single_sign_on": "2/h/ip"}
    answers = [Client().get("/account/sso/").url for _ in range(3)]
    assert [one.startswith(provider.url) for one in answers] == [True, True, False]
    assert answers[2] == "/admin/login/"


def test_a_session_on_the_way_is_short_and_a_login_is_not(ann: User) -> None:
    soon = timezone.now() + timedelta(minutes=11)
    Client().get("/account/sso/")
    assert Session.objects.get().expire_date < soon
    browser = Client()
    sign_on(browser)
    assert Session.objects.get(pk=browser.session.session_key).expire_date > soon


def _key(what: str) -> str:
    return f"openid:{hashlib.sha256(settings.OIDC_ISSUER.encode()).hexdigest()}:{what}"


def _forget(what: str) -> None:
    cache.delete(_key(what))


def _other_asks() -> None:
    cache.add(_key("asked"), "yes", 30)


@pytest.mark.parametrize(
    "query", ["", "code=x", "code=x&state=y", "error=access_denied", "state=y"]
)
def test_unrequested_sign_on_answers_are_refused(ann: User, query: str) -> None:
    browser = Client()
    assert browser.get(f"/account/sso/back/?{query}").url == "/admin/login/"
    assert not is_in(browser)


def test_sign_on_cannot_be_started_by_another_site(ann: User) -> None:
    answer = Client().get("/account/sso/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.url == "/admin/login/"


def test_without_a_provider_there_is_no_such_page(db: None) -> None:
    assert Client().get("/account/sso/").status_code == 404
    assert Client().get("/account/sso/back/?code=x&state=y").status_code == 404
    assert "Log in with single" not in why(Client())


@pytest.mark.parametrize("counts", [False, True])
def test_whether_it_counts_as_second_factor(
    ann: User, tenant: Tenant, settings: Any, counts: bool
) -> None:
    settings.OIDC_SECOND_FACTOR = counts
    Tenant.objects.update(second_factor_required=True)
    browser = Client()
    sign_on(browser)
    answer = browser.get("/t/acme/")
    assert (answer.status_code == 200) == counts
    if not counts:
        assert answer.url.startswith("/account/?next=")
    give_app(ann)
    other = Client()
    answer = sign_on(other, "/t/acme/bills/")
    if counts:
        assert answer.url == "/t/acme/bills/"
    else:
        assert answer.url == "/account/code/"
        assert other.get("/t/acme/").status_code == 302
        assert other.post("/account/code/", {"code": code_of(SEED)}).url == "/t/acme/bills/"
    assert is_in(other)


def test_what_matters_leads_to_the_sign_on_again(ann: User, settings: Any) -> None:
    browser = Client()
    sign_on(browser)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    answer = browser.get("/account/app/")
    assert answer.url == "/admin/login/?next=%2Faccount%2Fapp%2F"
    assert "Log in with" in browser.get(answer.url).content.decode()
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    assert sign_on(browser, "/account/app/").url == "/account/app/"
    assert browser.get("/account/app/").status_code == 200


def test_taking_the_factor_away_ends_the_tie_too(ann: User, provider: Provider) -> None:
    sign_on(Client())
    factors.take_away(ann, actor="root")
    provider.person["sub"] = "u-2"
    browser = Client()
    sign_on(browser)
    assert is_in(browser)


def test_an_untied_session_is_no_second_factor_any_more(ann: User, settings: Any) -> None:
    settings.OIDC_SECOND_FACTOR = True
    Tenant.objects.update(second_factor_required=True)
    browser = Client()
    sign_on(browser)
    assert is_in(browser)
    SocialAccount.objects.filter(user=ann).delete()
    assert browser.get("/t/acme/").url.startswith("/account/?next=")


def test_the_same_id_of_another_issuer_is_somebody_else(
    ann: User, provider: Provider, tenant: Tenant
) -> None:
    bea = builders.make_user("bea", tenant, "accountant")
    foreign = SocialAccount.objects.create(user=bea, provider="sso", uid="0123456789abcdef:u-1")
    plain = SocialAccount.objects.create(user=bea, provider="sso", uid="u-1")
    browser = Client()
    sign_on(browser)
    assert browser.get("/t/acme/").wsgi_request.user == ann
    assert set(SocialAccount.objects.filter(user=bea)) == {foreign, plain}


def test_the_first_time_sent_twice_at_once_lets_in_twice(
    ann: User, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked and found no tie; the other one ties while this one waits for the lock."""
    other = Client()

    def meanwhile(one: str, two: str) -> bool:
        monkeypatch.undo()
        uid = f"{signon._issuer()}{provider.person['sub']}"
        SocialAccount.objects.create(user=ann, provider="sso", uid=uid)
        other.force_login(ann)
        return members.same_address(one, two)

    monkeypatch.setattr(members, "same_address", meanwhile)
    browser = Client()
    assert sign_on(browser).url == "/"
    assert is_in(browser)
    assert is_in(other)
    assert SocialAccount.objects.filter(user=ann).count() == 1


def test_a_new_issuer_is_tied_in_place_of_the_old_one(ann: User, provider: Provider) -> None:
    """And ends what was set up under its word: the address may be somebody else's by now."""
    SocialAccount.objects.create(user=ann, provider="sso", uid="0123456789abcdef:u-7")
    give_app(give_password(ann))
    before, browser = Client(), Client()
    before.force_login(ann)
    sign_on(browser)
    assert is_in(browser)
    assert not is_in(before)
    ann.refresh_from_db()
    assert (ann.has_usable_password(), kinds(ann)) == (False, [])
    assert SocialAccount.objects.get(user=ann).uid.endswith(":u-1")


def test_the_first_time_ends_the_other_sessions_of_the_account(ann: User, tenant: Tenant) -> None:
    before, of_bea, browser = Client(), Client(), Client()
    before.force_login(ann)
    of_bea.force_login(builders.make_user("bea", tenant, "accountant"))
    assert is_in(before)
    sign_on(browser)
    assert is_in(browser)
    assert is_in(of_bea)
    assert not is_in(before)
    again = Client()
    sign_on(again)
    assert is_in(browser)


def test_the_first_time_out_of_a_session_of_ones_own(ann: User) -> None:
    browser = Client()
    browser.force_login(ann)
    assert sign_on(browser, "/t/acme/").url == "/t/acme/"
    assert is_in(browser)


def test_the_first_time_ends_a_password_that_somebody_else_may_know(ann: User) -> None:
    maker = Client()
    log_in(maker, give_password(ann))
    assert is_in(maker)
    owner = Client()
    sign_on(owner)
    assert is_in(owner)
    assert not is_in(maker)
    log_in(maker, ann)
    assert not is_in(maker)
    entry = AuditEntry.objects.get(action="login_changed")
    assert sentence(entry) == (
        "ann used single sign-on for the first time, which ended earlier ways into the account "
        "of user ann."
    )
    work()
    assert "its password" in mail.outbox[-1].body
    assert mail.outbox[-1].to == ["Ann@Example.com"]


def test_an_unused_invitation_ends_with_the_first_sign_on(ann: User) -> None:
    link = urlsplit(members.link_for(ann)).path
    assert Client().get(link).status_code == 200
    sign_on(Client())
    assert Client().get(link).status_code == 410


def test_the_owner_sets_a_password_that_stays(ann: User, settings: Any) -> None:
    give_password(ann)
    owner = Client()
    sign_on(owner)
    assert "Set a password" in owner.get("/account/").content.decode()
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    assert owner.get(PASSWORD_PAGE).url.startswith("/admin/login/?next=")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    page = owner.get(PASSWORD_PAGE).content.decode()
    assert "Set a password" in page
    assert "old_password" not in page
    form = {"new_password1": "seven copper kettles", "new_password2": "seven copper kettles"}
    assert owner.post(PASSWORD_PAGE, form).url == "/account/"
    assert is_in(owner)
    said = [sentence(one) for one in AuditEntry.objects.filter(action="login_changed")]
    assert "ann set a password of user ann." in said
    sign_on(Client())
    other = Client()
    other.post("/admin/login/", {"username": "ann", "password": "seven copper kettles"})
    assert is_in(other)


@pytest.mark.parametrize("counts", [False, True])
def test_earlier_factors_end_and_one_that_is_required_is_asked_for(
    ann: User, settings: Any, counts: bool
) -> None:
    settings.OIDC_SECOND_FACTOR = counts
    Tenant.objects.update(second_factor_required=True)
    give_app(ann)
    owner = Client()
    assert sign_on(owner).url == "/"
    assert kinds(ann) == []
    answer = owner.get("/t/acme/")
    assert answer.status_code == 200 if counts else answer.url.startswith("/account/?next=")
    work()
    assert "passkeys, authenticator app, recovery codes" in mail.outbox[-1].body


def test_a_passkey_of_whoever_made_the_account_opens_nothing_any_more(
    ann: User, settings: Any
) -> None:
    settings.PUBLIC_URL = "http://localhost:8000"
    maker, device = Client(), Device()
    maker.force_login(give_password(ann))
    maker.post("/account/again/", {"password": PASSWORD})
    add(maker, device)
    assert kinds(ann) == ["recovery_codes", "webauthn"]
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    owner = Client()
    assert sign_on(owner).url == "/"
    assert is_in(owner)
    settings.PUBLIC_URL = "http://localhost:8000"
    thief = Client()
    by_passkey(thief, device)
    assert not is_in(thief)


def half_way(user: User) -> Client:
    """Somebody who knows the password and the secret of the app, asked for its code."""
    browser = Client()
    assert log_in(browser, user).url == "/account/code/"
    return browser


def test_who_waits_at_the_code_page_is_sent_away_by_the_first_time(ann: User) -> None:
    give_app(give_password(ann))
    maker = half_way(ann)
    sign_on(Client())
    give_app(ann)  # whatever the owner adds: the maker may know it from over her shoulder
    assert maker.post("/account/code/", {"code": code_of(SEED)}).url == "/admin/login/"
    assert not is_in(maker)


def test_taking_the_factor_away_ends_sessions_half_way_and_whole(ann: User) -> None:
    whole = Client()
    whole.force_login(give_password(ann))
    assert is_in(whole)
    give_app(ann)
    waiting = half_way(ann)
    factors.take_away(ann, actor="root")
    assert not is_in(whole)
    assert waiting.get("/account/code/").url == "/admin/login/"


def test_who_logs_in_by_sign_on_gets_no_link_but_may_join(
    ann: User, tenant: Tenant, settings: Any
) -> None:
    sign_on(Client())
    member = Membership.objects.get(user=ann)
    with pytest.raises(members.MembersError, match="logs in by single sign-on"):
        members.new_link(tenant, member.pk, actor="joe")
    admin = Client()
    admin.force_login(builders.make_user("joe", tenant, "admin"))
    page = admin.get("/t/acme/people/").content.decode()
    assert "New link" not in page
    assert "Remove the second factor of ann" in page
    other = builders.make_tenant("other")
    assert members.add(other, "ann", "auditor", actor="joe").user == ann
    Membership.objects.filter(tenant=other).delete()
    settings.OIDC_ISSUER = ""  # no sign-on any more: a superuser's link is the way in again
    with pytest.raises(members.MembersError, match="has logged in before"):
        members.new_link(tenant, member.pk, actor="joe")
    assert members.new_link(tenant, member.pk, actor="root", superuser=True).link


def test_an_admin_cannot_take_over_an_account_with_sign_on(ann: User, tenant: Tenant) -> None:
    sign_on(Client())
    pk = Membership.objects.get(user=ann).pk
    admin, root = Client(), Client()
    admin.force_login(builders.make_user("joe", tenant, "admin"))
    admin.post(f"/t/acme/people/{pk}/second-factor")
    assert not SocialAccount.objects.filter(user=ann).exists()
    assert "New link" not in admin.get("/t/acme/people/").content.decode()
    page = admin.post(f"/t/acme/people/{pk}/link", follow=True).content.decode()
    assert "has logged in before" in page
    assert 'id="invitation"' not in page
    root.force_login(User.objects.create_superuser("root", "", "root"))
    assert "New link" in root.get("/t/acme/people/").content.decode()
    assert 'id="invitation"' in root.post(f"/t/acme/people/{pk}/link").content.decode()
