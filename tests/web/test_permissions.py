"""Who may use which address: every row of the table, every role, strangers, and forged forms."""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.permissions import can
from connector.http_client.models import AccessToken
from connector.tenants.models import Membership, Tenant
from tests import builders
from tests.web import things
from tests.web.permissions import TABLE, Row
from tests.web.rows import SECRET

READ = [row for row in TABLE if row.method == "GET"]
ACTS = [row for row in TABLE if row.method == "POST"]
OF_SOMETHING = [row for row in TABLE if row.of]
ONLY_POST = [row for row in ACTS if row.name not in {other.name for other in READ}]
ROLES = [*Membership.Role.values, "superuser"]
GOOD = (200, 204, 302)


@pytest.fixture
def other(db: None) -> Tenant:
    return builders.make_tenant("other")


class Browser(Client):
    """Somebody's browser."""

    person: User | None = None


def somebody(tenant: Tenant, role: str, *, csrf: bool = False) -> Browser:
    """A browser of a member with this role, or of a superuser, who acts as admin."""
    browser = Browser(enforce_csrf_checks=csrf)
    if role == "superuser":
        browser.person = User.objects.create_superuser("root", "", "root")
    else:
        browser.person = builders.make_user(f"{role}-of-{tenant.slug}", tenant, role)
    browser.force_login(browser.person)
    return browser


def allowed(row: Row) -> str:
    """A role that may."""
    return next(role for role in Membership.Role.values if can(role, row.capability))


def everything(tenant: Tenant | None = None) -> dict[str, list[dict[str, Any]]]:
    """Every row of ours (of one tenant), to compare before and after."""
    found = {"people": list(User.objects.order_by("pk").values())} if tenant is None else {}
    for label in ("audit", "mappings", "connector"):
        for model in apps.get_app_config(label).get_models():
            rows = model._default_manager.order_by("pk")
            paths = [p for p in ("tenant", "posting__tenant") if _has(model, p.split("__")[0])]
            if tenant is not None:
                if not paths:
                    continue
                rows = rows.filter(reduce(Q.__or__, (Q(**{path: tenant}) for path in paths)))
            found[model._meta.label] = list(rows.values())
    return found


def _has(model: Any, name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())


class Watch:
    """Makes what a request is about in a tenant, for whoever asks, and notes what is there then."""

    def __init__(self, row: Row, tenant: Tenant, browser: Browser) -> None:
        self.row, self.browser = row, browser
        self.arguments = row.arguments(tenant, browser.person)
        self.form = row.form(tenant, self.arguments)
        self.before = everything()

    def send(self, tenant: Tenant, method: str = "") -> HttpResponse:
        """The request, at this tenant's address."""
        address = reverse(self.row.name, kwargs={"slug": tenant.slug, **self.arguments})
        headers = {"HX-Request": "true"} if self.row.piece else {}
        if (method or self.row.method) == "GET":
            query = f"?{self.row.query}" if self.row.query else ""
            return self.browser.get(address + query, headers=headers)
        return self.browser.post(address, self.form, headers=headers)

    @property
    def unchanged(self) -> bool:
        return everything() == self.before


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_each_role_gets_exactly_what_its_capabilities_say(
    tenant: Tenant, row: Row, role: str
) -> None:
    watch = Watch(row, tenant, somebody(tenant, role))
    answer = watch.send(tenant)
    if can("admin" if role == "superuser" else role, row.capability):
        assert answer.status_code in GOOD, answer.content.decode()[:2000]
        assert row.method == "POST" or watch.unchanged
        assert not (row.sure and watch.unchanged), "the second step did nothing"
    else:
        assert answer.status_code == 403
        assert watch.unchanged


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_without_login_every_address_asks_for_it(tenant: Tenant, row: Row) -> None:
    watch = Watch(row, tenant, Browser())
    answer = watch.send(tenant)
    if row.piece:  # a redirect would put the login page into the page that asked
        assert (answer.status_code, answer.content) == (401, b"You are not logged in.")
    else:
        assert answer.status_code == 302
        assert answer.url.startswith("/admin/login/?next=/t/acme/")
    assert watch.unchanged


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_a_member_of_another_tenant_finds_nothing(tenant: Tenant, other: Tenant, row: Row) -> None:
    watch = Watch(row, tenant, somebody(other, allowed(row)))
    assert watch.send(tenant).status_code == 404
    assert watch.unchanged


