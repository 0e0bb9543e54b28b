"""`verify_audit TENANT`: recomputes the tenant's audit chain; exit code 1 when it does not fit."""

from typing import Any

from audit import log
from connector.commands import NEEDS_A_PERSON, TenantCommand


class Command(TenantCommand):
    help = "Recomputes the audit chain and says whether anything in it was changed."

    def run(self, options: dict[str, Any]) -> None:
        """Verify, and name the first entry that does not fit."""
        found = log.verify(self.tenant.pk)
        document = {"entries": found.entries, "ok": found.ok, "first_bad": found.first_bad}
        self.emit(document, lambda: _text(found), code=0 if found.ok else NEEDS_A_PERSON)


def _text(found: log.Verification) -> str:
    if not found.ok:
        return (
            f"The audit chain does not fit. {found.message} Restore the database from a backup "
            "and compare, and find out who could change it; no bill is affected by this check."
        )
    waiting = f" {found.unsealed} of them wait to be sealed." if found.unsealed else ""
    return f"The audit chain fits: {found.entries} entries.{waiting}"
