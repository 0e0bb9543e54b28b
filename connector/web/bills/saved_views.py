"""Saved views: filters of the list of bills that a person gave names, for this person alone."""

from typing import TYPE_CHECKING, cast

from django import forms
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from audit.permissions import requires
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.bills.filters import BillFilter
from connector.web.models import SavedView

if TYPE_CHECKING:
    from django.db.models import QuerySet

BILLS = "bills"
MOST = 50
_LONGEST = 1000


class _NameForm(forms.Form):
    name = forms.CharField(
        max_length=60,
        error_messages={
            "required": "Give the view a name. Nothing was saved.",
            "max_length": "The name has more than 60 characters. Nothing was saved.",
            "null_characters_not_allowed": "The name has a character that no name has.",
        },
    )
    view = forms.IntegerField(required=False)
    query = forms.CharField(required=False, max_length=_LONGEST * 4)


def views_of(tenant: Tenant, user: User) -> "QuerySet[SavedView]":
    """What this person saved of the list of bills, by name."""
    return SavedView.objects.filter(tenant=tenant, user=user, page=BILLS)


def save_view(
    tenant: Tenant, user: User, name: str, chosen: BillFilter, pk: int | None
) -> SavedView:
    """Keep a filter under a name; `pk` names the view that is changed instead of a new one.

    Raises ValueError with a sentence for the person: the name is taken, the filter wrong or too
    long, or there are too many views; then nothing is saved.
    """
    mine, query = views_of(tenant, user), _without_view(chosen.query)
    if not chosen.form.is_valid():
        raise ValueError("This filter has a mistake. Nothing was saved; correct it first.")
    if len(query) > _LONGEST:
        raise ValueError("This filter is too long to be saved. Nothing was saved.")
    view = mine.filter(pk=pk).first() if pk is not None else None
    if view is None and mine.count() >= MOST:
        raise ValueError(f"There are {MOST} views already. Delete one; nothing was saved.")
    view = view or SavedView(tenant=tenant, user=user, page=BILLS)
    view.name, view.query = name, query
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise ValueError(
            f"You have a view named “{name}” already. Nothing was saved. Take another name, or "
            "open that view and save it again."
        ) from None
    return view


@require_POST
@requires("view")
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the present filter; one that was opened from a view changes that view."""
    tenant, form = layout.tenant_of(request), _NameForm(request.POST)
    home = reverse("bills", args=[slug])
    if not form.is_valid():
        sentence = " ".join(str(text) for texts in form.errors.values() for text in texts)
        return layout.done(request, sentence, home, good=False)
    given = form.cleaned_data
    chosen = BillFilter(QueryDict(given["query"]), tenant)
    back = f"{home}?{chosen.query}" if chosen.query else home
    pk = None if "new" in request.POST else given["view"]
    try:
        view = save_view(tenant, cast("User", request.user), given["name"], chosen, pk)
    except ValueError as error:
        return layout.done(request, str(error), back, good=False)
    return layout.done(request, f"The view “{view.name}” is saved.", address_of(view, home))


@require_POST
@requires("view")
def delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Forget a view; the bills stay as they are."""
    mine = views_of(layout.tenant_of(request), cast("User", request.user))
    view = mine.filter(pk=pk).first()
    if view is None:
        raise Http404("No such view.")
    view.delete()
    return layout.done(
        request, f"The view “{view.name}” is deleted.", reverse("bills", args=[slug])
    )


def address_of(view: SavedView, home: str) -> str:
    """Where a view is opened."""
    query = QueryDict(view.query, mutable=True)
    query["view"] = str(view.pk)
    return f"{home}?{query.urlencode()}"


def _without_view(query: str) -> str:
    """The filter by itself: which view it was opened from is no part of it."""
    values = QueryDict(query, mutable=True)
    values.pop("view", None)
    return values.urlencode()


urlpatterns = [
    path("bill-views/", save, name="bill-view-save"),
    path("bill-views/<int:pk>/delete/", delete, name="bill-view-delete"),
]
