"""No address answers a mistake of ours (5xx), whatever is asked of it: the table, with odd values.

Run it on PostgreSQL, too: NUL, lone surrogates and long texts are refused only there.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.urls import reverse

from audit.permissions import can
from connector.http_server.request_limits import only_utf8
from connector.tenants.models import Membership, Tenant
from tests import builders
from tests.web.permissions import TABLE, Row

application = only_utf8(get_wsgi_application())  # as connector/wsgi.py has it
# As they stand in an address or a form; some are no UTF-8.
ODD = {
    "word": "zz",
    "superscript": quote("²"),  # a digit that is no number
    "minus": "-1",
    "big": "9" * 30,
    "exponent": "1e999",
    "nan": "NaN",
    "nul": "a%00b",
    "surrogate": "%ED%A0%80",
    "latin": "%E9%FF",
    "emoji": quote("🧾‮"),
    "long": "a" * 70_000,
    "wild": "%25" * 20_000,
    "year": "9999-12-31",
    "month": "0000-13",
    "json": quote('{"a": [1]}'),
    "empty": "",
}
_ALONE = ("superscript", "big", "surrogate", "long", "month")
_READ = re.compile(r"(?:GET|POST)(?:\.get|\.getlist)?\(?\[?\s*\"([\w-]+)\"|data\.get\(\"([\w-]+)\"")


def names() -> list[str]:
    """Every parameter that a page reads, from the pages' source."""
    found: set[str] = set()
    for module in (Path(settings.BASE_DIR) / "connector" / "web").rglob("*.py"):
        for match in _READ.finditer(module.read_text(encoding="utf-8")):
            found.add(match[1] or match[2])
    return sorted(
        found | {"page", "q", "state", "amount_from", "issued_from", "entered_to", "csrf"}
    )


def mixed(turn: int, *more: str) -> str:
    """Every parameter with an odd value of its own; another one in another turn."""
    values = [value[:200] for value in ODD.values()]
    every = enumerate(dict.fromkeys([*names(), *more]))
    return "&".join(f"{quote(name)}={values[(at + turn) % len(values)]}" for at, name in every)


@pytest.fixture
def browser(tenant: Tenant) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("root", "", "root"))
    return browser


def role(browser: Client, tenant: Tenant, name: str) -> None:
    """Make the superuser act in a role, so that every act is open to them."""
    root = User.objects.get(username="root")
    Membership.objects.update_or_create(tenant=tenant, user=root, defaults={"role": name})


def odd_requests(row: Row, address: str, form: Any) -> Iterator[tuple[str, str, str]]:
    """Method, address and form: every parameter odd, and each field of a good form alone."""
    plain = {name: value for name, value in dict(form).items() if isinstance(value, str | int)}
    for turn in range(0, len(ODD), 4):
        every = mixed(turn + len(row.name), *plain)
        if row.method == "GET":
            yield "GET", f"{address}?{every}", ""
        else:
            yield "POST", address, every
    for value in (ODD[odd] for odd in _ALONE if row.method != "GET"):
        for name in plain:
            kept = (
                f"{quote(other)}={value if other == name else quote(str(given))}"
                for other, given in plain.items()
            )
            yield "POST", address, "&".join(kept)


def addresses(row: Row, tenant: Tenant, arguments: dict[str, Any]) -> Iterator[str]:
    """The address with each of its parts replaced by something odd."""
    whole = reverse(row.name, kwargs={"slug": tenant.slug, **arguments})
    for value in arguments.values():
        before, part, after = whole.rpartition(f"/{quote(str(value))}/")
        for odd in ODD.values() if part else ():
            yield f"{before}/{odd}/{after}"


