"""The table of reasons for which a bill waits: what each is called, means and asks for. Pure.

Pages, commands, exports and docs/errors.md are made from it. A new reason is one row here.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Case:
    """Words in place of the reason's own for one kind of thing; "" leaves the reason's."""

    title: str = ""
    explanation: str = ""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A reason for people: its name in few words, and of a cause the title and what happened.

    `of_thing`: what its title says after the name of the thing that blocks the bill. `where`: where
    the next step is taken when that is not on the page. `cases`: by the kind of the thing that
    blocks, and whether it has an id in Ramp.
    """

    label: str
    title: str
    explanation: str
    next_step: str
    of_thing: str = ""
    where: str = ""
    # As a failed sync, and only what a person must fix: somebody who reads "failed" types the bill
    # by hand, so never doubt or trouble with access.
    told_to_ramp: bool = True
    settled_by_mapping: bool = False
    often_dismissed: bool = False  # dismissing is one click away in the list
    not_kept: str = ""  # why what is in Epicor cannot be accepted as it is, "" where it can
    cases: Mapping[tuple[str, bool], Case] = field(default_factory=dict)

    def case(self, kind: str, *, has_id: bool) -> Case:
        """The words for a thing of this kind, with or without an id in Ramp."""
        special = self.cases.get((kind, has_id), Case())
        return Case(
            special.title or self.title,
            special.explanation or self.explanation,
            special.next_step or self.next_step,
        )


