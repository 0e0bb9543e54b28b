"""The entries of the audit trail, and the chain they are sealed in."""

import uuid
from typing import ClassVar

from django.db import models

from audit.canonical_json import Compact


class AuditEntry(models.Model):
    """One sentence of the trail. Written once by log.py; sealed in order; never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    action = models.CharField(max_length=48)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=255)
    actor = models.CharField(max_length=150)  # the person's name as text, or "system"
    body = models.JSONField(default=dict, encoder=Compact)
    # What it did to the row of its subject: {column: [before, after]}; as_of.py folds it.
    changes = models.JSONField(default=dict, encoder=Compact)
    body_digest = models.CharField(max_length=64)
    # The HMAC over all of the above, written with it (audit/trail/trail_key.py).
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
            # Each search of search.py reads one of these backwards; the actor is at the end
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
