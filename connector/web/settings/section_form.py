"""The form of one section of the settings, in the setup and on the settings page: show and save."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, QueryDict
from django.utils import timezone

from connector.actions import tenant_setup as errands
from connector.jobs.models import Errand
from connector.tenants import sections, setup
from connector.tenants.models import Tenant
from connector.tenants.schedule import BadScheduleError
from connector.tenants.schedule_words import in_words
from connector.tenants.sections import SECTIONS, ChangedMeanwhileError, Section
from connector.tenants.tenant_reading import TenantFileError
from connector.tenants.tenant_schema import text
from connector.web import layout
from connector.web.settings import address, forms, lists
from connector.web.settings.fields import FIELDS, FURTHER_SCOPES, PRESETS, SCOPES

COMPANY = "company"  # of the Epicor step: asked first, no key of the tenant file


@dataclass(slots=True)
class Saved:
    """What became of a form: `changed` paths, or why it is shown again."""

    changed: list[str] = field(default_factory=list)
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    sentence: str = ""  # what is wrong with the whole

    @property
    def ok(self) -> bool:
        """Whether it is stored."""
        return not self.errors and not self.sentence


def section_of(request: HttpRequest, key: str) -> Section:
    """The section, if this person may change it. Raises Http404, PermissionDenied."""
    section = SECTIONS.get(key)
    if section is None:
        raise Http404("No such page.")
    if not layout.may(request, section.capability):
        raise PermissionDenied("Your role may not change this.")
    return section


def save(tenant: Tenant, section: Section, posted: QueryDict, *, actor: str) -> Saved:
    """Store the form. What is refused is not stored, not even in part."""
    try:
        changed = _save(tenant, section, posted, actor)
    except TenantFileError as error:
        return Saved(errors=sections.by_path(error))
    except ChangedMeanwhileError as error:
        return Saved(sentence=str(error))
    return Saved(changed=changed)


def _save(tenant: Tenant, section: Section, posted: QueryDict, actor: str) -> list[str]:
    seen = posted.get("seen", "")
    if section.key == "entities":
        document, _ = lists.entities_document(posted)
    elif section.key == "coding":
        document, double, _ = lists.coding_document(posted)
        if double:
            raise TenantFileError(tuple(f"currencies.{iso}: is given twice" for iso in double))
    else:
        document = forms.document(section.key, posted)
    company = posted.get(COMPANY, "").strip() if section.key == "epicor" else ""
    wrong = _wrong_company(company)
    with transaction.atomic():
        try:
            changed = sections.save(tenant, section, document, seen=seen, actor=actor)
        except TenantFileError as error:
            raise TenantFileError((*error.problems, *wrong)) from None
        if wrong:
            raise TenantFileError(wrong)
        if company:
            setup.name_company(tenant, company)
    return changed


def _wrong_company(company: str) -> tuple[str, ...]:
    try:
        text(16)(company or "none")
    except ValueError as error:
        return (f"{COMPANY}: {error}",)
    return ()


def context(
    tenant: Tenant, section: Section, posted: QueryDict | None = None, saved: Saved | None = None
) -> dict[str, Any]:
    """What `_setup_form.html` needs. `posted` with `saved` when the form is shown again."""
    stored = sections.everything(tenant)
    again = posted if saved is not None and saved.errors else None
    found: dict[str, Any] = {
        "section": section,
        "mark": again.get("seen", "") if again else sections.mark(section, stored),
        "sentence": saved.sentence if saved else "",
        "errors": saved.errors if saved else {},
        "loose_errors": _loose(section, saved.errors if saved else {}),
    }
    if section.key in FIELDS:
        set_by = sections.set_by(tenant, stored) if section.key in ("ramp", "epicor") else {}
        found["fields"] = forms.shown(
            section.key,
            stored,
            set_by=set_by,
            posted=again,
            errors=saved.errors if saved else {},
        )
    return found | _MORE.get(section.key, _nothing)(tenant, stored, found, again)


def _loose(section: Section, errors: Mapping[str, list[str]]) -> list[str]:
    """Problems that no field of the form shows."""
    at_fields = {one.path for one in FIELDS.get(section.key, ())} | {COMPANY}
    lines = ("entities[", "dimensions[", "currencies.")
    return [
        f"{path}: {text}" if path else text
        for path, texts in errors.items()
        if path not in at_fields and not path.startswith(lines)
        for text in texts
    ]


# -- what single sections show besides their fields ------------------------------------------------


def _nothing(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    return {}


def _ramp(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    return {"scopes": SCOPES, "further_scopes": FURTHER_SCOPES}


def _epicor(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    by_path = {one.field.path: one for one in found["fields"]}
    method = str(by_path[forms.METHOD].value)
    company = posted.get(COMPANY, "") if posted else setup.company(tenant)
    return {
        "by_path": by_path,
        "login": forms.for_method(found["fields"], method),
        "company": company,
        "explained": explained({path: str(one.value) for path, one in by_path.items()}, company),
    }


def explained(typed: Mapping[str, str], company: str) -> address.Explained | None:
    """What the address that is typed means."""
    return address.explain(
        base_url=typed.get("epicor.base_url", "")[:255],
        deployment=typed.get("epicor.deployment", ""),
        api_version=typed.get("epicor.api_version", ""),
        auth_method=typed.get(forms.METHOD, ""),
        company=company[:16],
    )


def _entities(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    rows = lists.entity_rows(tenant, stored["entities"])
    if posted is not None:
        _, kept = lists.entities_document(posted)
        typed = lists.posted_rows(posted, "entities", lists.ENTITY_COLUMNS)
        rows = lists.refused(typed, rows, _by_line(found["errors"], "entities", kept))
    return {"rows": rows, "companies": lists.companies(tenant)}


def _coding(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    currencies = lists.currency_rows(tenant, stored["currencies"])
    dimensions = lists.dimension_rows(tenant, stored["dimensions"])
    if posted is not None:
        _, _, kept = lists.coding_document(posted)
        typed = lists.posted_rows(posted, "currencies", lists.CURRENCY_COLUMNS)
        wrong = {
            n: found["errors"].get(f"currencies.{typed[n]['iso'].upper()}", [])
            for n in kept["currencies"]
        }
        currencies = lists.refused(typed, currencies, wrong)
        lines = lists.posted_rows(posted, "dimensions", lists.DIMENSION_COLUMNS)
        wrong = _by_line(found["errors"], "dimensions", kept["dimensions"])
        dimensions = lists.refused(lines, dimensions, wrong)
    return {
        "currencies": currencies,
        "dimensions": dimensions,
        "segments": lists.segments(tenant),
    }


def _by_line(errors: Mapping[str, list[str]], name: str, kept: list[int]) -> dict[int, list[str]]:
    """The problems of a list by the line of the table in which its row was typed."""
    found: dict[int, list[str]] = {}
    for path, texts in errors.items():
        inside = path.removeprefix(f"{name}[")
        number, _, rest = inside.partition("]")
        if inside != path and number.isdecimal() and int(number) < len(kept):
            column = rest.lstrip(".").replace("_", " ")
            lines = found.setdefault(kept[int(number)], [])
            lines += [f"{column} {text}".strip().capitalize() for text in texts]
    return found


def _calendar(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    by_path = {one.field.path: one for one in found["fields"]}
    cron = str(by_path["calendar.sync_cron"].value)
    days = str(by_path["calendar.blackout"].value)
    return {"presets": PRESETS, **runs(tenant, cron, days)}


def runs(tenant: Tenant, cron: str, blackout: str) -> dict[str, Any]:
    """The next five runs of a schedule as it is typed, each with whether its day is left out."""
    if len(cron.split()) != 5:
        return {"runs": [], "runs_problem": "Five fields are needed, such as */15 * * * 1-5."}
    try:
        moments = setup.next_runs(cron[:100], tenant.time_zone, timezone.now())
    except BadScheduleError as error:
        return {"runs": [], "runs_problem": str(error)}
    said = in_words(cron)
    out = set(blackout.replace(",", " ").split())
    return {
        "runs": [
            (moment, timezone.localtime(moment).date().isoformat() in out) for moment in moments
        ],
        "runs_problem": "",
        "says": said if said != cron else "",
    }


def _rules(
    tenant: Tenant, stored: Mapping[str, Any], found: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    """What the last test said about the column for the bill's id."""
    last = Errand.objects.filter(tenant=tenant, kind=errands.TEST).exclude(finished_at=None).first()
    checks = last.result.get("epicor", []) if last else []
    column = f" {stored['posting.stamp_column']}"
    return {"stamp": [one for one in checks if one["name"].endswith(column)]}


_MORE = {
    "rules": _rules,
    "ramp": _ramp,
    "epicor": _epicor,
    "entities": _entities,
    "coding": _coding,
    "calendar": _calendar,
}
