"""The second factor: who has to have one, what a session has proved, and taking one away.

django-allauth keeps the factors and checks them; here is what this installation asks for.
"""

from enum import Enum
from typing import TYPE_CHECKING, cast

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from connector.accounts import mails, sessions
from connector.tenants import members
from connector.tenants.models import Membership, Tenant

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# Recovery codes are for the day a factor is lost; alone they are none.
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class Missing(Enum):
    """What a session lacks before it may go on."""

    FACTOR = "the person has to add one"
    PROOF = "the person has one and did not use it in this session"


def missing(request: HttpRequest, tenant: Tenant | None) -> Missing | None:
    """What this session lacks for the pages of `tenant` (None: pages of no tenant), if anything.

    Whoever has a factor has to use it, asked for or not: a session that began before it was added
    is no way around it.
    """
    user = cast("User", request.user)
    if by_single_sign_on(request, user):
        return None
    if has_proved(request, user):
        return None
    if has_factor(user):
        return Missing.PROOF
    return Missing.FACTOR if required(user, tenant) else None


def required(user: "User", tenant: Tenant | None) -> bool:
    """Whether this person has to have a second factor there: by the tenant's rule, or by ours.

    A superuser's pages of no tenant, such as the administration, open every tenant.
    """
    if tenant is not None and tenant.second_factor_required:
        return True
    if tenant is None and user.is_superuser:
        strict = Tenant.objects.filter(second_factor_required=True)
        if strict.exists():
            return True
    if settings.SECOND_FACTOR == "administrators":
        mine = Membership.objects.filter(user=user, role=Membership.Role.ADMIN)
        return user.is_superuser or mine.exists()
    return bool(settings.SECOND_FACTOR == "everybody")


def has_factor(user: "User") -> bool:
    """Whether the person has an authenticator app or a passkey."""
    found = Authenticator.objects.filter(user=user, type__in=_FACTORS)
    return bool(found.exists())


def having(user_ids: "list[int]") -> set[int]:
    """Who of these people has a second factor."""
    found = Authenticator.objects.filter(user_id__in=user_ids, type__in=_FACTORS)
    return set(found.values_list("user_id", flat=True))


def has_proved(request: HttpRequest, user: "User") -> bool:
    """Whether a code or a passkey that the person still has was used in this session."""
    records = get_authentication_records(request, user)
    used = {one.get("id") for one in records if one.get("method") == "mfa"}
    if not used:
        return False
    mine = dict(Authenticator.objects.filter(user=user).values_list("pk", "type"))
    return not used.isdisjoint(mine) and any(kind in _FACTORS for kind in mine.values())


def by_single_sign_on(request: HttpRequest, user: "User") -> bool:
    """Whether the provider let this person in, and its login counts as both factors.

    Only while the account is tied to that login of the provider.
    """
    if not settings.OIDC_SECOND_FACTOR:
        return False
    records = get_authentication_records(request, user)
    came_by = [one for one in records if one.get("method") == "socialaccount"]
    if not came_by:
        return False
    ties = set(SocialAccount.objects.filter(user=user).values_list("provider", "uid"))
    return any((one.get("provider"), one.get("uid")) in ties for one in came_by)


def record_and_notify(user: "User", what: str, *, actor: str) -> None:
    """Record for the person's tenants, and mail to the person, what was changed.

    `what` is a key of `mails.NOTICES`. A superuser may do everything everywhere: what lets one in
    is on the record of every tenant.
    """
    members.record_login(user, what, actor=actor)
    mails.notify(user, what, actor=actor)


def require(tenant: Tenant, *, needed: bool, actor: str) -> bool:
    """Ask for a second factor of everybody in this tenant, or no longer; False: it was so."""
    with transaction.atomic():
        members.lock(tenant.pk)
        changed = Tenant.objects.filter(pk=tenant.pk, second_factor_required=not needed)
        if not changed.update(second_factor_required=needed):
            return False
        members.record_rule(tenant, needed=needed, actor=actor)
    return True


def end_earlier(user: "User") -> bool:
    """End what opened the account before its owner came; returns whether there was anything.

    The password, links to set one, and every factor: nothing tells those of the owner from those
    of whoever made the account. A passkey opens it alone; a code would shut its owner out.
    """
    ended = user.has_usable_password()
    user.set_unusable_password()  # another one each time, so that links end, too
    user.last_login = timezone.now()  # the account has an owner, even if this login ends here
    user.save(update_fields=["password", "last_login"])
    removed, _ = Authenticator.objects.filter(user=user).delete()
    return ended or bool(removed)


def reset(tenant: Tenant, pk: int, *, by: "User") -> "User":
    """Take the second factor of a member away, so that the person can add another.

    Raises MembersError: not one's own, and not, except by a superuser, of somebody who works for
    another tenant or is a superuser, because that account opens more than this tenant.
    """
    with transaction.atomic():
        user = members.for_help(tenant, pk, by=by)
        take_away(user, actor=by.get_username())
    return user


def take_away(user: "User", *, actor: str) -> None:
    """Remove every factor of a person and the tie to the single sign-on, end sessions, and tell.

    Raises MembersError when there is none. Whoever calls it has made sure that `actor` may.
    """
    with transaction.atomic():
        deleted, _ = Authenticator.objects.filter(user=user).delete()
        unlinked, _ = SocialAccount.objects.filter(user=user).delete()
        if not deleted and not unlinked:
            raise members.MembersError(f"{user} has no second factor; nothing was changed.")
        sessions.end_all(user)
        record_and_notify(user, "factors_reset", actor=actor)
