"""Importing and exporting mappings: all or nothing, on the record, checked against Epicor."""

import json

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from audit.trail.models import AuditEntry
from connector.management.base import CommandProblem
from connector.management.commands.import_mappings import Command as ImportCommand
from connector.tenants.models import Tenant
from mappings import import_export
from mappings.catalog import (
    AccountRow,
    SegmentRow,
    SegmentValueRow,
    VendorRow,
    replace_accounts,
    replace_segment_values,
    replace_segments,
    replace_vendors,
)
from mappings.decisions import require_approval
from mappings.files import MappingFileError, MappingRow
from mappings.import_export import ImportResult, UnknownKindError, export_mappings, import_mappings
from mappings.models import Dimension, DimensionMapping, GLAccountMapping, VendorMapping

pytestmark = pytest.mark.django_db
CO = "EPIC06"


@pytest.fixture
def tenant():
    return Tenant.objects.create(slug="acme", name="Acme", time_zone="UTC")


def row(ramp_id, epicor_id, number=2, *, ramp_name="", epicor_name="", company=""):
    return MappingRow(number, ramp_id, ramp_name, epicor_id, epicor_name, company)


def run(tenant, kind, *rows):
    return import_mappings(tenant.pk, kind, rows, actor="clerk")


def dimension(tenant, kind="cost_centers", segment=2):
    return Dimension.objects.create(
        tenant=tenant, ramp_field=kind.removeprefix("dimension:"), segment=segment, kind=kind
    )


def trail(tenant):
    return [
        (entry.action, entry.subject_id, entry.actor, entry.body, entry.changes)
        for entry in AuditEntry.objects.filter(tenant=tenant)
    ]


def test_rows_are_created_updated_or_left_alone(tenant):
    run(tenant, "vendors", row("v-1", "A", ramp_name="One"), row("v-2", "B"), row("v-9", "Z"))
    AuditEntry.objects.all().delete()
    result = run(
        tenant,
        "vendors",
        row("v-1", "A2", epicor_name="Two"),
        row("v-2", "B"),
        row("v-3", "C"),
        row("v-1", "D", company=CO),
    )
    assert result == ImportResult("vendors", created=2, updated=1, unchanged=1)
    stored = VendorMapping.objects.order_by("company", "ramp_id").values_list(
        "company", "ramp_id", "ramp_name", "epicor_id", "epicor_name", "updated_by"
    )
    assert list(stored) == [
        ("", "v-1", "One", "A2", "Two", "clerk"),
        ("", "v-2", "", "B", "", "clerk"),
        ("", "v-3", "", "C", "", "clerk"),
        ("", "v-9", "", "Z", "", "clerk"),
        (CO, "v-1", "", "D", "", "clerk"),
    ]


def test_each_change_is_on_the_record_with_before_and_after(tenant):
    run(tenant, "gl_accounts", row("a-1", "6000|01"))
    run(tenant, "gl_accounts", row("a-1", "6100|01", ramp_name="Rent", company=""))
    new = {"epicor_id": [None, "6000|01"], "epicor_name": [None, ""], "ramp_name": [None, ""]}
    other = {"epicor_id": ["6000|01", "6100|01"], "epicor_name": ["", ""]}
    other["ramp_name"] = ["", "Rent"]
    key = {"kind": "gl_accounts", "company": "", "ramp_id": "a-1", "source": "import"}
    assert trail(tenant) == [
        ("mapping_created", "gl_accounts:a-1", "clerk", key, new),
        ("mapping_changed", "gl_accounts:a-1", "clerk", key, other),
    ]


def test_an_update_is_timed(tenant):
    run(tenant, "vendors", row("v-1", "A"))
    first = VendorMapping.objects.get().updated_at
    run(tenant, "vendors", row("v-1", "A"))
    assert VendorMapping.objects.get().updated_at == first
    run(tenant, "vendors", row("v-1", "B"))
    assert VendorMapping.objects.get().updated_at > first


def test_one_wrong_row_and_nothing_changes(tenant):
    result = run(tenant, "vendors", row("v-1", "A", 2), row("v-2", "", 3))
    assert result == ImportResult(
        "vendors",
        0,
        0,
        0,
        ((3, "The Epicor target (epicor_id) is blank; name it or leave the row out."),),
    )
    assert not VendorMapping.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row("", "A"), "The Ramp id (ramp_id) is blank"),
        (row("v", ""), "The Epicor target (epicor_id) is blank"),
        (row("v" * 256, "A"), "ramp_id is longer than 255 characters"),
        (row("v", "A", company="C" * 17), "company is longer than 16 characters"),
        (row("v", "A\x00"), "epicor_id contains a character"),
    ],
)
def test_a_row_that_cannot_be_stored_is_named(tenant, bad, words):
    ((number, message),) = run(tenant, "vendors", bad).errors
    assert number == 2
    assert words in message


