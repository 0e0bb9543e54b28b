"""What reading back found, and how far it is: kept between the steps of the nightly proof. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from audit.canonical_json import plain
from connector.domain.difference import Difference, in_words, restored
from connector.domain.money import format_amount, format_money


@dataclass(frozen=True, slots=True)
class Drift:
    """An invoice that is not what was entered; amounts in major units, `live` None = not there."""

    bill: str
    company: str
    vendor_num: int
    invoice_num: str
    currency: str
    entered: Decimal
    live: Decimal | None
    differences: list[Difference]

    @property
    def unexplained(self) -> Decimal:
        """By how much the total is off; the whole amount of an invoice that is not there."""
        return abs((self.live or Decimal(0)) - self.entered)

    @property
    def sentences(self) -> list[str]:
        """The differences in words."""
        return [str(in_words(point, self.currency)) for point in self.differences]

    def as_json(self) -> dict[str, Any]:
        """One element of `drifted`; amounts as text, differences in words."""
        shown = {
            "entered": format_amount(self.entered, self.currency),
            "live": None if self.live is None else format_amount(self.live, self.currency),
            "differences": self.sentences,
        }
        return {**asdict(self), **shown}

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> "Drift":
        """From a place that was kept between two steps."""
        live = kept["live"]
        amounts = {
            "entered": Decimal(kept["entered"]),
            "live": None if live is None else Decimal(live),
        }
        points = {"differences": restored(kept["differences"])}
        return cls(**{**kept, **amounts, **points})


@dataclass(slots=True)
class Proof:
    """What was proven; `unexplained` per currency of every bill looked at, 0 where all is well."""

    proven: int = 0
    drifted: list[Drift] = field(default_factory=list)
    unexplained: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def sentence(self) -> str:
        """The result in one sentence: "1 482 invoices proven, 0.00 USD unexplained"."""
        proven = f"{self.proven:,} invoices proven".replace(",", " ")
        verb = "differs" if len(self.drifted) == 1 else "differ"
        differ = [f"{len(self.drifted):,} {verb}".replace(",", " ")] if self.drifted else []
        sums = [format_money(v, c) for c, v in sorted(self.unexplained.items())]
        off = [f"{' and '.join(sums)} unexplained"] if sums else []
        return ", ".join([proven, *differ, *off])

    def as_json(self) -> dict[str, Any]:
        """The document of `reprove`."""
        return {
            "proven": self.proven,
            "drifted": [drift.as_json() for drift in self.drifted],
            "unexplained": [
                {"currency": currency, "amount": format_amount(amount, currency)}
                for currency, amount in sorted(self.unexplained.items())
            ],
        }


@dataclass(slots=True)
class Place:
    """How far a proof of what was entered since a moment is; it goes on after this posting.

    `rest`: what is entered is done, and what is not entered is being looked for.
    """

    since: datetime
    company: str = ""
    after: int = 0
    proof: Proof = field(default_factory=Proof)
    rest: bool = False

    def stored(self) -> dict[str, Any]:
        """As JSON that keeps every digit."""
        proof = {
            "proven": self.proof.proven,
            "drifted": [asdict(drift) for drift in self.proof.drifted],
            "unexplained": self.proof.unexplained,
        }
        names = {name: getattr(self, name) for name in ("since", "company", "after", "rest")}
        stored: dict[str, Any] = plain({**names, "proof": proof})
        return stored

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> "Place":
        """What `stored` gave."""
        found = stored["proof"]
        proof = Proof(found["proven"], [Drift.restored(row) for row in found["drifted"]])
        for currency, amount in found["unexplained"].items():
            proof.unexplained[currency] += Decimal(amount)
        since = datetime.fromisoformat(stored["since"])
        rest = bool(stored.get("rest"))
        return cls(since, stored["company"], stored["after"], proof, rest)
