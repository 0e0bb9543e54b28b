"""People: who may do what in the tenant; adding, changing, removing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit.permissions import CAPABILITIES, requires
from connector.accounts import factors
from connector.tenants import members
from connector.tenants.members import Added, MembersError
from connector.tenants.models import Membership
from connector.web import layout

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@require_safe
@requires("manage_users")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The members and the table of what each role may do."""
    return _page(request)


@require_POST
@requires("manage_users")
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an existing user a member."""
    who, role = request.POST.get("who", ""), request.POST.get("role", "")
    try:
        member = members.add(layout.tenant_of(request), who, role, actor=layout.actor(request))
    except MembersError as error:
        return _page(request, form="add", error=error)
    return layout.done(request, f"{member.user} is {member.role} now.", _home(slug))


@never_cache
@require_POST
@requires("manage_users")
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a new user and show, this once, the link to set a password."""
    typed = {name: request.POST.get(name, "") for name in ("username", "email", "role")}
    try:
        added = members.create(layout.tenant_of(request), **typed, actor=layout.actor(request))
    except MembersError as error:
        return _page(request, form="create", error=error)
    return _page(request, added=added)


@never_cache
@require_POST
@requires("manage_users")
def link(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Another link for somebody who never set a password."""
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    by = cast("User", request.user)
    _ours(request, pk)
    try:
        added = members.new_link(tenant, pk, actor=actor, superuser=by.is_superuser)
    except MembersError as error:
        return layout.done(request, str(error), _home(slug), good=False)
    return _page(request, added=added)


@require_POST
@requires("manage_users")
def role(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Give a member another role."""
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    _ours(request, pk)
    wanted, before = request.POST.get("role", ""), request.POST.get("before", "")

    def change() -> str:
        member = members.change_role(tenant, pk, wanted, before=before, actor=actor)
        return f"{member.user} is {member.role} now."

    return _answer(request, slug, change)


@require_POST
@requires("manage_users")
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """End a membership; the user stays."""
    tenant, actor = layout.tenant_of(request), layout.actor(request)
    _ours(request, pk)

    def end() -> str:
        user = members.remove(tenant, pk, actor=actor)
        return f"{user} is no member of {tenant} any more; the user and the trail stay."

    return _answer(request, slug, end)


@require_POST
@requires("manage_users")
def reset_factor(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take the second factor of somebody away who lost it."""
    tenant, by = layout.tenant_of(request), cast("User", request.user)
    _ours(request, pk)

    def reset() -> str:
        user = factors.reset(tenant, pk, by=by)
        return f"{user} has no second factor any more, was told by mail, and can add another."

    return _answer(request, slug, reset)


@require_POST
@requires("manage_users")
def require_factor(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a second factor of everybody here, or no longer."""
    tenant, needed = layout.tenant_of(request), request.POST.get("required") == "yes"
    factors.require(tenant, needed=needed, actor=layout.actor(request))
    text = "is required of everybody here" if needed else "is everybody's own choice here"
    return layout.done(request, f"A second factor {text}.", _home(slug))


def _ours(request: HttpRequest, pk: int) -> None:
    """Raise Http404 for another tenant's member; one who is gone meanwhile gets a sentence."""
    foreign = Membership.objects.exclude(tenant=layout.tenant_of(request)).filter(pk=pk)
    if foreign.exists():
        raise Http404("No such page.")


def _answer(request: HttpRequest, slug: str, act: Callable[[], str]) -> HttpResponse:
    try:
        return layout.done(request, act(), _home(slug))
    except MembersError as error:
        return layout.done(request, str(error), _home(slug), good=False)


def _page(
    request: HttpRequest,
    *,
    added: Added | None = None,
    form: str = "",
    error: MembersError | None = None,
) -> HttpResponse:
    tenant = layout.tenant_of(request)
    found = members.members(tenant)
    ids = [one.user_id for one in found]
    context: dict[str, Any] = {
        "members": found,
        "with_factor": factors.having(ids),
        "tied": members.tied(ids),
        "roles": members.Role.values,
        "table": table(),
        "added": added,
        "form": form,
        "error": error,
        "typed": request.POST if error else {},
    }
    status = 200 if error is None else 422
    return layout.page(request, "connector/people.html", "People", context, status=status)


def table() -> list[tuple[str, list[bool]]]:
    """Each capability in words and, by role, whether the role has it."""
    return [
        (words, [name in CAPABILITIES[one] for one in members.Role.values])
        for name, words in members.IN_WORDS.items()
    ]


def _home(slug: str) -> str:
    return reverse("people", args=[slug])


urlpatterns = [
    path("people/", page, name="people"),
    path("people/add", add, name="people-add"),
    path("people/create", create, name="people-create"),
    path("people/<int:pk>/link", link, name="people-link"),
    path("people/<int:pk>/role", role, name="people-role"),
    path("people/second-factor", require_factor, name="people-require-factor"),
    path("people/<int:pk>/second-factor", reset_factor, name="people-reset-factor"),
    path("people/<int:pk>/remove", remove, name="people-remove"),
]
