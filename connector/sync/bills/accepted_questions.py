"""What people of a tenant said to go on in spite of, as the conversations with Epicor take it."""

from connector.epicor.ap_invoice.questions import Accepted
from connector.sync.models import AcceptedQuestion
from connector.tenants.models import Tenant


def load_accepted(tenant: Tenant) -> Accepted:
    """All answers of a tenant, in one query."""
    rows = AcceptedQuestion.objects.filter(tenant=tenant).order_by()
    return Accepted(frozenset(rows.values_list("bill_id", "method", "wording")))
