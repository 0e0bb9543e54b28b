"""Every action of the trail in words: one sentence that a controller reads. Pure.

A new action is a new row in ACTIONS; a test finds every action that the code writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from audit.trail import sentences
from audit.trail.sentences import MAPPED, Event, Sentence, say

_SYSTEM = "system"  # audit.trail.log.SYSTEM; this module needs no database
_SUBJECTS = {
    "posting": "bill {}",
    "confirmation": "bill {}",
    "group": "group {}",
    "vendor": "vendor {}",
    "user": "user {}",
    "tenant": "tenant {}",
    "audit": "the audit trail",
    "settings": "the settings of {}",
    "export": "an export of {}",
}


class Entry(Protocol):
    """What is needed of an entry of the trail."""

    @property
    def action(self) -> str: ...
    @property
    def subject_kind(self) -> str: ...
    @property
    def subject_id(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def body(self) -> Any: ...
    @property
    def changes(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class EventText:
    """An action in words: its group and name in lists, and its sentence."""

    group: str
    name: str
    sentence: Sentence


def sentence(entry: Entry, called: str = "") -> str:
    """Who did what, in a sentence; `called` is what people call the subject ("INV-1 of Acme").

    An action nobody wrote words for is told by its name. Not redacted: that is up to the page.
    """
    body = entry.body if isinstance(entry.body, Mapping) else {}
    who = "The connector" if entry.actor == _SYSTEM else entry.actor or "Somebody"
    event = Event(who, called or _subject(entry), body, entry.changes, entry.subject_id)
    words = ACTIONS.get(entry.action)
    text = words.sentence(event) if words else f"{who}: {name_of(entry.action)} ({event.it})"
    return text[0].upper() + text[1:] if text.startswith(event.it) else text


def name_of(action: str) -> str:
    """An action's name in lists."""
    known = ACTIONS.get(action)
    return known.name if known else action.replace("_", " ").replace(".", ": ").capitalize()


def _subject(entry: Entry) -> str:
    known = _SUBJECTS.get(entry.subject_kind)
    if entry.subject_kind == "confirmation" and isinstance(entry.body, Mapping):
        return sentences.bills(entry.body.get("bills"))
    if known:
        return known.format(entry.subject_id)
    kind, _, key = entry.subject_id.partition(":")
    if entry.subject_kind == "mapping" and key:
        return f"{MAPPED.get(kind, kind)} {key}"
    return f"{entry.subject_kind} {entry.subject_id}".strip()


_BILLS, _SENT, _MAPPINGS = "Bills", "Sent to Ramp and Epicor", "Mappings"
_TENANT, _PEOPLE, _TRAIL = "Settings and connections", "People", "This record"
_MAPPED_BY = sentences.mapped("mapped", "removed the mapping of")

