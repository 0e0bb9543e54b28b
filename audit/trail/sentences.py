"""How each kind of event is told: from its body and its changes to one sentence. Pure.

audit/trail/events.py has the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from audit.trail.as_of import before_and_after, pairs
from audit.trail.differences import changed
from connector.domain.digits import money_text
from connector.domain.reasons import LABELS

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


@dataclass(frozen=True, slots=True)
class Event:
    """What a sentence is made of: who, what about, the body's values and the changes as texts."""

    who: str
    it: str
    body: Mapping[str, Any]
    changes: Any
    subject: str

    def get(self, name: str) -> str:
        """A plain value of the body as text, "" when there is none."""
        value = self.body.get(name)
        return "" if value is None or isinstance(value, dict | list) else str(value)

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of the body, empty when there is none."""
        value = self.body.get(name)
        return value if isinstance(value, Mapping) else {}

    def before(self, name: str) -> str:
        """A column's plain value before, as text; "" when there was none or it did not change."""
        return self._text(name, 0)

    def after(self, name: str) -> str:
        """A column's plain value after, as text; "" when there is none or it did not change."""
        return self._text(name, 1)

    def _text(self, name: str, which: int) -> str:
        value = dict(pairs(self.changes)).get(name, (None, None))[which]
        return "" if value is None or isinstance(value, dict | list) else str(value)

    @property
    def why(self) -> str:
        """The reason or message, not too long."""
        text = " ".join((self.get("reason") or self.get("message")).split())
        return text if len(text) <= _MOST else text[:_MOST].rstrip() + " …"


Sentence = Callable[[Event], str]


def end(said: str, why: str = "") -> str:
    """A sentence with the reason behind it, ended with a full stop."""
    text = f"{said.rstrip('. ')}: {why}" if why else said
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def say(template: str) -> Sentence:
    """A sentence from a template, with the reason or the message behind it."""
    return lambda event: end(template.format(who=event.who, it=event.it), event.why)


def _money(amount: str, currency: str) -> str:
    """An amount of the record as pages write it: 1,200.00 USD."""
    try:
        return money_text(Decimal(amount), currency)
    except (InvalidOperation, ValueError, OverflowError):
        return f"{amount} {currency}".strip()


def opened(event: Event) -> str:
    """A bill seen for the first time."""
    number, vendor, amount = map(event.after, ("invoice_num", "vendor_name", "amount"))
    what = f" (number {number})" if number and number not in event.it else ""
    who = f" from {vendor}" if vendor else ""
    money = f" for {_money(amount, event.after('currency'))}" if amount else ""
    return end(f"{event.who} saw {event.it}{what}{who}{money} in Ramp")


def seen_changed(event: Event) -> str:
    """What changed in Ramp, before and after."""
    named = [one.sentence for one in changed(event.changes) if one.column != "seen_hash"]
    text = end(f"{event.it} changed in Ramp", ", ".join(named) or "its coding or its lines")
    return f"{text} {event.why}".strip()


def held(event: Event) -> str:
    """Why a bill waits for a person."""
    reason = event.get("reason")
    reason = LABELS.get(reason, reason.replace("_", " ")) or "reason unknown"
    return end(f"{event.who} held {event.it} ({reason})", event.get("message")[:_MOST])


def reaped(event: Event) -> str:
    """Taken back from a worker that died."""
    landed = event.get("to").replace("_", " ") or "free"
    return end(f"A worker stopped while it had {event.it}, which is {landed} now")


def entered(event: Event) -> str:
    """Under which key and with how much money it went into Epicor, or was found there."""
    number, vendor = event.get("invoice_num"), event.get("vendor_id") or event.after("vendor_num")
    company, group = event.after("company"), event.after("group_id")
    where = number + (f" of vendor {vendor}" if vendor else "")
    where += (f" in {company}" if company else "") + (f", group {group}" if group else "")
    where = where if number else ""
    money = f" ({_money(event.get('total'), event.get('currency') or event.get('currency_code'))})"
    if event.body.get("adopted"):
        text = f"{event.who} said that an invoice typed into Epicor is {event.it}"
    else:
        text = f"{event.who} entered {event.it} into Epicor"
    return end(text + (f" as {where}" if where else "") + (money if event.get("total") else ""))


