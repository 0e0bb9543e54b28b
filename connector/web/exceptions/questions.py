"""Epicor's questions for people: what was asked in which step, and which ones stop no bill."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from audit.ledger.models import Posting
from audit.permissions import requires
from connector.actions.questions import can_answer, forget, open_questions, remembered
from connector.tenants.models import Tenant
from connector.web import layout

# What was being done when a method asked, for people who know the entry screen.
_STEPS: Mapping[str, str] = {
    "GetNewAPInvHedInvoice": "a new invoice was begun",
    "GetNewAPInvHedDebitMemo": "a new credit was begun",
    "ChangeVendorID": "the vendor was put in",
    "ChangeInvoiceDateWithDateCheck": "the invoice date was put in",
    "OnChangeofApplyDateWithDateCheck": "the apply date was put in",
    "ChangeCurrencyMaster": "the currency was put in",
    "ChangeTermsCode": "the terms were put in",
    "ChangeDueDate": "the due date was put in",
    "ChangeInvoiceVendorAmt": "the total was put in",
    "GetNewAPInvDtlMiscellaneous": "a line was begun",
    "ChangeExtCost": "the amount of a line was put in",
    "UpdateMaster": "the invoice was saved",
    "UpdateExt": "the invoice was saved",
    "CheckDays": "its days were read",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The questions of one call as a page shows them; `can_answer`: a person may say go on."""

    texts: list[str]
    step: str
    method: str
    can_answer: bool
    system: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A question that stops no bill any more, and by whose word."""

    pk: int
    text: str
    step: str
    method: str
    by: str
    at: datetime


def step_of(method: str) -> str:
    """What was being done in a call; "" for one that we have no words for."""
    return _STEPS.get(method, "")


def shown(posting: Posting) -> Shown | None:
    """What Epicor said of a bill that waits for it; None when it said nothing."""
    asked = open_questions(posting)
    if asked is None or not asked.questions:
        return None
    texts = [question.text for question in asked.questions]
    return Shown(texts, step_of(asked.method), asked.method, can_answer(posting), asked.system)


def passed_over(tenant: Tenant) -> list[PassedOver]:
    """The questions that stop no bill of the tenant, in one query."""
    return [
        PassedOver(
            row.pk, row.text, step_of(row.method), row.method, row.answered_by, row.answered_at
        )
        for row in remembered(tenant)
    ]


@require_POST
@requires("manage_settings")
def withdraw_acceptance(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """A question that was passed over for every bill stops bills again."""
    row = forget(layout.tenant_of(request), pk, actor=layout.actor(request))
    if row is None:
        raise Http404("This prompt is not accepted (any more). Nothing was changed.")
    text = f"“{row.text}” stops bills again. What was entered meanwhile stays as it is."
    return layout.done(request, text, reverse("settings", args=[slug]))


urlpatterns = [
    path("settings/questions/<int:pk>/ask-again", withdraw_acceptance, name="question-ask-again")
]
