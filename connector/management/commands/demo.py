"""`demo`: the whole product on stand-ins, on this machine, with nothing else to set up."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser

import sandbox
from audit.ledger.waiting import exceptions
from connector.domain.errors import Reason
from connector.domain.money import format_amount
from connector.management import demo_data
from connector.management.base import CommandProblem, PlainCommand
from connector.management.commands.sync import FOREGROUND_S
from connector.sync.bills.run import Summary, run_cycle
from connector.tenants.models import Tenant
from sandbox.__main__ import count, port

RAMP_PORT, EPICOR_PORT = 8701, 8702


class Command(PlainCommand):
    """Starts the stand-ins, enters the first bills, then serves pages and a worker."""

    help = "Show the product: stand-ins, a first sync of 200 bills, web page and worker."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once and the number of bills."""
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="sync, print the summary, exit")
        parser.add_argument("--bills", type=count, default=200, metavar="N")
        parser.add_argument("--port", type=port, default=8000, help="of the web page")

    def run(self, options: dict[str, Any]) -> None:
        """Run the demonstration. Exit code 0 when exactly the planned exceptions remain."""
        once = options["once"]
        call_command("migrate", verbosity=0, interactive=False)
        try:
            box = sandbox.start(
                bills=options["bills"],
                ramp_port=0 if once else RAMP_PORT,
                epicor_port=0 if once else EPICOR_PORT,
            )
        except OSError as error:
            raise CommandProblem(
                f"The stand-ins could not start: {error.strerror}. Nothing was changed. Is "
                "another demo running? Stop it first."
            ) from error
        with box:
            tenant = demo_data.install(box.world, box.ramp.url, box.epicor.url)
            summary = run_cycle(tenant, budget_s=FOREGROUND_S)
            surprises = demo_data.surprises(tenant, box.world)
            code = 1 if surprises and once else 0
            self.emit(summary.as_json(), lambda: _report(tenant, summary, surprises), code=code)
            if not once:
                people = demo_data.install_members(tenant)
                _serve(options["port"], _invitation(options["port"], people))


def _report(tenant: Tenant, summary: Summary, surprises: list[str]) -> str:
    queue = exceptions(tenant.pk)
    lines = [
        demo_data.summary_of(summary.as_json()),
        "",
        "What waits for a person, and the next step:",
    ]
    for cause in queue.causes:
        sums = ", ".join(f"{format_amount(a, c)} {c}" for c, a in cause.sums.items())
        lines.append(
            f"  {cause.reason:<20} {cause.subject[:40]:<40} {cause.bills:>3} bills  {sums}"
        )
        lines.append(f"  {'':<20} → {Reason(cause.reason).words.next_step}")
    lines.append("")
    lines += [f"  {item.bill}  {item.reason}: {item.message}" for item in queue.items]
    lines += ["", *surprises] if surprises else ["", "Exactly the planned exceptions remain."]
    return "\n".join(lines)


def _invitation(port: int, people: list[tuple[str, str]]) -> str:
    names = " or ".join(f"{name} ({what})" for name, what in people)
    return (
        f"Open http://127.0.0.1:{port}/ and log in as {names} with the password "
        f"{demo_data.password()} (Ctrl-C stops everything)."
    )


def as_installed(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of web and worker: as on a server, with the keys that the demo has made.

    DEBUG only lets this command make keys; the pages never show what a stranger must not see.
    """
    found = {**environ, "DJANGO_SETTINGS_MODULE": "connector.settings", "DEBUG": "0"}
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "AUDIT_KEY"):
        if not found.get(name) and f"{name}_FILE" not in found:
            found.pop(name, None)  # an empty variable would hide the file
            found[f"{name}_FILE"] = str(settings.BASE_DIR / "var" / name.lower())
    return found


def _serve(port: int, invitation: str) -> None:
    """The web page and a worker as processes of their own, until Ctrl-C or SIGTERM."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    web = [sys.executable, "-m", "gunicorn", "connector.wsgi", "-w", "2"]
    web += ["--worker-class", "gthread", "--threads", "4", "-b", f"127.0.0.1:{port}"]
    web += ["--limit-request-line", "8190", "--log-level", "warning"]
    environment = as_installed(os.environ)
    children = [
        # Sessions of their own: Ctrl-C reaches this process, which stops them in order.
        subprocess.Popen(  # noqa: S603 (our own command lines)
            command, cwd=settings.BASE_DIR, env=environment, start_new_session=True
        )
        for command in (web, [sys.executable, "manage.py", "worker"])
    ]
    sys.stdout.write(invitation + "\n")
    sys.stdout.flush()
    try:
        while not stopped.wait(1.0):
            if any(child.poll() is not None for child in children):
                raise CommandProblem(
                    "The web page or the worker ended by itself; the lines above say why. "
                    f"Is port {port} in use? Choose another with --port."
                )
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
