"""What happened, for ever: postings, what blocks them, every attempt, and the sealed trail."""

import uuid
from typing import ClassVar

from django.db import models

from audit.failures import Reason
from audit.keys import LONGEST_NUMBER

# So that PostgreSQL finds what a text begins with by the index, whatever its language.
_BEGINS = ("int8_ops", "varchar_pattern_ops")
REASONS = [(reason.value, reason.value.replace("_", " ")) for reason in Reason]


class Posting(models.Model):
    """Our entering of one AP invoice for one Ramp bill. Only audit.postings sets `state`."""

    class State(models.TextChoices):
        QUEUED = "queued"
        IN_FLIGHT = "in_flight"
        IN_DOUBT = "in_doubt"
        ENTERED = "entered"
        CONFIRMED = "confirmed"
        REMOVED = "removed"
        DISMISSED = "dismissed"

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    bill_id = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    not_before = models.DateTimeField(null=True, blank=True)
    failed_attempts = models.PositiveIntegerField(default=0)
    look_ups = models.PositiveIntegerField(default=0)  # of the present doubt, that found nothing
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    hold_reason = models.CharField(max_length=24, choices=REASONS, blank=True)
    hold_message = models.TextField(blank=True)
    hold_detail = models.JSONField(default=dict, blank=True)
    hold_opened_at = models.DateTimeField(null=True, blank=True)
    # Who of the accountants looks after it, and until when it shall not be shown first.
    assignee = models.CharField(max_length=150, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    # Invoices of which a person said "that is a different one": [[company, vendor_num, number]].
    twins_cleared = models.JSONField(default=list, blank=True)
    # Bills of which a person said the same: [bill id].
    bills_cleared = models.JSONField(default=list, blank=True)

    # The number that a person gave it to be entered under ("" = Ramp's), the number in Ramp that
    # was replaced then, and who did so when and why (audit/numbers.py).
    given_num = models.CharField(max_length=LONGEST_NUMBER, blank=True)
    given_for = models.CharField(max_length=255, blank=True)
    given_by = models.CharField(max_length=150, blank=True)
    given_at = models.DateTimeField(null=True, blank=True)
    given_why = models.TextField(blank=True)

    # Copied as values when they become known, so that the record outlives renames.
    entity_id = models.CharField(max_length=64, blank=True)
    company = models.CharField(max_length=16, blank=True)
    vendor_ramp_id = models.CharField(max_length=64, blank=True)
    vendor_name = models.CharField(max_length=255, blank=True)
    vendor_num = models.IntegerField(null=True, blank=True)
    invoice_num = models.CharField(max_length=255, blank=True)
    # `audit.keys.number_key` of the number that it is, or is to be, entered under.
    number_key = models.CharField(max_length=255, blank=True)
    group_id = models.CharField(max_length=16, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=8, blank=True)
    issued_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    apply_on = models.DateField(null=True, blank=True)
    # sha256 of the accounting content: as last seen in Ramp, and as it was when entered.
    seen_hash = models.CharField(max_length=64, blank=True)
    entered_hash = models.CharField(max_length=64, blank=True)
    # The draft as it was verified in Epicor; what a later proof compares with.
    entered_as = models.JSONField(default=dict, blank=True)
    # What a person accepted as it is since it was entered: hold reason → differences.
    kept = models.JSONField(default=dict, blank=True)
    sys_rev_id = models.BigIntegerField(null=True, blank=True)
    entered_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # sha256 of the last (reason, message) told to Ramp, so that each is told once.
    told_hash = models.CharField(max_length=64, blank=True)
    # How often in a row Ramp did not take what it was told, and when it is told again.
    tell_failed = models.PositiveSmallIntegerField(default=0)
    tell_after = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "bill_id"], name="posting_one_per_bill"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "hold_reason", "id"], name="posting_work"),
            models.Index(fields=["tenant", "company", "vendor_num"], name="posting_vendor"),
            # The list of bills: its orders, then its filters, then its money, with all that a
            # filter asks about, so that a sum over many bills reads no rows.
            models.Index(fields=["tenant", "-id"], name="posting_newest"),
            models.Index(fields=["tenant", "amount", "id"], name="posting_amount"),
            models.Index(fields=["tenant", "due_on", "id"], name="posting_due"),
            models.Index(fields=["tenant", "entered_at", "id"], name="posting_entered"),
            # What was first seen in the last days, and what became of it.
            models.Index(
                fields=["tenant", "created_at", "state", "hold_reason", "bill_id"],
                name="posting_opened",
            ),
            models.Index(fields=["tenant", "issued_on"], name="posting_issued"),
            models.Index(fields=["tenant", "apply_on"], name="posting_applied"),
            models.Index(fields=["tenant", "vendor_ramp_id"], name="posting_ramp_vendor"),
            models.Index(
                fields=["tenant", "vendor_name"], name="posting_vendor_name", opclasses=_BEGINS
            ),
            models.Index(
                fields=["tenant", "invoice_num"], name="posting_number", opclasses=_BEGINS
            ),
            # The few that have another number than in Ramp are found by either.
            models.Index(
                fields=["tenant", "given_num"],
                name="posting_given",
                condition=~models.Q(given_num=""),
            ),
            models.Index(fields=["tenant", "number_key"], name="posting_number_key"),
            models.Index(fields=["tenant", "group_id"], name="posting_group"),
            models.Index(fields=["tenant", "assignee"], name="posting_assignee"),
            models.Index(
                fields=[
                    *("tenant", "currency", "amount", "state", "hold_reason"),
                    *("company", "entity_id", "issued_on", "due_on", "apply_on", "entered_at"),
                    *("assignee", "group_id", "vendor_ramp_id", "vendor_name", "invoice_num"),
                ],
                name="posting_money",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bill_id} ({self.state})"

    @property
    def in_epicor(self) -> bool:
        """Whether an invoice of this bill is known to be in Epicor."""
        return self.state in IN_EPICOR

    @property
    def adopted(self) -> bool:
        """Whether a person said that an invoice typed by hand is this bill."""
        return bool(self.entered_as.get("adopted"))


