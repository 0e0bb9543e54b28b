"""Postings: our entering of one AP invoice for one bill, and what blocks them."""

from typing import ClassVar

from django.db import models

from connector.domain.invoice_key import LONGEST_NUMBER

# So that PostgreSQL finds what a text begins with by the index, whatever its language.
_BEGINS = ("int8_ops", "varchar_pattern_ops")


class Posting(models.Model):
    """Our entering of one AP invoice for one Ramp bill. Only audit.ledger.lifecycle sets
    `state`."""

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

    hold_reason = models.CharField(max_length=24, blank=True)  # a Reason
    hold_message = models.TextField(blank=True)  # for lists and exports; nothing compares it
    hold_detail = models.JSONField(default=dict, blank=True)
    # A hash of reason, detail and blockers (audit/ledger/holds.py): which hold this is.
    hold_version = models.CharField(max_length=64, blank=True)
    hold_opened_at = models.DateTimeField(null=True, blank=True)
    # Who of the accountants looks after it, and until when it shall not be shown first.
    assignee = models.CharField(max_length=150, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    # Invoices of which a person said "that is a different one": [[company, vendor_num, number]].
    twins_cleared = models.JSONField(default=list, blank=True)
    # Bills of which a person said the same: [bill id].
    bills_cleared = models.JSONField(default=list, blank=True)

    # The number that a person gave it to be entered under ("" = Ramp's), the number in Ramp that
    # was replaced then, and who did so when and why (audit/ledger/invoice_number.py).
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
    # `invoice_key.number_key` of the number that it is, or is to be, entered under.
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
    # The version of the last hold told to Ramp, so that each is told once.
    told_version = models.CharField(max_length=64, blank=True)
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
    """One reference that blocks one posting, so that what a mapping would unblock is a query."""

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="blockers")
    reason = models.CharField(max_length=24)
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
