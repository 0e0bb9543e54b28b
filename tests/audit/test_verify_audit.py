"""The verify_audit command: its answer and its exit code."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit.trail import heads, log
from audit.trail.models import AuditEntry, Chain
from connector.management.base import CommandProblem
from connector.management.commands.restart_audit import Command as Restart
from connector.management.commands.verify_audit import Command
from connector.tenants.models import Tenant
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


def head() -> str:
    chain = Chain.objects.get()
    return f"{chain.last_seq}:{chain.last_mac}"


def test_a_chain_that_fits_exits_with_0(tenant: Tenant) -> None:
    fits = {"entries": 4, "earlier": 0, "ok": True, "first_bad": None, "head": head()}
    assert run_json("acme") == (0, fits)
    assert run("acme") == (
        0,
        f"The audit chain fits: 4 entries. 1 of them wait to be sealed.\nHead: {head()}\n",
    )
    log.seal(tenant.pk)
    assert run("acme") == (0, f"The audit chain fits: 4 entries.\nHead: {head()}\n")


def test_a_changed_entry_exits_with_1_and_is_named(tenant: Tenant) -> None:
    bad = AuditEntry.objects.get(seq=2)
    AuditEntry.objects.filter(pk=bad.pk).update(body={"n": 9})
    broken = {"entries": 4, "earlier": 0, "ok": False, "first_bad": str(bad.pk), "head": head()}
    assert run_json("acme") == (1, broken)
    code, text = run("acme")
    assert code == 1
    assert "The body of entry number 2 was changed. Restore the database" in text


def test_no_head_on_file_is_said_and_is_no_finding(tenant: Tenant) -> None:
    file = heads.path(tenant.pk)
    assert "on file" not in run("acme")[1]
    file.unlink()
    code, text = run("acme")
    assert code == 0
    assert "No head is on file here, " in text
    AuditEntry.objects.all().delete()
    Chain.objects.all().delete()
    assert "on file" not in run("acme")[1]  # nothing is sealed, so nothing is missed


def test_an_unknown_tenant_cannot_be_verified(tenant: Tenant) -> None:
    with pytest.raises(CommandProblem, match="There is no tenant 'nobody'"):
        run("nobody")


def test_a_head_noted_before_is_compared(tenant: Tenant) -> None:
    before = head()
    log.seal(tenant.pk)
    assert run("acme", "--expect", before)[0] == 0
    code, document = run_json("acme", "--expect", f"4:{'0' * 64}")
    assert (code, document["ok"], document["first_bad"]) == (1, False, "#4")
    code, text = run("acme", "--expect", f"9:{'0' * 64}")
    assert code == 1
    assert "What was expected has entry number 9; this chain ends with number 4." in text


@pytest.mark.parametrize("text", ["", "3", "3:abc", "x:" + "0" * 64])
def test_what_is_no_head_is_one_sentence(tenant: Tenant, text: str) -> None:
    with pytest.raises(CommandProblem, match="is no head of a chain"):
        run("acme", "--expect", text)


def set_back(tenant: Tenant) -> None:
    """As a restored backup leaves it: the file beside the database knows more."""
    first = Chain.objects.get()
    log.seal(tenant.pk)
    AuditEntry.objects.filter(seq__gt=first.last_seq).delete()
    first.save()


def test_a_restored_database_is_told_with_its_cure_and_acknowledged(tenant: Tenant) -> None:
    set_back(tenant)
    code, text = run("acme")
    assert code == 1
    assert "The file beside the database has entry number 4; this chain ends with number 3" in text
    assert 'run: verify_audit acme --acknowledge "the reason"' in text
    code, text = run("acme", "--acknowledge", "Monday's backup")
    assert code == 0
    assert text.startswith("The audit chain fits: 4 entries.\nAcknowledged, with ")
    entry = AuditEntry.objects.get(action="audit.acknowledged")
    assert entry.body["reason"] == "Monday's backup"
    assert entry.actor.endswith("(command line)")


def test_acknowledging_needs_a_reason_and_something_to_acknowledge(tenant: Tenant) -> None:
    with pytest.raises(CommandProblem, match=r"nothing to acknowledge\. Nothing was changed"):
        run("acme", "--acknowledge", "so")
    set_back(tenant)
    with pytest.raises(CommandProblem, match="Say why"):
        run("acme", "--acknowledge", " ")


# -- restart_audit ---------------------------------------------------------------------------------


def restart(*arguments: str) -> tuple[int, str]:
    command, out = Restart(), StringIO()
    call_command(command, *arguments, stdout=out)
    return command.exit_code, out.getvalue()


def test_a_damaged_chain_is_begun_anew_behind_what_proves_nothing(tenant: Tenant) -> None:
    AuditEntry.objects.filter(seq=2).update(body={"n": 9})
    code, text = restart("acme", "--reason", "A disk broke.")
    assert (code, text) == (
        0,
        "The audit chain of acme begins anew after entry number 4; nothing before it is proven "
        "any more.\n",
    )
    code, text = run("acme")
    assert code == 0
    assert "The first 4 belong to a chain that was given up; they prove nothing." in text
    assert run_json("acme")[1]["earlier"] == 4
    assert AuditEntry.objects.get(seq=5).body["reason"] == "A disk broke."
    AuditEntry.objects.filter(seq=5).update(actor="Eve")
    assert run("acme")[0] == 1


def test_a_chain_whose_row_is_gone_is_begun_anew(tenant: Tenant) -> None:
    Chain.objects.all().delete()
    assert run("acme")[0] == 1
    assert restart("acme", "--reason", "Somebody deleted it.", "--json") == (
        0,
        '{\n  "restarted": {\n    "acme": 4\n  }\n}\n',
    )
    assert run("acme")[0] == 0


def test_a_lost_key_is_replaced_for_all_tenants(tenant: Tenant, settings: Any) -> None:
    make_tenant("other")
    settings.AUDIT_KEY = "a new key, as the old one is lost"
    with pytest.raises(CommandProblem, match="AUDIT_KEY does not belong to this database"):
        run("acme")
    with pytest.raises(CommandProblem, match="use --all"):
        restart("acme", "--reason", "lost")
    with pytest.raises(CommandProblem, match="Say why"):
        restart("--all", "--reason", " ")
    assert restart("--all", "--reason", "lost")[0] == 0
    assert run("acme")[0] == run("other")[0] == 0
