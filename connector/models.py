"""Tenants, how to reach their two systems, and what can be fetched again (mirrors, tokens)."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction

from audit import chain
from connector.secretfields import SecretCharField, SecretTextField


class Tenant(models.Model):
    """One customer's pair of systems: one Ramp business and one Epicor environment."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64)
    paused_reason = models.TextField(blank=True)  # one banner instead of red bills
    paused_for = models.CharField(max_length=8, blank=True)  # connector/pauses.py
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


class AccessToken(models.Model):
    """A cached bearer token; renewed by one process at a time (the lease)."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
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


class Canary(models.Model):
    """One secret that tells at start whether the encryption key belongs to this database."""

    word = SecretCharField(max_length=100)

    def __str__(self) -> str:
        return "canary"


class Bill(models.Model):
    """A Ramp bill as last seen: the payload as received, less its pre-signed addresses."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    bill_id = models.CharField(max_length=64)
    payload = models.JSONField()
    content_hash = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "bill_id"], name="bill_once"),
        ]

    def __str__(self) -> str:
        return self.bill_id


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


class AcceptedQuestion(models.Model):
    """A question of Epicor that a person said to go on in spite of: for one bill, or for all.

    `wording` is what it is recognised by (connector/epicor/questions.py); a database indexes no
    text of any length, so that `mark` stands for it.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    bill_id = models.CharField(max_length=64, blank=True)  # "" = every bill
    method = models.CharField(max_length=100)
    wording = models.TextField()
    mark = models.CharField(max_length=64)  # sha256 of the wording
    text = models.TextField()  # as Epicor asked it when it was answered
    answered_by = models.CharField(max_length=150)
    answered_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-answered_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "bill_id", "method", "mark"], name="question_accepted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method}: {self.text}"


class InvoiceGroup(models.Model):
    """An Epicor invoice group (batch) of ours; leased by one lane at a time."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    company = models.CharField(max_length=16)
    group_id = models.CharField(max_length=9)
    fiscal_period = models.CharField(max_length=16)  # 2026-11, one period a group
    opened_on = models.DateField()
    ready = models.BooleanField(default=False)  # seen to exist in Epicor
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    locked_to = models.CharField(max_length=75, blank=True)  # us, where opening a group locks it

    class Meta:
        ordering: ClassVar = ["opened_on", "group_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "company", "group_id"], name="group_once"),
        ]

    def __str__(self) -> str:
        return f"{self.company} {self.group_id}"


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


class SyncRun(models.Model):
    """One whole cycle of a tenant: what it was asked, how far it is, and what came of it.

    Also for the Today page and the run id of `sync --json`. A run in the background is done in
    short steps by whichever worker has its turn.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    # What it was asked to do.
    background = models.BooleanField(default=False)
    kinds = models.JSONField(default=list, blank=True)
    dry_run = models.BooleanField(default=False)
    force = models.BooleanField(default=False)
    due_only = models.BooleanField(default=False)  # retries that came due: nothing is pulled
    only_ids = models.JSONField(null=True, blank=True)

    # How far it is.
    phase = models.CharField(max_length=16, default="refresh")
    cursor = models.JSONField(default=dict, blank=True)  # within the phase
    counts = models.JSONField(default=dict, blank=True)
    steps = models.PositiveIntegerField(default=0)
    again = models.BooleanField(default=False)  # rung meanwhile: another one follows
    rung_at = models.DateTimeField(null=True, blank=True)  # when its next step was asked for

    # Who is doing a step of it just now, and how many workers died at the same step.
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lost = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-started_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(background=True, finished_at=None),
                name="sync_run_one_in_background",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-started_at"], name="sync_run_recent")]

    def __str__(self) -> str:
        return f"run {self.pk}"


class SavedView(models.Model):
    """A filter of a list that a person gave a name."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    page = models.CharField(max_length=16)  # bills, audit
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)  # the part of the address after "?"

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user", "page", "name"], name="saved_view_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Errand(models.Model):
    """Something a person asked for on a page that takes longer than a page may: how far it is.

    `done` of `total` while it is under way; then `said` tells in a sentence what came of it. A
    `replay` is asked for at once; how far its bills are is read from their postings.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=24)  # connector/errands/work.py
    title = models.CharField(max_length=255)  # what was asked, as the person would say it
    subject = models.CharField(max_length=64, blank=True)  # the bill id, where it is one bill's
    arguments = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    rung_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)  # a worker is at it
    finished_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)
    said = models.TextField(blank=True)
    result = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="errand_recent"),
            models.Index(
                fields=["rung_at"],
                name="errand_open",
                condition=models.Q(finished_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Heartbeat(models.Model):
    """The last sign of life of a background worker."""

    name = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
