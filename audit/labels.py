"""What states and hold reasons are called, in the same few words on every page. Pure.

The exceptions page has whole sentences beside these (connector/web/exceptions/texts.py); both say
the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

from connector.domain.errors import Reason

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
REASONS: Mapping[str, str] = MappingProxyType(
    {
        Reason.VENDOR_UNMAPPED: "Vendor not mapped",
        Reason.VENDOR_UNUSABLE: "Vendor cannot be used",
        Reason.ACCOUNT_UNMAPPED: "Account not mapped",
        Reason.ACCOUNT_UNUSABLE: "Account cannot be used",
        Reason.DIMENSION_UNMAPPED: "Value not mapped",
        Reason.NO_ROUTE: "No Epicor company",
        Reason.INVALID_BILL: "Invalid bill",
        Reason.PERIOD_CLOSED: "Period is closed",
        Reason.DUPLICATE_SUSPECTED: "Possible duplicate",
        Reason.REFUSED: "Refused",
        Reason.ASKED: "Epicor asked a question",
        Reason.IN_DOUBT: "Not known whether it arrived",
        Reason.MISMATCH: "In Epicor, not as in Ramp",
        Reason.CHANGED: "Changed in Ramp after entering",
        Reason.ARCHIVED: "Archived or withdrawn in Ramp",
        Reason.SYNCED_ELSEWHERE: "Synced by somebody else",
        Reason.NEEDS_REVIEW: "Purchase order or card",
        Reason.UNAVAILABLE: "Could not be looked at",
        Reason.BUG: "Something unexpected",
    }
)
