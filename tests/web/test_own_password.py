"""One's own password: hard to guess, its change told, guessing the old one locks the name."""

import logging

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client

from audit.trail.models import AuditEntry
from connector.logging import JsonFormatter
from connector.tenants import members
from connector.tenants.models import Tenant
from tests import builders

CHANGE = "/admin/password_change/"
GOOD = "seven copper kettles"


@pytest.fixture
def ann(tenant: Tenant) -> User:
    user = builders.make_user("annabella", tenant)
    user.is_staff, user.email = True, "annabella.kent@example.com"
    user.save()
    return user


@pytest.fixture
def browser(ann: User) -> Client:
    browser = Client()
    browser.force_login(ann)
    return browser


def change(browser: Client, old: str, new: str) -> int:
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    return browser.post(CHANGE, form).status_code


def test_a_change_is_on_the_record_and_ends_other_sessions(browser: Client, ann: User) -> None:
    other = Client()
    other.force_login(ann)
    assert change(browser, "annabella", GOOD) == 302
    entry = AuditEntry.objects.get(action="login_changed")
    assert (entry.actor, entry.subject_id) == ("annabella", "annabella")
    assert entry.body == {"what": "password_changed"}
    assert browser.get("/t/acme/").status_code == 200
    assert other.get("/t/acme/").status_code == 302
    ann.refresh_from_db()
    assert ann.check_password(GOOD)


def test_guessing_the_old_password_locks_the_name_like_a_login(browser: Client) -> None:
    answers = [change(browser, f"guess {n}", GOOD) for n in range(6)]
    assert answers == [422, 422, 422, 422, 429, 429]
    assert AccessAttempt.objects.get().username == "annabella"
    assert change(browser, "annabella", GOOD) == 429  # the right one does not help now
    assert (
        Client()
        .post("/admin/login/", {"username": "annabella", "password": "annabella"})
        .status_code
        == 429
    )
    assert not AuditEntry.objects.filter(action="login_changed").exists()


@pytest.mark.parametrize(
    "weak",
    [
        "copper kett",  # eleven
        "123456789012345",
        "qwerty123456",
        "annabella123",
        "annabella.kent@example.com",
        "",
    ],
)
def test_a_weak_password_is_refused_everywhere(
    browser: Client, ann: User, tenant: Tenant, weak: str
) -> None:
    assert change(browser, "annabella", weak) == 422
    ann.set_unusable_password()
    ann.save()
    link = "/password/" + members.link_for(ann).partition("/password/")[2]
    form = {"new_password1": weak, "new_password2": weak}
    assert Client().post(link, form).status_code == 422
    form = {"new_password1": GOOD, "new_password2": GOOD}
    assert Client().post(link, form).status_code == 302


def test_no_log_line_has_the_token_of_an_invitation(
    ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    """A weak password is answered 422, which the web framework logs with the whole address."""
    ann.set_unusable_password()
    ann.save()
    link = "/password/" + members.link_for(ann).partition("/password/")[2]
    token = link.split("/")[3]
    with caplog.at_level(logging.DEBUG):
        Client().post(link, {"new_password1": "weak", "new_password2": "weak"})
        Client().get(link + "x/")
        Client().delete(link)
        Client().post(link, {"new_password1": GOOD, "new_password2": GOOD})
        Client().get(link)
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any(link in record.getMessage() for record in caplog.records)  # it would be there
    assert lines
    assert not any(token in line for line in lines)
    assert not logging.getLogger("django").handlers  # the framework's own would write it plainly


def test_a_refusal_is_logged_in_one_line(
    browser: Client, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert browser.get("/t/acme/people/").status_code == 403
    lines = [
        JsonFormatter().format(record)
        for record in caplog.records
        if record.name == "django.request"
    ]
    assert lines
    assert not any("Traceback" in line for line in lines)
