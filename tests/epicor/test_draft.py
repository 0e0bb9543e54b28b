"""From bill to invoice: what is ours, what is refused, which day counts, and nothing is lost."""

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical_json import plain
from audit.ledger.invoice_number import NumberError, cleaned
from connector.domain.bill import Bill, BillLine, Payer, Payment, Selection
from connector.domain.errors import HeldError, InvalidBillError, Reason
from connector.domain.odd_days import odd_days
from connector.epicor.ap_invoice.draft import (
    LONGEST_NUMBER,
    APInvoiceDraft,
    DraftLine,
    PostingPolicy,
    TextLengths,
    apply_date,
    check_bill,
    coding_request,
    draft_ap_invoice,
    since_start,
)
from mappings.coding import Coding, Field, FieldChoice, LineCoding, LineRequest, Ref
from mappings.fiscal import Period, PeriodTable

ISSUED = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
AMOUNTS = st.decimals(-(10**9), 10**9, places=2)


def line(amount: str = "10.00", memo: str = "", source: str = "expense", *chosen: Selection):
    return BillLine(Decimal(amount), memo, chosen, source)


def bill(*lines: BillLine, **changes) -> Bill:
    lines = lines or (line(),)
    plain = Bill(
        id="0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        entity_id="e1",
        vendor_id="v1",
        vendor_name="Acme",
        vendor_remote_id="ACME",
        invoice_number="INV-1",
        issued_on=ISSUED,
        due_on=date(2026, 4, 9),
        accounting_on=None,
        created_at=None,
        currency="USD",
        total=sum((one.amount for one in lines), Decimal(0)),
        lines=lines,
        selections=(),
    )
    return replace(plain, **changes)


def paid(*methods: str) -> tuple[Payment, ...]:
    return tuple(Payment(method) for method in methods)


def coding(count: int = 1) -> Coding:
    lines = tuple(LineCoding(f"61{number:02d}|01|100", ()) for number in range(count))
    return Coding("EPIC06", "ACME", 42, "Acme Inc", "N30", "USD", lines, ())


def invoice(given_bill: Bill, policy: PostingPolicy | None = None):
    return draft_ap_invoice(
        given_bill,
        coding(len(given_bill.lines)),
        ISSUED,
        site="MfgSys",
        policy=policy or PostingPolicy(),
        url=lambda bill_id: f"https://ramp.example/bills/{bill_id}",
    )


# -- the bill's own facts ------------------------------------------------------------------------


@pytest.mark.parametrize(("field_type", "account"), [("GL_ACCOUNT", True), ("OTHER", False)])
def test_only_the_gl_account_category_names_the_account(field_type, account):
    assert Selection(field_type, "f", "o", "n").is_gl_account is account


def test_the_vendor_s_own_number_is_the_invoice_number():
    assert bill(invoice_number="A/7 ").invoice_num == "A/7 "


def test_a_bill_without_number_is_named_after_its_id():
    assert bill(invoice_number="").invoice_num == "RAMP-0a1b2c3d"


@given(st.uuids())
def test_a_made_number_is_stable_and_fits(bill_id):
    number = bill(id=str(bill_id), invoice_number="").invoice_num
    assert number == f"RAMP-{bill_id.hex[:8]}"
    assert number == bill(id=bill_id.hex, invoice_number="").invoice_num
    assert len(number) <= LONGEST_NUMBER


# -- whether it is new enough ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "changes", "ours"),
    [
        (None, {}, True),
        (ISSUED, {}, True),
        (ISSUED + timedelta(days=1), {}, False),
        (ISSUED + timedelta(days=1), {"created_at": NOON + timedelta(days=1)}, True),
        (ISSUED + timedelta(days=1), {"created_at": NOON - timedelta(days=9)}, False),
        (ISSUED, {"created_at": NOON - timedelta(days=9)}, True),
    ],
)
def test_which_bills_are_new_enough(start, changes, ours):
    assert since_start(bill(**changes), PostingPolicy(start_date=start)) is ours


