"""Whether a whole GL account may be used: the listed ones, and those a dynamic segment allows.

Pure. Epicor may form an account while it enters an invoice when the chart has a dynamic segment,
so "not listed" alone proves nothing (docs/epicor.md, chart of accounts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mappings.coding import SEGMENT_SEPARATOR, Tables, Validity


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an account, as the end of a sentence; `segment` 0 = the whole account.

    `facts`: the same as values.
    """

    text: str
    segment: int = 0
    facts: tuple[object, ...] = ()


def fault(company: str, whole: str, tables: Tables, day: date | None) -> Fault | None:
    """Why the account cannot take an entry on `day`; None when it can.

    Without a day only existence counts: whether something is active may change until it is used.
    """
    listed = tables.accounts.get((company, whole))
    parts = whole.split(SEGMENT_SEPARATOR)
    if listed is not None:
        problem = _problem(listed, day)
        if problem:
            return Fault(problem, facts=_facts(listed))
        return _listed_fault(company, parts, tables, day)
    dynamic = [is_dynamic for (owner, _), is_dynamic in tables.segments.items() if owner == company]
    if len(parts) != len(dynamic):
        return Fault(f"is not in the chart of accounts of {company}")
    for number, code in enumerate(parts, start=1):
        found = _segment_fault(company, number, code, tables, day)
        if found is not None:
            return found
    if not any(dynamic):
        return Fault(f"is not in the chart of accounts of {company}, which has no dynamic segment")
    return None


def _listed_fault(
    company: str, parts: Sequence[str], tables: Tables, day: date | None
) -> Fault | None:
    """What is wrong with a segment of a listed account: Epicor posts to no value that is off."""
    for number, code in enumerate(parts, start=1):
        if (company, number, code) in tables.segment_values:
            found = _segment_fault(company, number, code, tables, day)
            if found is not None:
                return found
    return None


def _segment_fault(
    company: str, number: int, code: str, tables: Tables, day: date | None
) -> Fault | None:
    known = tables.segment_values.get((company, number, code))
    if known is None:
        text = f"needs {code!r} in segment {number}, which {company} does not have"
        return Fault(text, number, ("missing", code))
    problem = _problem(known, day)
    if not problem:
        return None
    text = f"needs {code!r} in segment {number}, which {problem}"
    return Fault(text, number, (code, *_facts(known)))


def _facts(validity: Validity) -> tuple[object, ...]:
    return validity.active, validity.effective_from, validity.effective_to


def _problem(validity: Validity, day: date | None) -> str:
    return validity.problem(day) if day is not None else ""
