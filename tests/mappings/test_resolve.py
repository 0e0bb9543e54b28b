"""Cases of mappings.resolve: what a bill's references become, and every way they can fail."""

from dataclasses import replace
from datetime import date

import pytest

from connector.domain.errors import Reason, UnmappedError
from mappings.coding import (
    CodingRequest,
    CurrencyTarget,
    DimensionRule,
    Field,
    FieldChoice,
    LineRequest,
    Ref,
    Tables,
    Validity,
    VendorTarget,
)
from mappings.resolve import resolve

CO = "EPIC06"
DAY = date(2026, 11, 3)
ACME = Ref("v-1", "Acme")
HOSTING = Ref("acct-1", "Cloud hosting")
SALES = Ref("cc-1", "Sales")
COST_CENTER = DimensionRule("cost_center", 3, "cost_centers", "000")

TABLES = Tables(
    vendor_mappings={("", "v-1"): "ACME"},
    account_mappings={("", "acct-1"): "6000|01|000"},
    dimension_mappings={("", "cost_centers", "cc-1"): "410"},
    currencies={"USD": "USD"},
    dimensions=(COST_CENTER,),
    issued={
        "vendors": frozenset({"GLOBEX"}),
        "gl_accounts": frozenset(),
        "cost_centers": frozenset(),
    },
    vendors={
        (CO, "ACME"): VendorTarget(101, "ACME", "Acme Office Supply", "N30"),
        (CO, "GLOBEX"): VendorTarget(104, "GLOBEX", "Globex", "N15"),
    },
    accounts={(CO, "6000|01|000"): Validity(), (CO, "6000|01|410"): Validity()},
    segments={(CO, 1): False, (CO, 2): False, (CO, 3): False},
    segment_values={
        (CO, 1, "6000"): Validity(),
        (CO, 2, "01"): Validity(),
        (CO, 3, "000"): Validity(),
        (CO, 3, "410"): Validity(),
        (CO, 3, "777"): Validity(),
    },
    terms=frozenset({(CO, "N30"), (CO, "N15")}),
    epicor_currencies={(CO, "USD"): CurrencyTarget(2)},
)
DYNAMIC = replace(TABLES, segments={(CO, 1): False, (CO, 2): False, (CO, 3): True})


def line(account=HOSTING, **dimensions):
    chosen = (FieldChoice(Field(name, type="OTHER"), (ref,)) for name, ref in dimensions.items())
    return LineRequest(() if account is None else (account,), tuple(chosen))


def bill(*lines, **changes):
    request = CodingRequest(
        company=CO,
        vendor=ACME,
        vendor_remote_id="",
        currency="USD",
        default_terms="",
        apply_on=DAY,
        lines=lines or (line(),),
    )
    return replace(request, **changes)


def gaps(request, tables):
    with pytest.raises(UnmappedError) as caught:
        resolve(request, tables)
    return caught.value.gaps


def only_gap(request, tables):
    found = gaps(request, tables)
    assert len(found) == 1, found
    return found[0]


def test_a_whole_bill_is_coded_with_its_reasons():
    coding = resolve(bill(line(cost_center=SALES), line()), TABLES)
    assert coding.as_json() == {
        "company": CO,
        "vendor_id": "ACME",
        "vendor_num": 101,
        "vendor_name": "Acme Office Supply",
        "terms_code": "N30",
        "currency_code": "USD",
        "lines": [
            {
                "account": "6000|01|410",
                "why": [
                    "Account 6000|01|000: the mapping of Cloud hosting (acct-1) for every company.",
                    "Segment 3 410: the mapping of Sales (cc-1) for every company.",
                ],
                "unused": [],
            },
            {
                "account": "6000|01|000",
                "why": [
                    "Account 6000|01|000: the mapping of Cloud hosting (acct-1) for every company.",
                    "Segment 3 000: the default of cost_center.",
                ],
                "unused": [],
            },
        ],
        "why": [
            "Vendor ACME: the mapping of Acme (v-1) for every company.",
            "Terms N30: vendor ACME.",
            "Currency USD: the currency map in the settings, for USD.",
        ],
    }


