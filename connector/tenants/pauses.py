"""The one banner of a tenant that something is wrong with: why, since when, until when."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from audit.trail import log
from connector.domain.errors import AccessError, PostingError, Reason, TransientError
from connector.tenants.models import Tenant

ACCESS, OUTAGE, CALENDAR, TELLING = "access", "outage", "calendar", "telling"
_SEEN = (ACCESS, OUTAGE, CALENDAR, TELLING)  # noticed by runs
# Decided by people: no good run ends these, and nothing is written while they stand.
PERSON, SETUP = "person", "setup"
DECIDED = (PERSON, SETUP)
NOT_LIVE = (
    "Not live yet: nothing is entered in Epicor and nothing is told to Ramp until an "
    "administrator goes live at the end of the setup."
)


class PausedError(PostingError):
    """A person decided that nothing is written for this tenant now."""

    reason = Reason.UNAVAILABLE


def for_access(tenant: Tenant, error: AccessError) -> None:
    """A person must act: credentials, permissions. Shown instead of any other banner."""
    with transaction.atomic():
        _show(tenant, ACCESS, error.message, "", timezone.now(), over=_SEEN)


def for_outage(tenant: Tenant, error: TransientError) -> None:
    """A system does not answer: one banner for as long as it lasts, not one for each run."""
    now = timezone.now()
    system = _system(error)
    begins = f"{system} has not been working since "
    reason = (
        f"{begins}{now:%Y-%m-%d %H:%M} UTC: {error.message} No bill is lost, and none is entered "
        "twice; what waits is tried again by itself."
    )
    with transaction.atomic():
        _show(tenant, OUTAGE, reason, begins, now, over=(OUTAGE, TELLING))


def for_calendar(tenant: Tenant, reason: str) -> None:
    """The tenant's schedule cannot be followed; other banners are not painted over."""
    with transaction.atomic():
        _show(tenant, CALENDAR, reason, "", timezone.now(), over=(CALENDAR,))


def for_reports(tenant: Tenant, said: str) -> None:
    """Ramp takes no result at all, whichever bill's; entering goes on meanwhile."""
    begins = "Ramp takes none of our results"
    reason = (
        f"{begins}: {said} Bills are entered all the same, and none is entered twice; but Ramp "
        "shows them as not synced. Check the accounting connection in Ramp and PUBLIC_URL; they "
        "are told again every hour by itself. No bill is lost."
    )
    with transaction.atomic():
        _show(tenant, TELLING, reason, begins, timezone.now(), over=(TELLING,))


def by_person(tenant: Tenant, reason: str, *, actor: str) -> None:
    """A person stops the tenant until a person resumes it. Raises ValueError with a sentence."""
    why = reason.strip()
    if not why:
        raise ValueError("Say why it is paused; everybody who looks will read it.")
    sentence = f"{actor} paused this company: {why.rstrip('.')}."
    text = f"{sentence} Nothing is entered until it is resumed."
    with transaction.atomic():
        row = _locked(tenant)
        shown = kind(row)
        if shown in DECIDED:
            said = row.paused_reason if shown == PERSON else "The company is not live yet."
            raise ValueError(f"It is paused already. {said}")
        _write(row, text, PERSON, timezone.now())
        _record(row, "tenant.paused", {"for": PERSON, "message": why}, actor)


def resume(tenant: Tenant, *, actor: str) -> bool:
    """End a person's pause; says whether there was one."""
    return end(tenant, PERSON, actor=actor)


def until_live(tenant: Tenant) -> None:
    """A new tenant writes nothing until an administrator goes live; in the caller's transaction."""
    _write(tenant, NOT_LIVE, SETUP, timezone.now())


def decided(tenant: Tenant) -> str:
    """What a person decided against writing, as it is stored now; "" when nothing stands."""
    row = Tenant.objects.get(pk=tenant.pk)
    return row.paused_reason if kind(row) in DECIDED else ""


def refuse(tenant: Tenant) -> None:
    """Raise PausedError while a person's decision stands."""
    if said := decided(tenant):
        raise PausedError(f"{said} Nothing was sent.")


def kind(tenant: Tenant) -> str:
    """What the tenant is paused for; "" when it is not paused."""
    return (tenant.paused_for or ACCESS) if tenant.paused_reason else ""


def rests(tenant: Tenant) -> bool:
    """Whether no sync begins by itself, because people decided so; other pauses are tried out."""
    return kind(tenant) in DECIDED


def stops(tenant: Tenant) -> bool:
    """Whether the banner says that the tenant cannot work; without it, entering goes on."""
    return kind(tenant) not in ("", TELLING)


def end(tenant: Tenant, *kinds: str, actor: str = log.SYSTEM) -> bool:
    """Take the banner down if it is of one of these kinds; says whether it was."""
    if kind(Tenant.objects.get(pk=tenant.pk)) not in kinds:
        return False
    with transaction.atomic():
        row = _locked(tenant)
        if kind(row) not in kinds:
            return False
        _write(row, "", "", None)
        _record(row, "tenant.resumed", {}, actor)
        return True


def _show(
    tenant: Tenant, why: str, reason: str, same: str, now: datetime, *, over: tuple[str, ...]
) -> None:
    """Put the banner up unless it is there (`same` is how it begins) or hides a graver one."""
    row = _locked(tenant)
    shown = kind(row)
    there = row.paused_reason.startswith(same) if same else row.paused_reason == reason
    if shown and (shown not in over or (shown == why and there)):
        return
    _write(row, reason, why, now)
    _record(row, "tenant.paused", {"for": why, "message": reason})


def _locked(tenant: Tenant) -> Tenant:
    return Tenant.objects.select_for_update().get(pk=tenant.pk)


def _write(row: Tenant, reason: str, why: str, at: datetime | None) -> None:
    Tenant.objects.filter(pk=row.pk).update(paused_reason=reason, paused_for=why, paused_at=at)


def _record(row: Tenant, action: str, body: dict[str, str], actor: str = log.SYSTEM) -> None:
    log.record(row.pk, action, subject_kind="tenant", subject_id=row.slug, actor=actor, body=body)


def _system(error: TransientError) -> str:
    """The system that does not answer, for people."""
    named = str(error.detail.get("system") or "")
    return named or next((name for name in ("Epicor", "Ramp") if name in error.message), "A system")
