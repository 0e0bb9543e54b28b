"""`reset_second_factor NAME`: for a person whom no admin can help on the pages."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser

from connector.accounts import factors
from connector.management.base import CommandProblem, PlainCommand, actor
from connector.tenants.members import MembersError


class Command(PlainCommand):
    help = "Removes the second factor of somebody who lost it, so that another can be added."

    def add_arguments(self, parser: CommandParser) -> None:
        """NAME."""
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="the username, exactly")

    def run(self, options: dict[str, Any]) -> None:
        """Remove it, say so on the record and by mail."""
        user = get_user_model().objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandProblem(f"Nobody is called {options['name']}. Nothing was changed.")
        try:
            factors.take_away(user, actor=actor())
        except MembersError as error:
            raise CommandProblem(str(error)) from error
        self.emit(
            {"user": user.get_username()},
            lambda: f"{user} has no second factor any more and logs in with the password alone.",
        )
