"""Who works in a tenant: adding, changing and removing members, and the link to a first password.

Nobody types somebody else's password: a new person gets a link that works once. Users are never
deleted; who leaves a tenant loses the membership only. A tenant always keeps an active admin.
"""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from audit import log
from connector.models import Membership, Tenant

Role = Membership.Role

# What each capability of audit/access.py means, in the order of the table on the page.
IN_WORDS: dict[str, str] = {
    "view": "See every page: bills, exceptions, mappings, the trail, settings without secrets",
    "map": "Map vendors, accounts and cost centers",
    "replay": "Have bills tried again",
    "dismiss": "Dismiss bills that were handled outside",
    "decide": "Decide about twins, edited bills and Epicor's questions",
    "approve_vendor": "Approve vendors that others proposed (later)",
    "approve_mapping": "Approve mappings that others proposed",
    "export_mappings": "Export mappings",
    "export_audit": "Export the trail",
    "manage_connections": "Connect Ramp and Epicor, route entities, test",
    "manage_settings": "Set the rules for entering, currencies and dimensions",
    "manage_calendar": "Set the calendar, go live, pause and resume",
    "manage_users": "Add people and give them roles",
}


class PeopleError(ValueError):
    """What a person asked cannot be done; nothing was changed. `field` is the form's."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Added:
    """A new member; `link` is "" for people who have a password already."""

    member: Membership
    link: str = ""


def members(tenant: Tenant) -> list[Membership]:
    """Everybody, with their users, by role and name."""
    found = Membership.objects.filter(tenant=tenant).select_related("user")
    order = list(Role.values)
    return sorted(found, key=lambda one: (order.index(one.role), one.user.get_username()))


def add(tenant: Tenant, who: str, role: str, *, actor: str) -> Membership:
    """Make an existing user a member, found by exact username or e-mail. Raises PeopleError."""
    name = who.strip()
    _check_role(role)
    found = list(User.objects.filter(Q(username=name) | Q(email__iexact=name))[:2]) if name else []
    if len(found) != 1:
        raise PeopleError(_which(name, len(found)), "who")
    with transaction.atomic():
        member = _join(tenant, found[0], role, actor)
        if not found[0].is_staff:  # the login page lets in nobody else
            User.objects.filter(pk=found[0].pk).update(is_staff=True)
    return member


def create(tenant: Tenant, username: str, email: str, role: str, *, actor: str) -> Added:
    """Make a new user without password and a member, with the link to set one.

    Raises PeopleError.
    """
    _check_role(role)
    user = User(username=username.strip(), email=email.strip(), is_staff=True)
    user.set_unusable_password()
    try:
        validate_email(user.email)
        user.full_clean()
    except ValidationError as error:
        raise _refused(error) from None
    if User.objects.filter(
        Q(username__iexact=user.username) | Q(email__iexact=user.email)
    ).exists():
        taken = "There is somebody with this name or e-mail already: add them as an existing user."
        raise PeopleError(taken, "username")
    try:
        with transaction.atomic():
            user.save()
            member = _join(tenant, user, role, actor)
    except IntegrityError:
        raise PeopleError("Somebody made this user just now; look again.", "username") from None
    return Added(member, link_for(user))


def new_link(tenant: Tenant, pk: int, *, actor: str) -> Added:
    """Another link for somebody who never set a password. Raises PeopleError.

    Not for others: whoever may invite must not be able to take over an account.
    """
    member = _member(tenant, pk)
    if member.user.has_usable_password() or member.user.is_superuser:
        raise PeopleError(
            f"{member.user} has a password already. Only a superuser may help with a lost one."
        )
    if not member.user.is_active:
        raise PeopleError(f"{member.user} is inactive; only a superuser may change that.")
    _record(tenant, "invitation_renewed", member.user, actor, member.role, member.role)
    return Added(member, link_for(member.user))


def change_role(tenant: Tenant, pk: int, role: str, *, before: str, actor: str) -> Membership:
    """Give a member another role; `before` is what the person saw. Raises PeopleError."""
    _check_role(role)
    with transaction.atomic():
        member = _locked_member(tenant, pk)
        if member.role != before and member.role != role:
            raise PeopleError(
                f"{member.user} was made {member.role} meanwhile; nothing was changed by you."
            )
        if member.role == role:
            return member
        _keep_an_admin(tenant, member, "given another role")
        old, member.role = member.role, role
        member.save(update_fields=["role"])
        _record(tenant, "membership_saved", member.user, actor, old, role)
    return member


def remove(tenant: Tenant, pk: int, *, actor: str) -> User:
    """End a membership; the user stays. Raises PeopleError."""
    with transaction.atomic():
        member = _locked_member(tenant, pk)
        _keep_an_admin(tenant, member, "removed")
        user: User = member.user
        member.delete()
        _record(tenant, "membership_removed", user, actor, member.role, "")
    return user


# -- the first password ----------------------------------------------------------------------------


def link_for(user: User) -> str:
    """The address at which this person sets a password; works once and for three days."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return f"{settings.PUBLIC_URL}{reverse('set-password', args=[uid, token])}"