# Vendor -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "remote_id", "vendor_id"),
    [
        ({("", "v-1"): "ACME"}, "", "ACME"),
        ({("", "v-1"): "ACME", (CO, "v-1"): "GLOBEX"}, "", "GLOBEX"),
        ({("", "v-1"): "GLOBEX", (CO, "v-1"): "ACME"}, "GLOBEX", "ACME"),
        ({("", "v-1"): "ACME", ("OTHER", "v-1"): "GLOBEX"}, "", "ACME"),
        ({}, "GLOBEX", "GLOBEX"),
    ],
)
def test_the_mapping_of_the_company_wins_then_the_general_one_then_our_upload(
    mapping, remote_id, vendor_id
):
    tables = replace(TABLES, vendor_mappings=mapping)
    assert resolve(bill(vendor_remote_id=remote_id), tables).vendor_id == vendor_id


def test_a_remote_id_that_we_did_not_upload_is_not_trusted():
    tables = replace(TABLES, vendor_mappings={})
    gap = only_gap(bill(vendor_remote_id="ACME"), tables)
    assert (gap.reason, gap.kind, gap.ramp_id, gap.name, gap.company) == (
        Reason.VENDOR_UNMAPPED,
        "vendors",
        "v-1",
        "Acme",
        CO,
    )
    assert gap.message == (
        "Vendor Acme (v-1) has no Epicor vendor. Ramp holds 'ACME' for it, which did not come from"
        " our own connection and is therefore not trusted."
    )


def test_a_vendor_without_anything_is_unmapped():
    gap = only_gap(bill(), replace(TABLES, vendor_mappings={}))
    assert (gap.reason, gap.message) == (
        Reason.VENDOR_UNMAPPED,
        "Vendor Acme (v-1) has no Epicor vendor.",
    )


def test_a_mapped_vendor_that_the_company_does_not_have_is_unusable():
    gap = only_gap(bill(), replace(TABLES, vendors={}))
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.VENDOR_UNUSABLE, "vendors", "v-1")
    assert "is not a vendor of EPIC06" in gap.message
    assert gap.facts == ("missing", "ACME")


def test_an_inactive_vendor_is_unusable():
    vendors = {(CO, "ACME"): VendorTarget(101, "ACME", "Acme", "N30", inactive=True)}
    gap = only_gap(bill(), replace(TABLES, vendors=vendors))
    assert gap.reason == Reason.VENDOR_UNUSABLE
    assert gap.message == (
        "Vendor ACME, named by the mapping of Acme (v-1) for every company, is inactive in EPIC06."
    )
    assert gap.facts == ("inactive", "ACME")


# Terms and currency -----------------------------------------------------------------------------


def without_terms():
    return replace(TABLES, vendors={(CO, "ACME"): VendorTarget(101, "ACME", "Acme")})


def test_the_default_terms_stand_in_for_a_vendor_without_terms():
    coding = resolve(bill(default_terms="N15"), without_terms())
    assert coding.terms_code == "N15"
    assert "Terms N15: the default terms in the settings." in coding.why


def test_the_vendors_terms_win_over_the_default():
    assert resolve(bill(default_terms="N15"), TABLES).terms_code == "N30"


@pytest.mark.parametrize(
    ("tables", "default", "message"),
    [
        (without_terms(), "", "Vendor ACME has no terms and the settings have no default terms."),
        (
            without_terms(),
            "N99",
            "Terms N99, from the default terms in the settings, do not exist in EPIC06.",
        ),
        (
            replace(TABLES, terms=frozenset({("OTHER", "N30")})),
            "",
            "Terms N30, from vendor ACME, do not exist in EPIC06.",
        ),
    ],
)
def test_terms_that_epicor_does_not_have_are_a_gap(tables, default, message):
    gap = only_gap(bill(default_terms=default), tables)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.VENDOR_UNUSABLE, "terms", "v-1")
    assert gap.message == message


