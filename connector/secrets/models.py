"""The known word that tells whether the encryption key is the right one."""

from django.db import models

from connector.secrets.fields import SecretCharField


class Canary(models.Model):
    """One secret that tells at start whether the encryption key belongs to this database."""

    word = SecretCharField(max_length=100)

    def __str__(self) -> str:
        return "canary"
