"""Tenants, their members, how to reach their two systems, and their settings."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import models, transaction

from audit.trail import chain
from connector.secrets.fields import SecretCharField


class Tenant(models.Model):
    """One customer's pair of systems: one Ramp business and one Epicor environment."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64)
    paused_reason = models.TextField(blank=True)  # one banner instead of red bills
    paused_for = models.CharField(max_length=8, blank=True)  # connector/tenants/pauses.py
    paused_at = models.DateTimeField(null=True, blank=True)
    second_factor_required = models.BooleanField(default=False)  # of everybody who works here
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store it; a new tenant gets its audit chain with it, and never again."""
        if not self._state.adding:
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            super().save(*args, **kwargs)
            chain.begin(self.pk)


class Membership(models.Model):
    """What a user may do in a tenant."""

    class Role(models.TextChoices):
        ADMIN = "admin"
        ACCOUNTANT = "accountant"
        APPROVER = "approver"
        AUDITOR = "auditor"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        ordering: ClassVar = ["tenant", "user"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant} as {self.role}"


class EntityRoute(models.Model):
    """Which Epicor company and site the bills of a Ramp entity go to."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="routes")
    ramp_entity_id = models.CharField(max_length=64)
    company = models.CharField(max_length=16)
    site = models.CharField(max_length=16, blank=True)

    class Meta:
        ordering: ClassVar = ["company"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "ramp_entity_id"], name="route_once"),
        ]

    def __str__(self) -> str:
        return f"{self.ramp_entity_id} → {self.company}"


class RampCredentials(models.Model):
    """How to reach the tenant's Ramp business."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="ramp")
    base_url = models.URLField(max_length=255)
    client_id = models.CharField(max_length=255)
    client_secret = SecretCharField(max_length=500)
    webhook_secret = SecretCharField(max_length=500, null=True, blank=True)

    class Meta:
        verbose_name_plural = "Ramp credentials"

    def __str__(self) -> str:
        return f"Ramp of {self.tenant}"


class EpicorCredentials(models.Model):
    """How to reach the tenant's Epicor environment."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="epicor")
    base_url = models.URLField(max_length=255)
    deployment = models.CharField(max_length=12)  # cloud, on_premises
    api_version = models.CharField(max_length=2)  # v1, v2
    api_key = SecretCharField(max_length=500)
    auth_method = models.CharField(max_length=16)  # oauth2, token_resource, basic
    token_url = models.URLField(max_length=255, blank=True)
    client_id = models.CharField(max_length=255, blank=True)
    client_secret = SecretCharField(max_length=500, null=True, blank=True)
    scope = models.CharField(max_length=255, blank=True)
    username = models.CharField(max_length=150, blank=True)
    password = SecretCharField(max_length=500, null=True, blank=True)
    rate_group = models.CharField(max_length=16, blank=True)
    ca_file = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name_plural = "Epicor credentials"

    def __str__(self) -> str:
        return f"Epicor of {self.tenant}"


class PostingSettings(models.Model):
    """The tenant's rules for entering bills."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="posting")
    start_date = models.DateField(null=True, blank=True)
    group_prefix = models.CharField(max_length=2, default="R")
    lanes = models.PositiveSmallIntegerField(default=2)
    writer = models.CharField(max_length=12, default="two_step")
    skeleton_method = models.CharField(max_length=64, default="auto")
    stamp_column = models.CharField(max_length=64, default="ExternalID")
    pay_hold = models.BooleanField(default=True)
    po_bills = models.CharField(max_length=10, default="hold")
    card_paid = models.CharField(max_length=10, default="hold")
    default_terms = models.CharField(max_length=16, blank=True)
    after_entry_edits = models.CharField(max_length=10, default="update")
    closed_period = models.CharField(max_length=10, default="hold")

    class Meta:
        verbose_name_plural = "posting settings"

    def __str__(self) -> str:
        return f"posting settings of {self.tenant}"


class FinanceCalendar(models.Model):
    """When the tenant's cycle runs, and when it must not."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="calendar")
    sync_cron = models.CharField(max_length=100, default="*/15 * * * *")
    blackout = models.JSONField(default=list, blank=True)  # days, ISO 8601
    next_run_at = models.DateTimeField(null=True, blank=True)
    reproved_on = models.DateField(null=True, blank=True)  # the last night, in the tenant's zone
    # How far the present proof is, how many steps were begun, and until when it is somebody's.
    proof = models.JSONField(default=dict, blank=True)
    proof_steps = models.PositiveIntegerField(default=0)
    proof_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"calendar of {self.tenant}"


class LearnedFact(models.Model):
    """What a tenant's systems taught us: which tables UpdateMaster saves, names of entities."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    value = models.JSONField()
    learned_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "name"], name="learned_fact_once"),
        ]

    def __str__(self) -> str:
        return self.name


def zone_of(tenant: Tenant) -> ZoneInfo:
    """The tenant's time zone; UTC when its name is unknown on this machine."""
    try:
        return ZoneInfo(tenant.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
