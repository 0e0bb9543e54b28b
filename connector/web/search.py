"""The search box of the administration pages; the library's own fails on a page that is none."""

from django.contrib import admin
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def admin_search(request: HttpRequest) -> HttpResponse:
    """Search, as whoever may administer; a page that does not exist is not found."""
    return admin.site.admin_view(_search)(request)


def _search(request: HttpRequest) -> HttpResponse:
    try:
        return admin.site.search(request)  # type: ignore[attr-defined,no-any-return]  # unfold's
    except (InvalidPage, ValueError) as error:
        raise Http404("There is no such page.") from error