TWO, OFF = CurrencyTarget(2), CurrencyTarget(2, inactive=True)


@pytest.mark.parametrize(("needed", "kept"), [(3, 2), (2, 0), (1, 0)])
def test_amounts_that_epicor_would_round_are_held_before_the_first_write(needed, kept):
    tables = replace(TABLES, epicor_currencies={(CO, "USD"): CurrencyTarget(kept)})
    gap = only_gap(bill(decimals=needed), tables)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.INVALID_BILL, "decimals", "USD")
    assert f"{needed} decimals" in gap.message
    assert resolve(bill(decimals=kept), tables).currency_code == "USD"


@pytest.mark.parametrize(
    ("currencies", "catalog", "words"),
    [
        ({}, {(CO, "USD"): TWO}, "has no Epicor currency"),
        ({"USD": "US"}, {(CO, "USD"): TWO}, "stands for US, which is unknown or inactive"),
        ({"USD": "USD"}, {(CO, "USD"): OFF}, "stands for USD, which is unknown or inactive"),
        ({"USD": "USD"}, {("OTHER", "USD"): TWO}, "unknown or inactive in EPIC06"),
    ],
)
def test_a_currency_without_usable_epicor_currency_is_a_gap(currencies, catalog, words):
    gap = only_gap(bill(), replace(TABLES, currencies=currencies, epicor_currencies=catalog))
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.INVALID_BILL, "currency", "USD")
    assert words in gap.message


def test_the_currency_is_translated():
    tables = replace(TABLES, currencies={"USD": "US$"}, epicor_currencies={(CO, "US$"): TWO})
    assert resolve(bill(), tables).currency_code == "US$"


# GL account -------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", [None, Ref("", "")])
def test_a_line_without_account_is_unmapped_by_its_number(account):
    gap = only_gap(bill(line(), line(account)), TABLES)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.ACCOUNT_UNMAPPED, "gl_accounts", "")
    assert gap.message == "Line 2: no GL account is chosen in Ramp."


def test_the_same_gap_on_many_lines_is_one_gap():
    unknown = Ref("acct-9", "Mystery")
    found = gaps(bill(*[line(unknown)] * 2), TABLES)
    assert [gap.message for gap in found] == [
        "Lines 1 and 2: account Mystery (acct-9) has no Epicor GL account."
    ]
    found = gaps(bill(line(), *[line(unknown)] * 7), TABLES)
    assert [gap.message for gap in found] == [
        "Lines 2, 3, 4, 5, 6 and 2 more: account Mystery (acct-9) has no Epicor GL account."
    ]


def test_a_company_specific_account_mapping_wins():
    tables = replace(
        TABLES,
        account_mappings={("", "acct-1"): "6000|01|000", (CO, "acct-1"): "6000|01|410"},
        dimensions=(),
    )
    assert resolve(bill(), tables).lines[0].account == "6000|01|410"


def issued(**kinds):
    return {kind: frozenset(ids) for kind, ids in kinds.items()}


@pytest.mark.parametrize(
    ("account", "uploaded", "reason"),
    [
        ("6000|01|000", ["6000|01|000"], None),
        ("6000|01|000", [], Reason.ACCOUNT_UNMAPPED),  # listed, but not ours
        ("6100|01|000", ["6100|01|000"], Reason.ACCOUNT_UNMAPPED),  # ours, but not in the chart
    ],
)
def test_an_account_stands_for_itself_only_when_we_uploaded_it_and_it_is_listed(
    account, uploaded, reason
):
    tables = replace(TABLES, issued=issued(gl_accounts=uploaded))
    request = bill(line(Ref(account, "")))
    if reason is None:
        assert resolve(request, tables).lines[0].account == account
    else:
        assert only_gap(request, tables).reason == reason


