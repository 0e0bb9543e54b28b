"""`qcluster`: django-q2's own worker, prepared like `worker` but without a supervisor."""

import argparse
from typing import Any

from django.core.management.base import CommandParser
from django.db import connections
from django_q.management.commands.qcluster import Command as Cluster

from connector.jobs import queue
from connector.management.base import CommandProblem, PlainCommand
from connector.management.supervisor import LIFELINE, end_without_supervisor
from connector.tenants import schedule


class Command(PlainCommand):
    """Makes sure that the minute tick is installed, then starts the package's cluster."""

    help = "Run a background worker without supervision; `worker` also starts it again."

    def add_arguments(self, parser: CommandParser) -> None:
        """The package's options, and the supervisor's pipe."""
        Cluster().add_arguments(parser)
        parser.add_argument(LIFELINE, type=int, default=None, help=argparse.SUPPRESS)

    def run(self, options: dict[str, Any]) -> None:
        """Start the cluster; the process then lives until it is stopped."""
        schedule.install()
        if queue.length() is None:
            raise CommandProblem(queue.UNREACHABLE)
        connections.close_all()  # none is shared with the processes that are forked now
        if options["lifeline"] is not None:
            end_without_supervisor(options["lifeline"])
        Cluster().handle(**options)
