"""What came of a job, in words: made of the code and the data of its result, at the edge."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.domain.money import format_money
from connector.jobs.models import Job

_NAMED = 10
_Data = Mapping[str, Any]


def result_text(job: Job) -> str:
    """The sentence for people; "" while the job is not over, and where there is nothing to say."""
    return sentence(job.code, job.data) if job.code else ""


def sentence(code: str, data: _Data) -> str:
    """The sentence of a result."""
    text = TEXTS.get(code, _UNKNOWN)
    return text(data) if callable(text) else text.format(**data)


def counted(number: int, one: str, many: str = "") -> str:
    """1 bill, 1,200 bills."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _removed(data: _Data) -> str:
    invoice = data["invoice"]
    if invoice is None:
        text = f"Nothing of bill {data['bill']} is in Epicor (any more); that is on the record now."
    else:
        total = format_money(Decimal(invoice["total"]), invoice["currency"])
        text = (
            f"Invoice {invoice['invoice_num']} of {invoice['vendor_id']} in {invoice['company']} "
            f"for {total} was deleted in Epicor."
        )
    return f"{text} The bill is entered anew with the next run." if data["again"] else text


def _settled(data: _Data) -> str:
    verb = "stay in Epicor as they are" if data["kept"] else "are dismissed"
    return f"{data['done']:,} of {data['total']:,} bills {verb}.{_left(data['left'])}"


def _different(data: _Data) -> str:
    text = f"{data['done']:,} of {data['total']:,} bills have a different invoice"
    return f"{text} and are entered now.{_left(data['left'])}"


def _left(left: Iterable[Sequence[str]]) -> str:
    some = list(left)
    if not some:
        return ""
    listed = "; ".join(f"{bill} {why}" for bill, why in some[:_NAMED])
    more = f"; and {len(some) - _NAMED:,} more" if len(some) > _NAMED else ""
    return f" Left alone: {listed}{more}."


def _entities(data: _Data) -> str:
    text = f"{counted(data['entities'], 'entity', 'entities')} in Ramp."
    if data["trouble"]:
        return f"{text} Type the Epicor companies: they could not be listed. {data['trouble']}"
    return f"{text} {counted(data['companies'], 'company', 'companies')} in Epicor."


def _chart(data: _Data) -> str:
    return (
        f"{counted(data['fields'], 'accounting field')} in Ramp, {data['segments']} segments "
        f"and {data['currencies']} currencies in Epicor."
    )


def _duplicates(data: _Data) -> str:
    count, left_out = data["count"], data["left_out"]
    rest = "" if data["all"] else " Ramp has more ready bills; ask again to compare them, too."
    left = f" {counted(left_out, 'bill')} could not be compared yet (not coded)."
    return (
        f"{counted(data['read'], 'ready bill')} read, {data['compared']} compared, {count} "
        f"{'looks' if count == 1 else 'look'} like an invoice that is in Epicor already, or like "
        f"another bill.{left if left_out else ''}{rest}"
    )


def _rehearsed(data: _Data) -> str:
    return (
        f"Of {counted(data['ready'] + data['held'], 'bill')} {data['ready']} would be entered and "
        f"{data['held']} would wait for a person. Nothing was written."
    )


def _looked(data: _Data) -> str:
    if not data["companies"]:
        return "No Ramp entity has an Epicor company yet, so there was nowhere to look."
    if not data["found"]:
        where = ", ".join(data["companies"])
        return f"Epicor has no invoice of this bill in {where}. Nothing was changed."
    first, others = data["first"], data["found"] - 1
    money = format_money(Decimal(first["total"]), first["currency_code"])
    posted = "posted" if first["posted"] else "not posted"
    mark = "" if first["ours"] or data["adopted"] else " without this bill's id: typed by a person"
    more = f" There are {others} more; only one can be right." if others else ""
    return (
        f"Epicor has invoice {first['invoice_num']} of vendor {first['vendor_num']} in "
        f"{first['company']} for {money}, {posted}, in group "
        f"{first['group_id'] or '–'}{mark}.{more} Nothing was changed."
    )


