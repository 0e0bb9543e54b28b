"""`sandbox`: both stand-in systems on loopback, until stopped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from sandbox.__main__ import main


class Command(BaseCommand):
    """Serves stand-ins for Ramp and Epicor."""

    help = "Serve stand-ins for Ramp and Epicor on loopback until stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the ports, the number of bills, the latency and the seed."""
        parser.add_argument("--ramp-port", type=int, default=8701, metavar="N")
        parser.add_argument("--epicor-port", type=int, default=8702, metavar="N")
        parser.add_argument("--bills", type=int, default=200, metavar="N")
        parser.add_argument("--latency-ms", type=float, default=0, metavar="N")
        parser.add_argument("--seed", type=int, default=1, metavar="N")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve; exit code 2 when a port is in use."""
        names = ("ramp_port", "epicor_port", "bills", "latency_ms", "seed")
        arguments = [f"--{name.replace('_', '-')}={options[name]}" for name in names]
        code = main(arguments)
        if code:
            raise SystemExit(code)