def test_a_reference_twice_in_a_file_is_an_error_unless_the_company_differs(tenant):
    errors = run(tenant, "vendors", row("v", "A", 2), row("v", "A", 7)).errors
    assert errors == ((7, "ramp_id 'v' is in row 2 already; keep one of them."),)
    assert run(tenant, "vendors", row("v", "A", 2), row("v", "A", 3, company=CO)).created == 2


# Targets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epicor_id", "company", "error"),
    [
        ("ACME", "", ""),
        ("ACME", CO, ""),
        ("HOOLI", "", ""),
        ("HOOLI", CO, "Company EPIC06 has no vendor 'HOOLI'"),
        ("NOBODY", "", "No company has vendor 'NOBODY'"),
        ("ACME", "EPIC99", "Company 'EPIC99' is not one of EPIC06, EPIC07"),
    ],
)
def test_a_vendor_must_exist_where_the_mapping_applies(tenant, epicor_id, company, error):
    replace_vendors(tenant.pk, CO, [VendorRow(1, "ACME", "Acme")])
    replace_vendors(tenant.pk, "EPIC07", [VendorRow(1, "HOOLI", "Hooli")])
    errors = run(tenant, "vendors", row("v", epicor_id, company=company)).errors
    assert [message.partition(";")[0] for _, message in errors] == ([error] if error else [])


@pytest.mark.parametrize(
    ("dynamic", "account", "ok"),
    [
        (False, "6000|000", True),
        (False, "6000|410", False),
        (True, "6000|410", True),
        (True, "6000|999", False),
        (True, "6000", False),
    ],
)
def test_an_account_must_be_listed_or_possible(tenant, dynamic, account, ok):
    replace_accounts(tenant.pk, CO, [AccountRow("6000|000", active=False)])
    replace_segments(tenant.pk, CO, [SegmentRow(1, "N"), SegmentRow(2, "CC", dynamic)])
    values = [SegmentValueRow(1, "6000"), SegmentValueRow(2, "410", active=False)]
    replace_segment_values(tenant.pk, CO, values)
    assert (not run(tenant, "gl_accounts", row("a", account)).errors) == ok


@pytest.mark.parametrize(("code", "ok"), [("410", True), ("6000", False), ("999", False)])
def test_a_segment_value_must_exist_in_the_dimensions_segment(tenant, code, ok):
    dimension(tenant)
    replace_segment_values(tenant.pk, CO, [SegmentValueRow(1, "6000"), SegmentValueRow(2, "410")])
    result = run(tenant, "cost_centers", row("cc-1", code))
    assert (not result.errors) == ok
    assert DimensionMapping.objects.filter(field="cost_centers").count() == ok
    if not ok:
        assert "No company has value in segment 2 " in result.errors[0][1]


def test_without_a_catalog_any_target_passes(tenant):
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    replace_vendors(other.pk, CO, [VendorRow(1, "ACME", "Acme")])
    assert run(tenant, "vendors", row("v", "ANY", company="X")).created == 1
    assert run(tenant, "gl_accounts", row("a", "ANY")).created == 1
    assert run(tenant, "cost_centers", row("cc", "ANY")).created == 1


# Kinds ------------------------------------------------------------------------------------------


def test_a_dimension_is_stored_under_its_field(tenant):
    dimension(tenant, "dimension:project")
    assert run(tenant, "dimension:project", row("p-1", "01")).created == 1
    assert DimensionMapping.objects.get().field == "project"
    assert export_mappings(tenant.pk, "cost_centers") == []
    assert export_mappings(tenant.pk, "dimension:project") == [row("p-1", "01")]


@pytest.mark.parametrize("kind", ["vendor", "", "dimension:project"])
def test_an_unknown_kind_is_refused_with_those_there_are(tenant, kind):
    with pytest.raises(UnknownKindError, match="use one of vendors, gl_accounts, cost_centers"):
        run(tenant, kind)
    with pytest.raises(UnknownKindError):
        export_mappings(tenant.pk, kind)


def test_an_export_belongs_to_one_tenant_and_comes_back_unchanged(tenant):
    other = Tenant.objects.create(slug="other", name="Other", time_zone="UTC")
    run(other, "vendors", row("theirs", "X"))
    run(tenant, "vendors", row("v-2", "B", ramp_name="=1+1"), row("v-1", "A", company=CO))
    rows = export_mappings(tenant.pk, "vendors")
    assert rows == [row("v-2", "B", 2, ramp_name="=1+1"), row("v-1", "A", 3, company=CO)]
    assert run(tenant, "vendors", *rows) == ImportResult("vendors", 0, 0, 2)