def cleared(event: Event) -> str:
    """That other invoices, or other bills, are different ones."""
    both = [pair for name, pair in pairs(event.changes) if name.endswith("_cleared")]
    lists = [pair for pair in both if all(isinstance(one, list) for one in pair)]
    count = sum(len(after) - len(before) for before, after in lists)
    what = "another invoice" if count == 1 else f"{count or 'other'} other invoices"
    return end(f"{event.who} said that {event.it} is not the same as {what}", event.why)


def went_on(event: Event) -> str:
    """That a person passed over a question of Epicor, for a bill or for all bills of a tenant."""
    which = f"every bill of {event.it}" if event.body.get("every_bill") else event.it
    return end(
        f"{event.who} said that {which} goes on in spite of what Epicor asked",
        _question_text(event),
    )


def acceptance_withdrawn(event: Event) -> str:
    """That a question of Epicor stops bills again."""
    which = f"bills of {event.it}" if event.body.get("every_bill") else event.it
    return end(f"{event.who} had {which} stop again at what Epicor asks", _question_text(event))


def _question_text(event: Event) -> str:
    """The question, with the call in which it was asked."""
    text = " ".join(event.get("text").split())
    return f"“{text[:_MOST]}” ({event.get('method')})" if text else ""


def numbered(event: Event) -> str:
    """Under which number a person wants a bill entered, and under which it would have been."""
    given, in_ramp = event.get("given"), event.get("in_ramp")
    before, after = event.before("given_num") or in_ramp, given or in_ramp
    if given:
        return end(f"{event.who} gave {event.it} the number {after} instead of {before}", event.why)
    text = f"{event.who} gave {event.it} its number in Ramp back, {after} instead of {before}"
    return end(text, event.why)


def attempt(template: str) -> Sentence:
    """A write to one of the systems, by its number and what it was."""

    def sentence(event: Event) -> str:
        what = event.get("action").replace("_", " ") or "write"
        number = event.get("attempt")
        named = f"attempt {number}, {what}" if number else what
        outcome = event.get("outcome").replace("_", " ") or "not known"
        text = template.format(who=event.who, it=event.it, attempt=named, outcome=outcome)
        return end(text, event.why)

    return sentence


def answered(event: Event) -> str:
    """What came of a write: an answer, none, or that it was not sent after all."""
    confirms, outcome = event.get("action") == "confirm", event.get("outcome")
    if confirms and outcome == "done":
        number = event.get("attempt")
        return end(
            f"{event.who} told Ramp of {event.it}" + (f" (attempt {number})" if number else "")
        )
    system = "Ramp" if confirms else "Epicor"
    templates = {
        "unknown": f"{{who}} got no sure answer from {system} to {{attempt}}, for {{it}}",
        "not_sent": "{who} did not send {attempt}, for {it}, after all",
    }
    usual = f"{{who}} got {system}'s answer to {{attempt}}, for {{it}}: {{outcome}}"
    return attempt(templates.get(outcome, usual))(event)


def bills(number: object) -> str:
    """So many bills, in words."""
    if not isinstance(number, int):
        return "a batch of bills"
    return f"{number:,} bill{'' if number == 1 else 's'}"


def mapped(does: str, away: str) -> Sentence:
    """A mapping with its target before and after; `away` is said when there is none after."""

    def sentence(event: Event) -> str:
        before, after = _before_and_after(event)
        before, by = before or event.part("without"), event.get("by")
        was = f"(before: {_target(before)})"
        what = f"{_reference(event)} to {_target(after)}" if after else _reference(event)
        asked = f", as {by} proposed" if by and by != event.who else ""
        return end(f"{event.who} {does if after else away} {what} {was}{asked}")

    return sentence


