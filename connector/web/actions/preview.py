"""What an act would do to the picked bills: which ones, how much money, and why not the others."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from audit.ledger.models import Posting
from audit.ledger.sums import Money
from connector.actions.bill_jobs import name_of
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web.actions.forms import ActForm
from connector.web.actions.selection import Selection
from connector.web.templatetags.connector_ui import money

_NAMED = 5  # as many bills are named in a sentence


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: a sentence, the job that goes on with it, and what it left alone.

    `left`: (bill, why) of those that changed at the last moment.
    """

    sentence: str
    job: Job | None = None
    left: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What the person ordered: whose bills, who they are, and what was sent.

    `values` is what the act's form made of it, empty before the confirmation.
    """

    tenant: Tenant
    actor: str
    data: QueryDict
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sure(self) -> bool:
        """Whether this is the confirmation of what was shown."""
        return "sure" in self.data


Bills = list[Posting]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person can have done to bills, by who has the capability.

    `refused(posting)`: why one of them cannot be done, as the rest of a sentence about it, or "".
    `stopped(tenant)`: why nothing of it can be done now, as a sentence, or "".
    `will` ends the sentence "3 bills, … , will be"; `note` stands below it. `widen` adds the bills
    that it is done to besides the picked ones. `alone`: it is done to one bill at a time.
    `piece` is its dialog, with `context` besides what all have. `context` and `carry_out` may raise
    HeldError (why it cannot be done), `carry_out` also LostLeaseError and, of a field,
    ValidationError; nothing was changed then.
    """

    name: str
    title: str
    capability: str
    refused: Callable[[Posting], str]
    carry_out: Callable[[Order, Bills], Done]
    form: type[ActForm] = ActForm
    will: str = ""
    button: str = ""
    note: str = ""
    danger: bool = False
    alone: bool = False
    piece: str = "connector/_act_dialog.html"
    context: Callable[[Order, Bills], Mapping[str, Any]] | None = None
    stopped: Callable[[Tenant], str] | None = None
    widen: Callable[[Tenant, Selection], Selection] | None = None


@dataclass(frozen=True, slots=True)
class ActionPreview:
    """What would happen: `can` are done, `cannot` are left alone (why -> bills)."""

    can: list[Posting]
    cannot: Mapping[str, list[str]] = field(default_factory=dict)
    more: int = 0

    @property
    def subject(self) -> str:
        """3 bills, 1,200.00 USD and 40.00 EUR."""
        return described(self.can)

    @property
    def left(self) -> list[tuple[str, str]]:
        """What is left alone, as (bills, why)."""
        return [(named(bills), why) for why, bills in self.cannot.items()]


def preview_of(act: Act, bills: Selection) -> ActionPreview:
    """Sort the picked bills into those that the act can be done to, and the others with why."""
    can: list[Posting] = []
    cannot: dict[str, list[str]] = defaultdict(list)
    for posting in bills.postings:
        why = act.refused(posting)
        if why:
            cannot[why].append(name_of(posting))
        else:
            can.append(posting)
    for posting in bills.changed:
        cannot[CHANGED].append(name_of(posting))
    return ActionPreview(can, dict(cannot), bills.more)


def described(postings: Sequence[Posting]) -> str:
    """How many bills and how much money, per currency: 3 bills, 1,200.00 USD and 40.00 EUR."""
    pile = Money()
    for posting in postings:
        pile.add(1, posting.currency, posting.amount)
    count = f"{pile.bills:,} bill{'' if pile.bills == 1 else 's'}"
    sums = [money(amount, currency) for currency, amount in sorted(pile.sums.items())]
    if not sums:
        return count
    listed = sums[0] if len(sums) == 1 else f"{', '.join(sums[:-1])} and {sums[-1]}"
    return f"{count}, {listed}"


def named(bills: Sequence[str]) -> str:
    """The first few bills by name, and how many more."""
    more = len(bills) - _NAMED
    listed = ", ".join(bills[:_NAMED])
    return f"{listed} and {more:,} more" if more > 0 else listed


CHANGED = "changed after you looked at it; look at it again"