@pytest.mark.parametrize(
    ("zone", "created_at", "ours"),
    [
        # 1 April begins in Sydney on 31 March at 13:00 UTC, in Los Angeles on 1 April at 07:00.
        ("Australia/Sydney", "2026-03-31T13:00:00+00:00", True),
        ("Australia/Sydney", "2026-03-31T12:59:59+00:00", False),
        ("America/Los_Angeles", "2026-04-01T06:59:59+00:00", False),
        ("America/Los_Angeles", "2026-04-01T07:00:00+00:00", True),
        ("America/Los_Angeles", "2026-04-01T00:30:00-07:00", True),
        ("UTC", "2026-04-01T00:00:00+00:00", True),
        # The two ends of the calendar, which another zone does not have.
        ("America/Los_Angeles", "0001-01-01T00:00:00+00:00", False),
        ("America/Los_Angeles", "0001-01-01T00:00:00+05:00", False),
        ("Australia/Sydney", "9999-12-31T23:59:59+00:00", True),
    ],
)
def test_the_day_of_creation_is_the_tenant_s(zone, created_at, ours):
    policy = PostingPolicy(start_date=date(2026, 4, 1), zone=ZoneInfo(zone))
    made = bill(created_at=datetime.fromisoformat(created_at))
    assert since_start(made, policy) is ours


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (replace(bill(), lines=()), "no lines"),
        (bill(line("10.00"), line("5.00"), total=Decimal("15.01")), "add up to 15.00 USD"),
        (bill(line("5"), line("-5")), "zero"),
        (bill(invoice_number="x" * 51), "51 characters"),
    ],
)
def test_a_bill_that_contradicts_itself_is_refused(broken, says):
    with pytest.raises(InvalidBillError, match=says) as caught:
        check_bill(broken, PostingPolicy())
    assert caught.value.reason is Reason.INVALID_BILL


def test_the_longest_number_that_epicor_takes_is_taken():
    assert check_bill(bill(invoice_number="x" * 50), PostingPolicy()) is None


ORDERED = {"purchase_order_ids": ("po1",)}


@pytest.mark.parametrize(
    ("reviewed", "policy", "held"),
    [
        (bill(**ORDERED), {}, True),
        (bill(line(source="po_line")), {}, True),
        (bill(line(), line(source="po_line")), {"po_bills": "po_lines"}, True),
        (bill(**ORDERED), {"po_bills": "expense"}, False),
        (bill(line(source="inventory")), {}, False),
        (bill(payments=paid("CARD")), {}, True),
        (bill(payments=paid("CARD_VIRTUAL")), {}, True),
        (bill(payments=paid("ONE_TIME_CARD")), {}, True),
        (bill(payments=paid("ACH", "CARD")), {}, True),
        (bill(payments=paid("ONE_TIME_CARD")), {"card_paid": "enter"}, False),
        (bill(payments=paid("ACH")), {}, False),
        (bill(payments=paid("CARD"), **ORDERED), {"po_bills": "expense"}, True),
        (bill(payments=paid("CARD"), **ORDERED), {"card_paid": "enter"}, True),
    ],
)
def test_orders_and_cards_wait_until_the_tenant_says_how(reviewed, policy, held):
    if not held:
        assert check_bill(reviewed, PostingPolicy(**policy)) is None
        return
    with pytest.raises(HeldError, match="Nothing was entered") as caught:
        check_bill(reviewed, PostingPolicy(**policy))
    assert caught.value.reason is Reason.NEEDS_REVIEW


@given(st.lists(AMOUNTS, min_size=1, max_size=20), AMOUNTS)
def test_a_bill_passes_exactly_when_its_lines_make_its_total(amounts, off):
    lines = [BillLine(amount, "", ()) for amount in amounts]
    total = sum(amounts, Decimal(0)) + off
    if off == 0 and total != 0:
        assert check_bill(bill(*lines, total=total), PostingPolicy()) is None
    else:
        with pytest.raises(InvalidBillError):
            check_bill(bill(*lines, total=total), PostingPolicy())