@pytest.mark.slow
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_odd_requests_cause_no_server_error(tenant: Tenant, browser: Client, row: Row) -> None:
    role(browser, tenant, next(one for one in Membership.Role.values if can(one, row.capability)))
    person = User.objects.get(username="root")
    arguments = row.arguments(tenant, person)
    address = reverse(row.name, kwargs={"slug": tenant.slug, **arguments})
    failed = []
    for method, target, body in odd_requests(row, address, row.form(tenant, arguments)):
        path, _, query = target.partition("?")
        answer = browser.generic(
            method,
            path,
            body,
            content_type="application/x-www-form-urlencoded",
            QUERY_STRING=query,
            headers={"HX-Request": "true"} if row.piece else {},
        )
        if answer.status_code >= 500:
            failed.append((method, target[:120], body[:300], error_of(answer)))
    for target in addresses(row, tenant, dict(arguments)):
        answer = browser.generic(row.method, target)
        if answer.status_code >= 500:
            failed.append((row.method, target[:200], "", error_of(answer)))
    assert not failed, failed[:3]


def error_of(answer: Any) -> str:
    found = getattr(answer, "exc_info", None)
    return repr(found[1])[:300] if found else ""


CHARSETS = [
    "utf-16",
    "utf-7",
    "base64",
    "hex",
    "idna",
    "punycode",
    "undefined",
    "x",
    "",
    "utf-8\x00",
]
ANYWHERE = ["/", "/admin/login/", "/password/MQ/x-y/", "/setup/", "/healthz", "/t/acme/sync/"]


@pytest.mark.django_db
@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"]
)
def test_other_charsets_are_refused_before_they_are_looked_up(charset: str, kind: str) -> None:
    """The test client would make a request of it first, and fail as the web server did."""
    for method in ("GET", "POST"):
        assert served(method, f"{kind}; charset={charset}") == "400 Bad Request"


@pytest.mark.django_db  # a request looks after connections that other tests left
def test_utf8_is_served() -> None:
    for charset in ("utf-8", "UTF-8", '"utf8"'):
        assert served("GET", f"text/plain; charset={charset}") == "200 OK"
    assert served("GET", "") == "200 OK"
    assert served("GET", "text/plain; charset*=base64''x") == "400 Bad Request"


def served(method: str, content_type: str) -> str:
    """The status that the web server's application answers with."""
    said: list[str] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/healthz", "CONTENT_TYPE": content_type}
    setup_testing_defaults(environ)
    environ["QUERY_STRING"] = "q=%FF"
    list(application(environ, lambda status, headers, *_: said.append(status)))
    return said[0]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="\x00.csv"\r\n'
            b"Content-Type: text/csv; charset=hex\r\n\r\nx\r\n--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--\r\n",
        ),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(7000))),
        ("application/json", b"{"),
        ("", b"x"),
    ],
    ids=["none", "empty", "cut", "file", "base64", "fields", "json", "nothing"],
)
def test_damaged_bodies_cause_no_server_error(
    tenant: Tenant, browser: Client, kind: str, body: bytes
) -> None:
    role(browser, tenant, "accountant")
    upload = reverse("mapping-upload", kwargs={"slug": "acme", "kind": "vendors"})
    for visitor in (browser, Client(raise_request_exception=False)):
        for address in (*ANYWHERE, upload):
            answer = visitor.generic("POST", address, body, content_type=kind)
            assert answer.status_code < 500, (address, error_of(answer))