def test_a_mapping_beats_an_uploaded_account():
    tables = replace(
        TABLES,
        account_mappings={("", "6000|01|000"): "6000|01|410"},
        issued=issued(gl_accounts=["6000|01|000"]),
        dimensions=(),
    )
    assert resolve(bill(line(Ref("6000|01|000", ""))), tables).lines[0].account == "6000|01|410"


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        (Validity(active=False), "account 6000|01|000 is inactive."),
        (Validity(effective_from=date(2026, 11, 4)), "is not effective before 2026-11-04."),
        (Validity(effective_to=date(2026, 11, 2)), "is not effective after 2026-11-02."),
    ],
)
def test_an_account_that_cannot_be_used_that_day_names_line_account_and_mapping(validity, words):
    tables = replace(TABLES, accounts={(CO, "6000|01|000"): validity})
    gap = only_gap(bill(), tables)
    assert (gap.reason, gap.kind, gap.ramp_id) == (
        Reason.ACCOUNT_UNUSABLE,
        "gl_accounts",
        "acct-1",
    )
    assert gap.message.startswith("Line 1: account 6000|01|000 ")
    assert words in gap.message
    assert "the mapping of Cloud hosting (acct-1) for every company" in gap.message


@pytest.mark.parametrize("edge", [Validity(effective_from=DAY), Validity(effective_to=DAY)])
def test_the_first_and_the_last_effective_day_count(edge):
    tables = replace(TABLES, accounts={(CO, "6000|01|000"): edge})
    assert resolve(bill(), tables).lines[0].account == "6000|01|000"


# The chart --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        (Validity(active=False), "is inactive"),
        (Validity(effective_to=date(2026, 11, 2)), "is not effective after 2026-11-02"),
    ],
)
def test_a_listed_account_with_a_segment_value_that_is_off_is_a_gap(validity, words):
    values = {**TABLES.segment_values, (CO, 3, "410"): validity}
    tables = replace(TABLES, segment_values=values)
    gap = only_gap(bill(line(cost_center=SALES)), tables)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.ACCOUNT_UNUSABLE, "cost_centers", "cc-1")
    assert f"needs '410' in segment 3, which {words}" in gap.message


def test_a_listed_account_may_have_a_segment_value_that_is_not_mirrored():
    values = {key: value for key, value in TABLES.segment_values.items() if key[2] != "410"}
    tables = replace(TABLES, segment_values=values)
    assert resolve(bill(line(cost_center=SALES)), tables).lines[0].account == "6000|01|410"


def test_an_unlisted_account_needs_a_dynamic_segment():
    tables = replace(TABLES, dimension_mappings={("", "cost_centers", "cc-1"): "777"})
    request = bill(line(cost_center=SALES))
    gap = only_gap(request, tables)
    assert (gap.reason, gap.kind) == (Reason.ACCOUNT_UNUSABLE, "gl_accounts")
    assert "account 6000|01|777 is not in the chart of accounts of EPIC06" in gap.message
    dynamic = replace(tables, segments=DYNAMIC.segments)
    assert resolve(request, dynamic).lines[0].account == "6000|01|777"


@pytest.mark.parametrize(
    ("code", "values", "words"),
    [
        ("999", {}, "needs '999' in segment 3, which EPIC06 does not have"),
        ("999", {(CO, 3, "999"): Validity(active=False)}, "in segment 3, which is inactive"),
        (
            "999",
            {(CO, 3, "999"): Validity(effective_to=date(2025, 12, 31))},
            "which is not effective after 2025-12-31",
        ),
    ],
)
def test_a_bad_segment_value_is_a_gap_of_its_dimension(code, values, words):
    tables = replace(
        DYNAMIC,
        dimension_mappings={("", "cost_centers", "cc-1"): code},
        segment_values={**DYNAMIC.segment_values, **values},
    )
    gap = only_gap(bill(line(cost_center=SALES)), tables)
    assert (gap.reason, gap.kind, gap.ramp_id, gap.name) == (
        Reason.ACCOUNT_UNUSABLE,
        "cost_centers",
        "cc-1",
        "Sales",
    )
    assert words in gap.message


