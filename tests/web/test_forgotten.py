"""A forgotten password: the same answer for everybody, a link that works once, and what it ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from audit.trail.events import sentence
from audit.trail.models import AuditEntry
from connector.accounts import mails, resets
from connector.tenants.models import Tenant
from tests import builders
from tests.web.factors import PASSWORD, SEED, code_of, give_app, give_password, log_in

NEW = "another-longer-word-0815"


@pytest.fixture
def ann(tenant: Tenant) -> User:
    user = give_password(builders.make_user("ann", tenant, "accountant"))
    user.email, user.is_staff = "ann@example.com", True
    user.save()
    return user


def work() -> None:
    """What a worker does with the mails that were asked for."""
    for one in list(OrmQ.objects.order_by("id")):
        task = SignedPackage.loads(one.payload)
        name = str(task["func"])
        assert name.startswith("connector.accounts.mails.")
        getattr(mails, name.rpartition(".")[2])(*task["args"])
        one.delete()


def ask(address: str, browser: Client | None = None) -> Any:
    return (browser or Client()).post("/account/forgotten/", {"address": address})


def link() -> str:
    """The link in the last mail, as a path."""
    found = re.search(r"https?://[^/]+(/account/reset/\S+)", mail.outbox[-1].body)
    assert found
    return found.group(1)


def set_new(browser: Client, path: str, password: str = NEW) -> Any:
    form = browser.get(path)
    return browser.post(form.url, {"new_password1": password, "new_password2": password})


def test_known_and_unknown_get_the_same_answer_and_the_same_work(ann: User) -> None:
    known, unknown = ask("ann@example.com"), ask("nobody@example.com")
    assert known.content == unknown.content
    assert known.status_code == unknown.status_code == 200
    assert OrmQ.objects.count() == 2
    work()
    assert [one.to for one in mail.outbox] == [["ann@example.com"]]


def test_a_link_sets_the_password_once_ends_sessions_and_is_on_the_record(ann: User) -> None:
    elsewhere = Client()
    assert log_in(elsewhere, ann).url == "/"
    ask("ANN@example.com ")
    work()
    assert mail.outbox[-1].to == ["ann@example.com"]
    path, browser = link(), Client()
    assert set_new(browser, path).url == "/admin/login/"
    assert elsewhere.get("/t/acme/").url.startswith("/admin/login/")
    used = Client().get(path)
    assert used.status_code == 410
    assert "This link works no more" in used.content.decode()
    assert "unsuccessful" not in used.content.decode()
    form = {"username": "ann", "password": NEW}
    assert Client().post("/admin/login/", form).url == "/"
    said = [sentence(one) for one in AuditEntry.objects.filter(action="login_changed")]
    assert said == ["ann set the password anew by mail of user ann."]
    work()
    assert mail.outbox[-1].subject == "Password set anew – ml-connector"


def test_the_token_is_neither_in_the_form_s_address_nor_in_the_page(ann: User) -> None:
    path, browser = resets.link_for(ann).removeprefix("http://127.0.0.1:8000"), Client()
    answer = browser.get(path)
    token = path.rstrip("/").rpartition("/")[2]
    assert token not in answer.url
    page = browser.get(answer.url)
    assert (page.status_code, token in page.content.decode()) == (200, False)
    assert page.headers["Referrer-Policy"] == "same-origin"
    weak = browser.post(answer.url, {"new_password1": "1", "new_password2": "1"})
    assert weak.status_code == 422
    assert token not in weak.content.decode()


def test_the_second_factor_stays(ann: User) -> None:
    give_app(ann)
    set_new(Client(), resets.link_for(ann).removeprefix("http://127.0.0.1:8000"))
    browser = Client()
    answer = browser.post("/admin/login/", {"username": "ann", "password": NEW})
    assert answer.url == "/account/code/"
    assert browser.get("/t/acme/").status_code == 302
    assert browser.post("/account/code/", {"code": code_of(SEED)}).url == "/"


@pytest.mark.parametrize("way", ["by mail", "under Your account"])
def test_another_password_ends_a_login_that_waits_for_its_code(ann: User, way: str) -> None:
    owner, waiting = Client(), Client()
    assert log_in(owner, ann).url == "/"
    give_app(ann)
    assert log_in(waiting, ann).url == "/account/code/"
    if way == "by mail":
        ann.refresh_from_db()
        set_new(Client(), resets.link_for(ann).removeprefix("http://127.0.0.1:8000"))
    else:
        owner.post("/account/again/code/", {"code": code_of(SEED, steps=-1)})
        form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
        assert owner.post("/admin/password_change/", form).url == "/account/"
        assert owner.get("/t/acme/").status_code == 200
    assert waiting.post("/account/code/", {"code": code_of(SEED)}).url == "/admin/login/"
    assert waiting.get("/t/acme/").status_code == 302


def test_a_link_lasts_an_hour(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    path = resets.link_for(ann).removeprefix("http://127.0.0.1:8000")
    real = resets.tokens._now()
    for minutes, status in ((59, 302), (61, 410)):
        later = real + timedelta(minutes=minutes)
        monkeypatch.setattr(resets.tokens, "_now", lambda later=later: later)
        assert Client().get(path).status_code == status


def test_two_browsers_with_the_same_link_set_it_once(ann: User) -> None:
    path = resets.link_for(ann).removeprefix("http://127.0.0.1:8000")
    first, second = Client(), Client()
    forms = [browser.get(path).url for browser in (first, second)]
    for browser, password, form in (
        (first, NEW, forms[0]),
        (second, "yet-another-one-42", forms[1]),
    ):
        answer = browser.post(form, {"new_password1": password, "new_password2": password})
    assert answer.status_code == 410
    ann.refresh_from_db()
    assert ann.check_password(NEW)


@pytest.mark.parametrize("change", ["inactive", "invited", "login", "address"])
def test_links_end_with_what_they_were_made_for(ann: User, change: str) -> None:
    path = resets.link_for(ann).removeprefix("http://127.0.0.1:8000")
    if change == "inactive":
        ann.is_active = False
    elif change == "invited":
        ann.set_unusable_password()
    elif change == "login":
        ann.last_login = timezone.now()
    else:
        ann.email = "ann.other@example.com"
    ann.save()
    assert Client().get(path).status_code == 410


@pytest.mark.parametrize("who", ["inactive", "invited", "without address"])
def test_nothing_is_sent_to_who_has_no_password_to_forget(ann: User, who: str) -> None:
    if who == "inactive":
        ann.is_active = False
    elif who == "invited":
        ann.set_unusable_password()
    else:
        ann.email = ""
    ann.save()
    ask("ann@example.com")
    work()
    assert mail.outbox == []


def test_an_address_gets_three_links_an_hour_and_a_guest_asks_twenty_times(ann: User) -> None:
    answers = {ask("ann@example.com").content for _ in range(5)}
    assert len(answers) == 1
    assert OrmQ.objects.count() == 3
    for number in range(30):
        ask(f"guess{number}@example.com")
    assert OrmQ.objects.count() <= 20


def test_without_mail_no_link_is_made(ann: User, settings: Any) -> None:
    settings.SENDS_MAIL = False
    assert b"sends no mail" in Client().get("/account/forgotten/").content
    ask("ann@example.com")
    assert not OrmQ.objects.exists()


def test_invented_links_are_refused(db: None) -> None:
    for path in ("/account/reset/MQ/x-y/", "/account/reset/%FF/a-b/", "/account/reset/MQ/new/"):
        assert Client().get(path).status_code == 410
        assert Client().post(path, {"new_password1": NEW, "new_password2": NEW}).status_code == 410


@pytest.mark.parametrize("address", ["", "no address", "a" * 70_000])
def test_what_is_no_address_is_asked_again(db: None, address: str) -> None:
    assert ask(address).status_code == 422


def test_a_password_that_is_known_to_be_bad_is_refused_here_too(ann: User) -> None:
    browser = Client()
    path = resets.link_for(ann).removeprefix("http://127.0.0.1:8000")
    assert set_new(browser, path, "password").status_code == 422
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)
