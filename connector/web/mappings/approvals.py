"""Approvals: changes of mappings that wait for somebody else, and whether they have to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from audit.actors import same_person
from audit.permissions import requires
from connector.tenants.members import MembersError, have_mappings_approved
from connector.web import layout
from connector.web.mappings import base
from connector.web.mappings.base import WHY
from mappings.changes import Key, stored
from mappings.decisions import LAST_EDITOR, PROPOSER, DecisionError, approve, reject
from mappings.effective import EVERY, OWN, Applied, Today, today_of
from mappings.impact import Impact, open_holds
from mappings.kinds import UnknownKindError, label_of
from mappings.models import ProposedMapping
from mappings.proposals import last_editors, row_of
from mappings.targets import Targets, targets_of
from mappings.usage import Usage, is_counted, used

_SHOWN = 100
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal as the page shows it; `why_not`: why this person may not decide about it.

    Names are the catalog's; `used`: what went through the mapping, or named it, in the last year.
    """

    proposal: ProposedMapping
    kind: str
    why_not: str
    freed: Impact
    used: Usage
    now: Applied
    then: Applied
    before_name: str
    after_name: str
    problem: str

    @property
    def why(self) -> str:
        """Why bills get today's target, where no mapping of the reference's own says it."""
        return "" if self.now.by == _own(self.proposal) else WHY.get(self.now.by, "")

    @property
    def then_why(self) -> str:
        """Why bills get the target that they get afterwards."""
        return WHY.get(self.then.by, "")

    @property
    def moved(self) -> bool:
        """Whether something else applies by now than when it was proposed."""
        return self.now.target != self.proposal.before

    @property
    def what_if(self) -> str:
        """The query of the page that tells what this change would have done."""
        one = self.proposal
        asked = {"ramp_id": one.ramp_id, "company": one.company, "epicor_id": one.epicor_id}
        return urlencode(asked | ({} if one.epicor_id else {"remove": "1"}))


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for approval, oldest first, and what was decided lately."""
    tenant = layout.tenant_of(request)
    mine = ProposedMapping.objects.filter(tenant=tenant)
    context = base.frame(request, "") | {
        "waiting": waiting(tenant.pk, layout.actor(request)),
        "shown": _SHOWN,
        "counted": is_counted(tenant.pk),
        "decided": mine.exclude(approved=None).order_by("-decided_at")[:20],
    }
    return layout.page(request, "connector/mapping_approvals.html", "Mapping approvals", context)


def waiting(tenant_id: int, actor: str) -> list[Waiting]:
    """The first hundred open proposals as `actor` sees them; a few queries for each kind."""
    open_ones = ProposedMapping.objects.filter(tenant_id=tenant_id, approved=None)
    found = list(open_ones.order_by("pk")[:_SHOWN])
    editors, holds = last_editors(found), open_holds(tenant_id)
    known = _known(tenant_id, found)
    shown: list[Waiting] = []
    for one in found:
        key, kind = (one.company, one.ramp_id), known[one.kind]
        today = kind.today[key]
        then = Applied(one.epicor_id, _own(one)) if one.epicor_id else today.without
        shown.append(
            Waiting(
                one,
                label_of(one.kind),
                PROPOSER
                if same_person(one.proposed_by, actor)
                else _editor(editors[one.pk], actor),
                holds.impact_of(one.kind, {key} if one.epicor_id else set(), kind.stored),
                kind.used[key],
                today.now,
                then,
                kind.targets.called(one.company, one.before),
                kind.targets.called(one.company, then.target) or one.epicor_name,
                kind.problem(one.company, then.target),
            )
        )
    return shown


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the mappings of one kind that proposals are about."""

    stored: Sequence[Key]
    today: Mapping[Key, Today]
    used: Mapping[Key, Usage]
    targets: Targets

    def problem(self, company: str, target: str) -> str:
        """Why a target cannot be used today in any company that it is for."""
        companies = [company] if company else sorted(self.targets.companies)
        found = [self.targets.problem([one], target) for one in companies]
        return ", ".join(found) if target and all(found) else ""


