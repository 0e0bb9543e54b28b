"""One known word, stored as a secret, that tells whether the encryption key is the right one."""

from connector.models import Canary
from connector.secretfields import SecretUnreadableError

WORD = "tweet"


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