def test_a_bad_default_is_a_gap_of_its_field():
    tables = replace(DYNAMIC, dimensions=(replace(COST_CENTER, default="999"),))
    gap = only_gap(bill(), tables)
    assert (gap.kind, gap.ramp_id, gap.name) == ("cost_centers", "", "cost_center")


def test_a_bad_value_of_the_account_itself_is_a_gap_of_the_account():
    tables = replace(DYNAMIC, account_mappings={("", "acct-1"): "6000|99|000"})
    gap = only_gap(bill(line(cost_center=SALES)), tables)
    assert (gap.kind, gap.ramp_id) == ("gl_accounts", "acct-1")
    assert "needs '99' in segment 2" in gap.message


@pytest.mark.parametrize("whole", ["6000|01", "6000|01|000|1"])
def test_an_account_of_another_shape_is_not_in_the_chart(whole):
    tables = replace(DYNAMIC, account_mappings={("", "acct-1"): whole}, dimensions=())
    assert "is not in the chart of accounts" in only_gap(bill(), tables).message


def test_a_dimension_beyond_the_accounts_segments_is_a_gap():
    tables = replace(
        TABLES,
        account_mappings={("", "acct-1"): "6000|01"},
        accounts={(CO, "6000|01"): Validity()},
    )
    gap = only_gap(bill(), tables)
    assert gap.reason == Reason.ACCOUNT_UNUSABLE
    assert gap.message == "Line 1: account 6000|01 has no segment 3 to overwrite."


# Dimensions -------------------------------------------------------------------------------------


def test_without_selection_and_default_the_accounts_own_segment_stays():
    tables = replace(
        TABLES,
        account_mappings={("", "acct-1"): "6000|01|410"},
        dimensions=(replace(COST_CENTER, default=""),),
    )
    coding = resolve(bill(), tables)
    assert coding.lines[0].account == "6000|01|410"
    assert coding.lines[0].why == (
        "Account 6000|01|410: the mapping of Cloud hosting (acct-1) for every company.",
    )


def test_a_chosen_but_unmapped_option_is_a_gap_even_with_a_default():
    gap = only_gap(bill(line(cost_center=Ref("cc-9", "Moon base"))), TABLES)
    assert (gap.reason, gap.kind, gap.ramp_id, gap.name) == (
        Reason.DIMENSION_UNMAPPED,
        "cost_centers",
        "cc-9",
        "Moon base",
    )
    assert gap.message == "Line 1: cost_center Moon base (cc-9) has no value for segment 3."


def test_a_company_specific_dimension_mapping_wins():
    tables = replace(
        TABLES,
        dimension_mappings={
            ("", "cost_centers", "cc-1"): "999",
            (CO, "cost_centers", "cc-1"): "410",
        },
    )
    assert resolve(bill(line(cost_center=SALES)), tables).lines[0].account == "6000|01|410"


@pytest.mark.parametrize(
    ("uploaded", "option", "ok"),
    [(["410"], "410", True), ([], "410", False), (["888"], "888", False)],
)
def test_an_option_stands_for_itself_only_when_we_uploaded_it_and_it_exists(uploaded, option, ok):
    tables = replace(TABLES, issued=issued(cost_centers=uploaded))
    request = bill(line(cost_center=Ref(option, "")))
    if ok:
        assert resolve(request, tables).lines[0].account == "6000|01|410"
    else:
        assert only_gap(request, tables).reason == Reason.DIMENSION_UNMAPPED


def test_a_dimension_other_than_cost_centers_uses_the_mappings_of_its_field():
    project = DimensionRule("proj", 2, "dimension:project")
    tables = replace(
        DYNAMIC,
        dimensions=(project,),
        dimension_mappings={("", "project", "p-1"): "02"},
        segment_values={**DYNAMIC.segment_values, (CO, 2, "02"): Validity()},
    )
    assert resolve(bill(line(proj=Ref("p-1", "Apollo"))), tables).lines[0].account == "6000|02|000"


