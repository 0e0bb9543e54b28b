"""The demonstration: a tenant of the stand-ins, its mappings, and what must come of its bills."""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q

from audit.ledger.models import Posting
from connector.tenants import tenant_file
from connector.tenants.models import Membership, Tenant
from mappings.files import MappingRow
from mappings.import_export import import_mappings
from sandbox.world import World

ACCOUNTANT, ADMIN = "demo", "admin"


def install(world: World, ramp_url: str, epicor_url: str) -> Tenant:
    """Create or update the demo tenant; a new one gets its mappings, too.

    The mappings come before the catalogs, because one of them names an account that the chart
    does not have, so that such an exception can be seen.
    """
    document = world.tenant_file(ramp_url, epicor_url)
    tenant, created, _ = tenant_file.apply(document, actor="demo")
    if created:
        install_mappings(tenant, world)
    return tenant


def install_mappings(tenant: Tenant, world: World) -> None:
    """Import the demo's mapping files. Raises ValueError with the first row that is refused."""
    for kind, rows in world.mapping_files().items():
        result = import_mappings(
            tenant.pk,
            kind,
            [MappingRow(number=n, **_columns(row)) for n, row in enumerate(rows, start=2)],
            actor="demo",
        )
        if result.errors:
            raise ValueError(f"The demo's {kind} were refused: row {result.errors[0]}")


def _columns(row: dict[str, str]) -> dict[str, str]:
    return {"company": "", **row}


def password() -> str:
    """The password of the demo's people: made once, kept in var/ (mode 0600), never in the code."""
    path = Path(settings.BASE_DIR) / "var" / "demo_password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9), encoding="ascii")
    return path.read_text(encoding="ascii")


def install_members(tenant: Tenant) -> list[tuple[str, str]]:
    """The demo's people: the name and the role of each who has the demo's password.

    The accountant works in the tenant; the administrator is a superuser without membership and
    so an admin of every tenant. Somebody else who is called admin already stays as they are.
    """
    users = get_user_model().objects
    accountant, _ = users.update_or_create(
        username=ACCOUNTANT, defaults={"is_staff": True, "is_superuser": False}
    )
    if not accountant.check_password(password()):  # setting it anew would end their session
        accountant.set_password(password())
        accountant.save()
    Membership.objects.update_or_create(
        tenant=tenant, user=accountant, defaults={"role": Membership.Role.ACCOUNTANT}
    )
    admin = users.filter(username=ADMIN).first() or users.create_superuser(
        ADMIN, password=password()
    )
    made = [(ACCOUNTANT, "accountant")]
    return [*made, (ADMIN, "administrator")] if admin.check_password(password()) else made


def surprises(tenant: Tenant, world: World) -> list[str]:
    """Every bill whose fate is not the planned one, as sentences; empty when all is well."""
    rows = Posting.objects.filter(tenant=tenant).filter(~Q(bill_id=""))
    fate = {
        bill_id: reason or state
        for bill_id, state, reason in rows.values_list("bill_id", "state", "hold_reason")
    }
    found: list[str] = []
    groups: dict[str, list[str]] = {}
    for bill_id, expected in world.expected().items():
        actual = fate.get(bill_id, "ignored")
        if expected.outcome == "one_of":
            groups.setdefault(str(expected.group), []).append(actual)
            continue
        wanted = expected.reason if expected.outcome == "exception" else expected.outcome
        if actual != wanted and not (wanted == "entered" and actual == "confirmed"):
            found.append(f"Bill {bill_id} is {actual}, planned was {wanted}.")
    for name, fates in groups.items():
        done = [fate for fate in fates if fate in ("entered", "confirmed")]
        rest = {fate for fate in fates if fate not in ("entered", "confirmed")}
        if len(done) != 1 or rest - {"duplicate_suspected"}:
            found.append(f"Of the bills with number group {name}, {fates} happened.")
    return found


def summary_of(document: dict[str, Any]) -> str:
    """One line of what the first sync did."""
    return (
        f"{document['fetched']} bills read, {document['entered']} entered in Epicor, "
        f"{document['confirmed']} confirmed to Ramp, {document['exceptions']} exceptions"
    )