def _imported(data: _Data) -> str:
    names = ("created", "updated", "unchanged")
    created, updated, unchanged = (data[name] for name in names)
    text = f"{created:,} new, {updated:,} changed, {unchanged:,} as they were."
    return f"{text} {_bills(data['bills'])} tried again." if "replay" in data else text


def _bills(number: int) -> str:
    return f"{counted(number, 'bill')} {'is' if number == 1 else 'are'}"


def _fits(data: _Data) -> str:
    unsealed = data["unsealed"]
    waiting = f" {unsealed:,} of them wait to be sealed." if unsealed else ""
    return f"The audit chain fits: {data['entries']:,} entries.{waiting}"


_UNKNOWN = "Another version of the program did this, and only that one can say what came of it."

TEXTS: Mapping[str, str | Callable[[_Data], str]] = {
    # of every kind
    "message": "{message}",
    "unforeseen": "An unexpected error stopped this ({name}). What was perhaps sent is looked "
    "up before anything is sent again. Look at the page again; if it stays, report it with the "
    "time.",
    "unknown_kind": "This version of the program does not know this kind of work. Nothing was done "
    "and nothing was sent; request it again where the page offers it.",
    "given_up": "The work was given up because its worker was ended several times at the same "
    "step. No bill is lost and none is entered twice; a sync is tried again by itself. Report it "
    "if it happens again.",
    "worker_lost": "The worker ended before this was done. No bill is lost and none is entered "
    "twice. Look at the page again, and ask once more for what is still missing.",
    # runs
    "synced": "",
    "stopped": "The run was stopped before its end. What it had begun is looked up by the next "
    "one.",
    "proven": "{proven:,} invoices proven, {drifted:,} differ.",
    # bills
    "made_due": lambda data: f"{_bills(data['bills'])} tried again.",
    "adopted": "Bill {bill} is invoice {invoice} in {company}. Nothing was entered; Ramp is told "
    "with the next run.",
    "removal_planned": lambda data: data["refusal"] or "This is what would be removed.",
    "removed": _removed,
    "settled": _settled,
    "different": _different,
    "looked": _looked,
    "no_bill": "There is no such bill, so nothing was looked up.",
    # setup
    "checks_passed": "All {checks} checks passed. Nothing was written.",
    "checks_failed": "{failed} of {checks} checks need attention. Nothing was written; do what "
    "they say, then test again.",
    "entities_read": _entities,
    "chart_read": _chart,
    "catalogs_read": "{rows:,} rows of Epicor's lists are here, {vendors:,} vendors.",
    "twins_compared": _duplicates,
    "rehearsed": _rehearsed,
    "nothing_to_rehearse": "Ramp has no bill that is ready and in scope, so there is nothing to "
    "rehearse yet.",
    "no_companies": "Name the Epicor companies of the entities first; nothing was read.",
    "lists_too_long": "Epicor's lists could not be read whole in the time there is. What was read "
    "is kept: ask once more, it goes on from there. Nothing was written.",
    # mappings
    "uses_counted": "{bills:,} bills since {since} were counted.",
    "what_if_found": "{bills:,} of {looked_at:,} bills issued since {since} would have been coded "
    "differently. Nothing was changed.",
    "rows_checked": "{rows:,} rows were checked. Nothing was changed yet.",
    "proposed": lambda data: (
        f"Waiting for somebody to approve: {counted(data['proposed'], 'change')}."
    ),
    "imported": _imported,
    # the audit chain
    "chain_fits": _fits,
    "chain_broken": "The audit chain does not fit. {message} Restore the database from a backup "
    "and compare, and find out who could change it; no bill is affected by this check.",
    "chain_too_long": "{done:,} of {total:,} entries fit so far, but the rest takes longer than a "
    "worker may work on one thing. Nothing is wrong. Have the command `verify_audit {slug}` run on "
    "the server.",
}
