"""Bills as no bill should be: each field with each odd value, and two odd fields together."""

import copy
import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]

DAYS = (
    "0001-01-01T00:00:00+00:00",
    "9999-12-31T00:00:00+00:00",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30",
    "yesterday",
    "",
    None,
    20261102,
    ["2026-11-02"],
)
TEXTS = ("", None, 7, True, ["a"], {"a": 1}, "x" * 5000, "\x00", "\ud800", "‮ 1", "'; DROP", "\n")
AMOUNTS = (
    None,
    {},
    [],
    "12.00",
    {"amount": "NaN", "currency_code": "USD"},
    {"amount": 10**400, "currency_code": "USD"},
    {"amount": -(10**17), "currency_code": "USD"},
    {"amount": "1e400000", "currency_code": "USD"},
    {"amount": 100, "currency_code": "XXX"},
    {"amount": 100, "currency_code": ["USD"]},
    {"amount": 100, "currency_code": "USD", "minor_unit_conversion_rate": 10**30},
    {"amount": 100, "currency_code": "USD", "minor_unit_conversion_rate": "1e30"},
)
LISTS = (None, {}, "x", [None], [[]], [{}], [{"amount": 3}], [{"accounting_field_selections": 3}])
FIELDS: dict[str, tuple[Any, ...]] = {
    "issued_at": DAYS,
    "due_at": DAYS,
    "accounting_date": DAYS,
    "created_at": DAYS,
    "invoice_number": TEXTS,
    "entity_id": TEXTS,
    "memo": TEXTS,
    "vendor_memo": TEXTS,
    "approval_status": (7, ["APPROVED"], {"a": 1}),
    "status": TEXTS,
    "vendor": (None, [], "x", {}, {"id": None}, {"id": ["x"]}, {"id": "x" * 5000, "name": 3}),
    "amount": AMOUNTS,
    "line_items": LISTS,
    "inventory_line_items": LISTS,
    "accounting_field_selections": LISTS,
    "payment": (None, [], "x", {"payment_method": ["CARD"]}, {"payment_method": 7}),
    "purchase_order_ids": (None, {}, "x", [None, {}, []], [7]),
    "enable_accounting_sync": (None, "no", []),
}
CASES = [(field, value) for field, values in FIELDS.items() for value in values]


def singles(like: Row) -> Iterator[Row]:
    """A copy of a good bill for each odd value of each field."""
    for number, (field, value) in enumerate(CASES):
        yield spoiled(like, f"ODD-{number}", {field: value})


def pairs(like: Row, count: int, seed: int = 7) -> Iterator[Row]:
    """Copies of a good bill with two odd fields, the same ones for the same seed."""
    rng = random.Random(seed)
    for number in itertools.count():
        (one, first), (other, second) = rng.sample(CASES, 2)
        if number == count:
            return
        yield spoiled(like, f"TWO-{number}", {one: first, other: second})


def spoiled(like: Row, number: str, changes: Row) -> Row:
    """Another bill of the same vendor, for other money, with these fields changed."""
    rng = random.Random(number)
    bill = copy.deepcopy(like)
    bill |= {"id": str(uuid.UUID(int=rng.getrandbits(128))), "invoice_number": number}
    more = rng.randint(1000, 900_000)
    bill["line_items"][0]["amount"]["amount"] += more
    bill["amount"]["amount"] += more
    return {**bill, **changes}
