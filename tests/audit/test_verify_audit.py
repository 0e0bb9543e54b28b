"""The verify_audit command: its answer and its exit code."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit import log
from audit.models import AuditEntry
from connector.commands import CommandProblem
from connector.management.commands.verify_audit import Command
from connector.models import Tenant
from tests.audit.build import make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant()
    for number in range(3):
        log.record(tenant.pk, "t", subject_kind="k", subject_id=str(number), body={"n": number})
    log.seal(tenant.pk)
    log.record(tenant.pk, "t", subject_kind="k", subject_id="open")
    return tenant


def run(*arguments: str) -> tuple[int, str]:
    command, out = Command(), StringIO()
    call_command(command, *arguments, stdout=out)
    return command.exit_code, out.getvalue()


def run_json(*arguments: str) -> tuple[int, Any]:
    code, text = run(*arguments, "--json")
    return code, json.loads(text)


def test_a_chain_that_fits_exits_with_0(tenant: Tenant) -> None:
    assert run_json("acme") == (0, {"entries": 4, "ok": True, "first_bad": None})
    assert run("acme") == (
        0,
        "The audit chain fits: 4 entries. 1 of them wait to be sealed.\n",
    )
    log.seal(tenant.pk)
    assert run("acme") == (0, "The audit chain fits: 4 entries.\n")


def test_a_changed_entry_exits_with_1_and_is_named(tenant: Tenant) -> None:
    bad = AuditEntry.objects.get(seq=2)
    AuditEntry.objects.filter(pk=bad.pk).update(body={"n": 9})
    assert run_json("acme") == (1, {"entries": 4, "ok": False, "first_bad": str(bad.pk)})
    code, text = run("acme")
    assert code == 1
    assert "The body of entry number 2 (t) was changed." in text


def test_an_unknown_tenant_cannot_be_verified(tenant: Tenant) -> None:
    with pytest.raises(CommandProblem, match="There is no tenant 'nobody'"):
        run("nobody")