# -- the day that picks the period ---------------------------------------------------------------

CALENDAR = PeriodTable(
    {
        "EPIC06": (
            Period("2026-02", date(2026, 2, 1), date(2026, 2, 28), closed=True),
            Period("2026-03", date(2026, 3, 1), date(2026, 3, 31), closed=True),
            Period("2026-04", date(2026, 4, 1), date(2026, 4, 30), closed=False),
            Period("2026-05", date(2026, 5, 1), date(2026, 5, 31), closed=False),
        )
    },
    {"EPIC06": date(2026, 4, 5)},
)
APRIL = date(2026, 4, 20)


@pytest.mark.parametrize(
    ("accounting_on", "rule", "company", "day", "label"),
    [
        (APRIL, "hold", "EPIC06", APRIL, ""),
        (APRIL, "next_open", "EPIC06", APRIL, ""),
        (None, "hold", "EPIC06", ISSUED, "2026-03"),
        (None, "next_open", "EPIC06", date(2026, 4, 5), ""),
        (date(2026, 4, 4), "hold", "EPIC06", date(2026, 4, 4), "2026-04"),
        (date(2026, 4, 4), "next_open", "EPIC06", date(2026, 4, 5), ""),
        (date(2027, 1, 2), "hold", "EPIC06", date(2027, 1, 2), "2027-01"),
        (date(2027, 1, 2), "next_open", "EPIC06", date(2027, 1, 2), "2027-01"),
        (APRIL, "next_open", "OTHER", APRIL, "2026-04"),
        (APRIL, "any", "OTHER", APRIL, ""),
    ],
)
def test_which_day_counts_and_what_stops_it(accounting_on, rule, company, day, label):
    dated = bill(accounting_on=accounting_on)
    found, gaps = apply_date(dated, company, CALENDAR, PostingPolicy(closed_period=rule))
    assert found == day
    assert [(gap.reason, gap.ramp_id, gap.company) for gap in gaps] == (
        [(Reason.PERIOD_CLOSED, label, company)] if label else []
    )


MOVES = PeriodTable(
    {
        "EPIC06": tuple(
            Period(
                f"2026-{month:02}",
                date(2026, month, 1),
                date(2026, month, 28),
                closed=month in (2, 3, 4, 6),
            )
            for month in range(1, 8)
        )
    }
)


@pytest.mark.parametrize(
    ("wanted", "there", "counts"),
    [
        (date(2026, 3, 9), date(2026, 5, 1), True),  # as it would be moved now
        (date(2026, 3, 9), date(2026, 4, 1), True),  # as before April was closed
        (date(2026, 3, 9), date(2026, 4, 2), False),  # no first day
        (date(2026, 3, 9), date(2026, 7, 1), False),  # May would have taken it
        (date(2026, 3, 9), date(2026, 3, 9), True),
        (date(2026, 3, 9), date(2026, 2, 1), False),  # nothing is moved back
        (date(2026, 5, 9), date(2026, 6, 1), False),  # May takes it
        (date(2026, 8, 9), date(2026, 9, 1), False),  # no period at all
    ],
)
def test_a_day_that_is_there_counts_where_it_may_have_been_moved_to(wanted, there, counts):
    policy = PostingPolicy(closed_period="any")
    dated = bill(accounting_on=wanted)
    assert apply_date(dated, "EPIC06", MOVES, policy, there) == (there if counts else wanted, ())


def test_where_everything_is_closed_by_now_the_first_days_count():
    shut = tuple(replace(period, closed=True) for period in MOVES.by_company["EPIC06"])
    table = PeriodTable({"EPIC06": shut})
    dated, policy = bill(accounting_on=date(2026, 3, 9)), PostingPolicy(closed_period="any")
    for there, found in ((5, 5), (7, 7)):
        day = date(2026, there, 1)
        assert apply_date(dated, "EPIC06", table, policy, day)[0] == date(2026, found, 1)


