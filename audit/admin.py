"""The record in the admin pages: to read, never to change."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.models import Attempt, AuditEntry, Posting


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Lists and shows; nothing can be added, changed or deleted."""

    show_full_result_count = False  # counting millions of entries twice helps nobody
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody writes the record by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody rewrites the record."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody shortens the record."""
        return False


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
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


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
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


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The trail, newest first."""

    list_display: ClassVar = ["at", "tenant", "actor", "action", "subject_id", "seq"]
    list_filter: ClassVar = ["tenant"]
    list_select_related: ClassVar = ["tenant"]
    search_fields: ClassVar = ["=subject_id"]
    ordering: ClassVar = ["-at", "-id"]