def test_a_field_that_is_no_dimension_is_ignored_and_said_so():
    coding = resolve(bill(line(department=Ref("d-1", "Legal"))), TABLES)
    assert coding.lines[0].account == "6000|01|000"
    assert coding.as_json()["lines"][0]["unused"] == [
        {"field": "department", "type": "OTHER", "options": ["Legal (d-1)"]}
    ]


# Choices that decide nothing --------------------------------------------------------------------


def chose(field, *options):
    """A line with an account, on which this was chosen for one more field."""
    return bill(LineRequest((HOSTING,), (FieldChoice(field, options),)))


@pytest.mark.parametrize("name", ["Sales", ""])
@pytest.mark.parametrize("default", ["000", ""])
def test_a_value_that_lost_its_id_is_held_and_not_replaced_by_the_default(name, default):
    tables = replace(TABLES, dimensions=(replace(COST_CENTER, default=default),))
    gap = only_gap(chose(Field("cost_center", "Cost center", "OTHER"), Ref("", name)), tables)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.DIMENSION_UNMAPPED, "cost_centers", "")
    assert (name or "an option") in gap.message


@pytest.mark.parametrize(
    "options", [(SALES, Ref("cc-2", "Legal")), (SALES, Ref("", "Legal")), (Ref("", ""), SALES)]
)
def test_two_values_of_one_dimension_contradict_each_other(options):
    gap = only_gap(chose(Field("cost_center", "Cost center"), *options), TABLES)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.INVALID_BILL, "choice", "")
    assert "Cost center" in gap.message
    assert "Sales (cc-1)" in gap.message


def test_two_accounts_of_one_line_contradict_each_other():
    both = LineRequest((HOSTING, Ref("acct-2", "Rent")))
    gap = only_gap(bill(line(), both), TABLES)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.INVALID_BILL, "choice", "")
    assert gap.message.startswith("Line 2: ")
    assert "Cloud hosting (acct-1) and Rent (acct-2)" in gap.message


def test_an_account_that_lost_its_id_is_named():
    gap = only_gap(bill(LineRequest((Ref("", "Hosting"),))), TABLES)
    assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.ACCOUNT_UNMAPPED, "gl_accounts", "")
    assert "Hosting" in gap.message


@pytest.mark.parametrize(
    ("configured", "field"),
    [
        ("Cost Center", Field("cc-field-1", "Cost Center", "OTHER")),
        ("cost center", Field("cc-field-1", "Cost-Center", "COST_CENTER")),
        ("COST_CENTER", Field("cost_center", "Kostenstelle", "OTHER")),
        ("cost_center", Field("", "Cost center", "OTHER")),
    ],
)
def test_a_field_that_the_settings_name_otherwise_is_held(configured, field):
    tables = replace(TABLES, dimensions=(replace(COST_CENTER, ramp_field=configured),))
    gap = only_gap(chose(field, SALES), tables)
    assert (gap.reason, gap.kind, gap.ramp_id, gap.name) == (
        Reason.DIMENSION_UNMAPPED,
        "field",
        "",
        configured,
    )
    assert "Sales (cc-1)" in gap.message


def test_a_field_that_ramp_does_not_have_holds_what_may_be_meant_for_it():
    other = Field("d-1", "Department", "OTHER")
    wrong = replace(TABLES, dimensions=(replace(COST_CENTER, ramp_field="cost_centre"),))
    assert resolve(chose(other, SALES), wrong).lines[0].unused  # Ramp's fields are not known
    wrong = replace(wrong, ramp_fields=frozenset({"cost_center", "d-1"}))
    gap = only_gap(chose(other, SALES), wrong)
    assert (gap.reason, gap.kind, gap.name) == (Reason.DIMENSION_UNMAPPED, "field", "cost_centre")
    tax = Field("tax", "Tax", "TAX_CODE")
    assert resolve(chose(tax, SALES), wrong).lines[0].account == "6000|01|000"
    assert resolve(bill(), wrong).lines[0].account == "6000|01|000"  # nothing was chosen
    right = replace(TABLES, ramp_fields=wrong.ramp_fields)
    assert resolve(chose(other, SALES), right).lines[0].unused