IN_EPICOR = (Posting.State.ENTERED, Posting.State.CONFIRMED)


class Blocker(models.Model):
    """One reference that blocks one posting, so that "what does this free?" is a query."""

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="blockers")
    reason = models.CharField(max_length=24, choices=REASONS)
    kind = models.CharField(max_length=64)
    company = models.CharField(max_length=16, blank=True)
    ramp_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    message = models.TextField()

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["kind", "ramp_id"], name="blocker_reference")]

    def __str__(self) -> str:
        return f"{self.kind} {self.ramp_id}"


class Attempt(models.Model):
    """One write to either system: the intent, committed before sending, and then the outcome."""

    class Outcome(models.TextChoices):
        INTENT = "intent"  # sent or about to be sent; not known what came of it
        DONE = "done"
        REFUSED = "refused"  # the other side said no and saved nothing
        NOT_SENT = "not_sent"
        UNKNOWN = "unknown"  # perhaps applied

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    subject_kind = models.CharField(max_length=16)  # posting, vendor, confirmation, group, …
    subject_id = models.CharField(max_length=64)  # the bill id for postings
    action = models.CharField(max_length=32)  # enter_invoice, confirm, open_group, …
    # The exact natural key that was sent; remembered for ever.
    company = models.CharField(max_length=16, blank=True)
    vendor_num = models.IntegerField(null=True, blank=True)
    invoice_num = models.CharField(max_length=255, blank=True)
    number_key = models.CharField(max_length=255, blank=True)  # its number without its spelling
    request = models.JSONField(default=dict)  # redacted
    request_hash = models.CharField(max_length=64)
    coding = models.JSONField(default=dict, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.INTENT)
    answer = models.JSONField(default=dict, blank=True)  # redacted
    message = models.TextField(blank=True)
    started_at = models.DateTimeField()
    deadline_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    resolved = models.BooleanField(default=False)  # an unknown outcome that a look-up settled

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subject_kind", "subject_id"], name="attempt_subject"),
            models.Index(
                fields=["tenant", "outcome"],
                name="attempt_open",
                condition=models.Q(outcome__in=["intent", "unknown"], resolved=False),
            ),
            models.Index(
                fields=["tenant", "number_key"],
                name="attempt_number",
                condition=~models.Q(number_key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_id} ({self.outcome})"


class AuditEntry(models.Model):
    """One sentence of the trail. Written once by audit/log.py; sealed in order; never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    action = models.CharField(max_length=48)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=255)
    actor = models.CharField(max_length=150)  # the person's name as text, or "system"
    body = models.JSONField(default=dict)
    body_digest = models.CharField(max_length=64)
    # The HMAC over all of the above, written with it (audit/trailkey.py).
    own_mac = models.CharField(max_length=64, blank=True)
    # Filled by sealing: the place in the tenant's chain and its HMAC.
    seq = models.BigIntegerField(null=True, blank=True)
    mac = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "seq"], name="audit_one_place_per_entry"),
            models.CheckConstraint(
                condition=models.Q(seq__isnull=True) | models.Q(seq__gte=1),
                name="audit_places_begin_at_1",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subject_kind", "subject_id"], name="audit_subject"),
            # Each search of audit/search.py reads one of these backwards; the actor is at the end
            # so that what people did is found among what the connector did without its rows, and
            # the action so that single requests are passed.
            models.Index(fields=["tenant", "at", "actor", "action"], name="audit_at"),
            models.Index(fields=["tenant", "actor", "at", "action"], name="audit_actor"),
            models.Index(fields=["tenant", "action", "at", "actor"], name="audit_action"),
            models.Index(
                fields=["tenant", "subject_kind", "at", "actor", "action"], name="audit_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_id}"


class Chain(models.Model):
    """The beginning and the head of a tenant's chain; locked while a batch is sealed.

    Made with the tenant, and never by itself again: who deletes it is found out.
    """

    tenant = models.OneToOneField("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    chain_id = models.UUIDField(default=uuid.uuid4, editable=False)
    # The last number of an earlier chain that was given up, and the link that this one begins with.
    start_seq = models.BigIntegerField(default=0)
    start_mac = models.CharField(max_length=64, blank=True)
    last_seq = models.BigIntegerField(default=0)
    last_mac = models.CharField(max_length=64, blank=True)
    sealed_at = models.DateTimeField(null=True, blank=True)  # when the last batch was sealed

    def __str__(self) -> str:
        return f"chain at {self.last_seq}"
