"""The record in the admin pages, to read only. connector/web/admin.py registers them."""

from typing import ClassVar

from audit.superusers import ReadOnlyAdmin


class RecordAdmin(ReadOnlyAdmin):
    """List and show the record; it cannot be written, changed or shortened here."""

    show_full_result_count = False  # counting millions of entries takes long
    list_per_page = 50


class PostingAdmin(RecordAdmin):
    """Postings by state and hold."""

    list_display: ClassVar = [
        "bill_id",
        "tenant",
        "state",
        "hold_reason",
        "vendor_name",
        "invoice_num",
        "amount",
        "currency",
    ]
    list_filter: ClassVar = ["tenant", "state", "hold_reason"]
    list_select_related: ClassVar = ["tenant"]
    search_fields: ClassVar = ["=bill_id"]


class AttemptAdmin(RecordAdmin):
    """Every write to either system."""

    list_display: ClassVar = [
        "started_at",
        "tenant",
        "subject_kind",
        "subject_id",
        "action",
        "outcome",
        "resolved",
    ]
    list_filter: ClassVar = ["tenant", "outcome", "action"]
    list_select_related: ClassVar = ["tenant"]
    search_fields: ClassVar = ["=subject_id"]


class AuditEntryAdmin(RecordAdmin):
    """The trail, newest first."""

    list_display: ClassVar = ["at", "tenant", "actor", "action", "subject_id", "seq"]
    list_filter: ClassVar = ["tenant"]
    list_select_related: ClassVar = ["tenant"]
    search_fields: ClassVar = ["=subject_id"]
    ordering: ClassVar = ["-at", "-id"]
