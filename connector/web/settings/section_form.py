"""The form of one section of the settings, in the setup and on the settings page: show and save."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, QueryDict
from django.utils import timezone

from connector.actions import tenant_setup
from connector.jobs.models import Job
from connector.tenants import sections, setup
from connector.tenants.form_fields import ModelForm, Problems, SettingsError, form_field
from connector.tenants.forms import EpicorForm, SectionForm
from connector.tenants.list_forms import Dimensions
from connector.tenants.models import EntityRoute, Tenant
from connector.tenants.schedule import BadScheduleError
from connector.tenants.schedule_words import schedule_text
from connector.tenants.sections import SECTIONS, Change, ChangedMeanwhileError, Section
from connector.web import layout
from connector.web.settings import address, lists

PRESETS = (  # of a calendar; M and H are the chosen time's
    ("*/15 * * * *", "Every 15 minutes"),
    ("*/15 * * * 1-5", "Every 15 minutes, Monday to Friday"),
    ("0 * * * *", "Hourly"),
    ("M H * * *", "Daily at …"),
    ("", "Own expression"),
)
SCOPES = (  # what to tick in Ramp, and what for
    ("accounting:read", "the coding of bills, our accounting connection"),
    ("accounting:write", "telling Ramp that a bill is entered"),
    ("bills:read", "the bills themselves"),
    ("vendors:read", "whose bills they are"),
    ("entities:read", "which of your companies a bill belongs to"),
    ("business:read", "which Ramp business this is"),
)
FURTHER_SCOPES = (
    ("vendors:write", "when vendors are kept in step both ways (planned)"),
    ("purchase_orders:read", "when purchase orders are matched (planned)"),
    ("transactions:read", "when card payments are matched (planned)"),
)


class CompanyForm(ModelForm):
    """The Epicor company that is asked first; no key of the tenant file."""

    class Meta:
        model = EntityRoute
        fields = ("company",)
        formfield_callback = form_field
        labels: ClassVar = {"company": "One Epicor company"}
        help_texts: ClassVar = {
            "company": "Its code, such as EPIC06; capitals matter. The test asks this company "
            "first; the others come with the entity routes."
        }
        widgets: ClassVar = {
            "company": forms.TextInput(
                {"placeholder": "EPIC06", "id": "f-company", "aria-describedby": "f-company-help"}
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["company"].required = False


@dataclass(slots=True)
class Saved:
    """What became of a form: `changed` paths, or why it is shown again."""

    changed: list[str] = field(default_factory=list)
    problems: Problems = field(default_factory=dict)
    sentence: str = ""  # what is wrong with the whole

    @property
    def ok(self) -> bool:
        """Whether it is stored."""
        return not self.problems and not self.sentence


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as the page shows it; of a secret only whether it is set, and by whom."""

    field: forms.BoundField
    is_secret: bool = False
    is_set: bool = False
    set_by: Change | None = None

    @property
    def is_tick(self) -> bool:
        """Whether it is ticked and not typed."""
        return isinstance(self.field.field, forms.BooleanField)

    @property
    def optional(self) -> bool:
        """Whether it may be empty and has no default then."""
        return not self.field.field.required and not self.is_tick


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
        with transaction.atomic():
            seen = posted.get("seen", "")
            changed = sections.save(tenant, section, posted, seen=seen, actor=actor)
            if section.key == "epicor":
                _name_company(tenant, posted)
    except SettingsError as error:
        return Saved(problems=error.problems)
    except ChangedMeanwhileError as error:
        return Saved(sentence=str(error))
    return Saved(changed=changed)


def _name_company(tenant: Tenant, posted: QueryDict) -> None:
    form = CompanyForm(posted)
    if not form.is_valid():
        raise SettingsError({"company": list(map(str, form.errors["company"]))})
    if form.cleaned_data["company"]:
        setup.name_company(tenant, form.cleaned_data["company"])


def shown(form: SectionForm, set_by: Mapping[str, Change | None]) -> list[Shown]:
    """The fields of a form. `set_by`: of each secret that is set, who did that."""
    secrets = form.secrets()
    return [
        Shown(one, one.name in secrets, one.html_name in set_by, set_by.get(one.html_name))
        for one in form
    ]


