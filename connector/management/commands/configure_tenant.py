"""Creates or updates a tenant from a JSON file."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from connector.actions import go_live
from connector.management.base import CommandProblem, PlainCommand
from connector.tenants import setup
from connector.tenants.form_fields import SettingsError
from connector.tenants.tenant_file import apply, read


class Command(PlainCommand):
    help = "Creates or updates a tenant from a JSON file; doing it twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """FILE and --json."""
        parser.add_argument("file", metavar="FILE", help="the tenant file (JSON)")
        super().add_arguments(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Store the file; say what changed, never a value."""
        try:
            with transaction.atomic():
                tenant, created, changed = apply(read(options["file"]))
                went_live = not setup.is_live(tenant)  # it was made in the setup
                if went_live:
                    go_live.go_live(tenant, actor="configure_tenant")
        except SettingsError as error:
            raise CommandProblem(f"Nothing was stored. {error}") from error
        self.emit(
            {
                "tenant": tenant.slug,
                "created": created,
                "changed": changed,
                "went_live": went_live,
            },
            lambda: _sentence(tenant.slug, changed, created=created, went_live=went_live),
        )


def _sentence(slug: str, changed: list[str], *, created: bool, went_live: bool) -> str:
    if went_live:
        live = f"Tenant {slug} is live now: bills are entered in Epicor from its next cycle on."
        return "\n".join([live, *(f"  {path}" for path in changed)])
    if created:
        return f"Tenant {slug} was created. Next: python manage.py ping {slug}"
    if not changed:
        return f"Tenant {slug} is as the file says; nothing changed."
    return "\n".join([f"Tenant {slug} was updated:", *(f"  {path}" for path in changed)])
