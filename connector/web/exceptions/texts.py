"""What each cause is called and what a person is told about it. Pure words, no reading."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.ledger.exceptions import CauseGroup
from connector.domain.errors import NEXT_STEP, Reason
from mappings.coding import (
    CHOICE,
    COST_CENTERS,
    DECIMALS,
    DIMENSION_PREFIX,
    FIELD,
    GL_ACCOUNTS,
    VENDORS,
)


@dataclass(frozen=True, slots=True)
class Words:
    """A cause for people: its title around the name of the thing, and what happened.

    `step` is the next step; `where` says where it is taken when that is not on this page.
    """

    before: str
    subject: str
    after: str
    what: str
    step: str
    where: str = ""


def words_of(cause: CauseGroup) -> Words:
    """The words of a cause."""
    reason = Reason(cause.reason)
    before, after = _TITLES[reason]
    before = before or _THING.get(cause.kind, "")
    subject = cause.subject
    if cause.kind.startswith(DIMENSION_PREFIX):
        before = cause.kind.removeprefix(DIMENSION_PREFIX).replace("_", " ").capitalize()
    kind = "dimension" if _is_dimension(cause.kind) else cause.kind
    if not subject:
        before, after = _WITHOUT.get((reason, kind), (_PLAIN[reason], ""))
    what = _SPECIAL.get((reason, kind, bool(cause.ramp_id))) or _WHAT[reason]
    step = _STEPS.get((reason, kind, bool(cause.ramp_id))) or NEXT_STEP[reason]
    return Words(before, subject, after, what, step, _WHERE.get(reason, ""))


def can_be_mapped(cause: CauseGroup) -> bool:
    """Whether a mapping settles the cause: a named reference of a kind that has mappings."""
    return settled_by_mapping(cause.reason, cause.kind, cause.ramp_id)


def settled_by_mapping(reason: str, kind: str, ramp_id: str) -> bool:
    """The same of one thing that blocks a bill."""
    known = kind in (VENDORS, GL_ACCOUNTS) or _is_dimension(kind)
    return known and bool(ramp_id) and Reason(reason) in _MAPPED


def _is_dimension(kind: str) -> bool:
    return kind == COST_CENTERS or kind.startswith(DIMENSION_PREFIX)


_MAPPED = frozenset(
    {
        Reason.VENDOR_UNMAPPED,
        Reason.VENDOR_UNUSABLE,
        Reason.ACCOUNT_UNMAPPED,
        Reason.ACCOUNT_UNUSABLE,
        Reason.DIMENSION_UNMAPPED,
    }
)
_THING: Mapping[str, str] = {
    VENDORS: "Vendor",
    GL_ACCOUNTS: "Account",
    COST_CENTERS: "Cost center",
    "terms": "The terms of vendor",
    "currency": "Currency",
    "entity": "Ramp entity",
    "period": "Period",
    FIELD: "Accounting field",
    DECIMALS: "Decimals of",
}
# Before and after the name of the thing; "" before: what kind of thing it is.
_TITLES: Mapping[Reason, tuple[str, str]] = {
    Reason.VENDOR_UNMAPPED: ("", "is not mapped"),
    Reason.VENDOR_UNUSABLE: ("", "cannot be used in Epicor"),
    Reason.ACCOUNT_UNMAPPED: ("", "is not mapped"),
    Reason.ACCOUNT_UNUSABLE: ("", "cannot be used in Epicor"),
    Reason.DIMENSION_UNMAPPED: ("", "is not mapped"),
    Reason.NO_ROUTE: ("", "goes to no Epicor company"),
    Reason.INVALID_BILL: ("", "cannot be entered"),
    Reason.PERIOD_CLOSED: ("", "is closed"),
    **dict.fromkeys(
        [
            Reason.DUPLICATE_SUSPECTED,
            Reason.REFUSED,
            Reason.ASKED,
            Reason.IN_DOUBT,
            Reason.MISMATCH,
            Reason.CHANGED,
            Reason.ARCHIVED,
            Reason.SYNCED_ELSEWHERE,
            Reason.NEEDS_REVIEW,
            Reason.UNAVAILABLE,
            Reason.BUG,
        ],
        ("", ""),
    ),
}
# The title of a cause that is no single thing.
_PLAIN: Mapping[Reason, str] = {
    Reason.VENDOR_UNMAPPED: "A vendor is not mapped",
    Reason.VENDOR_UNUSABLE: "A vendor cannot be used in Epicor",
    Reason.ACCOUNT_UNMAPPED: "An account is not mapped",
    Reason.ACCOUNT_UNUSABLE: "An account cannot be used in Epicor",
    Reason.DIMENSION_UNMAPPED: "A value is not mapped",
    Reason.NO_ROUTE: "Bills of no Ramp entity",
    Reason.INVALID_BILL: "Invalid bills",
    Reason.PERIOD_CLOSED: "The fiscal period is closed",
    Reason.DUPLICATE_SUSPECTED: "Possible duplicate",
    Reason.REFUSED: "Epicor refused",
    Reason.ASKED: "Epicor asked a question",
    Reason.IN_DOUBT: "Not known whether it arrived in Epicor",
    Reason.MISMATCH: "In Epicor, but not as in Ramp",
    Reason.CHANGED: "Changed in Ramp after entering",
    Reason.ARCHIVED: "Archived or withdrawn in Ramp",
    Reason.SYNCED_ELSEWHERE: "Marked as synced by somebody else",
    Reason.NEEDS_REVIEW: "Linked to a purchase order, or paid by card",
    Reason.UNAVAILABLE: "Could not be looked at",
    Reason.BUG: "Something unexpected in this program",
}
_WITHOUT: Mapping[tuple[Reason, str], tuple[str, str]] = {
    (Reason.ACCOUNT_UNMAPPED, GL_ACCOUNTS): ("Lines without a GL account", ""),
    (Reason.DIMENSION_UNMAPPED, "dimension"): ("Values without an id", ""),
    (Reason.INVALID_BILL, CHOICE): ("Choices that decide nothing", ""),
}
_NOTHING = "Nothing was entered."
_WHAT: Mapping[Reason, str] = {
    Reason.VENDOR_UNMAPPED: f"No Epicor vendor is known for it. {_NOTHING}",
    Reason.VENDOR_UNUSABLE: f"It is missing or inactive in Epicor. {_NOTHING}",
    Reason.ACCOUNT_UNMAPPED: f"No Epicor GL account is known for it. {_NOTHING}",
    Reason.ACCOUNT_UNUSABLE: (
        f"It is not in the chart of accounts, inactive, or not valid on the day. {_NOTHING}"
    ),
    Reason.DIMENSION_UNMAPPED: f"No Epicor segment value is known for it. {_NOTHING}",
    Reason.NO_ROUTE: f"Nobody has said which Epicor company its bills belong to. {_NOTHING}",
    Reason.INVALID_BILL: f"The bill contradicts itself, so it cannot be entered. {_NOTHING}",
    Reason.PERIOD_CLOSED: (
        f"Epicor takes no invoice for the day on which these bills apply. {_NOTHING}"
    ),
    Reason.DUPLICATE_SUSPECTED: (
        "Epicor has an invoice that looks like the bill and that we did not enter, or another bill "
        "of the vendor has the same number. The bill was not entered, so nothing is in the books "
        "twice because of us."
    ),
    Reason.REFUSED: "Epicor said no and saved nothing. Its words are on each bill.",
    Reason.ASKED: (
        "Epicor asked something that only a person may answer, or a day of the bill can hardly be "
        f"right. {_NOTHING} The question is on each bill."
    ),
    Reason.IN_DOUBT: (
        "An answer of Epicor was lost. Perhaps the invoice is there: it is looked up before "
        "anything is sent again, so it is never entered twice."
    ),
    Reason.MISMATCH: (
        "The invoice is in Epicor, but differs from the bill. Nothing is corrected by itself, "
        "because the books may be wrong either way."
    ),
    Reason.CHANGED: (
        "The bill, or who pays it, was changed in Ramp after it was entered, and its invoice can "
        "not follow by itself. Epicor still has the invoice as it was entered."
    ),
    Reason.ARCHIVED: (
        "The bill was archived or rejected in Ramp. What was entered before is still in Epicor "
        "and may be paid there."
    ),
    Reason.SYNCED_ELSEWHERE: (
        "Ramp says that somebody else marked the bill as synced, so it was not entered: it may be "
        "in the books already."
    ),
    Reason.NEEDS_REVIEW: (
        "The bill is linked to a purchase order (entering it as an expense would count the "
        "receipt twice), or was paid by card (the card transaction may be in the books already). "
        f"{_NOTHING}"
    ),
    Reason.UNAVAILABLE: (
        "Credentials, permissions or a system were out of reach when the bill was tried. Nothing "
        "was entered, and no money is at risk."
    ),
    Reason.BUG: (
        "This program met something it was not made for. Nothing was sent twice, and the bill is "
        "left as it was."
    ),
}
# What happened where that differs: reason, kind, whether the thing has an id.
_SPECIAL: Mapping[tuple[Reason, str, bool], str] = {
    (Reason.VENDOR_UNUSABLE, "terms", True): (
        f"The vendor has no payment terms that Epicor knows. {_NOTHING}"
    ),
    (Reason.INVALID_BILL, "currency", True): f"No Epicor currency is known for it. {_NOTHING}",
    (Reason.ACCOUNT_UNMAPPED, GL_ACCOUNTS, False): (
        f"A line has no usable GL account in Ramp. {_NOTHING}"
    ),
    (Reason.DIMENSION_UNMAPPED, "dimension", False): (
        "A value was chosen in Ramp that has no id there, so nothing says which segment value it "
        f"is; the default was not taken in its place. {_NOTHING}"
    ),
    (Reason.DIMENSION_UNMAPPED, FIELD, False): (
        "Something was chosen in Ramp for a field that the settings call otherwise than Ramp "
        f"does, so the choice would not count. {_NOTHING}"
    ),
    (Reason.INVALID_BILL, DECIMALS, True): (
        f"Its amounts have more decimals than Epicor keeps, so they would be rounded. {_NOTHING}"
    ),
    (Reason.INVALID_BILL, CHOICE, False): (
        "What was chosen in Ramp contradicts itself, or Ramp does not say for which field it was "
        f"chosen, so it cannot be booked as meant. {_NOTHING}"
    ),
}
# Next steps that differ from the reason's usual one: reason, kind, whether the thing has an id.
_STEPS: Mapping[tuple[Reason, str, bool], str] = {
    (Reason.VENDOR_UNUSABLE, "terms", True): (
        "Give the vendor terms in Epicor, or set default terms in the settings, then replay."
    ),
    (Reason.ACCOUNT_UNMAPPED, GL_ACCOUNTS, False): (
        "Choose a GL account for the lines in Ramp, then replay."
    ),
    (Reason.ACCOUNT_UNUSABLE, "dimension", False): (
        "The default of this dimension makes an account that cannot be used: correct the default "
        "(settings), then replay."
    ),
    (Reason.DIMENSION_UNMAPPED, "dimension", False): (
        "Choose the value again in Ramp, or upload the field's options anew so that each has its "
        "id, then replay."
    ),
    (Reason.DIMENSION_UNMAPPED, FIELD, False): (
        "Give the field's id in place of its name (settings, accounting fields), then replay. The "
        "connection test shows the ids."
    ),
    (Reason.INVALID_BILL, CHOICE, False): (
        "Leave one choice a field on the lines that the bills name in Ramp, then replay."
    ),
    (Reason.INVALID_BILL, DECIMALS, True): (
        "Correct the amounts in Ramp, or have Epicor keep as many decimals for the currency, then "
        "replay."
    ),
    (Reason.INVALID_BILL, "currency", True): (
        "Say which Epicor currency it is (settings, currencies), then replay."
    ),
}
_SETTINGS = "An administrator does that in the settings. Afterwards, replay the bills here."
_WHERE: Mapping[Reason, str] = {
    Reason.NO_ROUTE: f"Entity routes. {_SETTINGS}",
    Reason.INVALID_BILL: (
        "The bill is corrected in Ramp; it is read anew when you replay it. For a number that "
        "Epicor does not take you can also give another one here."
    ),
    Reason.PERIOD_CLOSED: (
        "With the setting “closed period: next open” such bills apply on the first day of the "
        "next open period by themselves."
    ),
    Reason.DUPLICATE_SUSPECTED: (
        "“This is the same invoice” links the bill to the invoice in Epicor and enters nothing; "
        "“The same invoice” dismisses it beside the other bill. “Not a duplicate” enters the bill, "
        "and these invoices are never suspected again for it. “Change invoice number” enters it "
        "under a number that you give, if Epicor has its number already."
    ),
    Reason.REFUSED: "Correct it in Epicor or in Ramp; the bill is read anew when you replay it.",
    Reason.ASKED: (
        "“Accept and continue” answers the prompt for this bill, “Accept for every bill” "
        "for every bill that it stops, now and later; what is entered is compared to the cent "
        "either way. Some questions only Epicor's own screen can answer: such a bill says so. If "
        "a bill should not be entered, dismiss it."
    ),
    Reason.IN_DOUBT: (
        "Replay looks the invoice up first and enters it only if it is surely not there."
    ),
    Reason.MISMATCH: (
        "Correct one of the two and replay; or keep the invoice as it is; or remove it from "
        "Epicor and have it entered again as it is in Ramp."
    ),
    Reason.CHANGED: (
        "Replay compares once more; or keep the invoice as it is; or remove it from Epicor and "
        "have it entered again as it is in Ramp now."
    ),
    Reason.ARCHIVED: (
        "Remove the invoice while it is not posted, or keep it. A bill that was never entered is "
        "dismissed."
    ),
    Reason.SYNCED_ELSEWHERE: (
        "If it is in Epicor, dismiss it here. If it is not, take the mark away in Ramp and replay."
    ),
    Reason.NEEDS_REVIEW: (
        "Two settings decide about all such bills: “purchase-order bills” (hold or enter as "
        "expenses) and “bills paid by card” (hold or enter). An administrator sets them; then "
        "replay. Or enter a bill by hand in Epicor and dismiss it here."
    ),
    Reason.UNAVAILABLE: (
        "Tell your administrator: the connection page says which permission or system fails. "
        "Once it works, replay the bills."
    ),
    Reason.BUG: (
        "Tell whoever looks after ml-connector for you, with the bill's number and its message. "
        "Replaying is safe: what was perhaps sent is looked up first."
    ),
}
