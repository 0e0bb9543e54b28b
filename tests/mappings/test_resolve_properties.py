"""Properties of mappings.resolve that hold for any tables: Hypothesis looks for exceptions."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.errors import UnmappedError
from mappings import choose
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

DAY = date(2026, 6, 15)
COMPANY = "EPIC06"
SCOPES = st.sampled_from(["", COMPANY, "OTHER"])
RAMP_IDS = ["r1", "r2", "A", "A|1|0"]
IDS = st.sampled_from(RAMP_IDS)
VENDOR_IDS = st.sampled_from(["A", "B", "C"])
LETTERS = ["A", "1", "0"]
WHOLE = [f"{one}|{two}|{three}" for one in LETTERS for two in LETTERS for three in LETTERS]
ACCOUNTS = st.sampled_from([*WHOLE, "A|1"])
CODES = st.sampled_from([*LETTERS, "9"])
DAYS = st.sampled_from([None, None, *(DAY + timedelta(days=days) for days in (-1, 0, 1))])
VALIDITIES = st.builds(Validity, st.sampled_from([True, True, True, False]), DAYS, DAYS)
REFS = st.builds(Ref, st.sampled_from([*RAMP_IDS, *RAMP_IDS, "r9", ""]), st.just("name"))

# Tables in which nearly every bill has its codes; each example then spoils some of it, so that
# both the bills that pass and those that fail turn up often.
GOOD = Tables(
    vendor_mappings={("", ramp_id): "A" for ramp_id in RAMP_IDS},
    account_mappings={("", ramp_id): "A|1|0" for ramp_id in RAMP_IDS},
    dimension_mappings={
        ("", stored, ramp_id): "0" for stored in ("cost_centers", "f2") for ramp_id in RAMP_IDS
    },
    currencies={"USD": "USD", "EUR": "E"},
    issued={},
    vendors={
        (COMPANY, vendor_id): VendorTarget(number, vendor_id, "n", "N30")
        for number, vendor_id in enumerate("ABC")
    },
    accounts={(COMPANY, whole): Validity() for whole in WHOLE[::2]},
    segments={(COMPANY, number): number == 3 for number in (1, 2, 3)},
    segment_values={
        (COMPANY, number, code): Validity() for number in (1, 2, 3) for code in LETTERS
    },
    terms=frozenset({(COMPANY, "N30")}),
    epicor_currencies={(COMPANY, "USD"): CurrencyTarget(2), (COMPANY, "E"): CurrencyTarget(0)},
)


def spoilt(good, keys, values):
    """The good rows less at most two, with at most three rows of any kind put over them."""
    removed = st.sets(st.sampled_from(sorted(good)), max_size=2)
    added = st.dictionaries(keys, values, max_size=3)
    return st.builds(
        lambda gone, extra: {k: v for k, v in good.items() if k not in gone} | extra,
        removed,
        added,
    )


RULES = st.lists(
    st.builds(
        DimensionRule,
        st.sampled_from(["f1", "f2"]),
        st.sampled_from([1, 2, 3, 3, 4]),
        st.sampled_from(["cost_centers", "dimension:f2"]),
        st.sampled_from(["", "0", "9"]),
    ),
    max_size=2,
    unique_by=(lambda rule: rule.ramp_field, lambda rule: rule.segment),
).map(tuple)
TABLES = st.builds(
    Tables,
    vendor_mappings=spoilt(GOOD.vendor_mappings, st.tuples(SCOPES, IDS), VENDOR_IDS),
    account_mappings=spoilt(GOOD.account_mappings, st.tuples(SCOPES, IDS), ACCOUNTS),
    dimension_mappings=spoilt(
        GOOD.dimension_mappings,
        st.tuples(SCOPES, st.sampled_from(["cost_centers", "f2"]), IDS),
        CODES,
    ),
    currencies=st.sampled_from([GOOD.currencies, GOOD.currencies, {"USD": "?"}]),
    dimensions=RULES,
    issued=st.dictionaries(
        st.sampled_from(["vendors", "gl_accounts", "cost_centers", "dimension:f2"]),
        st.frozensets(st.sampled_from([*RAMP_IDS, "r9"])),
    ),
    vendors=spoilt(
        GOOD.vendors,
        st.tuples(SCOPES, VENDOR_IDS),
        st.builds(
            VendorTarget,
            st.integers(1, 99),
            VENDOR_IDS,
            st.just("n"),
            st.sampled_from(["", "N30"]),
            st.booleans(),
        ),
    ),
    accounts=spoilt(GOOD.accounts, st.tuples(SCOPES, ACCOUNTS), VALIDITIES),
    segments=st.sampled_from([GOOD.segments, GOOD.segments, dict.fromkeys(GOOD.segments, False)]),
    segment_values=spoilt(
        GOOD.segment_values, st.tuples(SCOPES, st.integers(1, 3), CODES), VALIDITIES
    ),
    terms=st.sampled_from([GOOD.terms, GOOD.terms, frozenset()]),
    epicor_currencies=st.sampled_from(
        [
            GOOD.epicor_currencies,
            {**GOOD.epicor_currencies, (COMPANY, "E"): CurrencyTarget(0, inactive=True)},
        ]
    ),
)
FIELDS = st.builds(
    Field,
    st.sampled_from(["f1", "f1", "f2", "f2", "f3", ""]),
    st.sampled_from(["", "", "F-1"]),
    st.sampled_from(["OTHER", "OTHER", "TAX_CODE", ""]),
)
CHOICES = st.builds(FieldChoice, FIELDS, st.lists(REFS, min_size=1, max_size=2).map(tuple))
LINES = st.builds(
    LineRequest,
    st.lists(
        st.sampled_from([Ref(ramp_id, "name") for ramp_id in [*RAMP_IDS, "r9"]]), max_size=2
    ).map(tuple),
    st.lists(CHOICES, max_size=2, unique_by=lambda choice: choice.field.id).map(tuple),
)
REQUESTS = st.builds(
    CodingRequest,
    company=st.just(COMPANY),
    vendor=st.builds(Ref, IDS, st.just("vendor")),
    vendor_remote_id=st.sampled_from(["", "A", "B"]),
    currency=st.sampled_from(["USD", "USD", "EUR", "JPY"]),
    default_terms=st.sampled_from(["", "N30", "N99"]),
    apply_on=st.just(DAY),
    lines=st.lists(LINES, max_size=3).map(tuple),
    decimals=st.sampled_from([0, 0, 2, 3]),
)


def outcome(request, tables):
    """What resolve says, as a value."""
    try:
        return resolve(request, tables)
    except UnmappedError as error:
        return error.gaps


def usable(account, tables):
    """Written a second time, in other words: may this account take an entry on DAY?"""
    listed = tables.accounts.get((COMPANY, account))
    values = [
        tables.segment_values.get((COMPANY, number, code))
        for number, code in enumerate(account.split("|"), start=1)
    ]
    if listed is not None:
        return _valid(listed) and all(value is None or _valid(value) for value in values)
    segments = [dynamic for (company, _), dynamic in tables.segments.items() if company == COMPANY]
    return (
        any(segments)
        and len(values) == len(segments)
        and all(value is not None and _valid(value) for value in values)
    )


def _valid(validity):
    first = validity.effective_from or date.min
    last = validity.effective_to or date.max
    return validity.active and first <= DAY <= last


@settings(max_examples=300, deadline=None)
@given(REQUESTS, TABLES)
def test_a_coding_names_only_usable_codes_and_a_failure_names_at_least_one_gap(request, tables):
    result = outcome(request, tables)
    if isinstance(result, tuple):
        assert result
        assert all(gap.message and gap.company == COMPANY for gap in result)
        assert len({(g.reason, g.kind, g.ramp_id, g.message) for g in result}) == len(result)
        return
    vendors = [row for (company, _), row in tables.vendors.items() if company == COMPANY]
    assert any(row.vendor_num == result.vendor_num and not row.inactive for row in vendors)
    assert (COMPANY, result.terms_code) in tables.terms
    currency = tables.epicor_currencies[COMPANY, result.currency_code]
    assert not currency.inactive
    assert currency.decimals >= request.decimals
    assert len(result.lines) == len(request.lines)
    assert all(usable(line.account, tables) for line in result.lines)


@settings(max_examples=200, deadline=None)
@given(REQUESTS, TABLES)
def test_the_catalog_rows_that_are_asked_for_are_all_that_resolve_looks_at(request, tables):
    asked = choose.wanted([request], tables)
    trimmed = replace(
        tables,
        vendors={key: row for key, row in tables.vendors.items() if key in asked.vendors},
        accounts={key: row for key, row in tables.accounts.items() if key in asked.accounts},
        segment_values={
            key: row for key, row in tables.segment_values.items() if key in asked.values
        },
    )
    assert outcome(request, trimmed) == outcome(request, tables)


@settings(max_examples=200, deadline=None)
@given(REQUESTS, TABLES)
def test_the_other_companies_rows_never_matter(request, tables):
    def own(rows):
        return {key: row for key, row in rows.items() if key[0] != "OTHER"}

    trimmed = replace(
        tables,
        vendor_mappings=own(tables.vendor_mappings),
        account_mappings=own(tables.account_mappings),
        dimension_mappings=own(tables.dimension_mappings),
        vendors=own(tables.vendors),
        accounts=own(tables.accounts),
        segment_values=own(tables.segment_values),
    )
    assert outcome(request, trimmed) == outcome(request, tables)


@settings(max_examples=200, deadline=None)
@given(REQUESTS, TABLES)
def test_a_bill_fails_exactly_when_one_of_its_lines_fails_alone(request, tables):
    alone = [outcome(replace(request, lines=(line,)), tables) for line in request.lines]
    whole = outcome(request, tables)
    head = outcome(replace(request, lines=()), tables)
    failed = isinstance(head, tuple) or any(isinstance(result, tuple) for result in alone)
    assert isinstance(whole, tuple) == failed
    if not failed:
        assert whole.lines == tuple(result.lines[0] for result in alone)
