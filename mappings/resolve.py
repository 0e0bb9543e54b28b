"""Finds every Epicor code of a bill, or says everything that is missing, in one go.

Pure. The invariant: a Coding names only codes that Epicor has and that may be used on the bill's
apply date; otherwise UnmappedError lists every gap, so that a clerk fixes a bill once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.domain.errors import Reason, UnmappedError
from mappings import chart, choose, doubts
from mappings.choose import Choice
from mappings.coding import (
    CHOICE,
    DECIMALS,
    FIELD,
    GL_ACCOUNTS,
    VENDORS,
    Coding,
    CodingRequest,
    DimensionRule,
    FieldChoice,
    LineCoding,
    LineRequest,
    Ref,
    Tables,
    VendorTarget,
)
from mappings.gaps import Gaps


def resolve(request: CodingRequest, tables: Tables) -> Coding:
    """The codes of a bill, each checked against the mirrored catalogs.

    Raises UnmappedError with every gap: vendor, terms and currency first, then the lines in bill
    order; the same gap on several lines is one gap that names the lines.
    """
    work = _Work(request, tables, Gaps(request.company), [])
    vendor = _vendor(work)
    terms = _terms(work, vendor) if vendor is not None else ""
    currency = _currency(work)
    lines = [_line(work, line, number) for number, line in enumerate(request.lines, start=1)]
    gaps = work.gaps.all()
    if gaps or vendor is None:  # without a vendor there is always a gap
        raise UnmappedError.of(gaps)
    return Coding(
        company=request.company,
        vendor_id=vendor.vendor_id,
        vendor_num=vendor.vendor_num,
        vendor_name=vendor.name,
        terms_code=terms,
        currency_code=currency,
        lines=tuple(line for line in lines if line is not None),
        why=tuple(work.why),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """One bill on its way: what it asks, what may answer, what is missing, and why."""

    request: CodingRequest
    tables: Tables
    gaps: Gaps
    why: list[str]


@dataclass(frozen=True, slots=True)
class _Overwrite:
    """One dimension's say on a line; `ref` is None when its default was taken."""

    rule: DimensionRule
    ref: Ref | None
    choice: Choice


def _vendor(work: _Work) -> VendorTarget | None:
    """The vendor, or None with its gap noted; an unusable vendor is a gap and still returned."""
    request, ref = work.request, work.request.vendor
    choice = choose.vendor(request, work.tables)
    if choice is None:
        text, held = _unmapped_vendor(request), (request.vendor_remote_id,)
        work.gaps.add(Reason.VENDOR_UNMAPPED, VENDORS, ref, text, facts=held)
        return None
    vendor = work.tables.vendors.get((request.company, choice.target))
    named = f"Vendor {choice.target}, named by {choice.source},"
    if vendor is None:
        text = f"{named} is not a vendor of {request.company}."
        facts = ("missing", choice.target)
        work.gaps.add(Reason.VENDOR_UNUSABLE, VENDORS, ref, text, facts=facts)
        return None
    if vendor.inactive:
        text = f"{named} is inactive in {request.company}."
        facts = ("inactive", choice.target)
        work.gaps.add(Reason.VENDOR_UNUSABLE, VENDORS, ref, text, facts=facts)
    work.why.append(f"Vendor {choice.target}: {choice.source}.")
    return vendor


def _unmapped_vendor(request: CodingRequest) -> str:
    text = f"Vendor {request.vendor} has no Epicor vendor."
    if request.vendor_remote_id:
        text += (
            f" Ramp holds {request.vendor_remote_id!r} for it, which did not come from our own"
            " connection and is therefore not trusted."
        )
    return text


def _terms(work: _Work, vendor: VendorTarget) -> str:
    """The vendor's terms, else the tenant's default, if Epicor has them."""
    request = work.request
    code = vendor.terms_code or request.default_terms
    source = (
        f"vendor {vendor.vendor_id}" if vendor.terms_code else "the default terms in the settings"
    )
    if (request.company, code) in work.tables.terms:
        work.why.append(f"Terms {code}: {source}.")
        return code
    if code:
        text = f"Terms {code}, from {source}, do not exist in {request.company}."
    else:
        text = f"Vendor {vendor.vendor_id} has no terms and the settings have no default terms."
    facts = (code, vendor.vendor_id)
    work.gaps.add(Reason.VENDOR_UNUSABLE, "terms", request.vendor, text, facts=facts)
    return ""