ACTIONS: Mapping[str, EventText] = {
    "posting.opened": EventText(_BILLS, "Seen in Ramp", sentences.opened),
    "posting.seen_changed": EventText(_BILLS, "Changed in Ramp", sentences.seen_changed),
    "posting.held": EventText(_BILLS, "Held", sentences.held),
    "posting.released": EventText(
        _BILLS, "Put back to try again", say("{who} put {it} back to try again later")
    ),
    "posting.postponed": EventText(
        _BILLS, "Looked at and left", say("{who} looked at {it} and left it as it is")
    ),
    "posting.reaped": EventText(_BILLS, "Taken back from a dead worker", sentences.reaped),
    "posting.in_doubt": EventText(
        _BILLS, "Checking with Epicor", say("{who} does not know yet whether {it} is in Epicor")
    ),
    "posting.settled": EventText(
        _BILLS, "Found not to be in Epicor", say("{who} made sure that {it} is not in Epicor")
    ),
    "posting.entered": EventText(_BILLS, "Entered", sentences.entered),
    "posting.rechecked": EventText(
        _BILLS, "Verified again", say("{who} verified {it} in Epicor again")
    ),
    "posting.confirmed": EventText(
        _BILLS, "Told to Ramp", say("{who} told Ramp that {it} is in Epicor")
    ),
    "posting.removed": EventText(
        _BILLS, "Removed", say("{who} took the invoice of {it} out of Epicor")
    ),
    "posting.dismissed": EventText(_BILLS, "Dismissed", say("{who} dismissed {it}")),
    "posting.kept": EventText(_BILLS, "Kept as it is", say("{who} kept {it} as it is in Epicor")),
    "posting.enter_again": EventText(
        _BILLS, "To be entered anew", say("{who} had {it} entered anew")
    ),
    "posting.twins_cleared": EventText(_BILLS, "Said to be different", sentences.cleared),
    "question.accepted": EventText(_BILLS, "Went on in spite of a question", sentences.went_on),
    "question.forgotten": EventText(
        _BILLS, "Question to be asked again", sentences.acceptance_withdrawn
    ),
    "posting.numbered": EventText(_BILLS, "Invoice number changed", sentences.numbered),
    "posting.replayed": EventText(_BILLS, "Replayed", say("{who} replayed {it}")),
    "posting.requeued": EventText(
        _BILLS, "Tried again after a change", say("{who} tried {it} again")
    ),
    "posting.recheck_asked": EventText(
        _BILLS, "To be verified again", say("{who} asked for {it} to be verified again")
    ),
    "posting.assigned": EventText(_BILLS, "Assigned", sentences.assigned),
    "posting.noted": EventText(_BILLS, "Noted", sentences.noted),
    "posting.snoozed": EventText(_BILLS, "Put off", say("{who} put {it} off")),
    "posting.woken": EventText(_BILLS, "No longer put off", say("{who} no longer puts {it} off")),
    "posting.looked_at": EventText(
        _BILLS, "Looked up in Epicor", say("{who} looked {it} up in Epicor")
    ),
    "bills.exported": EventText(_BILLS, "Bills exported", sentences.taken_out("bills")),
    "attempt.begun": EventText(
        _SENT, "Attempt begun", sentences.attempt("{who} began {attempt}, for {it}")
    ),
    "attempt.finished": EventText(_SENT, "Attempt ended", sentences.answered),
    "attempt.resolved": EventText(
        _SENT,
        "Attempt settled",
        sentences.attempt("{who} settled {attempt}, for {it}, by a look-up"),
    ),
    "group.lost": EventText(_SENT, "Group given up", say("{who} gave up {it}")),
    "mapping_created": EventText(_MAPPINGS, "Mapping created", _MAPPED_BY),
    "mapping_changed": EventText(_MAPPINGS, "Mapping changed", _MAPPED_BY),
    "mapping_deleted": EventText(_MAPPINGS, "Mapping removed", _MAPPED_BY),
    "mapping_proposed": EventText(
        _MAPPINGS,
        "Mapping proposed",
        sentences.mapped("proposed to map", "proposed to remove the mapping of"),
    ),
    "mapping_approved": EventText(
        _MAPPINGS,
        "Mapping approved",
        sentences.mapped("approved mapping", "approved removing the mapping of"),
    ),
    "mapping_rejected": EventText(
        _MAPPINGS,
        "Mapping rejected",
        sentences.mapped("rejected mapping", "rejected removing the mapping of"),
    ),
    "mapping_withdrawn": EventText(
        _MAPPINGS,
        "Proposal withdrawn",
        sentences.mapped(
            "no longer proposes mapping", "no longer proposes to remove the mapping of"
        ),
    ),
    "mapping_rules": EventText(_MAPPINGS, "Approval rule changed", sentences.approval_rules),
    "mapping_exported": EventText(_MAPPINGS, "Mappings exported", sentences.taken_out("mappings")),
    "tenant_created": EventText(_TENANT, "Company created", sentences.settings("created")),
    "tenant_changed": EventText(
        _TENANT, "Settings changed", sentences.settings("changed the settings of")
    ),
    "tenant.paused": EventText(_TENANT, "Paused", say("{who} paused {it}")),
    "clock.set_back": EventText(_TENANT, "Clock set back", say("{who} noticed a wrong clock")),
    "tenant.resumed": EventText(_TENANT, "Resumed", say("{who} resumed {it}")),
    "tenant.reproved": EventText(
        _TENANT, "Entered invoices read back", say("{who} read the entered invoices of {it} back")
    ),
    "tenant.live": EventText(_TENANT, "Went live", say("{who} took {it} live")),
    "tenant.sync_asked": EventText(
        _TENANT, "Cycle asked for", say("{who} asked for a cycle of {it}")
    ),
    "membership_saved": EventText(_PEOPLE, "Role given", sentences.membership),
    "membership_removed": EventText(_PEOPLE, "Role taken away", sentences.membership),
    "invitation_renewed": EventText(
        _PEOPLE, "Invitation renewed", say("{who} renewed the invitation of {it}")
    ),
    "user_changed": EventText(_PEOPLE, "Account changed", sentences.account),
    "login_changed": EventText(_PEOPLE, "Login changed", sentences.login),
    "second_factor_rule": EventText(_PEOPLE, "Second factor required", sentences.factor_rule),
    "password_set": EventText(_PEOPLE, "Password set", say("{who} set a new password")),
    "audit.verified": EventText(_TRAIL, "Chain verified", sentences.verified),
    "audit.acknowledged": EventText(_TRAIL, "Finding acknowledged", sentences.acknowledged),
    "audit.restarted": EventText(_TRAIL, "Chain begun anew", sentences.restarted),
    "audit.exported": EventText(_TRAIL, "Exported", sentences.exported),
}
