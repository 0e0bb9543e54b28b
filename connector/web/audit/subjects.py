"""What entries of the trail are about: found by what people call it, and named so on pages."""

from collections.abc import Iterable

from django.db.models import Q

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.trail.search import Subject
from connector.domain.bill import called
from connector.sync.models import InvoiceGroup
from connector.tenants.models import Tenant
from mappings.coding import GL_ACCOUNTS, VENDORS
from mappings.import_export import known_kinds
from mappings.models import DimensionMapping, GLAccountMapping, VendorMapping

ABOUT = {
    "bill": "Bill",
    "mapping": "Mapping",
    "vendor": "Vendor",
    "group": "Group",
    "user": "User",
}
_BILLS = ("posting", "confirmation")
_MOST = 100  # subjects of one name; a search that finds more is not about one thing


def subjects_named(tenant: Tenant, about: str, text: str) -> list[Subject]:
    """The subjects that a person may mean: exact ids, invoice numbers, and names of mappings."""
    if about == "bill":
        given = Q(given_num=text) | Q(given_for=text) & ~Q(given_num="")
        same = Posting.objects.filter(Q(invoice_num=text) | given, tenant=tenant).order_by("-id")
        ids = [text, *same.values_list("bill_id", flat=True)[:_MOST]]
        return [(kind, bill_id) for bill_id in ids for kind in _BILLS]
    if about == "group":
        rows = InvoiceGroup.objects.filter(tenant=tenant, group_id__iexact=text)
        named = [f"{row.company} {row.group_id}" for row in rows[:_MOST]]
        return [("group", key) for key in [text, *named]]
    if about == "user":
        return [("user", text)]
    if about == "vendor":
        ids = _mapped(VendorMapping, tenant, text)
        keys = [f"{prefix}:{key}" for key in ids for prefix in (VENDORS, "vendormapping")]
        return [("mapping", key) for key in keys] + [("vendor", key) for key in ids]
    return [("mapping", key) for key in _mapping_keys(tenant, text)]


def _mapping_keys(tenant: Tenant, text: str) -> list[str]:
    """Every way in which the trail names the mappings of this Ramp id or name."""
    vendors = _mapped(VendorMapping, tenant, text)
    accounts = _mapped(GLAccountMapping, tenant, text)
    options = _mapped(DimensionMapping, tenant, text)
    keys = [text]
    keys += [f"{prefix}:{key}" for key in vendors for prefix in (VENDORS, "vendormapping")]
    keys += [f"{prefix}:{key}" for key in accounts for prefix in (GL_ACCOUNTS, "glaccountmapping")]
    kinds = [kind for kind in known_kinds(tenant.pk) if kind not in (VENDORS, GL_ACCOUNTS)]
    keys += [f"{prefix}:{key}" for key in options for prefix in (*kinds, "dimensionmapping")]
    return keys


def _mapped(
    model: type[VendorMapping] | type[GLAccountMapping] | type[DimensionMapping],
    tenant: Tenant,
    text: str,
) -> list[str]:
    named = Q(ramp_name__iexact=text) | Q(epicor_id__iexact=text)
    rows = model._default_manager.filter(named, tenant=tenant).order_by("id")
    return list(dict.fromkeys([text, *rows.values_list("ramp_id", flat=True)[:_MOST]]))


def names_of(tenant_id: int, entries: Iterable[AuditEntry]) -> dict[str, str]:
    """What people call the bills of these entries, by bill id. One query."""
    ids = {entry.subject_id for entry in entries if entry.subject_kind in _BILLS}
    rows = Posting.objects.filter(tenant_id=tenant_id, bill_id__in=ids)
    return {
        bill_id: f"bill {called(number, bill_id)}" + (f" of {vendor}" if vendor else "")
        for bill_id, number, vendor in rows.values_list("bill_id", "invoice_num", "vendor_name")
    }


def is_bill(entry: AuditEntry) -> bool:
    """Whether an entry is about a bill."""
    return entry.subject_kind in _BILLS
