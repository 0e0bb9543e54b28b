"""What states and columns are called, in the same few words on every page. Pure.

What reasons are called is in connector/domain/reasons.py.
"""

from collections.abc import Mapping
from types import MappingProxyType

STATES: Mapping[str, str] = MappingProxyType(
    {
        "queued": "Waiting",
        "in_flight": "Being entered",
        "in_doubt": "Checking with Epicor",
        "entered": "Entered, not yet marked as synced",
        "confirmed": "Entered, marked as synced",
        "removed": "Removed",
        "dismissed": "Dismissed",
    }
)
# The columns that the trail tells of, as the middle of a sentence has them.
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "state": "state",
        "hold_reason": "reason of the hold",
        "hold_detail": "details of the hold",
        "hold_opened_at": "held since",
        "assignee": "assigned to",
        "snoozed_until": "put off until",
        "twins_cleared": "invoices that are different ones",
        "bills_cleared": "bills that are different ones",
        "given_num": "number that a person gave it",
        "given_for": "number in Ramp that was replaced",
        "entity_id": "entity",
        "company": "Epicor company",
        "vendor_ramp_id": "Ramp's vendor",
        "vendor_name": "vendor",
        "vendor_num": "Epicor vendor number",
        "invoice_num": "number",
        "group_id": "Epicor group",
        "amount": "amount",
        "currency": "currency",
        "issued_on": "issued",
        "due_on": "due",
        "apply_on": "accounting date",
        "seen_hash": "fingerprint of the bill",
        "entered_hash": "fingerprint of the bill as entered",
        "kept": "accepted as it is",
        "sys_rev_id": "revision in Epicor",
        "epicor_id": "Epicor code",
        "epicor_code": "Epicor code",
        "epicor_name": "name in Epicor",
        "ramp_name": "name in Ramp",
        "needs_approval": "second person for mappings",
        "second_factor": "second factor for everybody",
        "role": "role",
    }
)
