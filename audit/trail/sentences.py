"""How each kind of entry is told: from its body to one sentence; events.py has the table. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from audit.labels import REASONS
from connector.domain.digits import money_text, plain_amount

_MOST = 400  # characters of a reason or a message within a sentence; all of it is in the body

MAPPED = {
    "vendors": "vendor",
    "vendormapping": "vendor",
    "gl_accounts": "GL account",
    "glaccountmapping": "GL account",
    "cost_centers": "cost center",
    "dimensionmapping": "dimension value",
    "dimension": "dimension",
    "currencymapping": "currency",
}
_FIELDS = {
    "vendor_name": "vendor",
    "vendor_ramp_id": "Ramp's vendor",
    "invoice_num": "number",
    "entity_id": "entity",
    "issued_on": "issued",
    "due_on": "due",
    "apply_on": "accounting date",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a sentence is made of: who, what about, and the body's values as texts."""

    who: str
    it: str
    body: Mapping[str, Any]
    subject: str

    def get(self, name: str) -> str:
        """A plain value of the body as text, "" when there is none."""
        value = self.body.get(name)
        return "" if value is None or isinstance(value, dict | list) else str(value)

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of the body, empty when there is none."""
        value = self.body.get(name)
        return value if isinstance(value, Mapping) else {}

    @property
    def why(self) -> str:
        """The reason or message, not too long."""
        text = " ".join((self.get("reason") or self.get("message")).split())
        return text if len(text) <= _MOST else text[:_MOST].rstrip() + " …"


Tell = Callable[[Told], str]


def end(said: str, why: str = "") -> str:
    """A sentence with the reason behind it, ended with a full stop."""
    text = f"{said.rstrip('. ')}: {why}" if why else said
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def say(template: str) -> Tell:
    """A sentence from a template, with the reason or the message behind it."""
    return lambda told: end(template.format(who=told.who, it=told.it), told.why)


def _money(amount: str, currency: str) -> str:
    """An amount of the record as pages write it: 1,200.00 USD."""
    try:
        return money_text(Decimal(amount), currency)
    except (InvalidOperation, ValueError, OverflowError):
        return f"{amount} {currency}".strip()


def opened(told: Told) -> str:
    """A bill seen for the first time."""
    number = told.get("invoice_num") or told.get("number")
    who = f" from {told.get('vendor_name')}" if told.get("vendor_name") else ""
    what = f" (number {number})" if number and number not in told.it else ""
    money = f" for {_money(told.get('amount'), told.get('currency'))}"
    return end(f"{told.who} saw {told.it}{what}{who}{money if told.get('amount') else ''} in Ramp")


def seen_changed(told: Told) -> str:
    """What changed in Ramp, before and after."""
    changes = told.part("changes")
    currency = told.get("currency")
    named = [
        f"{_FIELDS.get(name, name)} {_shown(pair[0], name, currency)} → "
        f"{_shown(pair[1], name, currency)}"
        for name, pair in sorted(changes.items())
        if name != "seen_hash" and isinstance(pair, list) and len(pair) == 2
    ]
    said = end(f"{told.it} changed in Ramp", ", ".join(named) or "its coding or its lines")
    return f"{said} {told.why}".strip()


def _shown(value: Any, name: str, currency: str) -> str:
    """A value of a bill; of its amount without the zeros that a database adds."""
    if value in (None, ""):
        return "none"
    if name != "amount":
        return str(value)
    try:
        return plain_amount(Decimal(str(value)), currency)
    except (InvalidOperation, ValueError, OverflowError):
        return str(value)


def held(told: Told) -> str:
    """Why a bill waits for a person."""
    reason = told.get("reason")
    reason = REASONS.get(reason, reason.replace("_", " ")) or "reason unknown"
    return end(f"{told.who} held {told.it} ({reason})", told.get("message")[:_MOST])


def reaped(told: Told) -> str:
    """Taken back from a worker that died."""
    landed = told.get("to").replace("_", " ") or "free"
    return end(f"A worker stopped while it had {told.it}, which is {landed} now")


def entered(told: Told) -> str:
    """Under which key and with how much money it went into Epicor, or was found there."""
    number, vendor = told.get("invoice_num"), told.get("vendor_id") or told.get("vendor_num")
    where = f"{number} of vendor {vendor} in {told.get('company')}" if number else ""
    where += f", group {told.get('group_id')}" if where and told.get("group_id") else ""
    money = f" ({_money(told.get('total'), told.get('currency') or told.get('currency_code'))})"
    if told.body.get("adopted"):
        said = f"{told.who} said that an invoice typed into Epicor is {told.it}"
    else:
        said = f"{told.who} entered {told.it} into Epicor"
    return end(said + (f" as {where}" if where else "") + (money if told.get("total") else ""))


def twins(told: Told) -> str:
    """That other invoices, or other bills, are different ones."""
    count = sum(
        len(named) for key in ("keys", "bills") if isinstance(named := told.body.get(key), list)
    )
    what = "another invoice" if count == 1 else f"{count or 'other'} other invoices"
    return end(f"{told.who} said that {told.it} is not the same as {what}", told.why)


def went_on(told: Told) -> str:
    """That a person passed over a question of Epicor, for a bill or for all bills of a tenant."""
    which = f"every bill of {told.it}" if told.body.get("every_bill") else told.it
    return end(f"{told.who} said that {which} goes on in spite of what Epicor asked", _asked(told))


def asks_again(told: Told) -> str:
    """That a question of Epicor stops bills again."""
    which = f"bills of {told.it}" if told.body.get("every_bill") else told.it
    return end(f"{told.who} had {which} stop again at what Epicor asks", _asked(told))


def _asked(told: Told) -> str:
    """The question, with the call in which it was asked."""
    text = " ".join(told.get("text").split())
    return f"“{text[:_MOST]}” ({told.get('method')})" if text else ""


def numbered(told: Told) -> str:
    """Under which number a person wants a bill entered, and under which it would have been."""
    before, after = told.get("before"), told.get("after")
    if told.get("given"):
        return end(f"{told.who} gave {told.it} the number {after} instead of {before}", told.why)
    said = f"{told.who} gave {told.it} its number in Ramp back, {after} instead of {before}"
    return end(said, told.why)


def attempt(template: str) -> Tell:
    """A write to one of the systems, by its number and what it was."""

    def tell(told: Told) -> str:
        what = told.get("action").replace("_", " ") or "write"
        number = told.get("attempt")
        named = f"attempt {number}, {what}" if number else what
        outcome = told.get("outcome").replace("_", " ") or "not known"
        said = template.format(who=told.who, it=told.it, attempt=named, outcome=outcome)
        return end(said, told.why)

    return tell


def answered(told: Told) -> str:
    """What came of a write: an answer, none, or that it was not sent after all."""
    confirms, outcome = told.get("action") == "confirm", told.get("outcome")
    if confirms and outcome == "done":
        number = told.get("attempt")
        return end(
            f"{told.who} told Ramp of {told.it}" + (f" (attempt {number})" if number else "")
        )
    system = "Ramp" if confirms else "Epicor"
    templates = {
        "unknown": f"{{who}} got no sure answer from {system} to {{attempt}}, for {{it}}",
        "not_sent": "{who} did not send {attempt}, for {it}, after all",
    }
    usual = f"{{who}} got {system}'s answer to {{attempt}}, for {{it}}: {{outcome}}"
    return attempt(templates.get(outcome, usual))(told)


def bills(number: object) -> str:
    """So many bills, in words."""
    if not isinstance(number, int):
        return "a batch of bills"
    return f"{number:,} bill{'' if number == 1 else 's'}"


def mapped(does: str, away: str) -> Tell:
    """A mapping with its target before and after; `away` is said when there is none after."""

    def tell(told: Told) -> str:
        after = told.part("after")
        before, by = told.part("before") or told.part("without"), told.get("by")
        was = f"(before: {_target(before)})"
        what = f"{_reference(told)} to {_target(after)}" if after else _reference(told)
        asked = f", as {by} proposed" if by and by != told.who else ""
        return end(f"{told.who} {does if after else away} {what} {was}{asked}")

    return tell


def _reference(told: Told) -> str:
    """What is mapped, as people call it."""
    any_of = told.part("after") or told.part("before")
    kind, _, key = told.subject.partition(":")
    noun = str(any_of.get("field") or MAPPED.get(kind, kind) or "reference")
    if kind == "dimension" and ":" in key:  # dimension:FIELD:ramp id
        noun, _, key = key.partition(":")
    named = next((str(any_of[n]) for n in ("ramp_name", "ramp_field", "iso") if any_of.get(n)), key)
    company = told.get("company") or str(any_of.get("company") or "")
    return f"{noun} {named}{f' in {company}' if company else ''}"


def _target(values: Mapping[str, Any]) -> str:
    names = ("epicor_id", "epicor_code", "segment")
    found = next((values[name] for name in names if values.get(name)), None)
    return "none" if found is None else str(found)


def settings(verb: str) -> Tell:
    """Which settings changed; their values are not on the record."""

    def tell(told: Told) -> str:
        changed = told.body.get("changed")
        names = ", ".join(str(name) for name in changed) if isinstance(changed, list) else ""
        return end(f"{told.who} {verb} {told.it}", names[:_MOST])

    return tell


def membership(told: Told) -> str:
    """A role in the tenant, before and after."""
    before, after = told.get("before") or "none", told.get("after")
    if not after:
        return end(f"{told.who} took the role of {told.subject} away (before: {before})")
    return end(f"{told.who} gave {told.subject} the role {after} (before: {before})")


def account(told: Told) -> str:
    """What was changed of somebody's account, by names; a password is never told."""
    names = ("password", "active", "superuser", "may log in", "e-mail")
    changed = told.body.get("changed")
    known = [name for name in names if isinstance(changed, list) and name in changed]
    before, after = told.part("before"), told.part("after")
    parts = [
        f"{name} {before[name]} → {after[name]}" if name in before and name in after else name
        for name in known
    ]
    return end(f"{told.who} changed the account of {told.it}: {', '.join(parts) or 'unknown'}")


