"""Creates or updates a tenant from a JSON file."""

from typing import Any

from django.core.management.base import CommandParser

from connector.management.base import CommandProblem, PlainCommand
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
            tenant, created, changed = apply(read(options["file"]))
        except SettingsError as error:
            raise CommandProblem(f"Nothing was stored. {error}") from error
        self.emit(
            {"tenant": tenant.slug, "created": created, "changed": changed},
            lambda: _sentence(tenant.slug, changed, created=created),
        )


def _sentence(slug: str, changed: list[str], *, created: bool) -> str:
    if created:
        return f"Tenant {slug} was created. Next: python manage.py ping {slug}"
    if not changed:
        return f"Tenant {slug} is as the file says; nothing changed."
    return "\n".join([f"Tenant {slug} was updated:", *(f"  {path}" for path in changed)])
