"""Jobs, and signs of life of those who do them."""

import math
from typing import ClassVar

from django.db import models

from audit.trail.log import SYSTEM


class Job(models.Model):
    """Work for a worker: what is to be done, how far it is, and what came of it.

    Its kind names the function that does it (connector/jobs/registry.py) a step at a time. The row
    is the truth: a task in the queue only asks a worker to look at it.
    """

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        FAILED = "failed"

    # What is to be done.
    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=32)
    title = models.CharField(max_length=255, blank=True)  # as the person would say it
    subject = models.CharField(max_length=64, blank=True)  # the bill id, where it is one bill's
    arguments = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=150, default=SYSTEM)
    key = models.CharField(max_length=200, blank=True)  # one open job of a key; "" = no limit
    in_process = models.BooleanField(default=False)  # done by whoever began it, not by workers
    created_at = models.DateTimeField()

    # How far it is.
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    step = models.PositiveIntegerField(default=0)
    cursor = models.JSONField(default=dict, blank=True)  # where the next step goes on
    done = models.PositiveIntegerField(default=0)  # of `total`
    total = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True)
    follow_up = models.CharField(max_length=32, blank=True)  # the kind that was requested meanwhile
    run_at = models.DateTimeField()  # when the minute tick enqueues it, unless a worker has it

    # What came of it: a code of connector/actions/job_results.py with what its sentence needs, and
    # what its own page shows besides, which may be long.
    code = models.CharField(max_length=32, blank=True)
    data = models.JSONField(default=dict, blank=True)
    details = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    # Who does a step of it just now, and how many workers died at the same step.
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lost = models.PositiveSmallIntegerField(default=0)

    stop_at = math.inf  # not stored: when the present step should end (monotonic)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "key"],
                condition=models.Q(state="open") & ~models.Q(key=""),
                name="job_open_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "kind", "-id"], name="job_of_kind"),
            models.Index(fields=["tenant", "actor", "-id"], name="job_of_person"),
            models.Index(fields=["run_at"], name="job_open", condition=models.Q(state="open")),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.kind} {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether there is something left to do."""
        return self.state == Job.State.OPEN

    @property
    def failed(self) -> bool:
        """Whether it came to a bad end."""
        return self.state == Job.State.FAILED


class Heartbeat(models.Model):
    """The last sign of life of a background worker."""

    name = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
