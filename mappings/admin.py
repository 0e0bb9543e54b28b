"""Mappings and mirrored catalogs in the admin pages of superusers; accountants have pages of ours.

Mappings are read-only here, because changing one may need somebody else's approval; a catalog is,
because the next refresh would undo what somebody typed. What else is changed is on the record.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest

from audit.superusers import ReadOnlyAdmin, SuperuserAdmin
from audit.trail import log
from mappings.models import (
    CurrencyMapping,
    Dimension,
    DimensionMapping,
    EpicorAccount,
    EpicorCurrency,
    EpicorPeriod,
    EpicorSegment,
    EpicorSegmentValue,
    EpicorTerms,
    EpicorVendor,
    GLAccountMapping,
    VendorMapping,
)


class TenantsAdmin(SuperuserAdmin):
    """Rows of all tenants."""

    list_select_related: ClassVar = ["tenant"]
    show_full_result_count = False
    list_per_page = 50


class RecordedAdmin(TenantsAdmin):
    """Whatever is saved or deleted here writes an entry of the trail with before and after."""

    kept_out: ClassVar = frozenset({"id"})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save, and record what it was and is."""
        with transaction.atomic():
            stored = type(obj)._default_manager.filter(pk=obj.pk).first() if change else None
            before = self._values(stored) if stored is not None else None
            super().save_model(request, obj, form, change)
            self._record(request, obj, "changed" if change else "created", before)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete, and record what it was."""
        with transaction.atomic():
            self._record(request, obj, "deleted", self._values(obj))
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Delete one by one, so that each is on the record."""
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)

    def _record(
        self, request: HttpRequest, obj: Any, what: str, before: dict[str, Any] | None
    ) -> None:
        kind = obj._meta.model_name
        log.record(
            obj.tenant_id,
            f"mapping_{what}",
            subject_kind="mapping",
            subject_id=f"{kind}:{obj.pk}",
            actor=request.user.get_username(),
            changes=log.changes(before, None if what == "deleted" else self._values(obj)),
        )

    def _values(self, obj: models.Model) -> dict[str, Any]:
        names = [field.attname for field in obj._meta.concrete_fields]
        return {name: getattr(obj, name) for name in names if name not in self.kept_out}


class LookAtAdmin(ReadOnlyAdmin, TenantsAdmin):
    """Rows of all tenants, to look at."""


class MappingAdmin(LookAtAdmin):
    """A Ramp reference and its Epicor target; decided on the tenant's pages, with approval."""

    list_display: ClassVar = [
        "ramp_name",
        "ramp_id",
        "epicor_id",
        "epicor_name",
        "company",
        "tenant",
        "source",
        "updated_by",
        "updated_at",
    ]
    list_filter: ClassVar = ["tenant", "company"]
    search_fields: ClassVar = ["=ramp_id", "=epicor_id", "ramp_name__startswith"]


admin.site.register([VendorMapping, GLAccountMapping], MappingAdmin)


@admin.register(DimensionMapping)
class DimensionMappingAdmin(MappingAdmin):
    """An option of another Ramp field and its segment value."""

    list_display: ClassVar = ["field", *MappingAdmin.list_display]
    list_filter: ClassVar = ["tenant", "field", "company"]


@admin.register(Dimension)
class DimensionAdmin(RecordedAdmin):
    """Which Ramp field overwrites which segment."""

    list_display: ClassVar = ["ramp_field", "segment", "kind", "default", "tenant"]
    list_filter: ClassVar = ["tenant"]


@admin.register(CurrencyMapping)
class CurrencyMappingAdmin(RecordedAdmin):
    """ISO currencies and Epicor's codes."""

    list_display: ClassVar = ["iso", "epicor_code", "tenant"]
    list_filter: ClassVar = ["tenant"]


class CatalogAdmin(LookAtAdmin):
    """A mirrored catalog, to look at: Epicor's data are changed in Epicor."""

    list_filter: ClassVar = ["tenant", "company"]


@admin.register(EpicorVendor)
class EpicorVendorAdmin(CatalogAdmin):
    """Epicor's vendors."""

    list_display: ClassVar = ["vendor_id", "name", "vendor_num", "company", "inactive", "tenant"]
    search_fields: ClassVar = ["=vendor_id", "name__startswith"]


@admin.register(EpicorAccount)
class EpicorAccountAdmin(CatalogAdmin):
    """Epicor's GL accounts."""

    list_display: ClassVar = ["account", "description", "company", "active", "tenant"]
    search_fields: ClassVar = ["account__startswith"]


@admin.register(EpicorSegment)
class EpicorSegmentAdmin(CatalogAdmin):
    """The segments of the charts of accounts."""

    list_display: ClassVar = ["number", "name", "dynamic", "company", "tenant"]


@admin.register(EpicorSegmentValue)
class EpicorSegmentValueAdmin(CatalogAdmin):
    """The values of the segments."""

    list_display: ClassVar = ["number", "code", "name", "active", "company", "tenant"]
    search_fields: ClassVar = ["=code", "name__startswith"]


@admin.register(EpicorTerms)
class EpicorTermsAdmin(CatalogAdmin):
    """Epicor's payment terms."""

    list_display: ClassVar = ["code", "description", "company", "tenant"]


@admin.register(EpicorCurrency)
class EpicorCurrencyAdmin(CatalogAdmin):
    """Epicor's currencies."""

    list_display: ClassVar = ["code", "decimals", "is_base", "inactive", "company", "tenant"]


@admin.register(EpicorPeriod)
class EpicorPeriodAdmin(CatalogAdmin):
    """Fiscal periods, open and closed."""

    list_display: ClassVar = ["__str__", "starts_on", "ends_on", "closed", "company", "tenant"]
