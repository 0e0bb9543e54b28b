"""Runs a background worker and keeps it alive; start as many as wanted, on any machine."""

from typing import Any

from django.core.management.base import BaseCommand

from connector import schedules
from connector.worker import Supervisor


class Command(BaseCommand):
    help = "Run a background worker and start it again when it goes deaf; stop with Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        schedules.install()
        self.stderr.write("The worker runs; stop it with Ctrl-C.")
        Supervisor().run()