def _currency(work: _Work) -> str:
    """Epicor's code of the bill's currency."""
    iso, company = work.request.currency, work.request.company
    code = work.tables.currencies.get(iso, "")
    target = work.tables.epicor_currencies.get((company, code))
    if target is not None and not target.inactive:
        _check_decimals(work, code, target.decimals)
        work.why.append(f"Currency {code}: the currency map in the settings, for {iso}.")
        return code
    if code:
        text = f"Currency {iso} stands for {code}, which is unknown or inactive in {company}."
    else:
        text = f"Currency {iso} has no Epicor currency; add it to the currencies in the settings."
    work.gaps.add(Reason.INVALID_BILL, "currency", Ref(iso, iso), text, facts=(code,))
    return ""


def _check_decimals(work: _Work, code: str, kept: int) -> None:
    """Note amounts that Epicor would round."""
    iso, needed = work.request.currency, work.request.decimals
    if needed > kept:
        text = (
            f"An amount of the bill has {needed} decimals, and {work.request.company} keeps {kept} "
            f"for {code}, so Epicor would round it."
        )
        work.gaps.add(Reason.INVALID_BILL, DECIMALS, Ref(iso, iso), text, facts=(needed, kept))


def _line(work: _Work, line: LineRequest, number: int) -> LineCoding | None:
    """The account of one line, or None with every gap of the line noted."""
    base = _account(work, line, number)
    found = [_dimension(work, line, rule, number) for rule in work.tables.dimensions]
    unused = _unused(work, line, number)
    changes = [change for change in found if change is not None and change.choice.target]
    if base is None or line.gl_account is None or None in found or unused is None:
        return None
    why = [f"Account {base.target}: {base.source}."]
    whole = base.target
    for change in changes:
        changed = choose.overwrite(whole, change.rule.segment, change.choice.target)
        if changed is None:
            text = f"account {whole} has no segment {change.rule.segment} to overwrite."
            ref, facts = line.gl_account, (whole, change.rule.segment)
            work.gaps.add(Reason.ACCOUNT_UNUSABLE, GL_ACCOUNTS, ref, text, number, facts)
            return None
        whole = changed
        why.append(f"Segment {change.rule.segment} {change.choice.target}: {change.choice.source}.")
    problem = chart.fault(work.request.company, whole, work.tables, work.request.apply_on)
    if problem is not None:
        _unusable(
            work,
            line.gl_account,
            number,
            f"account {whole} {problem.text}. {' '.join(why)}",
            (whole, problem.segment, *problem.facts),
            [change for change in changes if change.rule.segment == problem.segment],
        )
        return None
    return LineCoding(whole, tuple(why), unused)


def _unusable(
    work: _Work,
    account: Ref,
    number: int,
    text: str,
    facts: tuple[object, ...],
    guilty: list[_Overwrite],
) -> None:
    """Note an unusable account on the reference that a person can change: the guilty one."""
    kind, ref = GL_ACCOUNTS, account
    for change in guilty:
        kind, ref = change.rule.kind, change.ref or Ref("", change.rule.ramp_field)
    work.gaps.add(Reason.ACCOUNT_UNUSABLE, kind, ref, text, number, facts)


def _account(work: _Work, line: LineRequest, number: int) -> Choice | None:
    """The account that the line's option stands for."""
    ref, company = line.gl_account, work.request.company
    if len(line.accounts) > 1:
        _contradict(work, "GL account", line.accounts, number)
        return None
    if ref is None or not ref.ramp_id:
        text = "no GL account is chosen in Ramp."
        if ref is not None and ref.name:
            text = f"the GL account {ref.name} is chosen in Ramp, but without its id."
        facts = (ref.name,) if ref is not None else ()
        work.gaps.add(Reason.ACCOUNT_UNMAPPED, GL_ACCOUNTS, Ref("", ""), text, number, facts)
        return None
    choice = choose.account(company, ref, work.tables)
    listed = choice is not None and (company, choice.target) in work.tables.accounts
    if choice is None or (choice.issued and not listed):
        text = f"account {ref} has no Epicor GL account."
        work.gaps.add(Reason.ACCOUNT_UNMAPPED, GL_ACCOUNTS, ref, text, number)
        return None
    return choice


