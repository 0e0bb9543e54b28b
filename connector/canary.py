"""One known word, stored as a secret, that tells whether the encryption key is the right one."""

from connector.models import Canary
from connector.secretfields import SecretUnreadableError

WORD = "tweet"
PROBLEM = "FIELD_ENCRYPTION_KEY does not belong to this database: its secrets cannot be read."
HINT = "Set the key they were written with (several keys: newest first, with commas)."


def fits() -> bool:
    """Whether every canary can be read; True as long as there is none."""
    try:
        return all(row.word == WORD for row in Canary.objects.all())
    except SecretUnreadableError:
        return False


def ensure() -> None:
    """Store the canary with the newest key, if there is none yet."""
    if not Canary.objects.exists():
        Canary.objects.create(pk=1, word=WORD)