ADMIN = [
    "/admin/",
    "/admin/search/",
    "/admin/login/",
    "/admin/password_change/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/connector/membership/",
    "/admin/connector/tenant/",
    "/admin/connector/syncrun/",
    "/admin/audit/posting/",
    "/admin/audit/auditentry/",
    "/admin/audit/attempt/",
    "/admin/axes/accessattempt/",
    "/admin/autocomplete/",
    "/admin/jsi18n/",
]
_ADMIN_NAMES = [
    "page",
    "s",
    "q",
    "p",
    "o",
    "e",
    "all",
    "extended",
    "_changelist_filters",
    "role__exact",
    "tenant__id__exact",
    "id__exact",
    "is_active__exact",
    "next",
    "app_label",
    "model_name",
    "field_name",
    "term",
    "username",
    "password",
    "password1",
    "password2",
    "old_password",
    "new_password1",
    "new_password2",
    "email",
    "_popup",
    "_to_field",
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_requests_to_the_administration_cause_no_server_error(
    tenant: Tenant, browser: Client, odd: str
) -> None:
    value = ODD[odd]
    every = "&".join(f"{name}={value[:200]}" for name in _ADMIN_NAMES)
    form = {"content_type": "application/x-www-form-urlencoded"}
    for address in ADMIN:
        for query in (every, f"s=a&page={value[:5000]}", f"q={value[:5000]}", f"p={value[:5000]}"):
            answer = browser.generic("GET", address, QUERY_STRING=query)
            assert answer.status_code < 500, (address, query[:80], error_of(answer))
        answer = browser.generic("POST", address, every, **form)
        assert answer.status_code < 500, (address, error_of(answer))
    for login in (f"username={value}&password=x", f"username=root&password={value}"):
        answer = Client(raise_request_exception=False).generic(
            "POST", "/admin/login/", login, **form
        )
        assert answer.status_code < 500, (login[:80], error_of(answer))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "address",
    ["/password/{}/x/", "/password/MQ/{}/", "/t/{}/", "/admin/auth/user/{}/change/", "/{}"],
)
def test_odd_addresses_cause_no_server_error(
    tenant: Tenant, browser: Client, address: str, odd: str
) -> None:
    for visitor in (browser, Client(raise_request_exception=False)):
        for method in ("GET", "POST", "HEAD", "PUT", "OPTIONS"):
            answer = visitor.generic(method, address.format(ODD[odd]))
            assert answer.status_code < 500, (method, error_of(answer))


# How much may be sent


def test_a_long_body_of_a_stranger_is_refused_before_it_is_read(tenant: Tenant) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.get("/admin/login/")  # with the cookie, the form's token would be looked for
    for address in {*ANYWHERE, "/t/acme/mappings/vendors/import/upload/"} - {"/healthz"}:
        body = Body(80_000_000)
        answer = stranger.generic(
            "POST", address, content_type="multipart/form-data; boundary=b", **body.as_wsgi
        )
        assert answer.status_code == 413, address
        assert "None of it was read" in answer.content.decode()
        assert body.read_bytes == 0


def test_who_is_logged_in_sends_files_only_where_files_are_taken(tenant: Tenant) -> None:
    browser = Client()
    browser.force_login(builders.make_user("acc", tenant, "accountant"))
    sent = {"content_type": "multipart/form-data; boundary=b"}
    body = Body(4_000_000)
    assert browser.generic("POST", "/t/acme/sync/", **sent, **body.as_wsgi).status_code == 413
    assert body.read_bytes == 0
    upload = "/t/acme/mappings/vendors/import/upload/"
    assert browser.generic("POST", upload, **sent, **Body(4_000_000).as_wsgi).status_code == 422
    body = Body(6_000_000)
    assert browser.generic("POST", upload, **sent, **body.as_wsgi).status_code == 413
    assert body.read_bytes == 0


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 30, "²"])
def test_a_length_that_is_none_is_refused(tenant: Tenant, length: str) -> None:
    assert Client().generic("POST", "/admin/login/", CONTENT_LENGTH=length).status_code == 400


class Body:
    """The body of a request, which counts what is read of it."""

    def __init__(self, length: int) -> None:
        self.length, self.read_bytes = length, 0

    def read(self, size: int = -1) -> bytes:
        size = min(self.length - self.read_bytes, size if size >= 0 else self.length)
        self.read_bytes += size
        return b"x" * size

    readline = read

    @property
    def as_wsgi(self) -> dict[str, Any]:
        return {"CONTENT_LENGTH": str(self.length), "wsgi.input": self}


@pytest.mark.parametrize("cookie", [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "x"])
def test_a_cookie_with_a_nul_is_refused_before_anybody_is_looked_up(
    tenant: Tenant, cookie: str
) -> None:
    for address in ("/", "/t/acme/", "/admin/login/"):
        answer = Client().get(address, headers={"Cookie": f'{cookie}="a\\000b"'})
        assert answer.status_code == 400, address
