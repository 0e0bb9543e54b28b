"""Re-encrypts the stored secrets, a row at a time, so that an old key can be given up."""

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from connector.http_client.models import AccessToken
from connector.secrets import key_check
from connector.secrets.fields import (
    SecretCharField,
    SecretTextField,
    SecretUnreadableError,
    decrypted,
    encrypted,
)
from connector.secrets.models import Canary

_IN_FACTORS = ("secret", "seed")  # what of an authenticator's data is encrypted


def rotate() -> int:
    """Write every secret anew with the newest key; says how many.

    All or nothing. Raises SecretUnreadableError, naming the field, when a secret was written with
    a key that is not in FIELD_ENCRYPTION_KEY. Cached tokens are never a reason: they are dropped.
    """
    rotated = 0
    with transaction.atomic():
        key_check.ensure()
        # Who writes a secret just now is done first.
        list(Canary.objects.select_for_update().values_list("pk"))
        for model in apps.get_models():
            names = [field.name for field in model._meta.fields if _is_secret(field)]
            if names:
                rotated += _rotate_model(model, names)
        rotated += _rotate_factors()
    return rotated


def _is_secret(field: object) -> bool:
    return isinstance(field, SecretCharField | SecretTextField)


def _rotate_model(model: type[models.Model], names: list[str]) -> int:
    rotated = 0
    rows = model._default_manager.select_for_update()
    for pk in list(model._default_manager.values_list("pk", flat=True)):
        try:
            row = rows.only(*names).filter(pk=pk).first()
        except SecretUnreadableError:
            if model is not AccessToken:
                raise
            rows.filter(pk=pk).update(token=None, expires_at=None)
            continue
        values = {name: getattr(row, name) for name in names} if row is not None else {}
        held = {name: value for name, value in values.items() if value is not None}
        if held:
            model._default_manager.filter(pk=pk).update(**held)
            rotated += len(held)
    return rotated


def _rotate_factors() -> int:
    """The seeds of second factors: they are part of a JSON value, not fields of their own."""
    rotated = 0
    for row in Authenticator.objects.select_for_update().order_by("pk"):
        held = [name for name in _IN_FACTORS if name in row.data]
        for name in held:
            row.data[name] = encrypted(decrypted(row.data[name], "a second factor"))
        if held:
            row.save(update_fields=["data"])
            rotated += len(held)
    return rotated
