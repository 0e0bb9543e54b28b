"""What users decided (mappings) and the Epicor catalogs that the decisions point at."""

import re
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

SOURCES = [
    ("manual", "by hand"),
    ("import", "from a file"),
    ("suggestion", "an accepted suggestion"),
]
_NOT_IN_KIND = r"/\\?#%\x00-\x1f\x7f-\x9f\u2028\u2029"  # the kind is a part of addresses
_KIND = RegexValidator(
    rf"\A(cost_centers|dimension:(?!\s)[^{_NOT_IN_KIND}]{{1,54}})\Z",
    "must be cost_centers or dimension:FIELD, where FIELD has up to 54 characters and none of "
    "/ \\ ? # %%",
)
_ISO = RegexValidator(r"\A[A-Z]{3,4}\Z", "must be a currency code such as USD")


class _Mapping(models.Model):
    """A Ramp reference and its Epicor target; a blank company means every company."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    company = models.CharField(max_length=16, blank=True)
    ramp_id = models.CharField(max_length=255)
    ramp_name = models.CharField(max_length=255, blank=True)
    epicor_id = models.CharField(max_length=255)
    epicor_name = models.CharField(max_length=255, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True)
    source = models.CharField(max_length=10, choices=SOURCES, default="manual")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.ramp_name or self.ramp_id} → {self.epicor_id}"


class VendorMapping(_Mapping):
    """Ramp vendor id → Epicor VendorID."""

    class Meta:
        ordering: ClassVar = ["ramp_name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "ramp_id"], name="vendor_mapping_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "ramp_id"], name="vendor_mapping_ref"),
        ]


class GLAccountMapping(_Mapping):
    """Ramp account option → a whole internal GL account such as 6000|01|000."""

    class Meta:
        ordering: ClassVar = ["ramp_name", "id"]
        verbose_name = "GL account mapping"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "ramp_id"], name="gl_account_mapping_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "ramp_id"], name="gl_account_mapping_ref"),
        ]


class DimensionMapping(_Mapping):
    """Option of any other Ramp field (`field`) → a segment value."""

    field = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["field", "ramp_name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "field", "company", "ramp_id"], name="dimension_mapping_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "field", "ramp_id"], name="dimension_mapping_ref"),
        ]


class MappingRules(models.Model):
    """How a tenant's mappings may be changed."""

    tenant = models.OneToOneField("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    needs_approval = models.BooleanField(default=False)  # by somebody else than who proposed it

    def __str__(self) -> str:
        return "mappings need approval" if self.needs_approval else "mappings count at once"


class ProposedMapping(models.Model):
    """A change of a mapping that counts once somebody else has approved it; "" = take it away."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=80)  # vendors, gl_accounts, cost_centers, dimension:FIELD
    company = models.CharField(max_length=16, blank=True)
    ramp_id = models.CharField(max_length=255)
    ramp_name = models.CharField(max_length=255, blank=True)
    epicor_id = models.CharField(max_length=255, blank=True)
    epicor_name = models.CharField(max_length=255, blank=True)
    source = models.CharField(max_length=10, choices=SOURCES, default="manual")
    before = models.CharField(max_length=255, blank=True)  # what applied when it was proposed
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    approved = models.BooleanField(null=True)  # None: nobody has decided yet

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "company", "ramp_id"],
                condition=models.Q(approved=None),
                name="proposed_mapping_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ramp_name or self.ramp_id} → {self.epicor_id or 'none'}"


class UseCount(models.Model):
    """When the bills of a tenant were last counted for their references, and since which day."""

    tenant = models.OneToOneField("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    since = models.DateField()  # bills issued on this day or later
    counted_at = models.DateTimeField()
    bills = models.PositiveIntegerField()
    unreadable = models.PositiveIntegerField(default=0)  # counted for their vendor only

    def __str__(self) -> str:
        return f"{self.bills} bills since {self.since}"


class ReferenceUse(models.Model):
    """How many bills of the last year name a reference, and for how much money per currency.

    Of a vendor the bills' totals, of everything else the lines that chose it; `sums` are decimal
    texts in major units. `issued_id` is the id that would stand for itself if our own connection
    gave it to Ramp.
    """

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=64)
    company = models.CharField(max_length=16, blank=True)  # "" while no route says which
    ramp_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    issued_id = models.CharField(max_length=255, blank=True)
    bills = models.PositiveIntegerField()
    sums = models.JSONField(default=dict)
    # Of the reference in all companies, and the row that stands for it: what lists are sorted by.
    total = models.PositiveIntegerField(default=0)
    first = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["kind", "company", "ramp_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "ramp_id", "company"], name="reference_use_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "kind", "-total", "ramp_id"], name="reference_use_order")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.ramp_id}: {self.bills}"


class Dimension(models.Model):
    """A Ramp field that overwrites one segment of the account; "" as default means none."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    ramp_field = models.CharField(
        "Ramp field", max_length=64, help_text="The accounting field's external id."
    )
    segment = models.PositiveSmallIntegerField(
        "Segment",
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="The segment of the account that it fills; 1 is the first.",
    )
    kind = models.CharField(
        "Kind",
        max_length=64,
        validators=[_KIND],
        help_text="Names its mappings in addresses and files: cost_centers or dimension:FIELD.",
    )
    default = models.CharField(
        "Default", max_length=50, blank=True, help_text="The value when a line has none."
    )

    class Meta:
        ordering: ClassVar = ["segment"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "ramp_field"], name="dimension_field_once"),
            models.UniqueConstraint(fields=["tenant", "segment"], name="dimension_segment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.ramp_field} → segment {self.segment}"

    @staticmethod
    def kind_of(ramp_field: str) -> str:
        """The kind of a field that names none; what an address cannot have becomes a dash."""
        if ramp_field == "cost_center":
            return "cost_centers"
        return f"dimension:{re.sub(rf'[{_NOT_IN_KIND}]', '-', ramp_field)[:54]}"


class CurrencyMapping(models.Model):
    """ISO currency → Epicor CurrencyCode."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    iso = models.CharField(
        "Currency", max_length=8, validators=[_ISO], help_text="ISO code, such as USD."
    )
    epicor_code = models.CharField(
        "Epicor's code",
        max_length=16,
        help_text="What Epicor calls the currency; bills of one without a code wait.",
    )

    class Meta:
        ordering: ClassVar = ["iso"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "iso"], name="currency_mapping_once"),
        ]

    def __str__(self) -> str:
        return f"{self.iso} → {self.epicor_code}"


class _CatalogRow(models.Model):
    """A mirrored row of Epicor master data; replaced by each refresh."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    company = models.CharField(max_length=16)

    class Meta:
        abstract = True


class EpicorVendor(_CatalogRow):
    """Vendor: VendorNum is the key of documents, VendorID the code that people see."""

    vendor_num = models.IntegerField()
    vendor_id = models.CharField(max_length=50)
    name = models.CharField(max_length=255)
    terms_code = models.CharField(max_length=16, blank=True)
    currency_code = models.CharField(max_length=16, blank=True)
    inactive = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "vendor_num"], name="epicor_vendor_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "company", "vendor_id"], name="epicor_vendor_id"),
            models.Index(fields=["tenant", "name"], name="epicor_vendor_name"),
        ]

    def __str__(self) -> str:
        return f"{self.vendor_id} {self.name}"


