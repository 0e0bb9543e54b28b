"""`verify_audit TENANT`: recomputes the tenant's audit chain; exit code 1 when it does not fit."""

from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from audit.trail import chain
from audit.trail.heads import Head
from audit.trail.verification import Finding, Verification, verify
from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand, actor


class Command(TenantCommand):
    help = "Recomputes the audit chain and says whether anything in it was changed."

    def add_arguments(self, parser: CommandParser) -> None:
        """TENANT, --expect or --acknowledge."""
        super().add_arguments(parser)
        way = parser.add_mutually_exclusive_group()
        way.add_argument(
            "--expect",
            metavar="SEQ:LINK",
            help="a head noted elsewhere (a log line, an export, an earlier run) to compare with",
        )
        way.add_argument(
            "--acknowledge",
            metavar="REASON",
            help="you know why the trail was set back or its times jump: a backup, a clock",
        )

    def run(self, options: dict[str, Any]) -> None:
        """Verify, and name the first entry that does not fit."""
        expect, reason = _head(options["expect"]), options["acknowledge"]
        found = verify(self.tenant.pk, expect=expect)
        if reason is not None:
            acknowledged = self._acknowledge(found, reason.strip())
            found = replace(verify(self.tenant.pk), acknowledged=acknowledged)
        document = {
            "entries": found.entries,
            "earlier": found.earlier,
            "ok": found.ok,
            "first_bad": found.first_bad,
            "head": None if found.head is None else str(found.head),
        }
        self.emit(
            document,
            lambda: _text(found),
            code=0 if found.ok else NEEDS_A_PERSON,
        )

    def _acknowledge(self, found: Verification, reason: str) -> tuple[Finding, ...]:
        if not reason:
            raise CommandProblem("Say why, for the record: --acknowledge REASON.")
        tenant = self.tenant
        try:
            chain.acknowledge(tenant.pk, tenant.slug, found, reason=reason, actor=actor())
        except chain.CannotAcknowledgeError as error:
            raise CommandProblem(f"{error} Nothing was changed.") from error
        return found.findings


def _head(text: str | None) -> Head | None:
    try:
        return None if text is None else Head.parse(text)
    except ValueError as error:
        raise CommandProblem(
            f"{text!r} is no head of a chain. Give the number and the 64 characters after it as "
            "verify_audit, the log or an export prints them: 123:0a1b…"
        ) from error


def _text(found: Verification) -> str:
    lines = []
    for one in found.findings:
        cure = "" if one.key else f" {_WHAT_NOW}"
        lines.append(f"The audit chain does not fit. {one.message}{cure}")
    if not found.findings:
        waiting = f" {found.unsealed} of them wait to be sealed." if found.unsealed else ""
        lines.append(f"The audit chain fits: {found.entries} entries.{waiting}")
    if found.earlier:
        lines.append(
            f"The first {found.earlier} belong to a chain that was given up; they prove nothing."
        )
    text = "Acknowledged, with the reason on the record: {}"
    lines += [text.format(one.message) for one in found.acknowledged]
    if found.unnoted:
        lines.append(_NO_FILE)
    if found.head is not None:
        lines.append(f"Head: {found.head}")
    return "\n".join(lines)


_NO_FILE = (
    "No head is on file here, so this machine cannot tell whether the chain was set back; compare "
    "one that was noted elsewhere: --expect SEQ:LINK."
)
_WHAT_NOW = (
    "Restore the database from a backup and compare, and find out who could change it; no bill is "
    "affected by this check."
)
