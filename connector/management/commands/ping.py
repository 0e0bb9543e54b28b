"""`ping TENANT`: tests both systems, permission by permission, without writing anything."""

from typing import Any

from connector.management.base import NEEDS_A_PERSON, CommandProblem, TenantCommand
from connector.tenants.connection_test import ping, unreachable


class Command(TenantCommand):
    help = "Tests both systems, permission by permission, without writing anything."

    def run(self, options: dict[str, Any]) -> None:
        """Ping, and show every check. Exit code 2 when a host does not answer."""
        report = ping(self.tenant)
        ok = all(side["ok"] for side in report.values())
        self.emit(report, lambda: _text(report), code=0 if ok else NEEDS_A_PERSON)
        silent = unreachable(report)
        if silent:
            raise CommandProblem(" ".join(silent))


def _text(report: dict[str, Any]) -> str:
    lines = []
    for name, side in report.items():
        lines.append(f"{name.capitalize()}: {'all well' if side['ok'] else 'needs attention'}")
        for check in side["checks"]:
            mark = "ok  " if check["ok"] else "FAIL"
            lines.append(f"  {mark} {check['name']}: {check['message']}")
            if not check["ok"] and check["fix"]:
                lines.append(f"       {check['fix']}")
    return "\n".join(lines)