def _dimension(
    work: _Work, line: LineRequest, rule: DimensionRule, number: int
) -> _Overwrite | None:
    """What a dimension writes over its segment ("" = nothing), or None with the gap noted."""
    chosen, company = line.choice(rule.ramp_field), work.request.company
    if chosen is None:
        return _Overwrite(rule, None, Choice(rule.default, f"the default of {rule.ramp_field}"))
    if len(chosen.options) > 1:
        _contradict(work, str(chosen.field), chosen.options, number)
        return None
    ref = chosen.options[0]
    if not ref.ramp_id:
        text = (
            f"{ref.name or 'an option'} is chosen in Ramp for {chosen.field}, but without its id, "
            f"so nothing says which value of segment {rule.segment} it is."
        )
        facts = (rule.ramp_field, ref.name)
        work.gaps.add(Reason.DIMENSION_UNMAPPED, rule.kind, Ref("", ""), text, number, facts)
        return None
    choice = choose.value(company, rule, ref, work.tables)
    values = work.tables.segment_values
    known = choice is not None and (company, rule.segment, choice.target) in values
    if choice is None or (choice.issued and not known):
        text = f"{rule.ramp_field} {ref} has no value for segment {rule.segment}."
        work.gaps.add(Reason.DIMENSION_UNMAPPED, rule.kind, ref, text, number)
        return None
    return _Overwrite(rule, ref, choice)


def _unused(work: _Work, line: LineRequest, number: int) -> tuple[FieldChoice, ...] | None:
    """The choices that decide nothing; None with the gap noted when one may be meant to."""
    rules = work.tables.dimensions
    decided = {rule.ramp_field for rule in rules}
    unused = [one for one in line.chosen if one.field.id not in decided]
    open_rules = [rule for rule in rules if line.choice(rule.ramp_field) is None]
    fine = True
    for choice in unused:
        rule = doubts.meant(choice.field, open_rules, work.tables.ramp_fields)
        if rule is not None:
            _misnamed(work, choice, rule, number)
            fine = False
        elif doubts.unreadable(choice.field, rules):
            text = (
                f"{_listed(choice.options)} is chosen in Ramp, but Ramp does not say for which "
                "field, so it may decide the account."
            )
            facts = _ids(choice.options)
            work.gaps.add(Reason.INVALID_BILL, CHOICE, Ref("", ""), text, number, facts)
            fine = False
    return tuple(unused) if fine else None


def _misnamed(work: _Work, choice: FieldChoice, rule: DimensionRule, number: int) -> None:
    """Note that the settings name a field otherwise than Ramp does."""
    known = f"has the id {choice.field.id}" if choice.field.id else "comes without an id"
    text = (
        f"{_listed(choice.options)} is chosen for the field {choice.field}, which {known} in Ramp. "
        f"The settings name {rule.ramp_field} for segment {rule.segment}, so the choice would "
        "decide nothing."
    )
    ref = Ref("", rule.ramp_field)
    facts = (choice.field.id, choice.field.name, *_ids(choice.options))
    work.gaps.add(Reason.DIMENSION_UNMAPPED, FIELD, ref, text, number, facts)


def _contradict(work: _Work, what: str, options: Sequence[Ref], number: int) -> None:
    """Note that more than one option was chosen where only one can count."""
    text = f"more than one {what} is chosen in Ramp: {_listed(options)}. Only one can count."
    work.gaps.add(Reason.INVALID_BILL, CHOICE, Ref("", ""), text, number, (what, *_ids(options)))


def _ids(options: Sequence[Ref]) -> tuple[str, ...]:
    return tuple(ref.ramp_id or ref.name for ref in options)


def _listed(options: Sequence[Ref]) -> str:
    return " and ".join(str(ref) or "an option without a name" for ref in options)
