"""Runs, what people asked for, and signs of life."""

from typing import ClassVar

from django.db import models


class SyncRun(models.Model):
    """One whole cycle of a tenant: what it was asked, how far it is, and what came of it.

    Also for the Today page and the run id of `sync --json`. A run in the background is done in
    short steps by whichever worker has its turn.
    """

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
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


class Errand(models.Model):
    """Something a person asked for on a page that takes longer than a page may: how far it is.

    `done` of `total` while it is under way; then `said` tells in a sentence what came of it. A
    `replay` is asked for at once; how far its bills are is read from their postings.
    """

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=24)  # connector/actions/runner.py
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
