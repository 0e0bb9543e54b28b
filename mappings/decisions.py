"""One mapping is set, changed or taken away; and, where the tenant asks, approved by somebody else.

A change is checked as a row of a file is, counts only if the mapping still is what the person
saw, and is on the record with before and after. Where mappings need approval it becomes a
proposal: nothing changes until somebody approves it who neither proposed it nor was the last to
edit that mapping. A proposal that is replaced gets a new id, so that nobody approves what they
have not seen.
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actors import same_person
from audit.trail.log import NewEntry, record_many
from mappings import checks, proposals
from mappings.changes import SAME, Change, apply, compare, entry, lock, stored
from mappings.changes import needs_approval as needs_approval
from mappings.effective import NOTHING, Applied
from mappings.files import MappingRow
from mappings.kinds import check_kind
from mappings.kinds import known_kinds as known_kinds
from mappings.models import SOURCES, MappingRules, ProposedMapping
from mappings.targets import targets_for

MANUAL, IMPORT, SUGGESTION = (value for value, _ in SOURCES)
PROPOSER = "You proposed this yourself."
LAST_EDITOR = "You were the last to edit this mapping."


class DecisionError(ValueError):
    """The decision was not taken and nothing was changed; the message is a sentence for people."""


class WrongMappingError(DecisionError):
    """The reference or its target cannot be what was asked for."""


class ChangedMeanwhileError(DecisionError):
    """Somebody else changed the mapping after the person looked at it."""


class ProposalClosedError(DecisionError):
    """The proposal was decided, withdrawn or replaced before."""


class OwnChangeError(DecisionError):
    """Whoever proposed a change or last edited the mapping may not decide about it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a decision: "" as target means none.

    `before`: what applied until now, by whatever it did. `changed`: the mapping is now `after`.
    `waits`: proposal number `proposal` waits for approval. `then`: what bills get with it.
    """

    kind: str
    company: str
    ramp_id: str
    before: str
    after: str
    changed: bool
    waits: bool = False
    proposal: int | None = None
    then: Applied = NOTHING


def decide(
    tenant_id: int,
    kind: str,
    *,
    company: str,
    ramp_id: str,
    ramp_name: str,
    epicor_id: str,
    epicor_name: str = "",
    source: str = MANUAL,
    actor: str,
    seen: str | None = None,
) -> Decision:
    """Give a reference its target, or take it away (`epicor_id` ""); a blank company means all.

    `seen`: the target that the person was shown ("" for none); None = whatever it is. Blank names
    keep the stored ones. Raises UnknownKindError, WrongMappingError, ChangedMeanwhileError.
    """
    check_kind(tenant_id, kind)
    cells = (ramp_id.strip(), ramp_name.strip(), epicor_id.strip(), epicor_name.strip())
    row = MappingRow(0, *cells, company.strip())
    problem = problem_of(tenant_id, kind, row)
    if problem:
        raise WrongMappingError(f"{problem[0].upper()}{problem[1:]} Nothing was changed.")
    try:
        with transaction.atomic():
            return _decide(tenant_id, kind, row, source, actor, seen)
    except IntegrityError as error:
        raise ChangedMeanwhileError(_MEANWHILE) from error


def problem_of(tenant_id: int, kind: str, row: MappingRow) -> str:
    """Why a mapping cannot be as the row wants it, as a sentence; "" when it can."""
    if row.epicor_id or not row.ramp_id:
        _, errors = checks.check(tenant_id, kind, [row])
        return errors[0][1] if errors else ""
    return checks.size_error(row)


def _decide(
    tenant_id: int, kind: str, row: MappingRow, source: str, actor: str, seen: str | None
) -> Decision:
    rules = lock(tenant_id)
    known = stored(tenant_id, kind, [row])
    (change,) = compare(tenant_id, kind, [row], known, targets_for(tenant_id, kind, [row]))
    if seen not in (None, change.old, change.now.target) and change.effect != SAME:
        raise ChangedMeanwhileError(f"{_is_now(change, known)} {_LOOK_AGAIN}")
    if rules.needs_approval:
        proposal = proposals.propose(tenant_id, kind, [change], source=source, actor=actor)
        return _decision(kind, change, changed=False, proposal=proposal.get(change.key))
    apply(tenant_id, kind, [change], known, source=source, actor=actor)
    return _decision(kind, change, changed=change.effect != SAME)


def _decision(kind: str, change: Change, *, changed: bool, proposal: int | None = None) -> Decision:
    company, ramp_id = change.key
    waits = proposal is not None
    before, after = change.now.target, change.new
    return Decision(kind, company, ramp_id, before, after, changed, waits, proposal, change.then)


# -- approval ------------------------------------------------------------------------------------


def approve(tenant_id: int, proposal_id: int, *, actor: str) -> Decision:
    """Make a proposed change count, after checking it once more.

    Raises ProposalClosedError, OwnChangeError, ChangedMeanwhileError, WrongMappingError and
    UnknownKindError; the proposal then stays as it was.
    """
    try:
        with transaction.atomic():
            lock(tenant_id)
            return _approve(tenant_id, _open(tenant_id, proposal_id, actor), actor)
    except IntegrityError as error:
        raise ChangedMeanwhileError(_MEANWHILE) from error


def _approve(tenant_id: int, proposal: ProposedMapping, actor: str) -> Decision:
    kind, row = proposal.kind, proposals.row_of(proposal)
    check_kind(tenant_id, kind)
    known = stored(tenant_id, kind, [row])
    (change,) = compare(tenant_id, kind, [row], known, targets_for(tenant_id, kind, [row]))
    if change.now.target != proposal.before:
        raise ChangedMeanwhileError(
            f"{_is_now(change, known)} It was {proposal.before or 'not mapped'} when this was "
            "proposed. Nothing was changed; reject this and propose it again if it is still wanted."
        )
    problem = problem_of(tenant_id, kind, row)
    if problem:
        raise WrongMappingError(
            f"{problem[0].upper()}{problem[1:]} Nothing was changed; the proposal stays."
        )
    _close(proposal, actor, approved=True)
    more = {"proposal": proposal.pk, "by": proposal.proposed_by}
    record_many([entry(tenant_id, kind, change, "mapping_approved", actor, **more)])
    source = proposal.source
    apply(tenant_id, kind, [change], known, source=source, actor=actor, proposal=proposal)
    return _decision(kind, change, changed=change.effect != SAME)


def reject(tenant_id: int, proposal_id: int, *, actor: str) -> Decision:
    """Say no to a proposed change; the mapping stays as it is.

    Raises ProposalClosedError and OwnChangeError.
    """
    with transaction.atomic():
        lock(tenant_id)
        proposal = _open(tenant_id, proposal_id, actor)
        _close(proposal, actor, approved=False)
        record_many([proposals.proposal_entry(proposal, "mapping_rejected", actor)])
    return Decision(
        proposal.kind,
        proposal.company,
        proposal.ramp_id,
        before=proposal.before,
        after=proposal.epicor_id,
        changed=False,
    )


def _open(tenant_id: int, proposal_id: int, actor: str) -> ProposedMapping:
    """A proposal that waits and that this person may decide about."""
    mine = ProposedMapping.objects.select_for_update().filter(tenant_id=tenant_id)
    proposal = mine.filter(pk=proposal_id).first()
    if proposal is None:
        raise ProposalClosedError(_GONE)
    if proposal.approved is not None:
        what = "approved" if proposal.approved else "rejected"
        raise ProposalClosedError(f"{proposal.decided_by} {what} this already. {_NOT_AGAIN}")
    reason = why_not(proposal, actor)
    if reason:
        raise OwnChangeError(f"{reason} Nothing was changed; somebody else has to decide.")
    return proposal


def why_not(proposal: ProposedMapping, actor: str) -> str:
    """Why this person may not decide about a proposal, as a sentence; "" when they may."""
    if same_person(proposal.proposed_by, actor):
        return PROPOSER
    if same_person(proposals.last_editors([proposal])[proposal.pk], actor):
        return LAST_EDITOR
    return ""


def _close(proposal: ProposedMapping, actor: str, *, approved: bool) -> None:
    now = timezone.now()
    waiting = ProposedMapping.objects.filter(pk=proposal.pk, approved=None)
    if waiting.update(approved=approved, decided_by=actor, decided_at=now) != 1:
        raise ProposalClosedError(_GONE)


def require_approval(tenant_id: int, *, needed: bool, actor: str) -> int:
    """Say whether mappings need approval; returns how many proposals wait (they stay)."""
    with transaction.atomic():
        rules = lock(tenant_id)
        if rules.needs_approval != needed:
            MappingRules.objects.filter(pk=rules.pk).update(needs_approval=needed)
            changes = {"needs_approval": [rules.needs_approval, needed]}
            about = (tenant_id, "mapping_rules", "settings", "mappings", actor)
            record_many([NewEntry(*about, changes=changes)])
    return ProposedMapping.objects.filter(tenant_id=tenant_id, approved=None).count()


def _is_now(change: Change, known: dict[tuple[str, str], proposals.AnyMapping]) -> str:
    """What a mapping is by now and by whom, as a sentence."""
    mapping = known.get(change.key)
    name = change.row.ramp_name or change.row.ramp_id
    if mapping is None:
        if change.now.target:
            return f"{name} has no mapping of its own any more: it gets {change.now.target} now."
        return f"{name} is not mapped any more."
    by = f"{mapping.updated_by} changed the mapping" if mapping.updated_by else "Somebody changed"
    return f"{by} of {name} meanwhile: it is {mapping.epicor_id} now."


_LOOK_AGAIN = "Nothing was changed; look at it and decide again."
_NOT_AGAIN = "Nothing was changed by you."
_GONE = (
    "This proposal was withdrawn or replaced by a newer one. Nothing was changed; look at the "
    "list again."
)
_MEANWHILE = (
    "Somebody else made the same mapping at the same moment. Nothing was changed by you; look at "
    "it and decide again."
)
