"""What the processes share about requests: tokens, and how many were sent lately."""

from typing import ClassVar

from django.db import models

from connector.secrets.fields import SecretTextField


class AccessToken(models.Model):
    """A cached bearer token; renewed by one process at a time (the lease)."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.CASCADE, related_name="+")
    system = models.CharField(max_length=8)  # ramp, epicor
    token = SecretTextField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    # sha256 of the credentials it was made with: new credentials make it worthless.
    made_for = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "system"], name="access_token_once"),
        ]

    def __str__(self) -> str:
        return f"{self.system} token of {self.tenant}"


class RequestSlot(models.Model):
    """A reserved moment for one request to Ramp, so that all workers share its limit."""

    budget = models.CharField(max_length=100)
    at = models.FloatField()  # seconds since 1970

    class Meta:
        indexes: ClassVar = [models.Index(fields=["budget", "at"], name="request_slot")]

    def __str__(self) -> str:
        return f"{self.budget} {self.at}"


class RequestBudget(models.Model):
    """The row that is locked while a slot is reserved."""

    name = models.CharField(max_length=100, primary_key=True)

    def __str__(self) -> str:
        return self.name