@pytest.mark.parametrize("row", OF_SOMETHING, ids=str)
def test_what_belongs_to_another_tenant_is_not_found_under_ones_own(
    tenant: Tenant, other: Tenant, row: Row
) -> None:
    theirs = Watch(row, other, somebody(tenant, allowed(row)))
    assert theirs.send(tenant).status_code == 404
    assert theirs.unchanged


@pytest.mark.parametrize("row", ACTS, ids=str)
def test_a_form_that_names_another_tenants_things_changes_nothing_of_theirs(
    tenant: Tenant, other: Tenant, row: Row
) -> None:
    browser = somebody(tenant, allowed(row))
    mine = row.arguments(tenant, browser.person)
    form = row.form(other, row.arguments(other))
    before = everything(other)
    answer = browser.post(reverse(row.name, kwargs={"slug": tenant.slug, **mine}), form)
    assert answer.status_code < 500
    assert everything(other) == before


@pytest.mark.parametrize("row", ONLY_POST, ids=str)
def test_looking_at_an_act_does_nothing(tenant: Tenant, row: Row) -> None:
    watch = Watch(row, tenant, somebody(tenant, allowed(row)))
    assert watch.send(tenant, "GET").status_code == 405
    assert watch.unchanged


@pytest.mark.parametrize("row", ACTS, ids=str)
def test_a_form_from_elsewhere_is_refused(tenant: Tenant, row: Row) -> None:
    watch = Watch(row, tenant, somebody(tenant, allowed(row), csrf=True))
    assert watch.send(tenant).status_code == 403
    assert watch.unchanged


@pytest.mark.parametrize("row", READ, ids=str)
def test_no_page_shows_a_secret(tenant: Tenant, row: Row) -> None:
    for system in ("ramp", "epicor"):
        AccessToken.objects.create(tenant=tenant, system=system, token=SECRET)
    tenant.ramp.webhook_secret = SECRET
    tenant.ramp.save()
    tenant.epicor.password = SECRET
    tenant.epicor.save()
    browser = somebody(tenant, allowed(row))
    things.a_bill(tenant)  # lists show one of each
    things.an_entry(tenant)
    answer = Watch(row, tenant, browser).send(tenant)
    assert answer.status_code in (200, 302)
    body = b"".join(answer) if answer.streaming else answer.content
    assert SECRET.encode() not in body
    assert SECRET not in str(answer.headers)


# The table is complete.


def patterns() -> Iterator[URLPattern]:
    """Every address below /t/<slug>/."""

    def walk(resolver: URLResolver) -> Iterator[URLPattern]:
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                yield from walk(one)
            else:
                yield one

    for one in get_resolver().url_patterns:
        if isinstance(one, URLResolver) and str(one.pattern).startswith("t/"):
            yield from walk(one)


def methods(view: Callable[..., HttpResponse]) -> set[str]:
    """What a view answers to, by its own word: it refuses what nobody asks."""
    request: HttpRequest = RequestFactory().generic("TRACE", "/")
    answer = view(request)
    assert answer.status_code == 405
    return {method.strip() for method in answer.headers["Allow"].split(",")} - {"HEAD"}


def test_every_address_is_in_the_table() -> None:
    found = list(patterns())
    names = {pattern.callback: pattern.name for pattern in found if pattern.name}
    wanted = set()
    for pattern in found:
        # The same page under a second address needs no name and no row of its own.
        name = pattern.name or names.get(pattern.callback)
        assert name, f"{pattern.pattern} has no name"
        try:
            answers = methods(pattern.callback)
        except Exception as error:
            raise AssertionError(
                f"{name} answers without looking at the method: put @require_safe or "
                "@require_POST above everything else."
            ) from error
        wanted |= {(name, method) for method in answers}
    listed = {(row.name, row.method) for row in TABLE}
    assert listed == wanted, "tests/web/permissions.py and the addresses differ"


def test_the_table_is_checked_against_the_real_addresses() -> None:
    """The walk finds pages that are known to be there; otherwise it would find nothing wrong."""
    assert {"today", "bills", "bill"} <= {pattern.name for pattern in patterns()}
