"""Tenants, their members, how to reach their two systems, and their settings.

A field of a setting carries its name and help on the pages, its choices and its rules; forms, the
tenant file and docs/configuration.md are made from them.
"""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from audit.trail import chain
from connector.secrets.fields import SecretCharField
from connector.tenants import validators


class Tenant(models.Model):
    """One customer's pair of systems: one Ramp business and one Epicor environment."""

    slug = models.CharField(
        "Short name",
        max_length=50,
        unique=True,
        validators=[validators.SLUG],
        help_text="Part of every address of this company, and of the links in Ramp: it never "
        "changes. Letters, digits, - and _.",
    )
    name = models.CharField(
        "Name",
        max_length=200,
        validators=[validators.one_line],
        help_text="How people here call the company.",
    )
    time_zone = models.CharField(
        "Time zone",
        max_length=64,
        validators=[validators.time_zone],
        help_text="Cycles, blackout days and the times on every page follow it.",
    )
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
    ramp_entity_id = models.CharField(
        "Ramp entity", max_length=64, help_text="Its id in Ramp. Each entity has one route."
    )
    company = models.CharField(
        "Epicor company",
        max_length=16,
        help_text="Where the entity's bills go; without a route a bill waits.",
    )
    site = models.CharField("Site", max_length=16, blank=True)

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
    base_url = models.CharField(
        "Address of Ramp",
        max_length=255,
        validators=[validators.https_address],
        help_text="Production is https://api.ramp.com, the sandbox https://demo-api.ramp.com. An "
        "app, its secret and its bills belong to one of the two only.",
    )
    client_id = models.CharField(
        "Client ID", max_length=255, help_text="On the app's page in Ramp."
    )
    client_secret = SecretCharField(
        "Client secret",
        max_length=500,
        help_text="Ramp shows it once, when the app is made. It is stored encrypted and never "
        "shown.",
    )
    webhook_secret = SecretCharField(
        "Webhook secret",
        max_length=500,
        null=True,
        blank=True,
        help_text="Kept for webhooks (planned); the cycles work without it.",
    )

    class Meta:
        verbose_name_plural = "Ramp credentials"

    def __str__(self) -> str:
        return f"Ramp of {self.tenant}"


class EpicorCredentials(models.Model):
    """How to reach the tenant's Epicor environment."""

    class Deployment(models.TextChoices):
        CLOUD = "cloud", "Epicor's cloud"
        ON_PREMISES = "on_premises", "On our own premises"

    class ApiVersion(models.TextChoices):
        V2 = "v2", "v2 (usual)"
        V1 = "v1", "v1"

    class AuthMethod(models.TextChoices):
        OAUTH2 = "oauth2", "Client credentials of the identity provider (usual in the cloud)"
        TOKEN_RESOURCE = "token_resource", "User and password for a token (usual on premises)"
        BASIC = "basic", "User and password with each request (small installations)"

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="epicor")
    base_url = models.CharField(
        "Address of Epicor",
        max_length=255,
        validators=[validators.address],
        help_text="Up to the instance: what you see in the browser before /apps or /api.",
    )
    deployment = models.CharField("Where Epicor runs", max_length=12, choices=Deployment)
    api_version = models.CharField(
        "API version",
        max_length=2,
        choices=ApiVersion,
        help_text="v2 wants an API key and is the usual one; v1 is for old releases.",
    )
    api_key = SecretCharField(
        "API key",
        max_length=500,
        help_text="System Setup › Security Maintenance › API Key Maintenance in Epicor. Give it an "
        "access scope with the services that the test names.",
    )
    auth_method = models.CharField(
        "How we log in",
        max_length=16,
        choices=AuthMethod,
        help_text="Other pairs of place and login work, too; the test says what is unusual.",
    )
    token_url = models.CharField(
        "Token address",
        max_length=255,
        blank=True,
        validators=[validators.https_address],
        help_text="Where the identity provider gives tokens.",
    )
    client_id = models.CharField("Client ID", max_length=255, blank=True)
    client_secret = SecretCharField("Client secret", max_length=500, null=True, blank=True)
    scope = models.CharField("Scope", max_length=255, blank=True)
    username = models.CharField(
        "User",
        max_length=150,
        blank=True,
        help_text="A user of its own for this integration, with rights to AP entry and no more: "
        "Epicor's record then shows who wrote.",
    )
    password = SecretCharField("Password", max_length=500, null=True, blank=True)
    rate_group = models.CharField(
        "Rate group",
        max_length=16,
        blank=True,
        help_text="Epicor's currency rate group for foreign invoices; empty for the default.",
    )
    ca_file = models.CharField(
        "Certificate file",
        max_length=255,
        blank=True,
        validators=[validators.certificate_file],
        help_text="Only for a private certificate authority: a PEM file on the machine of this "
        "program.",
    )

    class Meta:
        verbose_name_plural = "Epicor credentials"

    def __str__(self) -> str:
        return f"Epicor of {self.tenant}"


