"""How every command behaves: one sentence when it cannot run, one JSON document when asked.

Exit codes: 0 nothing needs a person, 1 something does, 2 could not run.
"""

import json
import logging
import os
import pwd
import sys
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections
from django.utils import timezone

from audit.actors import by_command
from connector import checks
from connector.http_client.redaction import redact, redact_text
from connector.management.failure_sentences import one_line, sentence
from connector.tenants.models import Tenant, zone_of

logger = logging.getLogger(__name__)

NEEDS_A_PERSON = 1
COULD_NOT_RUN = 2
INTERRUPTED = 130


class CommandProblem(CommandError):  # noqa: N818 (an exit with a sentence, not an error)
    """Ends a command with one plain sentence on standard error and an exit code."""

    def __init__(self, message: str, code: int = COULD_NOT_RUN) -> None:
        super().__init__(message, returncode=code)


class PlainCommand(BaseCommand):
    """A command with --json: `run` does the work and prints through `emit`."""

    requires_system_checks = ()  # `execute` runs those that matter, in our words
    needs_installation = True  # False: runs without settings and database
    mends: Collection[str] = ()  # ids of the checks whose problems it is there to mend
    exit_code = 0
    as_json = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --json; subclasses add theirs and call this."""
        parser.add_argument(
            "--json", action="store_true", help="print exactly one JSON document instead of a table"
        )

    def run(self, options: dict[str, Any]) -> None:
        """The command's own work."""
        raise NotImplementedError

    def emit(self, document: object, table: Callable[[], str], *, code: int = 0) -> None:
        """Print the JSON document or the table, and remember the exit code.

        What looks like a credential is taken out once more, also out of what was stored long ago.
        """
        if self.as_json:
            shown = redact(document)
            text = json.dumps(shown, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        else:
            text = redact_text(table())
        self.stdout.write(text)
        self.exit_code = code

    # -- Django's side -----------------------------------------------------------------------

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command; whatever goes wrong becomes a CommandProblem."""
        self.as_json = bool(options.get("json"))
        self.exit_code = 0
        try:
            if self.needs_installation:
                check_installation(self.mends)
            self.prepare(options)
            with self.zone():
                self.run(options)
        except (CommandError, KeyboardInterrupt):
            raise
        except Exception as error:
            if options.get("traceback"):
                raise
            logger.debug("command failed", exc_info=True)
            raise CommandProblem(sentence(error)) from error

    def prepare(self, options: dict[str, Any]) -> None:
        """Look up what `run` needs."""

    def zone(self) -> AbstractContextManager[Any]:
        """In whose time zone a moment has its day while the command runs: UTC without a tenant."""
        return nullcontext()

    def run_from_argv(self, argv: list[str]) -> None:
        """Like Django's, but an error is a sentence without the name of a class."""
        parser = self.create_parser(argv[0], argv[1])
        parser.called_from_command_line = False  # makes its errors CommandErrors, too
        code = 0
        try:
            options = vars(parser.parse_args(argv[2:]))
            self.execute(*options.pop("args", ()), **options)
            code = self.exit_code
        except CommandError as error:
            self.stderr.write(one_line(str(error)))
            code = error.returncode if isinstance(error, CommandProblem) else COULD_NOT_RUN
        except KeyboardInterrupt:
            self.stderr.write("Stopped. What was under way is looked up before it is sent again.")
            code = INTERRUPTED
        finally:
            connections.close_all()
        if code:
            sys.exit(code)


class TenantCommand(PlainCommand):
    """A command about one tenant: `self.tenant`."""

    tenant: Tenant

    def add_arguments(self, parser: CommandParser) -> None:
        """Add TENANT and --json; subclasses call this first, so that TENANT comes first."""
        parser.add_argument("tenant", metavar="TENANT", help="the tenant's slug")
        super().add_arguments(parser)

    def prepare(self, options: dict[str, Any]) -> None:
        """Find the tenant. Raises CommandProblem for an unknown one, naming those there are."""
        self.tenant = find_tenant(str(options["tenant"]))

    def zone(self) -> AbstractContextManager[Any]:
        """The tenant's, as on its pages."""
        return timezone.override(zone_of(self.tenant))


def actor() -> str:
    """Who the trail says did it: the user that runs the command."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        name = f"user {os.getuid()}"
    return by_command(name)


def find_tenant(slug: str) -> Tenant:
    """The tenant with this slug. Raises CommandProblem that names the known ones."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        known = list(Tenant.objects.order_by("slug").values_list("slug", flat=True)[:10])
        hint = f"Known: {', '.join(known)}." if known else "Make one with configure_tenant."
        raise CommandProblem(f"There is no tenant {slug!r}. {hint}")
    return tenant


def check_installation(mended: Collection[str] = ()) -> None:
    """Refuse to work with a wrong environment or with a key of another database.

    `mended` are the checks whose problems the command is there to mend.
    """
    found = [(message, hint) for key, message, hint in checks.problems() if key not in mended]
    if found:
        raise CommandProblem(" ".join(f"{message} {hint}".strip() for message, hint in found))