_OF_LOGINS = {
    "app_added": "added an authenticator app",
    "app_removed": "removed the authenticator app",
    "passkey_added": "added a passkey",
    "passkey_renamed": "renamed a passkey",
    "passkey_removed": "removed a passkey",
    "codes_made": "made new recovery codes",
    "factors_reset": "removed the second factor",
    "password_changed": "changed the password",
    "password_reset": "set the password anew by mail",
    "password_set": "set a password",
    "sign_on_only": (
        "used single sign-on for the first time, which ended earlier ways into the account"
    ),
    "sign_on_linked": "used single sign-on for the first time",
}


def login(told: Told) -> str:
    """What was changed of how somebody logs in; nothing secret is on the record."""
    what = _OF_LOGINS.get(told.get("what"), "changed the login")
    return end(f"{told.who} {what} of {told.it}")


def factor_rule(told: Told) -> str:
    """Whether everybody in the tenant needs a second factor from now on."""
    needed = told.part("after").get("required") is True
    rule = "is required of everybody here" if needed else "is not required any more"
    return end(f"{told.who} decided that a second factor {rule}")


def approval_rules(told: Told) -> str:
    """Whether mappings need a second person from now on."""
    needed = told.part("after").get("needs_approval") is True
    rule = "need the approval of a second person" if needed else "count at once"
    return end(f"{told.who} decided that changes of mappings {rule}")