class EpicorAccount(_CatalogRow):
    """A GL account of the company's chart in its internal form, segments joined by a bar."""

    account = models.CharField(max_length=200)
    description = models.CharField(max_length=255, blank=True)
    active = models.BooleanField(default=True)
    effective_from = models.DateField(null=True, blank=True)
    effective_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["account"]
        verbose_name = "Epicor account"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "account"], name="epicor_account_once"
            ),
        ]

    def __str__(self) -> str:
        return self.account


class EpicorSegment(_CatalogRow):
    """A segment of the chart of accounts; dynamic ones may form accounts not listed yet."""

    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=64)
    dynamic = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "number"], name="epicor_segment_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class EpicorSegmentValue(_CatalogRow):
    """A value that a segment may take, for example a cost center."""

    number = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=50)
    name = models.CharField(max_length=255, blank=True)
    active = models.BooleanField(default=True)
    effective_from = models.DateField(null=True, blank=True)
    effective_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["number", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "number", "code"], name="epicor_segment_value_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class EpicorTerms(_CatalogRow):
    """Purchasing payment terms."""

    code = models.CharField(max_length=16)
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name_plural = "Epicor terms"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "company", "code"], name="epicor_terms_once"),
        ]

    def __str__(self) -> str:
        return self.code


class EpicorCurrency(_CatalogRow):
    """A currency of the company; `code` is the internal key."""

    code = models.CharField(max_length=16)
    decimals = models.PositiveSmallIntegerField(default=2)
    is_base = models.BooleanField(default=False)
    inactive = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name_plural = "Epicor currencies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "code"], name="epicor_currency_once"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class EpicorPeriod(_CatalogRow):
    """A fiscal period of the company's main book, first to last day, open or closed."""

    fiscal_year = models.IntegerField()
    year_suffix = models.CharField(max_length=8, blank=True)
    period = models.PositiveSmallIntegerField()
    starts_on = models.DateField()
    ends_on = models.DateField()
    closed = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["starts_on", "period"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "fiscal_year", "year_suffix", "period"],
                name="epicor_period_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fiscal_year}-{self.period:02d}"