@pytest.mark.parametrize(
    ("day", "why"),
    [(ISSUED, "is closed in Epicor"), (date(2027, 1, 2), "has no fiscal period in Epicor")],
)
def test_the_gap_says_why_the_period_takes_nothing(day, why):
    _, (gap,) = apply_date(bill(accounting_on=day), "EPIC06", CALENDAR, PostingPolicy())
    assert why in gap.message
    assert day.isoformat() in gap.message


@given(st.dates(date(2026, 1, 1), date(2026, 7, 1)), st.sampled_from(["hold", "next_open"]))
def test_without_a_gap_the_day_is_open_and_never_earlier_than_wanted(wanted, rule):
    policy = PostingPolicy(closed_period=rule)
    day, gaps = apply_date(bill(accounting_on=wanted), "EPIC06", CALENDAR, policy)
    state = CALENDAR.find("EPIC06", day)
    assert bool(gaps) is not (state is not None and state.open)
    assert day >= wanted
    assert day == wanted or (rule == "next_open" and not gaps)


# -- what the mappings are asked -----------------------------------------------------------------


def chosen(field_id: str, option: str, field_type: str = "OTHER") -> Selection:
    return Selection(field_type, field_id, option, option.title())


def options_of(asked: LineRequest) -> dict[str, tuple[Ref, ...]]:
    return {choice.field.id: choice.options for choice in asked.chosen}


def test_a_line_s_own_choice_wins_over_the_bill_s():
    own = line("1", "", "expense", chosen("gl", "6200", "GL_ACCOUNT"), chosen("dept", "sales"))
    asked = coding_request(
        bill(
            own,
            line("2"),
            selections=(
                chosen("gl", "6100", "GL_ACCOUNT"),
                chosen("dept", "ops"),
                chosen("site", "north"),
            ),
        ),
        "EPIC06",
        ISSUED,
        PostingPolicy(default_terms="N30"),
    )
    first, second = asked.lines
    north = Ref("north", "North")
    assert first.gl_account == Ref("6200", "6200")
    assert options_of(first) == {"dept": (Ref("sales", "Sales"),), "site": (north,)}
    assert second.gl_account == Ref("6100", "6100")
    assert options_of(second) == {"dept": (Ref("ops", "Ops"),), "site": (north,)}
    assert (asked.company, asked.apply_on, asked.default_terms) == ("EPIC06", ISSUED, "N30")
    assert (asked.vendor, asked.vendor_remote_id) == (Ref("v1", "Acme"), "ACME")
    assert asked.currency == "USD"


def test_a_line_without_any_account_asks_for_none():
    (asked,) = coding_request(bill(), "EPIC06", ISSUED, PostingPolicy()).lines
    assert asked.gl_account is None
    assert options_of(asked) == {}


def test_a_choice_that_cannot_be_read_is_never_replaced_by_the_bill_s():
    lost = Selection("OTHER", "dept", "", "Sales", "Department")
    own = line("1", "", "expense", Selection("GL_ACCOUNT", "gl", "", "Hosting"), lost)
    whole = (chosen("gl", "6100", "GL_ACCOUNT"), chosen("dept", "ops"))
    (asked,) = coding_request(bill(own, selections=whole), "EPIC06", ISSUED, PostingPolicy()).lines
    assert asked.accounts == (Ref("", "Hosting"),)
    assert asked.chosen == (FieldChoice(Field("dept", "Department", "OTHER"), (Ref("", "Sales"),)),)


