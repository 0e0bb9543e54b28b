"""The whole site: sessions end, guessing is slowed down, forms are ours, headers are strict."""

import re
import runpy
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from audit.ledger.models import Posting
from connector.tenants.models import Tenant
from connector.web.account import logins
from tests import builders

LOGIN = "/admin/login/"


@pytest.fixture
def ann(tenant: Tenant) -> Client:
    user = builders.make_user("ann", tenant)
    user.is_staff = True  # as the administration page makes them
    user.save()
    return Client()


def log_in(client: Client, password: str, **form: str) -> HttpResponse:
    return client.post(LOGIN, {"username": "ann", "password": password, **form})


# Sessions


def test_a_session_ends_after_half_a_day(ann: Client) -> None:
    assert log_in(ann, "ann").status_code == 302
    assert ann.get("/t/acme/").status_code == 200
    left = Session.objects.get().expire_date - timezone.now()
    assert timedelta(hours=11) < left <= timedelta(hours=12)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    answer = ann.get("/t/acme/bills/")
    assert (answer.status_code, answer.url) == (302, f"{LOGIN}?next=/t/acme/bills/")


def test_a_piece_of_a_page_whose_session_is_over_is_told_so(tenant: Tenant) -> None:
    """A redirect would put the login page into the middle of the page that asked."""
    answer = Client().get("/t/acme/activity/1/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (401, b"You are not logged in.")


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken"])
def test_cookies_stay_with_our_own_pages(ann: Client, cookie: str) -> None:
    ann.get(LOGIN)
    log_in(ann, "ann")
    assert ann.cookies[cookie]["samesite"] == "Lax"
    assert bool(ann.cookies[cookie]["httponly"]) == (cookie == "sessionid")


# Guessing


def test_the_sixth_guess_gets_a_page_that_says_when_to_try_again(ann: Client) -> None:
    for _ in range(4):
        assert log_in(ann, "wrong").status_code == 200
    fifth = log_in(ann, "wrong")
    right_but_late = log_in(ann, "ann")
    for answer in (fifth, right_but_late):
        assert answer.status_code == 429
        page = answer.content.decode()
        assert "Try again in 60 minutes" in page
        assert 'class="mc-plain"' in page
        assert int(answer.headers["Retry-After"]) == 3600
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert ann.get("/t/acme/").status_code == 302


def test_the_time_shown_stays_correct(ann: Client) -> None:
    for _ in range(5):
        log_in(ann, "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=50))
    answer = log_in(ann, "wrong")
    assert answer.status_code == 429
    assert "Try again in 10 minutes" in answer.content.decode()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=61))
    assert log_in(ann, "ann").status_code == 302


def test_a_name_that_does_not_exist_is_answered_the_same(db: None) -> None:
    client = Client()
    answers = [
        client.post(LOGIN, {"username": "nobody", "password": "x"}).status_code for _ in range(5)
    ]
    assert answers == [200, 200, 200, 200, 429]


def test_others_are_not_locked_out_with_it(ann: Client, tenant: Tenant) -> None:
    for _ in range(5):
        log_in(ann, "wrong")
    bob = builders.make_user("bob", tenant)
    bob.is_staff = True
    bob.save()
    assert Client().post(LOGIN, {"username": "bob", "password": "bob"}).status_code == 302


def guess(names: range, address: str = "10.0.0.1") -> list[int]:
    client = Client(REMOTE_ADDR=address)
    return [
        client.post(LOGIN, {"username": f"n{n}", "password": "wrong"}).status_code for n in names
    ]


def test_many_names_from_one_address_are_slowed_too(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "MOST_FROM_AN_ADDRESS", 8)
    assert guess(range(7)) == [200] * 7
    AccessAttempt.objects.filter(username="n0").update(
        attempt_time=timezone.now() - timedelta(minutes=50)
    )
    assert guess(range(7, 9)) == [429, 429]
    there = Client(REMOTE_ADDR="10.0.0.1")
    right = there.post(LOGIN, {"username": "ann", "password": "ann"})
    assert right.status_code == 429
    assert "Try again in 10 minutes" in right.content.decode()  # then one failure less counts
    assert log_in(ann, "ann").status_code == 302  # from elsewhere
    AccessAttempt.objects.filter(username="n0").update(
        attempt_time=timezone.now() - timedelta(minutes=61)
    )
    assert there.post(LOGIN, {"username": "ann", "password": "ann"}).status_code == 302


# Forms


def test_a_form_without_token_is_refused_with_a_sentence(tenant: Tenant) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(LOGIN, {"username": "ann", "password": "ann"})
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "Nothing was changed." in page
    assert "reload the page" in page


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        " //evil.example",
        "\x09//evil.example",
    ],
)
def test_the_login_leads_to_our_own_pages_only(ann: Client, to: str) -> None:
    answer = log_in(ann, "ann", next=to)
    assert (answer.status_code, answer.url) == (302, "/")


# Headers


@pytest.mark.parametrize(
    "address",
    ["/", "/t/acme/", "/t/acme/bills/b-held", "/t/acme/nothing", LOGIN, "/admin/", "/healthz"],
)
def test_every_answer_is_strict(held: Posting, address: str) -> None:
    client = Client()
    client.force_login(builders.make_user("dora", held.tenant))
    headers = client.get(address).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "no-store" in headers["Cache-Control"]


def test_what_the_browser_may_keep_is_kept(db: None) -> None:
    answer = Client().get("/static/connector/app.css")
    assert answer.status_code == 200
    assert "no-store" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("address", "safe"),
    [("https://connector.example.com", True), ("http://127.0.0.1:8000", False)],
)
def test_behind_https_cookies_and_the_browser_know_it(
    monkeypatch: pytest.MonkeyPatch, address: str, *, safe: bool
) -> None:
    """The settings follow PUBLIC_URL; `check --deploy` runs over them in `make check`."""
    monkeypatch.setenv("PUBLIC_URL", address)
    found = runpy.run_path(str(settings.BASE_DIR / "connector" / "settings.py"))
    assert found["PUBLIC_URL"] == address
    assert found["SESSION_COOKIE_SECURE"] is safe
    assert found["CSRF_COOKIE_SECURE"] is safe
    assert found["SECURE_HSTS_SECONDS"] == (31_536_000 if safe else 0)
    assert found["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is safe


@pytest.mark.parametrize("address", ["/t/acme/", "/t/acme/bills/", "/t/acme/audit/", LOGIN])
def test_no_page_has_a_script_or_a_handler_in_it(held: Posting, address: str) -> None:
    client = Client()
    if address != LOGIN:
        client.force_login(builders.make_user("dora", held.tenant, "admin"))
    page = client.get(address).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page)
    assert not re.search(r"<[^>]+\son[a-z]+=", page)