def test_a_field_of_the_same_name_stops_nothing_where_the_dimension_itself_was_chosen():
    other = FieldChoice(Field("cc-2", "Cost center", "OTHER"), (Ref("x", "X"),))
    own = FieldChoice(Field("cost_center", "Kostenstelle", "OTHER"), (SALES,))
    (coded,) = resolve(bill(LineRequest((HOSTING,), (other, own))), TABLES).lines
    assert coded.account == "6000|01|410"
    assert coded.unused == (other,)


@pytest.mark.parametrize(
    ("field", "dimensions", "held"),
    [
        (Field("", "", ""), (COST_CENTER,), True),  # category_info null
        (Field("", "", ""), (), True),  # it may be the GL account
        (Field("Category", "Category", ""), (), True),  # Ramp's own GL field, without its type
        (Field("", "Region", "OTHER"), (COST_CENTER,), True),
        (Field("", "Region", "OTHER"), (), False),  # nothing but the GL account decides
        (Field("", "Tax", "TAX_CODE"), (COST_CENTER,), False),
        (Field("tax", "Tax", "TAX_CODE"), (COST_CENTER,), False),
        (Field("region", "Region", "OTHER"), (COST_CENTER,), False),
        (Field("region", "Region", ""), (COST_CENTER,), False),
    ],
)
def test_only_a_choice_that_may_decide_the_account_stops_a_bill(field, dimensions, held):
    tables = replace(TABLES, dimensions=dimensions)
    request = chose(field, Ref("T1", "Eight percent"), Ref("", ""))
    if held:
        gap = only_gap(request, tables)
        assert (gap.reason, gap.kind, gap.ramp_id) == (Reason.INVALID_BILL, "choice", "")
        assert "Eight percent (T1) and an option without a name" in gap.message
    else:
        (coded,) = resolve(request, tables).lines
        assert coded.unused[0].field == field


# Everything at once -----------------------------------------------------------------------------


def test_every_gap_of_a_bill_is_named_at_once():
    request = bill(
        line(None),
        line(Ref("acct-9", "Mystery"), cost_center=Ref("cc-9", "Moon base")),
        currency="XXQ",
    )
    with pytest.raises(UnmappedError) as caught:
        resolve(request, replace(TABLES, vendor_mappings={}))
    assert [(gap.reason, gap.kind) for gap in caught.value.gaps] == [
        (Reason.VENDOR_UNMAPPED, "vendors"),
        (Reason.INVALID_BILL, "currency"),
        (Reason.ACCOUNT_UNMAPPED, "gl_accounts"),
        (Reason.ACCOUNT_UNMAPPED, "gl_accounts"),
        (Reason.DIMENSION_UNMAPPED, "cost_centers"),
    ]
    assert caught.value.reason == Reason.VENDOR_UNMAPPED
    assert caught.value.message.endswith("has no value for segment 3.")


def test_an_unusable_vendor_with_unusable_terms_is_two_gaps():
    vendors = {(CO, "ACME"): VendorTarget(101, "ACME", "Acme", "N99", inactive=True)}
    assert [gap.kind for gap in gaps(bill(), replace(TABLES, vendors=vendors))] == [
        "vendors",
        "terms",
    ]


def test_a_thing_with_a_name_is_not_called_by_its_uuid() -> None:
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert str(Ref(uuid, "Acme")) == "Acme"
    assert str(Ref(uuid, "")) == uuid
    assert str(Ref("6000", "Rent")) == "Rent (6000)"