def test_several_choices_of_a_field_are_all_kept_and_the_same_one_once():
    own = line(
        "1",
        "",
        "expense",
        *(chosen("gl", option, "GL_ACCOUNT") for option in ("6200", "6100", "6200")),
        *(chosen("dept", option) for option in ("sales", "ops", "sales")),
        *(Selection("", "", "", name, name) for name in ("A", "B", "A")),
    )
    (asked,) = coding_request(bill(own), "EPIC06", ISSUED, PostingPolicy()).lines
    assert asked.accounts == (Ref("6200", "6200"), Ref("6100", "6100"))
    assert asked.gl_account is None
    assert [(one.field.id, one.field.name, one.options) for one in asked.chosen] == [
        ("dept", "", (Ref("sales", "Sales"), Ref("ops", "Ops"))),
        ("", "A", (Ref("", "A"),)),
        ("", "B", (Ref("", "B"),)),
    ]


# -- the invoice ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payments", "payer"),
    [
        ((), Payer.UNKNOWN),
        (paid(""), Payer.UNKNOWN),
        (paid("UNSPECIFIED"), Payer.UNKNOWN),
        (paid("PAID_MANUALLY"), Payer.OTHER),
        ((Payment("PAID_MANUALLY", "PAID_IN_ERP"),), Payer.OTHER),
        ((Payment("", "PAID_IN_ERP"),), Payer.OTHER),
        ((Payment("UNSPECIFIED", "CHECK"),), Payer.OTHER),
        (paid("ACH"), Payer.RAMP),
        (paid("VENDOR_CREDIT"), Payer.RAMP),
        (paid("SOMETHING_NEW"), Payer.RAMP),
        (paid("PAID_MANUALLY", "ACH"), Payer.RAMP),
        (paid("UNSPECIFIED", "ACH"), Payer.RAMP),
        (paid("PAID_MANUALLY", "UNSPECIFIED"), Payer.UNKNOWN),
    ],
)
@pytest.mark.parametrize("setting", [True, False])
def test_payment_is_held_by_who_pays_and_else_as_the_settings_say(payments, payer, setting):
    given_bill = bill(payments=payments)
    assert given_bill.payer == payer
    held = {Payer.RAMP: True, Payer.OTHER: False, Payer.UNKNOWN: setting}[payer]
    assert invoice(given_bill, PostingPolicy(pay_hold=setting)).pay_hold is held


def test_every_field_comes_from_where_the_rules_say():
    draft = invoice(bill(), PostingPolicy(rate_group="MAIN", pay_hold=False))
    assert draft.key == ("EPIC06", 42, "INV-1")
    assert (draft.vendor_id, draft.site, draft.terms_code) == ("ACME", "MfgSys", "N30")
    assert (draft.invoice_date, draft.apply_date) == (ISSUED, ISSUED)
    assert draft.due_date == date(2026, 4, 9)
    assert (draft.currency_code, draft.rate_group) == ("USD", "MAIN")
    assert draft.pay_hold is False
    assert draft.stamp == bill().id
    assert draft.url == f"https://ramp.example/bills/{bill().id}"


@pytest.mark.parametrize(
    ("memo", "vendor_memo", "line_memo", "header_says", "line_says"),
    [
        ("ours", "theirs", "line", "theirs", "line"),
        ("ours", "theirs", "", "theirs", "theirs"),
        ("ours", "", "", "ours", "Acme"),
        ("", "", "", "Acme", "Acme"),
        ("", "y" * 40, "x" * 40, "y" * 30, "x" * 30),
    ],
)
def test_descriptions_fall_back_and_fit(memo, vendor_memo, line_memo, header_says, line_says):
    draft = invoice(bill(line("1", line_memo), memo=memo, vendor_memo=vendor_memo))
    assert draft.description == header_says
    assert draft.lines[0].description == line_says


