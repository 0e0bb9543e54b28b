"""Bills as no bill should be, beside the world's own: whatever becomes of them, they stop no other.

They have dice of their own, so that a world tells the same story of its other bills.
"""

import random

from tests.journeys import poison
from tests.simulation.life import Life, Violation

_EVERY = 3  # each third world has some
_ENDS = ("0001-01-01T00:00:00+00:00", "9999-12-31T00:00:00+00:00")


def scatter(life: Life) -> None:
    """Put odd bills among those that Ramp offers, in some worlds."""
    if life.seed % _EVERY:
        return
    rng = random.Random(f"poison {life.seed}")
    rows = [row for row in life.ramp_bills() if row["line_items"]]
    like = {**rows[0], "approval_status": "APPROVED", "sync_status": "NOT_SYNCED"}
    day = {"issued_at": rng.choice(_ENDS), "accounting_date": like["issued_at"]}
    odd = [poison.spoiled(like, f"END-{life.seed}", day)]
    odd += poison.pairs(like, rng.randint(1, 3), life.seed)
    for row in odd:
        life.poison.add(row["id"])
        life.box.ramp.app.add_bill(row)
        life.tell(f"Ramp: an odd bill {life.name(row['id'])} arrives")


def at_rest(life: Life) -> None:
    """None of them is lost, doubled, or still under way when the trouble is over."""
    postings = life.postings(odd=True)
    stamps = [one["header"]["ExternalID"] for one in life.invoices(odd=True)]
    for row in life.ramp_bills(odd=True):
        bill_id = row["id"]
        posting = postings.get(bill_id)
        wanted = row["approval_status"] == "APPROVED" and row["archived_at"] is None
        if posting is None:
            if wanted and row.get("enable_accounting_sync") is not False:
                raise Violation("lost", f"odd bill {bill_id} has no posting")
            continue
        if posting["state"] in ("in_flight", "in_doubt") and not posting["hold_reason"]:
            raise Violation("lost", f"odd bill {bill_id} is still {posting['state']}")
        if posting["hold_reason"] == "bug":
            raise Violation("foreseen", f"odd bill {bill_id}: {posting['hold_detail']}")
        if stamps.count(bill_id) > 1:
            raise Violation("doubled", f"odd bill {bill_id} is in Epicor {stamps.count(bill_id)} x")
