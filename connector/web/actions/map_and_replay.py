"""Map and replay in one click: the target counts at once, and every bill of the cause goes on."""

from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_POST

from audit.ledger.exceptions import CauseGroup, Key
from audit.ledger.exceptions import name_of as cause_name
from audit.ledger.waiting import blocked_by
from audit.permissions import requires
from connector.actions import requests
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.actions.dialogs import answer, back
from connector.web.actions.preview import Done, described
from connector.web.actions.selection import MOST, cause_key
from connector.web.exceptions.texts import can_be_mapped
from mappings.decisions import DecisionError, decide
from mappings.import_export import UnknownKindError
from mappings.suggestions import mapped_now
from mappings.target_search import name_of

_JUST_NOW = timedelta(minutes=10)


class MapForm(forms.Form):
    """The target that was chosen, for one company or for every one, and how it was found."""

    target = forms.CharField(
        max_length=255,
        error_messages={"required": "Choose what it is in Epicor: type, then pick from the list."},
    )
    scope = forms.ChoiceField(
        choices=[("one", "This Epicor company"), ("all", "Every Epicor company")]
    )
    source = forms.ChoiceField(
        choices=[("manual", ""), ("suggestion", "")],
        required=False,
    )
    ramp_name = forms.CharField(max_length=255, required=False)
    seen_one = forms.CharField(max_length=255, required=False)  # as shown, by scope
    seen_all = forms.CharField(max_length=255, required=False)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be mapped to what."""

    kind: str
    company: str
    ramp_id: str
    ramp_name: str
    target: str
    source: str
    seen: str  # the target of that scope as the person saw it, "" for none


class MapError(ValueError):
    """The mapping was not made; the message is a sentence for people."""


@require_POST
@requires("map")
def map_and_replay(request: HttpRequest, slug: str) -> HttpResponse:
    """Write the mapping and have every bill that waits for it tried again."""
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    try:
        key = _key(request.POST)
        wish = _wish(tenant, key, request.POST)
        counts = write(tenant.pk, wish, actor=actor)
    except MapError as error:
        return _refused(request, str(error))
    if not counts:
        return answer(request, Done(f"{_sentence(wish)} That waits for somebody else's approval."))
    if not layout.may(request, "replay"):
        return answer(request, Done(f"{_sentence(wish)} Replay the bills that waited for it."))
    return answer(request, freed(tenant, key, wish, actor=actor))


def freed(tenant: Tenant, key: Key, wish: _Wish, *, actor: str) -> Done:
    """Have the bills that wait for it tried again; the second of two clicks shows the first one's.

    What was mapped for one company frees that company's bills only.
    """
    rows = blocked_by(tenant.pk, kind=wish.kind, ramp_id=wish.ramp_id, company=wish.company)
    chosen = list(rows.defer("entered_as").order_by("pk")[:MOST])
    more = rows.count() - MOST if len(chosen) == MOST else 0
    subject = cause_name(key)
    if not chosen:
        before = _asked_before(tenant, subject)
        return Done(
            f"{_sentence(wish)} {'' if before else 'No bill waits for it.'}".strip(), before
        )
    title = f"Replay of {described(chosen)}, after mapping {wish.ramp_name or wish.ramp_id}"
    job = requests.request_replay(tenant, chosen, title, actor=actor, subject=subject)
    rest = _MORE.format(most=MOST, more=more) if more > 0 else ""
    return Done(f"{_sentence(wish)} {rest}".strip(), job)


def write(tenant_id: int, wish: _Wish, *, actor: str) -> bool:
    """Write the mapping; False when it waits for somebody else's approval.

    Raises MapError with a sentence when it cannot be.
    """
    name = name_of(tenant_id, wish.kind, wish.target, company=wish.company)
    try:
        decision = decide(
            tenant_id,
            wish.kind,
            company=wish.company,
            ramp_id=wish.ramp_id,
            ramp_name=wish.ramp_name,
            epicor_id=wish.target,
            epicor_name=name,
            source=wish.source,
            actor=actor,
            seen=wish.seen,
        )
    except (UnknownKindError, DecisionError) as error:
        raise MapError(str(error)) from error
    return not decision.waits


def _key(data: QueryDict) -> Key:
    key = cause_key(data)
    if key is None or not can_be_mapped(CauseGroup(*key)):
        raise MapError("This cause is not settled by a mapping. Nothing was changed.")
    return key


def _wish(tenant: Tenant, key: Key, data: QueryDict) -> _Wish:
    _, kind, ramp_id, company = key
    form = MapForm(data)
    if not form.is_valid():
        first = next(iter(form.errors.values()))
        raise MapError(f"{first[0]} Nothing was changed.")
    values = form.cleaned_data
    everywhere = values["scope"] == "all"
    if everywhere and company in mapped_now(tenant.pk, kind, ramp_id):
        raise MapError(
            f"{company} has a mapping of its own for it, which would still win. Map it for "
            f"{company} only. Nothing was changed."
        )
    return _Wish(
        kind,
        "" if everywhere else company,
        ramp_id,
        values["ramp_name"],
        values["target"].strip(),
        values["source"] or "manual",
        values["seen_all" if everywhere else "seen_one"],
    )


def _asked_before(tenant: Tenant, subject: str) -> Job | None:
    since = timezone.now() - _JUST_NOW
    rows = Job.objects.filter(tenant=tenant, kind=requests.REPLAY, created_at__gte=since)
    return rows.filter(subject=subject).first()


def _sentence(wish: _Wish) -> str:
    where = f" in {wish.company}" if wish.company else ""
    return f"{wish.ramp_name or wish.ramp_id} is now {wish.target}{where}."


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """The error beside the field; without scripts on the page the person came from."""
    if not layout.is_part(request):
        return layout.done(request, sentence, back(request), good=False)
    key = cause_key(request.POST)
    context = {"sentence": sentence}
    response = layout.part(request, "connector/_act_wrong.html", context, status=422)
    response.headers["HX-Retarget"] = f"#err-{cause_name(key)}" if key else "#outcome"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


_MORE = "{most:,} bills are tried again at once; {more:,} more wait for it: replay them afterwards."