def test_texts_are_as_long_as_epicor_s_columns_and_half_a_link_is_none():
    lengths = TextLengths(description=4, line_description=50, url=20)
    whole = bill(line("1", "x" * 60), memo="😀😀😀")
    draft = invoice(whole, PostingPolicy(lengths=lengths))
    assert (draft.description, draft.lines[0].description) == ("😀😀", "x" * 50)
    assert draft.url == ""
    assert invoice(whole, PostingPolicy(lengths=replace(lengths, url=100))).url.endswith(whole.id)


@pytest.mark.parametrize("number", ["x" * 21, "😀" * 11])
def test_a_number_longer_than_epicor_s_column_is_held(number):
    policy = PostingPolicy(lengths=TextLengths(invoice_num=20))
    check_bill(bill(invoice_number=number[:10]), policy, given_num="x" * 20)
    with pytest.raises(InvalidBillError, match="Epicor takes 20"):
        check_bill(bill(invoice_number=number), policy)
    with pytest.raises(InvalidBillError, match="Epicor takes 20"):
        check_bill(bill(), policy, given_num=number)


def test_a_column_too_short_for_the_bill_s_id_lets_nothing_be_entered():
    check_bill(bill(), PostingPolicy(lengths=TextLengths(stamp=36)))
    with pytest.raises(HeldError) as caught:
        check_bill(bill(), PostingPolicy(lengths=TextLengths(stamp=35)))
    assert caught.value.reason == Reason.UNAVAILABLE


@pytest.mark.parametrize(
    ("total", "amounts", "decimals"),
    [("1.00", ["1.0"], 0), ("1.2", ["1.0", "0.2"], 1), ("3", ["1.234", "1.766"], 3)],
)
def test_how_many_decimals_the_amounts_need(total, amounts, decimals):
    whole = bill(*(line(amount) for amount in amounts), total=Decimal(total))
    assert coding_request(whole, "E", ISSUED, PostingPolicy()).decimals == decimals


def test_a_coding_for_another_number_of_lines_is_a_bug_and_never_cut():
    with pytest.raises(ValueError, match="shorter"):
        draft_ap_invoice(
            bill(line(), line()),
            coding(1),
            ISSUED,
            site="",
            policy=PostingPolicy(),
            url=str,
        )


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
def test_the_invoice_has_every_line_in_order_to_the_cent(amounts):
    whole = bill(*(BillLine(amount, "", (), "inventory") for amount in amounts))
    draft = invoice(whole)
    assert [one.amount for one in draft.lines] == amounts
    assert [one.account for one in draft.lines] == [
        one.account for one in coding(len(amounts)).lines
    ]
    assert {one.source for one in draft.lines} == {"inventory"}
    assert draft.total == sum((one.amount for one in draft.lines), Decimal(0))
    assert draft.credit is (sum(amounts) < 0)


# -- kept and read again -------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
DRAFTS = st.builds(
    APInvoiceDraft,
    company=TEXTS,
    site=TEXTS,
    vendor_num=st.integers(1, 10**9),
    vendor_id=TEXTS,
    invoice_num=TEXTS,
    invoice_date=st.dates(),
    apply_date=st.dates(),
    due_date=st.dates(),
    terms_code=TEXTS,
    currency_code=TEXTS,
    rate_group=TEXTS,
    total=AMOUNTS,
    lines=st.lists(
        st.builds(DraftLine, amount=AMOUNTS, account=TEXTS, description=TEXTS, source=TEXTS),
        max_size=3,
    ).map(tuple),
    description=TEXTS,
    stamp=TEXTS,
    url=TEXTS,
    pay_hold=st.booleans(),
)


@given(DRAFTS)
def test_a_kept_draft_is_read_back_to_the_cent(draft):
    kept = json.loads(json.dumps(draft.as_json()))
    assert APInvoiceDraft.from_json(kept) == draft
    assert APInvoiceDraft.from_json({**kept, "kept": {"changed": []}}) == draft
    assert kept == plain(asdict(draft))


