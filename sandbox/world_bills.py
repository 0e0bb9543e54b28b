"""Draws the bills of the world, one by one.

A bill is first a `Sketch` (who, when, what for) and then perhaps spoiled in exactly one way, so
that what must become of it is never in doubt.
"""

import datetime as dt
import random
import uuid
from collections.abc import Callable

from sandbox.world_catalog import (
    COST_CENTERS,
    DEFAULT_TERMS,
    DISCOUNT,
    ENTERABLE,
    EU,
    INACTIVE,
    INACTIVE_NATURAL,
    MISSING_NATURAL,
    NATURALS,
    TAX,
    TERMS,
    UNMAPPED,
    UNMAPPED_ACCOUNTS,
    UNMAPPED_COST_CENTERS,
    US,
    WHOLE_ACCOUNTS,
    period_closed,
)
from sandbox.world_sketch import (
    BLOCK,
    FIRST_DAY,
    LAST_APPLY,
    LAST_DAY,
    Line,
    Sketch,
    typed_twin,
)
from sandbox.world_typed import TypedInvoice


class BillArtist:
    """Draws sketches in order. `typed` collects the twins that people typed into Epicor."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.typed: list[TypedInvoice] = []
        self._pairs: dict[str, Sketch] = {}
        self._days = (LAST_DAY - FIRST_DAY).days + 1
        self._pools = {
            company: [vendor for vendor in ENTERABLE if company in vendor.companies]
            for company in (US, EU)
        }
        self._accounts = [n for n in NATURALS if n not in (TAX, DISCOUNT)] + list(WHOLE_ACCOUNTS)
        self._cost_centers = list(COST_CENTERS)
        self._spoilers: dict[str, Callable[[Sketch], None]] = {
            "thirty_lines": self._thirty_lines,
            "credit": self._credit,
            "inventory": self._inventory,
            "discount": self._discount,
            "tax": self._tax,
            "no_number": self._no_number,
            "padded_number": self._padded_number,
            "longest_number": self._longest_number,
            "pair_a": self._pair,
            "pair_b": self._pair,
            "vendor_unmapped": self._vendor_unmapped,
            "vendor_unusable": self._vendor_unusable,
            "account_unmapped": self._account_unmapped,
            "account_inactive": self._account_inactive,
            "account_missing": self._account_missing,
            "dimension_unmapped": self._dimension_unmapped,
            "no_route": self._no_route,
            "invalid_sum": self._invalid_sum,
            "invalid_currency": self._invalid_currency,
            "invalid_zero": self._invalid_zero,
            "invalid_number": self._invalid_number,
            "period_june": self._period_june,
            "period_february": self._period_february,
            "period_no_accounting_date": self._period_no_accounting_date,
            "review_po": self._review_po,
            "review_card": self._review_card,
            "review_one_time_card": self._review_card,
            "duplicate": self._duplicate,
            "before_start": self._before_start,
            "sync_off": self._ignored,
            "pending": self._ignored,
            "rejected": self._ignored,
        }

    def draw(self, index: int, kind: str) -> Sketch:
        """The next bill, spoiled if its kind says so."""
        sketch = self._plain(index, kind)
        spoil = self._spoilers.get(kind)
        if spoil is not None:
            spoil(sketch)
        return sketch

    # -- a plain bill ----------------------------------------------------------------------------

    def _plain(self, index: int, kind: str) -> Sketch:
        rng = self._rng
        company = US if rng.random() < 0.75 else EU
        vendor = rng.choice(self._pools[company])
        currency = self._currency(company)
        issued = FIRST_DAY + dt.timedelta(days=rng.randrange(self._days))
        days = TERMS[vendor.terms or DEFAULT_TERMS][1]
        paid = rng.random() < 0.3
        sketch = Sketch(
            index=index,
            bill_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            kind=kind,
            company=company,
            vendor=vendor,
            currency=currency,
            issued=issued,
            apply_on=self._apply_day(company, issued),
            due=issued + dt.timedelta(days=days + rng.choice((0, 0, 0, 1, -2))),
            number=self._number(index),
            lines=[self._line(currency) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 8)))],
            paid=paid,
            payment_method=self._method(paid=paid),
        )
        if rng.random() < 0.2:
            sketch.default_cost_center = rng.choice(self._cost_centers)
        if rng.random() < 0.1:
            sketch.default_account = rng.choice(self._accounts)
            sketch.lines[0].account = None
        return sketch

    def _currency(self, company: str) -> str:
        roll = self._rng.random()
        if roll < 0.78:
            return "USD" if company == US else "EUR"
        if roll < 0.85:
            return "EUR" if company == US else "USD"
        return "GBP" if roll < 0.92 else "JPY" if roll < 0.97 else "KWD"

    def _apply_day(self, company: str, issued: dt.date) -> dt.date | None:
        """Mostly the issue day (sometimes left out), some later; always in an open period."""
        roll = self._rng.random()
        day = issued
        if roll > 0.8:
            day = min(issued + dt.timedelta(days=self._rng.randint(1, 20)), LAST_APPLY)
        if period_closed(company, day):
            day = dt.date(2026, 7, 1 + self._rng.randrange(15))
        return None if day == issued and roll < 0.05 else day

    def _number(self, index: int) -> str:
        """An invoice number that no other bill has, in one of the shapes vendors use."""
        roll = self._rng.randrange(12)
        if roll < 7:
            return f"INV-{index:06d}"
        return (
            f"2026/{index:06d}",
            f"R {index:06d}",
            f"D'{index:06d}",
            f"№{index:06d}",
            f"re-{index:06d}-Ü",
        )[roll - 7]

    def _line(self, currency: str) -> Line:
        rng = self._rng
        cost_center = rng.choice(self._cost_centers) if rng.random() < 0.6 else None
        return Line(self._amount(currency), rng.choice(self._accounts), cost_center)

    def _amount(self, currency: str) -> int:
        top = {"JPY": 900_000, "KWD": 2_000_000}.get(currency, 900_000)
        return self._rng.randint(top // 300, top)

    def _method(self, *, paid: bool) -> str | None:
        if paid:
            return self._rng.choice(("ACH", "ACH", "CHECK", "DOMESTIC_WIRE", "PAID_MANUALLY"))
        return self._rng.choice((None, "ACH", "ACH", "CHECK", "UNSPECIFIED"))

    # -- unusual bills that can be entered -------------------------------------------------------

    def _thirty_lines(self, sketch: Sketch) -> None:
        sketch.lines = [self._line(sketch.currency) for _ in range(30)]

    def _credit(self, sketch: Sketch) -> None:
        for line in sketch.lines:
            line.minor = -line.minor
        if len(sketch.lines) > 1:  # a restocking fee reduces the credit
            sketch.lines[-1].minor = abs(sketch.lines[0].minor) // 10 or 1

    def _inventory(self, sketch: Sketch) -> None:
        for _ in range(self._rng.randint(1, 3)):
            line = self._line(sketch.currency)
            line.quantity = self._rng.randint(2, 12)
            line.minor = max(line.minor // line.quantity, 1) * line.quantity
            sketch.lines.append(line)

    def _discount(self, sketch: Sketch) -> None:
        discount = -max(sketch.lines[0].minor // 20, 1)
        sketch.lines.append(Line(discount, DISCOUNT, sketch.lines[0].cost_center))

    def _tax(self, sketch: Sketch) -> None:
        net = sum(line.minor for line in sketch.lines)
        sketch.lines.append(Line(max(net * 19 // 100, 1), TAX))

    def _no_number(self, sketch: Sketch) -> None:
        sketch.number = self._rng.choice((None, ""))

    def _padded_number(self, sketch: Sketch) -> None:
        sketch.number = f"  {sketch.number} "

    def _longest_number(self, sketch: Sketch) -> None:
        sketch.number = f"LONG-{sketch.index:06d}-".ljust(50, "9")

    def _pair(self, sketch: Sketch) -> None:
        """Two bills of one vendor with one number: whichever comes first is entered."""
        name = f"{sketch.kind}-{sketch.index // BLOCK}"
        sketch.group, sketch.outcome = name, "one_of"
        first = self._pairs.setdefault(name, sketch)
        if first is sketch:
            return
        sketch.company, sketch.vendor = first.company, first.vendor
        sketch.apply_on = self._apply_day(sketch.company, sketch.issued)
        number = first.number or ""
        sketch.number = number if sketch.kind == "pair_a" else f" {number.swapcase()}"

    # -- bills that a person must look at --------------------------------------------------------

    def _hold(self, sketch: Sketch, reason: str) -> None:
        sketch.outcome, sketch.reason = "exception", reason

    def _vendor_unmapped(self, sketch: Sketch) -> None:
        sketch.vendor = self._rng.choice(UNMAPPED)
        self._hold(sketch, "vendor_unmapped")

    def _vendor_unusable(self, sketch: Sketch) -> None:
        sketch.vendor = INACTIVE
        self._hold(sketch, "vendor_unusable")

    def _account_unmapped(self, sketch: Sketch) -> None:
        sketch.lines[0].account = self._rng.choice(list(UNMAPPED_ACCOUNTS))
        self._hold(sketch, "account_unmapped")

    def _account_inactive(self, sketch: Sketch) -> None:
        sketch.lines[0].account = INACTIVE_NATURAL
        self._hold(sketch, "account_unusable")

    def _account_missing(self, sketch: Sketch) -> None:
        sketch.lines[0].account = MISSING_NATURAL
        self._hold(sketch, "account_unusable")

    def _dimension_unmapped(self, sketch: Sketch) -> None:
        sketch.lines[-1].cost_center = self._rng.choice(list(UNMAPPED_COST_CENTERS))
        self._hold(sketch, "dimension_unmapped")

    def _no_route(self, sketch: Sketch) -> None:
        sketch.company = ""
        self._hold(sketch, "no_route")

    def _invalid_sum(self, sketch: Sketch) -> None:
        sketch.total_off_by = 1
        self._hold(sketch, "invalid_bill")

    def _invalid_currency(self, sketch: Sketch) -> None:
        sketch.currency = "XXQ"
        self._hold(sketch, "invalid_bill")

    def _invalid_zero(self, sketch: Sketch) -> None:
        line = self._line(sketch.currency)
        sketch.lines = [line, Line(-line.minor, DISCOUNT, line.cost_center)]
        self._hold(sketch, "invalid_bill")

    def _invalid_number(self, sketch: Sketch) -> None:
        sketch.number = f"LONG-{sketch.index:06d}-".ljust(51, "9")
        self._hold(sketch, "invalid_bill")

    def _closed(self, sketch: Sketch, company: str, issued: dt.date) -> None:
        sketch.company, sketch.issued = company, issued
        sketch.vendor = self._rng.choice(self._pools[company])
        sketch.due = issued + dt.timedelta(days=30)
        self._hold(sketch, "period_closed")

    def _period_june(self, sketch: Sketch) -> None:
        self._closed(sketch, US, dt.date(2026, 5, 28))
        sketch.apply_on = dt.date(2026, 6, 2)

    def _period_february(self, sketch: Sketch) -> None:
        self._closed(sketch, EU, dt.date(2026, 3, 2))
        sketch.apply_on = dt.date(2026, 2, 27)

    def _period_no_accounting_date(self, sketch: Sketch) -> None:
        self._closed(sketch, US, dt.date(2026, 6, 17))
        sketch.apply_on = None

    def _review_po(self, sketch: Sketch) -> None:
        sketch.has_po = True
        self._hold(sketch, "needs_review")

    def _review_card(self, sketch: Sketch) -> None:
        sketch.paid = True
        sketch.payment_method = "CARD" if sketch.kind == "review_card" else "ONE_TIME_CARD"
        self._hold(sketch, "needs_review")

    def _duplicate(self, sketch: Sketch) -> None:
        """A person has typed this invoice already, in capitals and without our stamp."""
        self._hold(sketch, "duplicate_suspected")
        number = (sketch.number or "").upper()
        self.typed.append(typed_twin(sketch, number))

    # -- bills to be left alone ------------------------------------------------------------------

    def _before_start(self, sketch: Sketch) -> None:
        days = self._rng.randrange(60)
        sketch.issued = sketch.apply_on = dt.date(2025, 10, 20) + dt.timedelta(days=days)
        sketch.due = sketch.issued + dt.timedelta(days=30)
        sketch.outcome = "ignored"

    def _ignored(self, sketch: Sketch) -> None:
        sketch.outcome = "ignored"
        if sketch.kind == "sync_off":
            sketch.sync_enabled = False
        else:
            sketch.approval = sketch.kind.upper()
            sketch.paid, sketch.payment_method = False, None