class PostingSettings(models.Model):
    """The tenant's rules for entering bills."""

    class PoBills(models.TextChoices):
        HOLD = "hold", "Wait for a person"
        EXPENSE = "expense", "Enter them as expenses"
        PO_LINES = "po_lines", "Against the order's lines (planned; they wait until then)"

    class CardPaid(models.TextChoices):
        HOLD = "hold", "Wait for a person"
        ENTER = "enter", "Enter them"

    class ClosedPeriod(models.TextChoices):
        HOLD = "hold", "Wait for a person"
        NEXT_OPEN = "next_open", "Enter on the first day of the next open period"

    class AfterEntryEdits(models.TextChoices):
        UPDATE = "update", "Change the unposted invoice in Epicor, too"
        HOLD = "hold", "Wait for a person"

    class Writer(models.TextChoices):
        TWO_STEP = "two_step", "In two steps: empty header, then the whole (usual)"
        UPDATE_EXT = "update_ext", "In one call"
        BY_THE_BOOK = "by_the_book", "Field by field, as Epicor's screen does (slow, for odd cases)"

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="posting")
    start_date = models.DateField(
        "Start with bills of",
        null=True,
        blank=True,
        help_text="Bills issued and created before this day are left alone: they are in Epicor "
        "already. Empty means every bill that Ramp says is ready.",
    )
    po_bills = models.CharField(
        "Bills with a purchase order",
        max_length=10,
        choices=PoBills,
        default=PoBills.HOLD,
        help_text="Entering such a bill as an expense counts the receipt twice.",
    )
    card_paid = models.CharField(
        "Bills paid by card",
        max_length=10,
        choices=CardPaid,
        default=CardPaid.HOLD,
        help_text="The card transaction may be in the books already.",
    )
    pay_hold = models.BooleanField(
        "Hold payment in Epicor when Ramp does not say who pays",
        default=True,
        help_text="Bills that Ramp pays are always held, so that Epicor does not pay them a second "
        "time; bills that are paid outside Ramp never are.",
    )
    closed_period = models.CharField(
        "Closed period",
        max_length=10,
        choices=ClosedPeriod,
        default=ClosedPeriod.HOLD,
        help_text="Moving it to the next open period is a reconciling item at month end; it is "
        "shown on the bill.",
    )
    default_terms = models.CharField(
        "Terms for vendors without any",
        max_length=16,
        blank=True,
        help_text="Epicor's terms code. Empty: bills of such vendors wait.",
    )
    after_entry_edits = models.CharField(
        "A bill edited in Ramp after it was entered",
        max_length=10,
        choices=AfterEntryEdits,
        default=AfterEntryEdits.UPDATE,
        help_text="Only an invoice that nobody touched and that is not posted is ever changed.",
    )
    group_prefix = models.CharField(
        "Group prefix",
        max_length=2,
        default="R",
        validators=[validators.GROUP_PREFIX],
        help_text="Our invoice groups begin with it, then come the day and a letter: R261124A. "
        "One or two letters or digits that your own groups do not begin with.",
    )
    lanes = models.PositiveSmallIntegerField(
        "Parallel invoice groups",
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(8)],
        help_text="2 is right for most; 1 where Epicor has few licenses. Never more than 8.",
    )
    stamp_column = models.CharField(
        "Column for Ramp's bill id",
        max_length=64,
        default="ExternalID",
        validators=[validators.COLUMN_NAME],
        help_text="A column of the invoice header that nobody else fills, with room for 36 "
        "characters. It tells an invoice of ours from one that somebody typed. The test checks "
        "its length.",
    )
    writer = models.CharField(
        "How invoices are written", max_length=12, choices=Writer, default=Writer.TWO_STEP
    )
    skeleton_method = models.CharField(
        "New-invoice method",
        max_length=64,
        default="auto",
        validators=[validators.COLUMN_NAME],
        help_text="auto, or the method's name in your release if the test says so.",
    )

    class Meta:
        verbose_name_plural = "posting settings"

    def __str__(self) -> str:
        return f"posting settings of {self.tenant}"


class FinanceCalendar(models.Model):
    """When the tenant's cycle runs, and when it must not."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="calendar")
    sync_cron = models.CharField(
        "When a cycle runs",
        max_length=100,
        default="*/15 * * * *",
        validators=[validators.cron],
        help_text="Five fields: minute, hour, day of the month, month, day of the week (1 is "
        "Monday).",
    )
    blackout = models.JSONField(  # days, ISO 8601
        "Days on which nothing is entered",
        default=list,
        blank=True,
        help_text="One day a line, such as 2026-12-31. Bills are read and wait for the next day.",
    )
    next_run_at = models.DateTimeField(null=True, blank=True)

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
