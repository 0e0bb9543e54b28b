"""Encrypts every stored secret anew with the newest key."""

from typing import Any

from connector.management.base import PlainCommand
from connector.tenants.key_rotation import rotate


class Command(PlainCommand):
    help = "Re-encrypts every secret with the first key of FIELD_ENCRYPTION_KEY."

    def run(self, options: dict[str, Any]) -> None:
        """Rotate, then say how many secrets were written."""
        rotated = rotate()
        self.emit(
            {"rotated": rotated},
            lambda: (
                f"{rotated} secrets are encrypted with the newest key now. "
                "The older keys can be taken out of FIELD_ENCRYPTION_KEY."
            ),
        )
