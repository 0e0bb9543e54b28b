"""Whether our own record is whole: trail, attempts, leases, and what Ramp has of it."""

import json
from collections import defaultdict
from typing import Any

from tests.simulation.life import Life, Violation

Row = dict[str, Any]
IN_EPICOR = ("entered", "confirmed")

_LEADS_TO = {
    "posting.opened": "queued",
    "posting.released": "queued",
    "posting.settled": "queued",
    "posting.enter_again": "queued",
    "posting.in_doubt": "in_doubt",
    "posting.entered": "entered",
    "posting.confirmed": "confirmed",
    "posting.removed": "removed",
    "posting.dismissed": "dismissed",
}
_OPENS, _CLOSES = ("posting.held",), (
    "posting.replayed", "posting.requeued", "posting.entered", "posting.rechecked",
    "posting.dismissed", "posting.removed", "posting.twins_cleared", "posting.kept",
    "posting.numbered", "posting.settled",
)  # fmt: skip


def trail(life: Life, postings: dict[str, Row]) -> None:
    """The audit entries alone tell the state and the hold of each posting."""
    entries = life.rows(
        "select subject_id, action, body from audit_auditentry "
        "where subject_kind = 'posting' order by rowid"
    )
    state: dict[str, str] = {}
    held: dict[str, str] = {}
    for entry in entries:
        bill_id, action, body = entry["subject_id"], entry["action"], json.loads(entry["body"])
        state[bill_id] = _LEADS_TO.get(action, state.get(bill_id, ""))
        if action == "posting.reaped":
            state[bill_id] = body["to"]
        if action in _OPENS:
            held[bill_id] = body.get("reason", "?")
        elif action in _CLOSES and not (
            action == "posting.replayed" and state[bill_id] in IN_EPICOR
        ):
            held.pop(bill_id, None)
    for bill_id, posting in postings.items():
        if state.get(bill_id) != posting["state"]:
            raise Violation(
                "trail",
                f"bill {bill_id} is {posting['state']}, its trail says {state.get(bill_id)}",
            )
        if bool(held.get(bill_id)) != bool(posting["hold_reason"]):
            raise Violation(
                "trail",
                f"bill {bill_id} has hold {posting['hold_reason']!r}, "
                f"its trail says {held.get(bill_id)!r}",
            )


def nothing_open(life: Life, postings: dict[str, Row]) -> None:
    for bill_id, posting in postings.items():
        if posting["lease_owner"]:
            raise Violation("leases", f"bill {bill_id} is still leased")
    open_ones = life.rows(
        "select subject_id, outcome from audit_attempt where subject_kind = 'posting' "
        "and outcome in ('intent', 'unknown') and not resolved"
    )
    for attempt in open_ones:
        if attempt["subject_id"] in life.poison:
            continue
        state = postings[attempt["subject_id"]]["state"]
        if state not in ("in_doubt",):
            raise Violation(
                "attempts", f"bill {attempt['subject_id']} is {state} with an open attempt"
            )
    verified = life.act("verify")["value"]
    if verified["first_bad"] is not None:
        raise Violation("chain", str(verified))


def books_agree(life: Life, postings: dict[str, Row]) -> None:
    """Ramp's own record and ours are the same."""
    for bill_id, row in life.box.ramp.state()["bills"].items():
        posting = postings.get(bill_id)
        state = posting["state"] if posting else ""
        if row["reference_id"] is None and state == "confirmed":
            if not life.bills[bill_id].elsewhere:
                raise Violation("ramp", f"bill {bill_id} is confirmed, and Ramp has no reference")
        elif row["reference_id"] is not None and posting and bill_id not in life.removed:
            if state == "entered":
                raise Violation("ramp", f"Ramp has bill {bill_id} as synced, ours is entered")
            if row["reference_id"] != reference_of(posting):
                raise Violation(
                    "ramp",
                    f"Ramp has {row['reference_id']}, our record {reference_of(posting)}",
                )


def one_writer(life: Life) -> None:
    """No write begins while the fate of another one of the same bill is open and undoubted."""
    entries = life.rows(
        "select subject_id, action, body from audit_auditentry "
        "where action like 'attempt.%' or action in ('posting.reaped', 'posting.in_doubt') "
        "order by rowid"
    )
    open_ones: defaultdict[str, set[int]] = defaultdict(set)
    for entry in entries:
        bill_id, action = entry["subject_id"], entry["action"]
        if bill_id not in life.bills:
            continue
        if action in ("posting.reaped", "posting.in_doubt"):
            open_ones[bill_id].clear()
            continue
        number = json.loads(entry["body"])["attempt"]
        if action != "attempt.begun":
            open_ones[bill_id].discard(number)
            continue
        if open_ones[bill_id]:
            raise Violation("claims", f"two writes of bill {bill_id} at the same time")
        open_ones[bill_id].add(number)


def reference_of(posting: Row) -> str:
    return f"{posting['company']}/{posting['vendor_num']}/{posting['invoice_num']}"
