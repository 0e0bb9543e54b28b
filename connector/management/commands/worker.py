"""Runs a background worker and keeps it alive; start as many as wanted, on any machine."""

from typing import Any

from django.core.management.base import CommandParser

from connector.management.base import PlainCommand, check_installation
from connector.management.supervisor import Supervisor
from connector.tenants import schedule


class Command(PlainCommand):
    """Waits for database and queue, then supervises a cluster until it is stopped."""

    help = "Run a background worker and start it again when it goes deaf; stop with Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """No options: a worker prints no document."""

    def run(self, options: dict[str, Any]) -> None:
        """Supervise until SIGTERM or Ctrl-C."""
        Supervisor().run(self._begin)

    def _begin(self) -> None:
        # Again, because a database that did not answer at the start could not be compared.
        check_installation()
        schedule.install()
        self.stderr.write("The worker runs; stop it with Ctrl-C.")