def assigned(told: Told) -> str:
    """Who looks after a bill from now on."""
    after = told.get("after")
    if not after:
        return end(f"{told.who} left {told.it} to nobody in particular")
    return end(f"{told.who} gave {told.it} to {after}")


def noted(told: Told) -> str:
    """What a person noted."""
    return end(f"{told.who} noted on {told.it}", " ".join(told.get("note").split())[:_MOST])


def taken_out(things: str) -> Tell:
    """How many rows of something went out as a file."""

    def tell(told: Told) -> str:
        count, kind = told.get("rows") or "the", told.get("format").upper() or "a file"
        which = told.get("filter") or told.get("kind").replace("_", " ")
        return end(f"{told.who} exported {count} {things} as {kind}", which[:_MOST])

    return tell


def verified(told: Told) -> str:
    """What checking the chain found."""
    entries = told.get("entries")
    if told.body.get("ok"):
        return end(f"{told.who} had the audit chain verified: all {entries} entries fit")
    return end(f"{told.who} had the audit chain verified: it does not fit", told.get("message"))


def acknowledged(told: Told) -> str:
    """Why a person says that what checking the chain found is in order."""
    return end(f"{told.who} acknowledged what checking the audit chain found", told.get("reason"))


def restarted(told: Told) -> str:
    """That nothing before is proven any more."""
    entries = told.get("entries") or "0"
    said = f"{told.who} began the audit chain anew after {entries} entries, which prove nothing now"
    return end(said, told.get("reason"))


def exported(told: Told) -> str:
    """How much of the record went out, and by which filter."""
    what = f"{told.get('entries') or 'the'} entries as {told.get('format').upper() or 'a file'}"
    return end(f"{told.who} exported {what}", told.get("filter")[:_MOST])
