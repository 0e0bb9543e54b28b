"""Made-up lives of bills: what each row is now, and everything the trail told on the way there.

Deterministic: the same numbers give the same rows. Most bills were entered long ago and nobody
looks at them any more; a few hundred wait for a person, for causes of very different size.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from audit.canonical_json import plain
from audit.ledger.intake import _COPIED
from audit.ledger.models import Posting
from connector.domain.errors import Reason
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine

COMPANIES = ("EPIC06", "EPIC06", "EPIC07")
PEOPLE = ("ann", "bob", "carla", "dmitri")
_CURRENCIES = ("USD",) * 17 + ("EUR", "EUR", "GBP", "JPY")
_WORDS = ("Acme", "Nordwind", "Blue", "Harbor", "Summit", "Cedar", "Iron", "Delta", "Union", "Nova")
_TRADES = ("Supplies", "Logistics", "Software", "Consulting", "Paper", "Foods", "Electric", "Legal")

# Of a thousand bills that have an end or wait: how many are in which state now.
_FATES = (
    [("confirmed", "")] * 930
    + [("entered", "")] * 20
    + [("dismissed", "")] * 15
    + [("removed", "")] * 4
    + [("queued", "")] * 10
    + [("in_doubt", "")]
    + [("queued", "held")] * 18
    + [("confirmed", "held")] * 2
)
# What holds a bill, how often, and how many different things cause it (0: the reason itself).
_HOLDS = [
    (Reason.VENDOR_UNMAPPED, 40, "vendors", 150),
    (Reason.ACCOUNT_UNMAPPED, 18, "gl_accounts", 60),
    (Reason.DIMENSION_UNMAPPED, 14, "cost_centers", 80),
    (Reason.VENDOR_UNUSABLE, 4, "vendors", 20),
    (Reason.ACCOUNT_UNUSABLE, 3, "gl_accounts", 8),
    (Reason.NO_ROUTE, 2, "", 0),
    (Reason.INVALID_BILL, 2, "", 0),
    (Reason.PERIOD_CLOSED, 6, "", 0),
    (Reason.DUPLICATE_SUSPECTED, 4, "", 0),
    (Reason.REFUSED, 3, "", 0),
    (Reason.ASKED, 1, "", 0),
    (Reason.ARCHIVED, 1, "", 0),
    (Reason.NEEDS_REVIEW, 2, "", 0),
]
_HELD_IN_EPICOR = [Reason.MISMATCH, Reason.CHANGED]


def vendor_name(number: int) -> str:
    """The name of the vendor with this number."""
    return f"{_WORDS[number % 10]} {_TRADES[number // 10 % 8]} {number}"


def draft(row: dict[str, Any]) -> APInvoiceDraft:
    """What Epicor has of an entered bill: one line with all of it."""
    return APInvoiceDraft(
        company=row["company"],
        site="MfgSys",
        vendor_num=row["vendor_num"],
        vendor_id=f"V{row['vendor_num'] - 1:05d}",
        invoice_num=row["invoice_num"],
        invoice_date=row["issued_on"],
        apply_date=row["apply_on"],
        due_date=row["due_on"],
        terms_code="N30",
        currency_code=row["currency"],
        rate_group="MAIN",
        total=row["amount"],
        lines=(DraftLine(row["amount"], "6000|01|000", "Paper", "misc"),),
        description=row["vendor_name"][:30],
        stamp=row["bill_id"],
        url="",
        pay_hold=True,
    )


@dataclass(slots=True)
class Told:
    """One entry of the trail before it has a place; `body` is plain JSON."""

    at: datetime
    action: str
    subject_kind: str
    subject_id: str
    actor: str
    body: dict[str, Any]
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Story:
    """One bill: its row as keyword values, what blocks it, and its trail in order."""

    row: dict[str, Any]
    blockers: list[dict[str, Any]] = field(default_factory=list)
    trail: list[Told] = field(default_factory=list)


class Storyteller:
    """Tells `postings` bills, oldest first, spread over two years up to `now`."""

    def __init__(self, postings: int, vendors: int, now: datetime, seed: int = 1) -> None:
        self.count, self.vendors, self.now = postings, vendors, now
        self.dice = random.Random(seed)
        self.step = timedelta(days=730) / max(postings, 1)

    def stories(self) -> Iterator[Story]:
        """Every bill once."""
        for number in range(self.count):
            opened = self.now - self.step * (self.count - number)
            yield self._story(number, opened)

    def _story(self, number: int, opened: datetime) -> Story:
        dice = self.dice
        state, held = dice.choice(_FATES)
        if state in ("queued", "in_doubt") and not held and number < self.count * 0.98:
            state = "confirmed"  # what waits by itself is young
        if held and number < self.count * 0.8:
            held = ""
            state = "confirmed"
        vendor = min(int(dice.paretovariate(0.6)), self.vendors) - 1
        day = opened.date()
        currency = dice.choice(_CURRENCIES)
        amount = Decimal(int(dice.lognormvariate(6.5, 1.4) * 100) + 100).scaleb(-2)
        entered = state in ("entered", "confirmed", "removed")
        row = {
            "bill_id": f"{number:08x}-0000-4000-8000-{dice.getrandbits(48):012x}",
            "state": state,
            "failed_attempts": 0,
            "look_ups": 0,
            "lease_owner": "",
            "hold_reason": "",
            "hold_message": "",
            "hold_detail": {},
            "hold_version": "",
            "hold_opened_at": None,
            "assignee": "",
            "twins_cleared": [],
            "entity_id": f"entity-{number % 3}",
            "company": dice.choice(COMPANIES) if entered else "",
            "vendor_ramp_id": f"v-{vendor}",
            "vendor_name": vendor_name(vendor),
            "vendor_num": vendor + 1 if entered else None,
            "invoice_num": f"INV-{dice.randrange(10**7):07d}",
            "group_id": f"R{day:%y%m%d}A" if entered else "",
            "amount": amount.quantize(Decimal(1)) if currency == "JPY" else amount,
            "currency": currency,
            "issued_on": day - timedelta(days=dice.randrange(10)),
            "due_on": day + timedelta(days=dice.randrange(5, 60)),
            "apply_on": day,
            "seen_hash": f"{number:064x}",
            "entered_hash": f"{number:064x}" if entered else "",
            "entered_as": {},
            "sys_rev_id": number if entered else None,
            "told_version": "",
            "created_at": opened,
            "updated_at": opened + timedelta(hours=2),
            "entered_at": opened + timedelta(minutes=20) if entered else None,
            "confirmed_at": opened + timedelta(minutes=25) if state == "confirmed" else None,
            "not_before": None,
        }
        if entered:
            row["entered_as"] = draft(row).as_json()
        story = Story(row)
        self._tell(story, opened)
        if held:
            self._hold(story, opened + timedelta(hours=1))
        return story

    def _tell(self, story: Story, opened: datetime) -> None:
        """What the trail says of a bill on its way to where it is now."""
        row, moment = story.row, opened
        self._add(story, moment, "posting.opened", {}, changes=_changes(row, _COPIED))
        if row["entered_at"]:
            if self.dice.random() < 0.15:  # it had to wait for a mapping first
                body = {"reason": "vendor_unmapped", "message": _message(row), "gaps": []}
                held = {"hold_reason": ["", "vendor_unmapped"]}
                at = moment + timedelta(minutes=2)
                self._add(story, at, "posting.held", body, changes=held)
                person = self.dice.choice(PEOPLE)
                replayed = moment + timedelta(minutes=10)
                freed = {"hold_reason": ["vendor_unmapped", ""]}
                self._add(story, replayed, "posting.replayed", {}, person, changes=freed)
            self._attempts(story, moment + timedelta(minutes=15), "enter_invoice", 2)
            body = {"invoice_num": row["invoice_num"]}
            body |= {"total": str(row["amount"]), "currency": row["currency"]}
            changes = _changes(row, ["company", "vendor_num", "group_id", "entered_hash"])
            changes["state"] = ["queued", "entered"]
            self._add(story, row["entered_at"], "posting.entered", body, changes=changes)
        if row["confirmed_at"] or row["state"] == "removed":
            told = opened + timedelta(minutes=24)
            self._attempts(story, told, "confirm", 1, kind="confirmation")
            changes = {"state": ["entered", "confirmed"]}
            end = opened + timedelta(minutes=25)
            self._add(story, end, "posting.confirmed", {}, changes=changes)
        if row["state"] in ("dismissed", "removed"):
            person, body = self.dice.choice(PEOPLE), {"reason": "Handled by hand."}
            changes = {"state": ["confirmed" if row["confirmed_at"] else "queued", row["state"]]}
            end = opened + timedelta(hours=2)
            self._add(story, end, f"posting.{row['state']}", body, person, changes=changes)

    def _attempts(
        self, story: Story, at: datetime, action: str, times: int, kind: str = "posting"
    ) -> None:
        for number in range(times):
            begun = at + timedelta(seconds=number * 3)
            body = {"attempt": 0, "action": action}
            asked = body | {"request_hash": "0" * 64}
            self._add(story, begun, "attempt.begun", asked, kind=kind)
            done = body | {"outcome": "done", "message": "", "answer_hash": "1" * 64}
            ended = begun + timedelta(seconds=1)
            self._add(story, ended, "attempt.finished", done, kind=kind)

    def _hold(self, story: Story, at: datetime) -> None:
        row, dice = story.row, self.dice
        if row["state"] == Posting.State.CONFIRMED:
            reason, kind, different = dice.choice(_HELD_IN_EPICOR), "", 0
        else:
            weights = [weight for _, weight, _, _ in _HOLDS]
            reason, _, kind, different = dice.choices(_HOLDS, weights)[0]
        message = f"{reason.replace('_', ' ').capitalize()}: {_message(row)}"
        row |= {"hold_reason": str(reason), "hold_message": message, "hold_opened_at": at}
        row["hold_version"] = str(reason)
        if different:
            chosen = min(int(dice.paretovariate(0.7)), different)
            self._block(story, reason, kind, chosen, message)
            if dice.random() < 0.1:
                self._block(story, Reason.ACCOUNT_UNMAPPED, "gl_accounts", chosen + 1, message)
        body = {"reason": str(reason), "message": message, "gaps": []}
        held = {"hold_reason": ["", str(reason)]}
        self._add(story, at, "posting.held", body, changes=held)

    def _block(self, story: Story, reason: Reason, kind: str, number: int, message: str) -> None:
        name = vendor_name(number) if kind == "vendors" else f"{kind} {number}"
        story.blockers.append(
            {
                "reason": str(reason),
                "kind": kind,
                "company": "EPIC06",
                "ramp_id": f"{kind}-{number}",
                "name": name,
                "message": message,
            }
        )

    def _add(
        self,
        story: Story,
        at: datetime,
        action: str,
        body: dict[str, Any],
        actor: str = "system",
        kind: str = "posting",
        changes: dict[str, Any] | None = None,
    ) -> None:
        bill_id = story.row["bill_id"]
        story.trail.append(Told(at, action, kind, bill_id, actor, body, changes or {}))


def _changes(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    blank = Posting()
    pairs = {name: [plain(getattr(blank, name)), plain(row[name])] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _message(row: dict[str, Any]) -> str:
    return f"{row['vendor_name']} has no Epicor vendor. Nothing was sent."
