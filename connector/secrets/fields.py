"""Database fields for passwords and keys: encrypted at rest, and never guessed at.

They sit on django-encrypted-model-fields and close its gaps: a wrong key raises instead of handing
out the ciphertext, and what would store or compare ciphertext by accident is refused.
"""

from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.core.exceptions import FieldError
from django.db import connection as django_connection
from django.db.models.lookups import IsNull
from encrypted_model_fields.fields import (
    EncryptedCharField,
    EncryptedTextField,
    decrypt_str,
    encrypt_str,
)

if TYPE_CHECKING:
    from django.db import models

    CharBase = models.CharField[str | None, str | None]
    TextBase = models.TextField[str | None, str | None]
else:
    CharBase = EncryptedCharField
    TextBase = EncryptedTextField


_CANARY = "connector.Canary"  # its word is such a secret itself


class SecretUnreadableError(Exception):
    """A stored secret was written with a key that FIELD_ENCRYPTION_KEY no longer holds."""


def encrypted(text: str) -> str:
    """The ciphertext of a secret that is kept elsewhere than in a field of its own.

    Raises WrongEncryptionKeyError when the database's secrets are read with another key.
    """
    _require_key(django_connection)
    return str(encrypt_str(text).decode("ascii"))


def decrypted(ciphertext: str, what: str) -> str:
    """The secret. Raises SecretUnreadableError, which calls it `what`, when no key fits."""
    try:
        return str(decrypt_str(ciphertext))
    except (InvalidToken, UnicodeError) as error:
        raise SecretUnreadableError(
            f"A stored secret ({what}) cannot be read: "
            "FIELD_ENCRYPTION_KEY does not hold the key it was written with. "
            "Nothing was sent. Put the old key back, after the new one and a comma."
        ) from error


def _require_key(connection: Any) -> None:
    from connector.secrets import key_check  # which has a secret itself

    key_check.require(connection.alias, locked=connection.in_atomic_block)


class _Safe:
    """The rules that both fields share."""

    if TYPE_CHECKING:
        name: str
        model: Any

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        """The secret itself. Raises SecretUnreadableError when no key fits."""
        return None if value is None else decrypted(value, f"{self.model._meta.label}.{self.name}")

    def to_python(self, value: object) -> str | None:
        """What a person typed, as it is: input that looks encrypted is not decrypted."""
        return None if value is None else str(value)

    def get_db_prep_save(self, value: object, connection: Any) -> Any:
        """The ciphertext. Raises FieldError for expressions, which would be stored as text.

        Raises WrongEncryptionKeyError when this database's secrets are read with another key.
        """
        if hasattr(value, "resolve_expression"):
            raise FieldError(f"{self.name} is encrypted: give it a plain value, one row at a time.")
        if value is not None and self.model._meta.label != _CANARY:
            _require_key(connection)
        return super().get_db_prep_save(value, connection)  # type: ignore[misc]

    def get_lookup(self, lookup_name: str) -> Any:
        """Only isnull: ciphertexts of equal secrets differ, so comparing them finds nothing."""
        return IsNull if lookup_name == "isnull" else None

    def value_to_string(self, obj: object) -> str:
        """Nothing, so that dumps carry no secret."""
        return ""


class SecretCharField(_Safe, CharBase):
    """A short secret, such as a password or an API key."""


class SecretTextField(_Safe, TextBase):
    """A long secret, such as a bearer token."""