def context(
    tenant: Tenant, section: Section, posted: QueryDict | None = None, saved: Saved | None = None
) -> dict[str, Any]:
    """What `_setup_form.html` needs. `posted` with `saved` when the form is shown again."""
    stored = sections.values(tenant)
    again = posted if saved is not None and saved.problems else None
    found: dict[str, Any] = {
        "section": section,
        "mark": again.get("seen", "") if again else sections.mark(section, stored),
        "sentence": saved.sentence if saved else "",
        "refused": again is not None,
    }
    if section.form is None:
        return found | _tables(tenant, section, stored, again)
    form = (
        section.form(instance=sections.row_of(tenant, section.form))
        if again is None
        else section.form.typed(again, sections.row_of(tenant, section.form))
    )
    set_by = sections.set_by(tenant, stored) if form.secrets() else {}
    found["fields"] = shown(form, set_by)
    if isinstance(form, EpicorForm):
        found["login"] = login_fields(form, set_by)
    more = _MORE.get(section.key)
    return found | (more(tenant, form, again) if more else {})


# -- what single sections show besides their fields ------------------------------------------------


def _tables(
    tenant: Tenant, section: Section, stored: Mapping[str, Any], posted: QueryDict | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"loose_errors": []}
    for kind in section.lists:
        table = lists.table(tenant, kind, stored[kind.path])
        rows = table.rows(kind) if posted is None else kind(posted)
        found["loose_errors"] += [f"The list {text}" for text in rows.non_form_errors()]
        found[kind.path] = {"rows": rows, "lines": table.lines(rows)}
    if section.key == "entities":
        return found | {"companies": lists.companies(tenant)}
    return found | {"segments": lists.segments(tenant, stored[Dimensions.path])}


def _ramp(tenant: Tenant, form: SectionForm, posted: QueryDict | None) -> dict[str, Any]:
    return {"scopes": SCOPES, "further_scopes": FURTHER_SCOPES}


def _epicor(tenant: Tenant, form: SectionForm, posted: QueryDict | None) -> dict[str, Any]:
    typed = {one.html_name: str(one.value()) for one in form if one.name not in form.secrets()}
    initial = {"company": setup.company(tenant)}
    company = CompanyForm(posted, initial=initial)
    return {
        "logins": {name for names in EpicorForm.logins.values() for name in names},
        "company": Shown(company["company"]),
        "explained": explained(typed, str(company["company"].value() or "")),
    }


def login_fields(form: EpicorForm, set_by: Mapping[str, Change | None]) -> list[Shown]:
    """The fields of the login method that is chosen."""
    return [one for one in shown(form, set_by) if one.field.name in form.login()]


def login(tenant: Tenant, method: str) -> Iterable[Shown]:
    """The fields of a login method."""
    row = sections.row_of(tenant, EpicorForm)
    row.auth_method = method
    set_by = sections.set_by(tenant, sections.values(tenant))
    return login_fields(EpicorForm(instance=row), set_by)


def explained(typed: Mapping[str, str], company: str) -> address.Explained | None:
    """What the address that is typed means."""
    return address.explain(
        base_url=typed.get("epicor.base_url", "")[:255],
        deployment=typed.get("epicor.deployment", ""),
        api_version=typed.get("epicor.api_version", ""),
        auth_method=typed.get("epicor.auth.method", ""),
        company=company[:16],
    )


def _calendar(tenant: Tenant, form: SectionForm, posted: QueryDict | None) -> dict[str, Any]:
    days = form["blackout"].value()
    shown = days if isinstance(days, str) else " ".join(days)
    return {"presets": PRESETS, **runs(tenant, str(form["sync_cron"].value()), shown)}


def runs(tenant: Tenant, cron: str, blackout: str) -> dict[str, Any]:
    """The next five runs of a schedule as it is typed, each with whether its day is left out."""
    if len(cron.split()) != 5:
        return {"runs": [], "runs_problem": "Five fields are needed, such as */15 * * * 1-5."}
    try:
        moments = setup.next_runs(cron[:100], tenant.time_zone, timezone.now())
    except BadScheduleError as error:
        return {"runs": [], "runs_problem": str(error)}
    text = schedule_text(cron)
    out = set(blackout.replace(",", " ").split())
    return {
        "runs": [
            (moment, timezone.localtime(moment).date().isoformat() in out) for moment in moments
        ],
        "runs_problem": "",
        "says": text if text != cron else "",
    }


def _rules(tenant: Tenant, form: SectionForm, posted: QueryDict | None) -> dict[str, Any]:
    """What the last test said about the column for the bill's id."""
    last = (
        Job.objects.filter(tenant=tenant, kind=tenant_setup.TEST).exclude(finished_at=None).first()
    )
    checks = last.details.get("epicor", []) if last else []
    column = f" {form.before['stamp_column']}"
    return {"stamp": [one for one in checks if one["name"].endswith(column)]}


_MORE = {"rules": _rules, "ramp": _ramp, "epicor": _epicor, "calendar": _calendar}
