"""Whether our own record is whole: trail, attempts, leases, and what Ramp has of it."""

import json
from collections import defaultdict
from typing import Any

from tests.simulation.life import Life, Violation

Row = dict[str, Any]
IN_EPICOR = ("entered", "confirmed")
_TOLD = ("state", "hold_reason")


def trail(life: Life, postings: dict[str, Row]) -> None:
    """The audit entries alone tell the state and the hold of each posting."""
    entries = life.rows(
        "select subject_id, changes from audit_auditentry "
        "where subject_kind = 'posting' order by rowid"
    )
    told: defaultdict[str, Row] = defaultdict(lambda: {"state": "queued", "hold_reason": ""})
    for entry in entries:
        for name, (before, after) in json.loads(entry["changes"]).items():
            if name in _TOLD and told[entry["subject_id"]][name] != before:
                raise Violation("trail", f"bill {entry['subject_id']}: {name} was not {before!r}")
            told[entry["subject_id"]][name] = after
    for bill_id, posting in postings.items():
        for name in _TOLD:
            if told[bill_id][name] != posting[name]:
                raise Violation(
                    "trail",
                    f"bill {bill_id} has {name} {posting[name]!r}, "
                    f"its trail says {told[bill_id][name]!r}",
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