class Reason(StrEnum):
    """Why a posting waits for a person: its code, and `words`, all that is said and ruled of it."""

    words: ReasonText

    def __new__(cls, code: str, *words: ReasonText) -> "Reason":
        """A member is its code, with its words beside it."""
        member = str.__new__(cls, code)
        member._value_ = code
        (member.words,) = words
        return member

    VENDOR_UNMAPPED = (
        "vendor_unmapped",
        ReasonText(
            label="Vendor not mapped",
            title="A vendor is not mapped",
            explanation="No Epicor vendor is known for it. Nothing was entered.",
            next_step="Map the vendor to an Epicor vendor, then replay.",
            of_thing="is not mapped",
            settled_by_mapping=True,
        ),
    )
    VENDOR_UNUSABLE = (
        "vendor_unusable",
        ReasonText(
            label="Vendor cannot be used",
            title="A vendor cannot be used in Epicor",
            explanation="It is missing or inactive in Epicor. Nothing was entered.",
            next_step="Make the vendor usable in Epicor or map another one, then replay.",
            of_thing="cannot be used in Epicor",
            settled_by_mapping=True,
            cases={
                ("terms", True): Case(
                    explanation=(
                        "The vendor has no payment terms that Epicor knows. Nothing was entered."
                    ),
                    next_step=(
                        "Give the vendor terms in Epicor, or set default terms in the settings, "
                        "then replay."
                    ),
                ),
            },
        ),
    )
    ACCOUNT_UNMAPPED = (
        "account_unmapped",
        ReasonText(
            label="Account not mapped",
            title="An account is not mapped",
            explanation="No Epicor GL account is known for it. Nothing was entered.",
            next_step="Map the account to an Epicor GL account, then replay.",
            of_thing="is not mapped",
            settled_by_mapping=True,
            cases={
                ("gl_accounts", False): Case(
                    title="Lines without a GL account",
                    explanation="A line has no usable GL account in Ramp. Nothing was entered.",
                    next_step="Choose a GL account for the lines in Ramp, then replay.",
                ),
            },
        ),
    )
    ACCOUNT_UNUSABLE = (
        "account_unusable",
        ReasonText(
            label="Account cannot be used",
            title="An account cannot be used in Epicor",
            explanation=(
                "It is not in the chart of accounts, inactive, or not valid on the day. "
                "Nothing was entered."
            ),
            next_step="Open the account in Epicor or map another one, then replay.",
            of_thing="cannot be used in Epicor",
            settled_by_mapping=True,
            cases={
                ("dimension", False): Case(
                    next_step=(
                        "The default of this dimension makes an account that cannot be used: "
                        "correct the default (settings), then replay."
                    ),
                ),
            },
        ),
    )
    DIMENSION_UNMAPPED = (
        "dimension_unmapped",
        ReasonText(
            label="Value not mapped",
            title="A value is not mapped",
            explanation="No Epicor segment value is known for it. Nothing was entered.",
            next_step="Map the value to an Epicor segment value, then replay.",
            of_thing="is not mapped",
            settled_by_mapping=True,
            cases={
                ("dimension", False): Case(
                    title="Values without an id",
                    explanation=(
                        "A value was chosen in Ramp that has no id there, so nothing says "
                        "which segment value it is; the default was not taken in its place. "
                        "Nothing was entered."
                    ),
                    next_step=(
                        "Choose the value again in Ramp, or upload the field's options anew "
                        "so that each has its id, then replay."
                    ),
                ),
                ("field", False): Case(
                    explanation=(
                        "Something was chosen in Ramp for a field that the settings call "
                        "otherwise than Ramp does, so the choice would not count. Nothing was "
                        "entered."
                    ),
                    next_step=(
                        "Give the field's id in place of its name (settings, accounting "
                        "fields), then replay. The connection test shows the ids."
                    ),
                ),
            },
        ),
    )
    NO_ROUTE = (
        "no_route",
        ReasonText(
            label="No Epicor company",
            title="Bills of no Ramp entity",
            explanation=(
                "Nobody has said which Epicor company its bills belong to. Nothing was entered."
            ),
            next_step="Say which Epicor company the Ramp entity belongs to, then replay.",
            of_thing="goes to no Epicor company",
            where=(
                "Entity routes. An administrator does that in the settings. "
                "Afterwards, replay the bills here."
            ),
        ),
    )
    INVALID_BILL = (
        "invalid_bill",
        ReasonText(
            label="Invalid bill",
            title="Invalid bills",
            explanation=(
                "The bill contradicts itself (its sum, its currency, a total of zero) or has a "
                "number that Epicor cannot take, so it cannot be entered. Nothing was entered."
            ),
            next_step="Correct the bill in Ramp, then replay.",
            of_thing="cannot be entered",
            where=(
                "The bill is corrected in Ramp; it is read anew when you replay it. For a "
                "number that Epicor does not take you can also give another one here."
            ),
            cases={
                ("currency", True): Case(
                    explanation="No Epicor currency is known for it. Nothing was entered.",
                    next_step=(
                        "Say which Epicor currency it is (settings, currencies), then replay."
                    ),
                ),
                ("decimals", True): Case(
                    explanation=(
                        "Its amounts have more decimals than Epicor keeps, so they would be "
                        "rounded. Nothing was entered."
                    ),
                    next_step=(
                        "Correct the amounts in Ramp, or have Epicor keep as many decimals "
                        "for the currency, then replay."
                    ),
                ),
                ("choice", False): Case(
                    title="Choices that decide nothing",
                    explanation=(
                        "What was chosen in Ramp contradicts itself, or Ramp does not say for "
                        "which field it was chosen, so it cannot be booked as meant. Nothing "
                        "was entered."
                    ),
                    next_step=(
                        "Leave one choice a field on the lines that the bills name in Ramp, "
                        "then replay."
                    ),
                ),
            },
        ),
    )
    PERIOD_CLOSED = (
        "period_closed",
        ReasonText(
            label="Period is closed",
            title="The fiscal period is closed",
            explanation=(
                "Epicor takes no invoice for the day on which these bills apply. Nothing was "
                "entered."
            ),
            next_step="Open the period in Epicor or change the accounting date, then replay.",
            of_thing="is closed",
            where=(
                "With the setting “closed period: next open” such bills apply on the first "
                "day of the next open period by themselves."
            ),
        ),
    )
    DUPLICATE_SUSPECTED = (
        "duplicate_suspected",
        ReasonText(
            label="Possible duplicate",
            title="Possible duplicate",
            explanation=(
                "Epicor has an invoice that looks like the bill and that we did not enter, or "
                "another bill of the vendor has the same number. The bill was not entered, so "
                "nothing is in the books twice because of us."
            ),
            next_step=(
                "Compare both invoices: say that it is ours, that they differ, or give the "
                "bill another number."
            ),
            where=(
                "“This is the same invoice” links the bill to the invoice in Epicor and "
                "enters nothing; “The same invoice” dismisses it beside the other bill. “Not "
                "a duplicate” enters the bill, and these invoices are never suspected again "
                "for it. “Change invoice number” enters it under a number that you give, if "
                "Epicor has its number already."
            ),
            often_dismissed=True,
            not_kept=(
                "Epicor has more than one invoice that may be this bill; delete the wrong "
                "one, then replay"
            ),
        ),
    )
    REFUSED = (
        "refused",
        ReasonText(
            label="Refused",
            title="Epicor refused",
            explanation=(
                "Epicor said no and saved nothing, or Ramp does not take an entered bill as "
                "synced. The words of either are on each bill."
            ),
            next_step="Correct what Epicor (or Ramp) names, then replay.",
            where="Correct it in Epicor or in Ramp; the bill is read anew when you replay it.",
        ),
    )
    ASKED = (
        "asked",
        ReasonText(
            label="Epicor asked a question",
            title="Epicor asked a question",
            explanation=(
                "Epicor asked something that only a person may answer, or a day of the bill "
                "can hardly be right. Nothing was entered. The question is on each bill."
            ),
            next_step="Accept the prompt, or settle it in Epicor and replay.",
            where=(
                "“Accept and continue” answers the prompt for this bill, “Accept for every "
                "bill” for every bill that it stops, now and later; what is entered is "
                "compared to the cent either way. Some questions only Epicor's own screen can "
                "answer: such a bill says so. If a bill should not be entered, dismiss it."
            ),
            often_dismissed=True,
        ),
    )
    IN_DOUBT = (
        "in_doubt",
        ReasonText(
            label="Not known whether it arrived",
            title="Not known whether it arrived in Epicor",
            explanation=(
                "An answer of Epicor was lost. Perhaps the invoice is there: it is looked up "
                "before anything is sent again, so it is never entered twice."
            ),
            next_step="Wait for the look-up, or check the invoice in Epicor before you replay.",
            where="Replay looks the invoice up first and enters it only if it is surely not there.",
            told_to_ramp=False,
            not_kept="an answer of Epicor is missing; replay it, so that it is looked up",
        ),
    )
    MISMATCH = (
        "mismatch",
        ReasonText(
            label="In Epicor, not as in Ramp",
            title="In Epicor, but not as in Ramp",
            explanation=(
                "The invoice is in Epicor, but differs from the bill. Nothing is corrected by "
                "itself, because the books may be wrong either way."
            ),
            next_step="Compare the invoice in Epicor with the bill and correct one, then replay.",
            where=(
                "Correct one of the two and replay; or keep the invoice as it is; or remove "
                "it from Epicor and have it entered again as it is in Ramp."
            ),
            told_to_ramp=False,
        ),
    )
    CHANGED = (
        "changed",
        ReasonText(
            label="Changed in Ramp after entering",
            title="Changed in Ramp after entering",
            explanation=(
                "The bill, or who pays it, was changed in Ramp after it was entered, and its "
                "invoice can not follow by itself. Epicor still has the invoice as it was "
                "entered."
            ),
            next_step="Compare the bill with the invoice field by field and correct one.",
            where=(
                "Replay compares once more; or keep the invoice as it is; or remove it from "
                "Epicor and have it entered again as it is in Ramp now."
            ),
            told_to_ramp=False,
        ),
    )
    ARCHIVED = (
        "archived",
        ReasonText(
            label="Archived or withdrawn in Ramp",
            title="Archived or withdrawn in Ramp",
            explanation=(
                "The bill was archived or rejected in Ramp. What was entered before is still "
                "in Epicor and may be paid there."
            ),
            next_step="Remove the unposted invoice in Epicor, or dismiss with a reason.",
            where=(
                "Remove the invoice while it is not posted, or keep it. A bill that was never "
                "entered is dismissed."
            ),
            told_to_ramp=False,
            often_dismissed=True,
        ),
    )
    SYNCED_ELSEWHERE = (
        "synced_elsewhere",
        ReasonText(
            label="Synced by somebody else",
            title="Marked as synced by somebody else",
            explanation=(
                "Ramp says that somebody else marked the bill as synced, so it was not "
                "entered: it may be in the books already."
            ),
            next_step="Find out who marked the bill as synced; dismiss it or un-sync it.",
            where=(
                "If it is in Epicor, dismiss it here. If it is not, take the mark away in "
                "Ramp and replay."
            ),
            told_to_ramp=False,
            often_dismissed=True,
        ),
    )
    NEEDS_REVIEW = (
        "needs_review",
        ReasonText(
            label="Purchase order or card",
            title="Linked to a purchase order, or paid by card",
            explanation=(
                "The bill is linked to a purchase order (entering it as an expense would "
                "count the receipt twice), or was paid by card (the card transaction may be "
                "in the books already). Nothing was entered."
            ),
            next_step="Decide how such bills are entered (settings), or dismiss the bill.",
            where=(
                "Two settings decide about all such bills: “purchase-order bills” (hold or "
                "enter as expenses) and “bills paid by card” (hold or enter). An "
                "administrator sets them; then replay. Or enter a bill by hand in Epicor and "
                "dismiss it here."
            ),
            often_dismissed=True,
        ),
    )
    UNAVAILABLE = (
        "unavailable",
        ReasonText(
            label="Could not be looked at",
            title="Could not be looked at",
            explanation=(
                "Credentials, permissions or a system were out of reach when the bill was "
                "tried. Nothing was entered, and no money is at risk."
            ),
            next_step="Ask the administrator to check the connection, then replay.",
            where=(
                "Tell your administrator: the connection page says which permission or system "
                "fails. Once it works, replay the bills."
            ),
            told_to_ramp=False,
            not_kept="it could not be looked at; replay it once the connection works",
        ),
    )
    BUG = (
        "bug",
        ReasonText(
            label="Something unexpected",
            title="Something unexpected in this program",
            explanation=(
                "This program met something it was not made for. Nothing was sent twice, and "
                "the bill is left as it was."
            ),
            next_step="Report it with the bill's number; nothing was sent twice.",
            where=(
                "Tell whoever looks after ml-connector for you, with the bill's number and "
                "its message. Replaying is safe: what was perhaps sent is looked up first."
            ),
            told_to_ramp=False,
            not_kept="something unforeseen happened; report it, then replay it",
        ),
    )


LABELS: Mapping[str, str] = {one.value: one.words.label for one in Reason}  # in few words


def as_markdown(reasons: Iterable[Reason] = Reason) -> list[str]:
    """The rows of the table in docs/errors.md."""
    return [
        f"| `{one.value}` | {one.words.explanation} | {'yes' if one.words.told_to_ramp else 'no'} "
        f"| {one.words.next_step} |"
        for one in reasons
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*as_markdown(), ""]))
