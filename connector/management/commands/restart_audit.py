"""`restart_audit`: begins another audit chain: the key is lost, or the chain beyond repair."""

from typing import Any

from django.core.management.base import CommandParser

from audit.trail import chain, trail_key
from connector import checks
from connector.management.base import CommandProblem, PlainCommand, actor, find_tenant
from connector.tenants.models import Tenant


class Command(PlainCommand):
    help = "Begins another audit chain behind the old one, which proves nothing from then on."
    mends = frozenset({checks.AUDIT_KEY_DOES_NOT_FIT})

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT or --all, and --reason."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("tenant", metavar="TENANT", nargs="?", help="the tenant's slug")
        which.add_argument("--all", action="store_true", help="every tenant: AUDIT_KEY is lost")
        parser.add_argument("--reason", required=True, help="why, for the record")
        super().add_arguments(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Begin the chains anew, and say how many entries are behind them."""
        reason = options["reason"].strip()
        if not reason:
            raise CommandProblem("Say why, for the record: --reason TEXT.")
        if not options["all"] and trail_key.fits() is False:
            raise CommandProblem(
                f"{trail_key.PROBLEM} Nothing was changed. When it is lost, all chains begin anew: "
                "use --all."
            )
        tenants = list(Tenant.objects.all()) if options["all"] else [find_tenant(options["tenant"])]
        entries = {
            tenant.slug: chain.restart(tenant.pk, tenant.slug, reason=reason, actor=actor())
            for tenant in tenants
        }
        self.emit(
            {"restarted": entries},
            lambda: "\n".join(
                f"The audit chain of {slug} begins anew after entry number {count}; nothing before "
                "it is proven any more."
                for slug, count in entries.items()
            ),
        )