def _own(proposal: ProposedMapping) -> str:
    """How a mapping of the proposal's own company is called among what may apply."""
    return OWN if proposal.company else EVERY


def _known(tenant_id: int, found: Sequence[ProposedMapping]) -> dict[str, _Known]:
    groups: dict[str, list[ProposedMapping]] = defaultdict(list)
    for one in found:
        groups[one.kind].append(one)
    known: dict[str, _Known] = {}
    for kind, group in groups.items():
        there = stored(tenant_id, kind, [row_of(one) for one in group])
        keys = [(one.company, one.ramp_id) for one in group]
        applied = today_of(tenant_id, kind, keys, there)
        codes = {code for one in group for code in (one.before, one.epicor_id)}
        codes |= {today.without.target for today in applied.values()}
        known[kind] = _Known(
            list(there),
            applied,
            used(tenant_id, kind, keys, list(there)),
            targets_of(tenant_id, kind, codes - {""}),
        )
    return known


def _editor(editor: str, actor: str) -> str:
    return LAST_EDITOR if same_person(editor, actor) else ""


@require_POST
@requires("approve_mapping")
def decide(request: HttpRequest, slug: str) -> HttpResponse:
    """Approve or reject the picked proposals, one by one; says what could not be decided."""
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    sent = request.POST.getlist("pick")
    # No id has more digits; 0 is nobody's, so a longer one is told as one that is gone.
    picked = [int(pk) if len(pk) < 19 else 0 for pk in sent if pk.isascii() and pk.isdecimal()]
    act = {"approve": approve, "reject": reject}.get(request.POST.get("decision", ""))
    here = reverse("mapping-approvals", args=[slug])
    if not picked or act is None:
        return layout.done(request, "Pick what you want to decide first.", here, good=False)
    done, refused = 0, []
    for pk in picked[:_SHOWN]:
        try:
            act(tenant.pk, pk, actor=actor)
        except (DecisionError, UnknownKindError) as error:
            refused.append(str(error))
        else:
            done += 1
    verb = "approved" if act is approve else "rejected"
    return layout.done(request, _sentence(done, verb, refused), here, good=not refused)


def _sentence(done: int, verb: str, refused: list[str]) -> str:
    """What was decided and what was not, as sentences."""
    text = f"{done:,} change{'' if done == 1 else 's'} {verb}." if done or not refused else ""
    if not refused:
        return text
    told = " ".join(dict.fromkeys(refused[:_TOLD]))
    more = f" And {len(refused) - _TOLD:,} more." if len(refused) > _TOLD else ""
    return f"{text} {len(refused):,} not {verb}: {told}{more}".strip()


@require_POST
@requires("manage_settings")
def rule(request: HttpRequest, slug: str) -> HttpResponse:
    """Switch approval of mapping changes on or off."""
    needed = request.POST.get("needed") == "yes"
    tenant, here = layout.tenant_of(request), reverse("mapping-approvals", args=[slug])
    try:
        left = have_mappings_approved(tenant, needed=needed, actor=layout.actor(request))
    except MembersError as error:
        return layout.done(request, str(error), here, good=False)
    text = "From now on a change of a mapping counts once somebody else has approved it."
    if not needed:
        text = "From now on a change of a mapping counts at once."
        if left:
            many = f"{left:,} change{' that waits stays' if left == 1 else 's that wait stay'}"
            text += f" {many} on the list and can still be approved or rejected."
    return layout.done(request, text, here)


urlpatterns = [
    path("mappings/approvals/", page, name="mapping-approvals"),
    path("mappings/approvals/decide/", decide, name="mapping-decide"),
    path("mappings/approvals/rule/", rule, name="mapping-rule"),
]
