"""Where Django looks for the models of this application: they live in the rooms they belong to."""

from audit.ledger.models import Blocker, Posting
from audit.trail.models import AuditEntry, Chain
from audit.writes.models import Attempt

__all__ = ["Attempt", "AuditEntry", "Blocker", "Chain", "Posting"]
