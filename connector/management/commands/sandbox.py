"""`sandbox`: both stand-in systems on loopback, until stopped."""

from typing import Any

from django.core.management.base import CommandParser

from connector.management.base import PlainCommand
from sandbox.__main__ import count, main, milliseconds, port


class Command(PlainCommand):
    """Serves stand-ins for Ramp and Epicor. Needs neither settings nor a database."""

    help = "Serve stand-ins for Ramp and Epicor on loopback until stopped."
    needs_installation = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the ports, the number of bills, the latency and the seed."""
        parser.add_argument("--ramp-port", type=port, default=8701, metavar="N")
        parser.add_argument("--epicor-port", type=port, default=8702, metavar="N")
        parser.add_argument("--bills", type=count, default=200, metavar="N")
        parser.add_argument("--latency-ms", type=milliseconds, default=0, metavar="N")
        parser.add_argument("--seed", type=int, default=1, metavar="N")

    def run(self, options: dict[str, Any]) -> None:
        """Serve; exit code 2 when a port is in use."""
        names = ("ramp_port", "epicor_port", "bills", "latency_ms", "seed")
        arguments = [f"--{name.replace('_', '-')}={options[name]}" for name in names]
        self.exit_code = main(arguments)
