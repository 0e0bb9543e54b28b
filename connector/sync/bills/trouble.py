"""After a refusal: whether Epicor's calendar, and not the bill, was the reason."""

from connector.epicor.catalogs import refresh_catalog
from connector.sync.bills.lanes import Todo
from connector.sync.context import Cycle
from mappings.periods import PERIODS, period_of


def period_closed_now(cycle: Cycle, item: Todo) -> str:
    """Reads the company's fiscal periods anew; why the bill's takes no entry any more, or "".

    Raises AccessError, TransientError.
    """
    draft = item.prepared.draft
    refresh_catalog(cycle.epicor, cycle.tenant.pk, draft.company, PERIODS)
    state = period_of(cycle.tenant.pk, draft.company, draft.apply_date)
    if state is not None and state.open:
        return ""
    return f"Period {item.period[1]} of {draft.company} was closed in Epicor meanwhile."
