"""Where Django looks for the models of this application: they live in the rooms they belong to."""

from connector.http_client.models import AccessToken, RequestBudget, RequestSlot
from connector.jobs.models import Heartbeat, Job
from connector.secrets.models import Canary
from connector.sync.models import AcceptedQuestion, Bill, InvoiceGroup
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    FinanceCalendar,
    LearnedFact,
    Membership,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.web.models import SavedView

__all__ = [
    "AcceptedQuestion",
    "AccessToken",
    "Bill",
    "Canary",
    "EntityRoute",
    "EpicorCredentials",
    "FinanceCalendar",
    "Heartbeat",
    "InvoiceGroup",
    "Job",
    "LearnedFact",
    "Membership",
    "PostingSettings",
    "RampCredentials",
    "RequestBudget",
    "RequestSlot",
    "SavedView",
    "Tenant",
]