def invited(uid: str, token: str, *, lock: bool = False) -> User | None:
    """The person of a link that still works; None for a used, expired or invented one.

    `lock`: nobody else uses the link until the caller's transaction ends.
    """
    rows = User.objects.select_for_update() if lock else User.objects.all()
    try:
        pk = int(urlsafe_base64_decode(uid).decode("ascii"))
        user = rows.filter(pk=pk, is_active=True).first()
    except (ValueError, OverflowError):
        return None
    if user is None or not default_token_generator.check_token(user, token):
        return None
    return user


def password_was_set(user: User) -> None:
    """Say so on the record of every tenant of the person."""
    for member in Membership.objects.filter(user=user).select_related("tenant"):
        name = user.get_username()
        _record(member.tenant, "password_set", user, name, member.role, member.role)


# -- inside ----------------------------------------------------------------------------------------


def _join(tenant: Tenant, user: User, role: str, actor: str) -> Membership:
    if not user.is_active:
        raise PeopleError(f"{user} is inactive; only a superuser may change that.", "who")
    member, new = Membership.objects.get_or_create(
        tenant=tenant, user=user, defaults={"role": role}
    )
    if not new:
        raise PeopleError(f"{user} is a member already, as {member.role}.", "who")
    _record(tenant, "membership_saved", user, actor, "", role)
    return member


def _locked_member(tenant: Tenant, pk: int) -> Membership:
    """The member, while nobody else changes the tenant's people."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    return _member(tenant, pk)


def _member(tenant: Tenant, pk: int) -> Membership:
    found = Membership.objects.filter(tenant=tenant, pk=pk).select_related("user").first()
    if found is None:
        raise PeopleError("This person is no member any more; nothing was changed.")
    return found


def _keep_an_admin(tenant: Tenant, member: Membership, what: str) -> None:
    if member.role != Role.ADMIN:
        return
    others = Membership.objects.filter(tenant=tenant, role=Role.ADMIN, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise PeopleError(
            f"{member.user} is the last admin of {tenant} and cannot be {what}. Make somebody "
            "else an admin first."
        )


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise PeopleError(f"Choose a role: {', '.join(Role.values)}.", "role")


def _which(name: str, count: int) -> str:
    if not name:
        return "Give the exact username or e-mail."
    if count:
        return f"More than one user has the e-mail {name}; give the username."
    return f"There is no user {name}. Check the spelling, or make a new user below."


def _refused(error: ValidationError) -> PeopleError:
    if hasattr(error, "error_dict"):
        name, texts = next(iter(error.message_dict.items()))
        return PeopleError(" ".join(texts), name)
    return PeopleError(" ".join(error.messages), "email")


def _record(tenant: Tenant, action: str, user: User, actor: str, before: str, after: str) -> None:
    log.record(
        tenant.pk,
        action,
        subject_kind="user",
        subject_id=user.get_username(),
        actor=actor,
        body={"before": before, "after": after},
    )