WHOLE = invoice(bill()).as_json()


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"adopted": True, "total": "1.00"},
        {**WHOLE, "total": "much"},
        {**WHOLE, "invoice_date": "yesterday"},
        {**WHOLE, "lines": None},
        {**WHOLE, "lines": [{"amount": "1.00"}]},
        {name: value for name, value in WHOLE.items() if name != "vendor_num"},
    ],
)
def test_what_is_not_a_whole_draft_is_not_read_as_one(broken):
    with pytest.raises(ValueError, match="not a whole draft"):
        APInvoiceDraft.from_json(broken)


# -- characters and days -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "sign"),
    [
        ("INV\n2041", "U\\+000A"),
        ("INV\u20282041", "U\\+2028 LINE SEPARATOR"),
        ("INV\u202e1402", "U\\+202E RIGHT-TO-LEFT OVERRIDE"),
        ("INV\u2066-1", "U\\+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u200b", "U\\+200B ZERO WIDTH SPACE"),
        ("INV-\u200d1", "U\\+200D"),
        ("INV\xa01", "U\\+00A0 NO-BREAK SPACE"),
        ("INV\xad1", "U\\+00AD SOFT HYPHEN"),
        ("INV-\ud83d", "U\\+D83D"),
        ("INV-\ufffd", "U\\+FFFD"),
        ("\u3164", "U\\+3164 HANGUL FILLER"),
        ("INV-\ufe0f1", "U\\+FE0F"),
        ("\u0301", "U\\+0301 COMBINING ACUTE ACCENT"),
    ],
)
def test_a_number_that_nobody_can_see_whole_is_refused_for_bills_and_people(number, sign):
    with pytest.raises(InvalidBillError, match=f"cannot be seen or compared: {sign}"):
        check_bill(bill(invoice_number=number), PostingPolicy())
    with pytest.raises(NumberError, match=sign):
        cleaned(number)


@pytest.mark.parametrize("number", ["№ 7-é", "INV 2041", "Ф-17", "発票12", "e\u0301-5", "#4/ü"])
def test_what_can_be_seen_is_a_number(number):
    check_bill(bill(invoice_number=number), PostingPolicy())
    assert cleaned(number) == number


def test_lengths_are_counted_as_sql_server_counts_them():
    check_bill(bill(invoice_number="😀" * 25), PostingPolicy())
    with pytest.raises(InvalidBillError, match="has 52 characters"):
        check_bill(bill(invoice_number="😀" * 26), PostingPolicy())
    with pytest.raises(NumberError, match="has 52 characters"):
        cleaned("😀" * 26)
    draft = invoice(bill(line(memo="😀" * 20), vendor_memo="a" + "😀" * 20))
    assert draft.lines[0].description == "😀" * 15
    assert draft.description == "a" + "😀" * 14


@pytest.mark.parametrize(
    ("changes", "odd"),
    [
        ({}, []),
        ({"created_at": datetime(2026, 3, 11, tzinfo=UTC)}, []),
        ({"issued_on": date(206, 3, 10)}, ["invoice date"]),
        ({"issued_on": date(1926, 3, 10)}, ["invoice date"]),
        ({"issued_on": date(2206, 3, 10)}, ["invoice date"]),
        ({"issued_on": date(1, 1, 1), "due_on": date(9999, 12, 31)}, ["invoice date", "due date"]),
        ({"accounting_on": date(206, 3, 10)}, ["accounting date"]),
        ({"issued_on": date(2016, 1, 1), "due_on": date(2056, 1, 1)}, []),
        ({"issued_on": date(2028, 1, 1), "created_at": datetime(2026, 3, 11, tzinfo=UTC)}, []),
        (
            {"issued_on": date(2026, 1, 1), "created_at": datetime(2037, 3, 11, tzinfo=UTC)},
            ["invoice date", "due date"],
        ),
    ],
)
def test_years_that_can_hardly_be_are_asked_about(changes, odd):
    found = odd_days(bill(**changes), date(2026, 12, 1))
    assert [name for name, _ in found] == odd
