"""Each write to either system, with what came of it."""

from typing import ClassVar

from django.db import models


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
