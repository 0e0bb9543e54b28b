"""A person gives a bill another number to be entered under, or its number in Ramp back.

The rules are in audit/ledger/invoice_number.py; here is only what needs the bill's coding: whose
number it is in Epicor. Neither system is asked; the next run reads the bill anew and looks in
Epicor as always.
"""

import copy
from dataclasses import replace

from audit.ledger import invoice_number
from audit.ledger.invoice_number import Place
from audit.ledger.models import Posting
from audit.trail import log
from connector.sync.bills.prepare import prepare
from connector.sync.context import Rules, open_rules
from connector.sync.models import Bill
from connector.tenants.models import Tenant


def give_number(tenant: Tenant, posting: Posting, number: str, *, actor: str, reason: str) -> None:
    """The bill is entered under this number from now on, and tried again now.

    The posting given follows. Raises as `invoice_number.give`: NumberError, NotNowError,
    LostLeaseError.
    """
    given = invoice_number.cleaned(number)
    place = place_of(tenant, posting, given)
    invoice_number.give(posting, given, actor=actor, reason=reason, place=place)
    log.seal(tenant.pk)


def back_to_ramp(tenant: Tenant, posting: Posting, *, actor: str, reason: str) -> None:
    """The bill is entered under its number in Ramp after all; raises as `give_number`."""
    place = place_of(tenant, posting, posting.given_num)
    invoice_number.take_back(posting, actor=actor, reason=reason, place=place)
    log.seal(tenant.pk)


def place_of(tenant: Tenant, posting: Posting, number: str) -> Place | None:
    """Where the bill would be entered under this number, None while nobody can tell."""
    mirror = Bill.objects.filter(tenant=tenant, bill_id=posting.bill_id).first()
    if mirror is None:
        return None
    rules = _lenient(open_rules(tenant))
    as_given = copy.copy(posting)
    as_given.given_num, as_given.given_for = number, posting.invoice_num
    ready, _ = prepare(rules, [as_given], {posting.bill_id: mirror.payload})
    if not ready:
        return None
    company, vendor_num, _ = ready[0].draft.key
    here = frozenset(name for name, route in rules.routes.items() if route.company == company)
    return Place(company, vendor_num, here)


def _lenient(rules: Rules) -> Rules:
    """Without the rules about entering alone: whose number it is does not depend on them."""
    policy = replace(rules.policy, po_bills="expense", card_paid="enter", closed_period="next_open")
    return replace(rules, policy=replace(policy, start_date=None))
