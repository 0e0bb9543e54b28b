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
class Words:
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
    said = words.sentence(event) if words else f"{who}: {name_of(entry.action)} ({event.it})"
    return said[0].upper() + said[1:] if said.startswith(event.it) else said


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

ACTIONS: Mapping[str, Words] = {
    "posting.opened": Words(_BILLS, "Seen in Ramp", sentences.opened),
    "posting.seen_changed": Words(_BILLS, "Changed in Ramp", sentences.seen_changed),
    "posting.held": Words(_BILLS, "Held", sentences.held),
    "posting.released": Words(
        _BILLS, "Put back to try again", say("{who} put {it} back to try again later")
    ),
    "posting.postponed": Words(
        _BILLS, "Looked at and left", say("{who} looked at {it} and left it as it is")
    ),
    "posting.reaped": Words(_BILLS, "Taken back from a dead worker", sentences.reaped),
    "posting.in_doubt": Words(
        _BILLS, "Checking with Epicor", say("{who} does not know yet whether {it} is in Epicor")
    ),
    "posting.settled": Words(
        _BILLS, "Found not to be in Epicor", say("{who} made sure that {it} is not in Epicor")
    ),
    "posting.entered": Words(_BILLS, "Entered", sentences.entered),
    "posting.rechecked": Words(
        _BILLS, "Verified again", say("{who} verified {it} in Epicor again")
    ),
    "posting.confirmed": Words(
        _BILLS, "Told to Ramp", say("{who} told Ramp that {it} is in Epicor")
    ),
    "posting.removed": Words(
        _BILLS, "Removed", say("{who} took the invoice of {it} out of Epicor")
    ),
    "posting.dismissed": Words(_BILLS, "Dismissed", say("{who} dismissed {it}")),
    "posting.kept": Words(_BILLS, "Kept as it is", say("{who} kept {it} as it is in Epicor")),
    "posting.enter_again": Words(_BILLS, "To be entered anew", say("{who} had {it} entered anew")),
    "posting.twins_cleared": Words(_BILLS, "Said to be different", sentences.twins),
    "question.accepted": Words(_BILLS, "Went on in spite of a question", sentences.went_on),
    "question.forgotten": Words(_BILLS, "Question to be asked again", sentences.asks_again),
    "posting.numbered": Words(_BILLS, "Invoice number changed", sentences.numbered),
    "posting.replayed": Words(_BILLS, "Replayed", say("{who} replayed {it}")),
    "posting.requeued": Words(_BILLS, "Tried again after a change", say("{who} tried {it} again")),
    "posting.recheck_asked": Words(
        _BILLS, "To be verified again", say("{who} asked for {it} to be verified again")
    ),
    "posting.assigned": Words(_BILLS, "Assigned", sentences.assigned),
    "posting.noted": Words(_BILLS, "Noted", sentences.noted),
    "posting.snoozed": Words(_BILLS, "Put off", say("{who} put {it} off")),
    "posting.woken": Words(_BILLS, "No longer put off", say("{who} no longer puts {it} off")),
    "posting.looked_at": Words(
        _BILLS, "Looked up in Epicor", say("{who} looked {it} up in Epicor")
    ),
    "bills.exported": Words(_BILLS, "Bills exported", sentences.taken_out("bills")),
    "attempt.begun": Words(
        _SENT, "Attempt begun", sentences.attempt("{who} began {attempt}, for {it}")
    ),
    "attempt.finished": Words(_SENT, "Attempt ended", sentences.answered),
    "attempt.resolved": Words(
        _SENT,
        "Attempt settled",
        sentences.attempt("{who} settled {attempt}, for {it}, by a look-up"),
    ),
    "group.lost": Words(_SENT, "Group given up", say("{who} gave up {it}")),
    "mapping_created": Words(_MAPPINGS, "Mapping created", _MAPPED_BY),
    "mapping_changed": Words(_MAPPINGS, "Mapping changed", _MAPPED_BY),
    "mapping_deleted": Words(_MAPPINGS, "Mapping removed", _MAPPED_BY),
    "mapping_proposed": Words(
        _MAPPINGS,
        "Mapping proposed",
        sentences.mapped("proposed to map", "proposed to remove the mapping of"),
    ),
    "mapping_approved": Words(
        _MAPPINGS,
        "Mapping approved",
        sentences.mapped("approved mapping", "approved removing the mapping of"),
    ),
    "mapping_rejected": Words(
        _MAPPINGS,
        "Mapping rejected",
        sentences.mapped("rejected mapping", "rejected removing the mapping of"),
    ),
    "mapping_withdrawn": Words(
        _MAPPINGS,
        "Proposal withdrawn",
        sentences.mapped(
            "no longer proposes mapping", "no longer proposes to remove the mapping of"
        ),
    ),
    "mapping_rules": Words(_MAPPINGS, "Approval rule changed", sentences.approval_rules),
    "mapping_exported": Words(_MAPPINGS, "Mappings exported", sentences.taken_out("mappings")),
    "tenant_created": Words(_TENANT, "Tenant created", sentences.settings("created")),
    "tenant_changed": Words(
        _TENANT, "Settings changed", sentences.settings("changed the settings of")
    ),
    "tenant.paused": Words(_TENANT, "Paused", say("{who} paused {it}")),
    "clock.set_back": Words(_TENANT, "Clock set back", say("{who} noticed a wrong clock")),
    "tenant.resumed": Words(_TENANT, "Resumed", say("{who} resumed {it}")),
    "tenant.reproved": Words(
        _TENANT, "Entered invoices read back", say("{who} read the entered invoices of {it} back")
    ),
    "tenant.live": Words(_TENANT, "Went live", say("{who} took {it} live")),
    "tenant.sync_asked": Words(_TENANT, "Cycle asked for", say("{who} asked for a cycle of {it}")),
    "membership_saved": Words(_PEOPLE, "Role given", sentences.membership),
    "membership_removed": Words(_PEOPLE, "Role taken away", sentences.membership),
    "invitation_renewed": Words(
        _PEOPLE, "Invitation renewed", say("{who} renewed the invitation of {it}")
    ),
    "user_changed": Words(_PEOPLE, "Account changed", sentences.account),
    "login_changed": Words(_PEOPLE, "Login changed", sentences.login),
    "second_factor_rule": Words(_PEOPLE, "Second factor required", sentences.factor_rule),
    "password_set": Words(_PEOPLE, "Password set", say("{who} set a new password")),
    "audit.verified": Words(_TRAIL, "Chain verified", sentences.verified),
    "audit.acknowledged": Words(_TRAIL, "Finding acknowledged", sentences.acknowledged),
    "audit.restarted": Words(_TRAIL, "Chain begun anew", sentences.restarted),
    "audit.exported": Words(_TRAIL, "Exported", sentences.exported),
}
