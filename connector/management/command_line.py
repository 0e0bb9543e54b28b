"""The command line as a whole: whatever goes wrong there is one sentence and exit code 2.

Our own commands answer for themselves (connector/management/base.py); this is for everything else:
an unknown command, and Django's commands on a database that is down, not prepared or read-only.
"""

import difflib
import sys
from collections.abc import Sequence

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand

COULD_NOT_RUN = 2


class CommandLine(ManagementUtility):
    """Django's own, except that an unknown command could not run (2), which is no finding (1)."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """The command of this name. Exits with a sentence when there is none."""
        known = get_commands()
        if subcommand not in known:
            near = difflib.get_close_matches(subcommand, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            sys.stderr.write(
                f"There is no command {subcommand!r}.{meant} All of them: python manage.py help\n"
            )
            sys.exit(COULD_NOT_RUN)
        return super().fetch_command(subcommand)


def main(argv: Sequence[str]) -> None:
    """Run the command that `argv` names. Exits with 2 and one sentence when it cannot run."""
    try:
        CommandLine(list(argv)).execute()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if "--traceback" in argv:
            raise
        from connector.management.failure_sentences import sentence  # needs the settings

        sys.stderr.write(sentence(error) + "\n")
        sys.exit(COULD_NOT_RUN)