# Size and races ---------------------------------------------------------------------------------


def test_thousands_of_rows_cost_a_few_queries_each_thousand(tenant):
    replace_vendors(tenant.pk, CO, [VendorRow(n, f"V{n}", "x") for n in range(3000)])
    rows = [row(f"r-{n}", f"V{n}", n + 2) for n in range(3000)]
    assert run(tenant, "vendors", *rows).created == 3000
    with CaptureQueriesContext(connection) as queries:
        assert run(tenant, "vendors", *rows).unchanged == 3000
    assert len(queries) <= 10


def test_two_imports_at_the_same_moment_are_explained(tenant, monkeypatch):
    def lost_the_race(*_args, **_named):
        raise IntegrityError

    monkeypatch.setattr(import_export, "apply", lost_the_race)
    with pytest.raises(MappingFileError, match="at the same moment"):
        run(tenant, "vendors", row("v", "A"))


# Commands ---------------------------------------------------------------------------------------

CSV = "ramp_id,ramp_name,epicor_id,epicor_name,company\nv-1,=Acme,ACME,Acme Inc,EPIC06\n"
SAFE = CSV.replace("=", "'=")


def test_the_commands_take_a_file_in_and_give_it_out(tenant, tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text(CSV)
    call_command("import_mappings", "acme", "vendors", str(source))
    assert capsys.readouterr().out == "vendors: 1 created, 0 updated, 0 unchanged.\n"
    call_command("export_mappings", "acme", "vendors")
    assert capsys.readouterr().out == SAFE
    call_command("export_mappings", "acme", "vendors", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "kind": "vendors",
        "rows": [
            {
                "ramp_id": "v-1",
                "ramp_name": "=Acme",
                "epicor_id": "ACME",
                "epicor_name": "Acme Inc",
                "company": "EPIC06",
            }
        ],
    }
    for name in ("out.csv", "out.xlsx"):
        output = tmp_path / name
        call_command("export_mappings", "acme", "vendors", "--output", str(output))
        assert f"1 mappings of vendors written to {output}." in capsys.readouterr().out
        call_command("import_mappings", "acme", "vendors", str(output), "--json")
        assert json.loads(capsys.readouterr().out) == {
            "kind": "vendors",
            "created": 0,
            "updated": 0,
            "unchanged": 1,
            "errors": [],
        }


@pytest.mark.parametrize("as_json", [True, False])
def test_wrong_rows_are_listed_and_the_exit_code_is_one(tenant, tmp_path, capsys, as_json):
    source = tmp_path / "in.csv"
    source.write_text("ramp_id,ramp_name,epicor_id,epicor_name\nv-1,,,\n")
    command = ImportCommand()
    options = ["--json"] if as_json else []
    call_command(command, "acme", "vendors", str(source), *options)
    out = capsys.readouterr().out
    assert command.exit_code == 1
    message = "The Epicor target (epicor_id) is blank; name it or leave the row out."
    if as_json:
        assert json.loads(out)["errors"] == [{"row": 2, "message": message}]
    else:
        assert out == (
            f"Row 2: {message}\nNothing was changed. Correct these rows and import again.\n"
        )
    assert AuditEntry.objects.count() == 0


def test_a_file_that_waits_for_approval_is_said_to_with_exit_code_one(tenant, tmp_path, capsys):
    require_approval(tenant.pk, needed=True, actor="boss")
    source = tmp_path / "in.csv"
    source.write_text(CSV)
    command = ImportCommand()
    call_command(command, "acme", "vendors", str(source))
    assert command.exit_code == 1
    assert "1 changes wait for somebody to approve them" in capsys.readouterr().out
    assert not VendorMapping.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import_mappings", "acme", "vendors", "none.csv"], "none.csv cannot be read"),
        (["export_mappings", "acme", "colors"], "no mapping kind 'colors'"),
        (["export_mappings", "acme", "vendors", "--output", "x.pdf"], "neither .csv nor .xlsx"),
        (["export_mappings", "acme", "vendors", "--output", "/none/x.csv"], "cannot be written"),
        (["export_mappings", "nobody", "vendors"], "There is no tenant 'nobody'"),
    ],
)
def test_what_cannot_run_says_so_with_exit_code_two(tenant, arguments, words):
    with pytest.raises(CommandProblem, match=words) as caught:
        call_command(*arguments)
    assert caught.value.returncode == 2


def test_gl_account_mappings_have_a_table_of_their_own(tenant):
    run(tenant, "gl_accounts", row("a-1", "6000|01"))
    assert GLAccountMapping.objects.get().epicor_id == "6000|01"
    assert not VendorMapping.objects.exists()
