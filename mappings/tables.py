"""Reads what the bills of a slice need from the database: a fixed number of questions per slice.

First what users decided about the references that these bills name, then only those catalog rows
that the decisions point at.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db.models import Q

from connector.domain.chunks import chunks
from mappings import choose
from mappings.coding import (
    FIELDS,
    GL_ACCOUNTS,
    VENDORS,
    CodingRequest,
    CurrencyTarget,
    DimensionRule,
    Tables,
    Validity,
    VendorTarget,
    dimension_field,
)
from mappings.models import (
    CurrencyMapping,
    Dimension,
    DimensionMapping,
    EpicorAccount,
    EpicorCurrency,
    EpicorSegment,
    EpicorSegmentValue,
    EpicorTerms,
    EpicorVendor,
    GLAccountMapping,
    IssuedReference,
    VendorMapping,
)


def load_tables(tenant_id: int, requests: Sequence[CodingRequest]) -> Tables:
    """Everything that resolve needs for these bills, in at most twelve queries.

    (Lists of more than 5,000 references are asked in pieces.)
    """
    if not requests:
        return Tables()
    decisions = _decisions(tenant_id, requests)
    return _with_catalog(tenant_id, requests, decisions)


def load_both(
    tenant_id: int, requests: Sequence[CodingRequest], change: Callable[[Tables], Tables]
) -> tuple[Tables, Tables]:
    """The tables as they are, and as they would be if the decisions were `change`d."""
    if not requests:
        return Tables(), Tables()
    decisions = _decisions(tenant_id, requests)
    return (
        _with_catalog(tenant_id, requests, decisions),
        _with_catalog(tenant_id, requests, change(decisions)),
    )


def _decisions(tenant_id: int, requests: Sequence[CodingRequest]) -> Tables:
    companies = {"", *(request.company for request in requests)}
    rules = tuple(
        DimensionRule(*row)
        for row in Dimension.objects.filter(tenant_id=tenant_id)
        .order_by("segment")
        .values_list("ramp_field", "segment", "kind", "default")
    )
    accounts = {
        line.gl_account.ramp_id
        for request in requests
        for line in request.lines
        if line.gl_account is not None
    }
    options = _options(requests, rules)
    issued = _issued(
        tenant_id,
        {VENDORS, GL_ACCOUNTS, *(rule.kind for rule in rules)},
        {request.vendor_remote_id for request in requests} | accounts | options,
    )
    return Tables(
        vendor_mappings=_simple(
            VendorMapping, tenant_id, companies, {request.vendor.ramp_id for request in requests}
        ),
        account_mappings=_simple(GLAccountMapping, tenant_id, companies, accounts),
        dimension_mappings=_dimension_mappings(tenant_id, companies, rules, options),
        currencies=dict(
            CurrencyMapping.objects.filter(
                tenant_id=tenant_id, iso__in={request.currency for request in requests}
            ).values_list("iso", "epicor_code")
        ),
        dimensions=rules,
        ramp_fields=issued.pop(FIELDS),
        issued=issued,
    )


def _options(requests: Sequence[CodingRequest], rules: Sequence[DimensionRule]) -> set[str]:
    chosen = (
        choose.selected(line, rule)
        for request in requests
        for line in request.lines
        for rule in rules
    )
    return {ref.ramp_id for ref in chosen if ref is not None}


def _simple(
    model: type[VendorMapping] | type[GLAccountMapping],
    tenant_id: int,
    companies: set[str],
    ramp_ids: set[str],
) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for piece in chunks(sorted(ramp_ids)):
        rows = model.objects.filter(
            tenant_id=tenant_id, company__in=companies, ramp_id__in=piece
        ).exclude(epicor_id="")
        for company, ramp_id, epicor_id in rows.values_list("company", "ramp_id", "epicor_id"):
            found[company, ramp_id] = epicor_id
    return found


def _dimension_mappings(
    tenant_id: int, companies: set[str], rules: Sequence[DimensionRule], options: set[str]
) -> dict[tuple[str, str, str], str]:
    fields = {dimension_field(rule.kind) for rule in rules}
    found: dict[tuple[str, str, str], str] = {}
    for piece in chunks(sorted(options)):
        rows = DimensionMapping.objects.filter(
            tenant_id=tenant_id, field__in=fields, company__in=companies, ramp_id__in=piece
        ).exclude(epicor_id="")
        for company, stored, ramp_id, code in rows.values_list(
            "company", "field", "ramp_id", "epicor_id"
        ):
            found[company, stored, ramp_id] = code
    return found


def _issued(tenant_id: int, kinds: set[str], ids: set[str]) -> dict[str, frozenset[str]]:
    """By kind those of the ids that our connection issued, and all that it issued as FIELDS."""
    found: dict[str, set[str]] = {kind: set() for kind in (*kinds, FIELDS)}
    for piece in chunks(sorted(ids - {""})):
        rows = IssuedReference.objects.filter(
            Q(kind=FIELDS) | Q(kind__in=kinds, ramp_id__in=piece), tenant_id=tenant_id
        )
        for kind, ramp_id in rows.values_list("kind", "ramp_id"):
            found[kind].add(ramp_id)
    return {kind: frozenset(ramp_ids) for kind, ramp_ids in found.items()}


def _with_catalog(tenant_id: int, requests: Sequence[CodingRequest], decisions: Tables) -> Tables:
    wanted = choose.wanted(requests, decisions)
    companies = {request.company for request in requests}
    terms = EpicorTerms.objects.filter(tenant_id=tenant_id, company__in=companies)
    currencies = EpicorCurrency.objects.filter(tenant_id=tenant_id, company__in=companies)
    return replace(
        decisions,
        vendors=_vendors(tenant_id, companies, {vendor_id for _, vendor_id in wanted.vendors}),
        accounts=load_accounts(tenant_id, companies, {whole for _, whole in wanted.accounts}),
        segments=load_segments(tenant_id, companies),
        segment_values=load_segment_values(
            tenant_id, companies, {code for _, _, code in wanted.values}
        ),
        terms=frozenset(terms.values_list("company", "code")),
        epicor_currencies={
            (company, code): CurrencyTarget(decimals, inactive)
            for company, code, decimals, inactive in currencies.values_list(
                "company", "code", "decimals", "inactive"
            )
        },
    )


def _vendors(
    tenant_id: int, companies: set[str], vendor_ids: set[str]
) -> dict[tuple[str, str], VendorTarget]:
    found: dict[tuple[str, str], VendorTarget] = {}
    for piece in chunks(sorted(vendor_ids)):
        rows = EpicorVendor.objects.filter(
            tenant_id=tenant_id, company__in=companies, vendor_id__in=piece
        ).order_by("-vendor_num")  # the oldest number wins where a code was used again
        for row in rows.values_list(
            "company", "vendor_num", "vendor_id", "name", "terms_code", "inactive"
        ):
            found[row[0], row[2]] = VendorTarget(*row[1:])
    return found


def load_accounts(
    tenant_id: int, companies: set[str], accounts: set[str]
) -> dict[tuple[str, str], Validity]:
    """The listed ones of these accounts, by company and account."""
    found: dict[tuple[str, str], Validity] = {}
    for piece in chunks(sorted(accounts)):
        rows = EpicorAccount.objects.filter(
            tenant_id=tenant_id, company__in=companies, account__in=piece
        )
        for company, account, active, start, end in rows.values_list(
            "company", "account", "active", "effective_from", "effective_to"
        ):
            found[company, account] = Validity(active, start, end)
    return found


def load_segments(tenant_id: int, companies: set[str]) -> dict[tuple[str, int], bool]:
    """Every segment of the companies' charts: True = dynamic."""
    rows = EpicorSegment.objects.filter(tenant_id=tenant_id, company__in=companies)
    return {
        (company, number): dynamic
        for company, number, dynamic in rows.values_list("company", "number", "dynamic")
    }


def load_segment_values(
    tenant_id: int, companies: set[str], codes: set[str]
) -> dict[tuple[str, int, str], Validity]:
    """The segment values with these codes, by company, segment number and code."""
    found: dict[tuple[str, int, str], Validity] = {}
    for piece in chunks(sorted(codes)):
        rows = EpicorSegmentValue.objects.filter(
            tenant_id=tenant_id, company__in=companies, code__in=piece
        )
        for company, number, code, active, start, end in rows.values_list(
            "company", "number", "code", "active", "effective_from", "effective_to"
        ):
            found[company, number, code] = Validity(active, start, end)
    return found