class CatalogRefresh(models.Model):
    """When one catalog of one company was last read whole, and the earliest apply date found."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    company = models.CharField(max_length=16)
    catalog = models.CharField(max_length=16)  # vendors, accounts, segments, terms, …
    refreshed_at = models.DateTimeField()
    rows = models.PositiveIntegerField(default=0)
    earliest_apply_on = models.DateField(null=True, blank=True)  # on the periods row only
    asked_at = models.DateTimeField(null=True, blank=True)  # a person wants it read again

    class Meta:
        ordering: ClassVar = ["company", "catalog"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "catalog"], name="catalog_refresh_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} {self.catalog}"


class IssuedReference(models.Model):
    """An id that our own connection uploaded to Ramp; only such ids map to themselves."""

    tenant = models.ForeignKey("connector.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=64)  # vendors, gl_accounts, cost_centers, dimension:FIELD
    ramp_id = models.CharField(max_length=255)  # the id we gave it: VendorID, internal account, …

    class Meta:
        ordering: ClassVar = ["kind", "ramp_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "ramp_id"], name="issued_reference_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ramp_id}"


class TargetInvoice(_CatalogRow):
    """An AP invoice as Epicor had it at the last look, whoever entered it.

    `total` is in the document's currency, negative for a debit memo; `stamp` is the bill id that
    we write ("" on what people type); `number_key` is the number without its spelling.
    """

    vendor_num = models.IntegerField()
    invoice_num = models.CharField(max_length=255)
    number_key = models.CharField(max_length=255, blank=True)
    invoice_date = models.DateField(null=True, blank=True)
    currency_code = models.CharField(max_length=16, blank=True)
    total = models.DecimalField(max_digits=20, decimal_places=4)
    stamp = models.CharField(max_length=255, blank=True)
    posted = models.BooleanField(default=False)
    group_id = models.CharField(max_length=16, blank=True)
    entry_person = models.CharField(max_length=75, blank=True)
    pay_hold = models.BooleanField(null=True)  # None: last read before this was asked for
    sys_rev_id = models.BigIntegerField(null=True, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["company", "vendor_num", "invoice_num"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "company", "vendor_num", "invoice_num"],
                name="target_invoice_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "company", "vendor_num", "number_key"],
                name="target_invoice_number",
            ),
            models.Index(
                fields=["tenant", "company", "vendor_num", "total"], name="target_invoice_total"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} vendor {self.vendor_num} invoice {self.invoice_num}"


class InvoiceWindow(_CatalogRow):
    """How much of a company's invoices is mirrored: changes since a day, up to a moment."""

    since = models.DateField()
    read_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["company"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "company"], name="invoice_window_once"),
        ]

    def __str__(self) -> str:
        return f"{self.company} since {self.since}"
