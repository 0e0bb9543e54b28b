"""Roles, capabilities, and the guard around views."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse

from audit.permissions import CAPABILITIES, can, requires
from connector.tenants.models import Membership


def test_every_role_of_a_membership_is_in_the_table() -> None:
    assert set(CAPABILITIES) == set(Membership.Role.values)


@pytest.mark.parametrize(
    ("capability", "roles"),
    [
        ("view", {"admin", "accountant", "approver", "auditor"}),
        ("map", {"accountant"}),
        ("replay", {"accountant"}),
        ("dismiss", {"accountant"}),
        ("decide", {"accountant"}),
        ("approve_vendor", {"approver"}),
        ("approve_mapping", {"approver"}),
        ("manage_connections", {"admin"}),
        ("manage_users", {"admin"}),
        ("manage_calendar", {"admin"}),
        ("manage_settings", {"admin"}),
        ("export_audit", {"admin", "auditor"}),
        ("export_mappings", {"accountant", "auditor"}),
    ],
)
def test_who_can_do_what(capability: str, roles: set[str]) -> None:
    assert {role for role in CAPABILITIES if can(role, capability)} == roles
    assert not can(None, capability)
    assert not can("stranger", capability)


def test_a_slip_in_a_capability_shows_at_once() -> None:
    with pytest.raises(ValueError, match="There is no capability 'repaly'"):
        requires("repaly")


def visit(**attributes: Any) -> HttpResponse:
    @requires("replay")
    def view(request: Any, bill_id: str) -> HttpResponse:
        return HttpResponse(bill_id)

    assert view.__name__ == "view"
    return view(SimpleNamespace(**attributes), bill_id="b1")  # type: ignore[arg-type,return-value]


def test_a_member_with_the_capability_gets_in() -> None:
    assert visit(tenant=object(), role="accountant").content == b"b1"


@pytest.mark.parametrize(
    "attributes",
    [{}, {"tenant": None, "role": "accountant"}, {"tenant": object(), "role": None}],
)
def test_a_stranger_gets_404(attributes: dict[str, Any]) -> None:
    with pytest.raises(Http404):
        visit(**attributes)


def test_a_member_without_the_capability_gets_403() -> None:
    with pytest.raises(PermissionDenied, match="auditor"):
        visit(tenant=object(), role="auditor")