def _before_and_after(event: Event) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A mapping before and after; what is only proposed has both in its body."""
    before, after = before_and_after(event.changes)
    return (before or event.part("before")), (after or event.part("after"))


def _reference(event: Event) -> str:
    """What is mapped, as people call it."""
    before, after = _before_and_after(event)
    any_of = after or before
    kind, _, key = event.subject.partition(":")
    noun = str(any_of.get("field") or MAPPED.get(kind, kind) or "reference")
    if kind == "dimension" and ":" in key:  # dimension:FIELD:ramp id
        noun, _, key = key.partition(":")
    named = next((str(any_of[n]) for n in ("ramp_name", "ramp_field", "iso") if any_of.get(n)), key)
    company = event.get("company") or str(any_of.get("company") or "")
    return f"{noun} {named}{f' in {company}' if company else ''}"


def _target(values: Mapping[str, Any]) -> str:
    names = ("epicor_id", "epicor_code", "segment")
    found = next((values[name] for name in names if values.get(name)), None)
    return "none" if found is None else str(found)


def settings(verb: str) -> Sentence:
    """Which settings changed; their values are not on the record."""

    def sentence(event: Event) -> str:
        changed = event.body.get("changed")
        names = ", ".join(str(name) for name in changed) if isinstance(changed, list) else ""
        return end(f"{event.who} {verb} {event.it}", names[:_MOST])

    return sentence


def membership(event: Event) -> str:
    """A role in the tenant, before and after."""
    before, after = event.before("role") or "none", event.after("role")
    if not after:
        return end(f"{event.who} took the role of {event.subject} away (before: {before})")
    return end(f"{event.who} gave {event.subject} the role {after} (before: {before})")


def account(event: Event) -> str:
    """What was changed of somebody's account, by names; a password is never told."""
    names = ("password", "active", "superuser", "may log in", "e-mail")
    changed = event.body.get("changed")
    known = [name for name in names if isinstance(changed, list) and name in changed]
    told = dict(pairs(event.changes))
    parts = [
        f"{name} {told[name][0]} → {told[name][1]}" if name in told else name for name in known
    ]
    return end(f"{event.who} changed the account of {event.it}: {', '.join(parts) or 'unknown'}")


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


def login(event: Event) -> str:
    """What was changed of how somebody logs in; nothing secret is on the record."""
    what = _OF_LOGINS.get(event.get("what"), "changed the login")
    return end(f"{event.who} {what} of {event.it}")


def factor_rule(event: Event) -> str:
    """Whether everybody in the tenant needs a second factor from now on."""
    needed = event.after("second_factor") == "True"
    rule = "is required of everybody here" if needed else "is not required any more"
    return end(f"{event.who} decided that a second factor {rule}")


def approval_rules(event: Event) -> str:
    """Whether mappings need a second person from now on."""
    needed = event.after("needs_approval") == "True"
    rule = "need the approval of a second person" if needed else "count at once"
    return end(f"{event.who} decided that changes of mappings {rule}")


def assigned(event: Event) -> str:
    """Who looks after a bill from now on."""
    after = event.after("assignee")
    if not after:
        return end(f"{event.who} left {event.it} to nobody in particular")
    return end(f"{event.who} gave {event.it} to {after}")


def noted(event: Event) -> str:
    """What a person noted."""
    return end(f"{event.who} noted on {event.it}", " ".join(event.get("note").split())[:_MOST])


def taken_out(things: str) -> Sentence:
    """How many rows of something went out as a file."""

    def sentence(event: Event) -> str:
        count, kind = event.get("rows") or "the", event.get("format").upper() or "a file"
        which = event.get("filter") or event.get("kind").replace("_", " ")
        return end(f"{event.who} exported {count} {things} as {kind}", which[:_MOST])

    return sentence


def verified(event: Event) -> str:
    """What checking the chain found."""
    entries = event.get("entries")
    if event.body.get("ok"):
        return end(f"{event.who} had the audit chain verified: all {entries} entries fit")
    return end(f"{event.who} had the audit chain verified: it does not fit", event.get("message"))


def acknowledged(event: Event) -> str:
    """Why a person says that what checking the chain found is in order."""
    return end(f"{event.who} acknowledged what checking the audit chain found", event.get("reason"))


def restarted(event: Event) -> str:
    """That nothing before is proven any more."""
    entries = event.get("entries") or "0"
    text = (
        f"{event.who} began the audit chain anew after {entries} entries, which prove nothing now"
    )
    return end(text, event.get("reason"))


def exported(event: Event) -> str:
    """How much of the record went out, and by which filter."""
    what = f"{event.get('entries') or 'the'} entries as {event.get('format').upper() or 'a file'}"
    return end(f"{event.who} exported {what}", event.get("filter")[:_MOST])
