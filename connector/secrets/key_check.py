"""One known word, stored as a secret, that tells whether the encryption key is the right one.

It is asked at start and before each secret is written: a process that still has only the old key
after a rotation would store what nobody can read later.
"""

from connector.secrets.fields import SecretUnreadableError
from connector.secrets.models import Canary

WORD = "tweet"
PROBLEM = "FIELD_ENCRYPTION_KEY does not belong to this database: its secrets cannot be read."
HINT = "Set the key they were written with (several keys: newest first, with commas)."


class WrongEncryptionKeyError(SecretUnreadableError):
    """A secret was to be written with a key that this database is not, or no more, read with."""

    def __init__(self) -> None:
        super().__init__(
            f"{PROBLEM} Perhaps they were encrypted with a newer one since this process began. "
            f"Nothing was stored. {HINT} Then start it again."
        )


def fits() -> bool:
    """Whether every canary can be read; True as long as there is none."""
    try:
        return all(row.word == WORD for row in Canary.objects.all())
    except SecretUnreadableError:
        return False


def require(using: str, *, locked: bool) -> None:
    """Asked before a secret is written into the database `using`; the first one makes the canary.

    `locked`, inside a transaction, keeps a rotation waiting until what is written is committed.
    Raises WrongEncryptionKeyError.
    """
    rows = Canary.objects.using(using).all()
    try:
        words = [row.word for row in (rows.select_for_update() if locked else rows)]
    except SecretUnreadableError as error:
        raise WrongEncryptionKeyError from error
    if not words:
        _make(using)


def ensure() -> None:
    """Store the canary with the newest key, if there is none yet."""
    if not Canary.objects.exists():
        _make("default")


def _make(using: str) -> None:
    # Two processes may be the first at the same moment.
    Canary.objects.using(using).bulk_create([Canary(pk=1, word=WORD)], ignore_conflicts=True)
