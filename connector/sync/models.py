"""What is read from the two systems and can be read again, and what people let pass."""

from typing import ClassVar

from django.db import models


class Bill(models.Model):
    """A Ramp bill as last seen: the payload as received, less its pre-signed addresses."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
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


class AcceptedQuestion(models.Model):
    """A question of Epicor that a person said to go on in spite of: for one bill, or for all.

    `wording` is what it is recognised by (connector/epicor/ap_invoice/questions.py); a database
    indexes no text of any length, so that `mark` stands for it.
    """

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.CASCADE, related_name="+")
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

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.CASCADE, related_name="+")
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
