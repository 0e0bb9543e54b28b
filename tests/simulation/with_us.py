"""What people do with the connector. Each act returns True when it could be done."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.world_catalog import (
    COST_CENTERS,
    ENTERABLE,
    UNMAPPED_ACCOUNTS,
    UNMAPPED_COST_CENTERS,
    UNUSABLE_ACCOUNTS,
    Row,
    mapped_account,
)
from tests.simulation import trouble
from tests.simulation.life import Life, pick, shortly


def dismiss(life: Life) -> bool:
    """A person has handled a bill outside, or lives with what waits about one in Epicor."""
    own = set(life.owners.values())
    row = pick(life, [row for row in life.postings().values() if _dismissible(row, own)])
    if row is None:
        return False
    bill_id = row["bill_id"]
    said = str(life.act("dismiss", bill=bill_id).get("value", "killed"))
    if said == "dismissed":
        life.dismissed.add(bill_id)
    if said == "kept":
        life.kept.add(bill_id)
    life.tell(f"ours: a person dismisses bill {life.name(bill_id)}: {said}")
    return True


def _dismissible(row: Row, own: set[str]) -> bool:
    if row["state"] in ("entered", "confirmed"):
        return bool(row["hold_reason"])
    # What is partly in Epicor must be taken out first; nobody stops a person from forgetting it.
    return row["state"] == "queued" and row["bill_id"] not in own


def replay(life: Life) -> bool:
    held = [row["bill_id"] for row in life.postings().values() if row["hold_reason"]]
    row = pick(life, held)
    if row is None:
        return False
    _replay(life, [row])
    return True


def replay_all(life: Life) -> bool:
    if not any(row["hold_reason"] for row in life.postings().values()):
        return False
    _replay(life, None)
    return True


def _replay(life: Life, bills: list[str] | None) -> None:
    answer = life.act("replay", bills=bills)
    what = "everything held" if bills is None else f"bill {life.name(bills[0])}"
    life.tell(f"ours: a person replays {what}: {shortly(answer)}")
    life.counts["runs"] += 1


def remove(life: Life) -> bool:
    """A person has us take an entered invoice out of Epicor."""
    there = [row for row in life.postings().values() if row["state"] in ("entered", "confirmed")]
    row = pick(life, there)
    if row is None:
        return False
    bill_id, again = row["bill_id"], life.rng.random() < 0.6
    _note_removal(life, bill_id, again=again)
    words = f"has bill {life.name(bill_id)} removed{' and entered again' * again}"
    _with_trouble(life, words, "remove", bill=bill_id, again=again)
    return True


def remove_one(life: Life, bill_id: str, *, again: bool) -> None:
    """The same of one bill, undisturbed."""
    _note_removal(life, bill_id, again=again)
    answer = life.act("remove", bill=bill_id, again=again)
    life.tell(f"ours: a person has bill {life.name(bill_id)} removed: {shortly(answer)}")


def _note_removal(life: Life, bill_id: str, *, again: bool) -> None:
    life.removed.add(bill_id)
    if again:
        life.again.add(bill_id)


def record_removals(life: Life) -> None:
    """A person records that invoices are gone which somebody took out of Epicor."""
    there = {life.owners.get(one["header"]["SysRowID"]) for one in life.invoices()}
    for bill_id, row in life.postings().items():
        gone = row["state"] in ("entered", "confirmed") and bill_id not in there
        if gone and row["hold_reason"] == "mismatch" and "adopted" not in row["entered_as"]:
            life.removed.add(bill_id)
            answer = life.act("remove", bill=bill_id, again=False)
            life.tell(
                f"ours: a person records that {life.name(bill_id)} is gone: {shortly(answer)}"
            )


def _with_trouble(life: Life, words: str, name: str, **args: Any) -> None:
    """An act of a person that may be disturbed like a run."""
    planned = trouble.draw(life) if life.rng.random() < 0.4 else trouble.Trouble()
    answer = life.act(name, planned.plan, **planned.args, **args)
    life.tell(f"ours: a person {words}, {planned}: {shortly(answer)}")
    trouble.clear(life)


def ours(life: Life) -> bool:
    """A person says which typed invoice a held bill is."""
    row = _suspected(life)
    if row is None:
        return False
    typed = [one for one in life.typed if one["bill"] == row["bill_id"]]
    if not typed:
        return False
    number = typed[-1]["number"]
    words = f"says that {number!r} is bill {life.name(row['bill_id'])}"
    _with_trouble(life, words, "ours", bill=row["bill_id"], number=number)
    return True


def same(life: Life) -> bool:
    """A person says that a held bill is the same invoice as another bill."""
    rows = [row for row in life.postings().values() if _other_bill(row)]
    row = pick(life, rows)
    if row is None:
        return False
    bill_id = row["bill_id"]
    answer = life.act("ours", bill=bill_id, number=_other_bill(row)["invoice_num"])
    said = str(answer.get("value", "killed"))
    if said == "dismissed":
        life.dismissed.add(bill_id)
    life.tell(f"ours: a person says that bill {life.name(bill_id)} is another bill: {said}")
    return True


def _other_bill(row: Row) -> Row:
    """The first of our bills that the hold of this one names, {} for none."""
    if row["hold_reason"] != "duplicate_suspected":
        return {}
    twins = json.loads(row["hold_detail"] or "{}").get("twins") or ()
    return next((twin for twin in twins if twin.get("bill")), {})


def different(life: Life) -> bool:
    """A person says that a suspected invoice is another one."""
    row = _suspected(life)
    if row is None:
        return False
    life.different.add(row["bill_id"])
    answer = life.act("different", bill=row["bill_id"])
    life.tell(
        f"ours: a person says that bill {life.name(row['bill_id'])} differs: {shortly(answer)}"
    )
    return True


def give_number(life: Life) -> bool:
    """A person gives a bill another number in Epicor, or takes that back."""
    rows = [row for row in life.postings().values() if row["state"] in ("queued", "in_doubt")]
    row = pick(life, [row for row in rows if row["hold_reason"]] or rows)
    if row is None:
        return False
    bill_id = row["bill_id"]
    back = bool(row["given_num"]) and life.rng.random() < 0.4
    number = "" if back else f"GIVEN-{life.rng.randrange(1000)}"
    answer = life.act("number", bill=bill_id, number=number)
    said = str(answer.get("value", "killed"))
    if said == "given":
        life.books.given[bill_id] = (number, row["invoice_num"])
    words = f"gives bill {life.name(bill_id)} the number {number or 'in Ramp again'}: {said}"
    life.tell(f"ours: a person {words}")
    return True


def _suspected(life: Life) -> Row | None:
    rows = life.postings().values()
    found: Row | None = pick(
        life, [row for row in rows if row["hold_reason"] == "duplicate_suspected"]
    )
    return found


def prove(life: Life) -> bool:
    """Everything entered is read back."""
    _with_trouble(life, "has everything proven", "proof")
    return True


def map_missing(life: Life) -> bool:
    """A person maps what a bill lacks."""
    for row in life.rng.sample(life.ramp_bills(), len(life.ramp_bills())):
        for reason in sorted(life.verdict(row["id"]).reasons):
            if reason in _MAPPERS and _MAPPERS[reason](life, row):
                return True
    return False


def _map_vendor(life: Life, row: Row) -> bool:
    company = life.books.company_of(row)
    pool = [one for one in ENTERABLE if company in one.companies]
    if not pool:
        return False
    target = life.rng.choice(pool).target
    if _map(life, "vendors", row["vendor"]["id"], target):
        life.books.vendors[row["vendor"]["id"]] = target
    return True


def _map_account(life: Life, row: Row) -> bool:
    known = {**UNMAPPED_ACCOUNTS, **UNUSABLE_ACCOUNTS}
    for name in _chosen(row):
        if name in known and name not in life.books.accounts:
            target = mapped_account("EPIC06", life.rng.choice(("6100", "6200", "6450")))
            if _map(life, "gl_accounts", name, target):
                life.books.accounts[name] = target
            return True
    return False


def _map_center(life: Life, row: Row) -> bool:
    for name in _chosen(row):
        if name in UNMAPPED_COST_CENTERS and name not in life.books.centers:
            target = life.rng.choice(list(COST_CENTERS.values()))
            if _map(life, "cost_centers", name, target):
                life.books.centers[name] = target
            return True
    return False


def _chosen(row: Row) -> list[str]:
    owners = [row, *row["line_items"], *(row.get("inventory_line_items") or ())]
    return [one["external_id"] for owner in owners for one in owner["accounting_field_selections"]]


def _map(life: Life, kind: str, ramp_id: str, epicor_id: str) -> bool:
    answer = life.act("map", kind=kind, ramp_id=ramp_id, epicor_id=epicor_id)
    said = answer.get("value", "killed")
    life.tell(f"ours: a person maps {kind} {ramp_id[:12]} to {epicor_id}: {said}")
    return bool(said == "mapped")


_MAPPERS: dict[str, Callable[[Life, Row], bool]] = {
    "vendor_unmapped": _map_vendor,
    "account_unmapped": _map_account,
    "account_unusable": _map_account,
    "dimension_unmapped": _map_center,
}
