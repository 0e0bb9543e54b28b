"""Who works in a tenant: adding, changing and removing members, and the link to a first password.

Nobody types somebody else's password: a new person gets a link that works once, and only while
the person is a member of exactly what they were when it was made. Users are never deleted; who
leaves a tenant loses the membership only. A tenant always keeps an active admin, and an approver
while its mappings need approval.

Users belong to the installation, and an admin to one tenant: whoever cannot log in yet and works
for another tenant can be added by nobody but a superuser, or the link made here would open theirs.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from audit.trail import log
from connector.tenants.models import Membership, Tenant
from mappings.decisions import needs_approval, require_approval

Role = Membership.Role

# What each capability of audit/permissions.py means, in the order of the table on the page.
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


class MembersError(ValueError):
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
    """Make an existing user a member, found by exact username or e-mail. Raises MembersError."""
    name = who.strip()
    _check_role(role)
    if not name:
        raise MembersError("Give the exact username or e-mail.", "who")
    if len(name) > _LONGEST_ADDRESS:  # no account is called so
        raise MembersError(_NOBODY.format(name=f"{name[:40]}…"), "who")
    with transaction.atomic():
        named = User.objects.select_for_update().filter(Q(username=name) | Q(email__iexact=name))
        found = [one for one in named if one.username == name or same_address(one.email, name)]
        if len(found) != 1 or not _may_join(tenant, found[0]):
            raise MembersError(_NOBODY.format(name=name), "who")
        member = _join(tenant, found[0], role, actor)
        if not found[0].is_staff:  # the login page lets in nobody else
            User.objects.filter(pk=found[0].pk).update(is_staff=True)
    return member


def same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are one; databases take more letters for the same (ı for i)."""
    first, second = (unicodedata.normalize("NFKC", text).casefold() for text in (one, other))
    return one.isascii() == other.isascii() and first == second


def create(tenant: Tenant, username: str, email: str, role: str, *, actor: str) -> Added:
    """Make a new user without password and a member, with the link to set one.

    Raises MembersError.
    """
    _check_role(role)
    user = User(username=username.strip(), email=email.strip(), is_staff=True)
    user.set_unusable_password()
    try:
        validate_email(user.email)
        user.full_clean(validate_unique=False)
    except ValidationError as error:
        raise _refused(error) from None
    if User.objects.filter(
        Q(username__iexact=user.username) | Q(email__iexact=user.email)
    ).exists():
        raise MembersError(_TAKEN, "username")
    try:
        with transaction.atomic():
            user.save()
            member = _join(tenant, user, role, actor)
    except IntegrityError:
        raise MembersError(_TAKEN, "username") from None
    return Added(member, link_for(user))


def new_link(tenant: Tenant, pk: int, *, actor: str, superuser: bool = False) -> Added:
    """Another link for somebody who never set a password. Raises MembersError.

    Not for who has logged in, by whatever way, and not for people of another tenant, except by a
    superuser: whoever may invite must not be able to take over an account.
    """
    member = _member(tenant, pk)
    if member.user.has_usable_password():
        raise MembersError(
            f"{member.user} has a password already. Only a superuser may help with a lost one."
        )
    if tied([member.user.pk]):
        raise MembersError(
            f"{member.user} logs in by single sign-on and can set a password under Your account."
        )
    opens_more = member.user.is_superuser or _works_elsewhere(tenant, member.user)
    if not superuser and opens_more:
        raise MembersError(f"Only a superuser may give {member.user} a password.")
    if not superuser and member.user.last_login is not None:
        raise MembersError(
            f"{member.user} has logged in before, so the account is theirs: only a superuser may "
            "give them a password. Nothing was changed."
        )
    if not member.user.is_active:
        raise MembersError(f"{member.user} is inactive; only a superuser may change that.")
    record_role(tenant, "invitation_renewed", member.user, actor, member.role, member.role)
    return Added(member, link_for(member.user))


def tied(user_ids: Collection[int]) -> set[int]:
    """Who of these people logs in by single sign-on; nobody while none is set up."""
    if not settings.OIDC_ISSUER:
        return set()
    found = SocialAccount.objects.filter(user_id__in=user_ids)
    return set(found.values_list("user_id", flat=True))


def change_role(tenant: Tenant, pk: int, role: str, *, before: str, actor: str) -> Membership:
    """Give a member another role; `before` is what the person saw. Raises MembersError."""
    _check_role(role)
    with transaction.atomic():
        member = _locked_member(tenant, pk)
        if member.role != before and member.role != role:
            raise MembersError(
                f"{member.user} was made {member.role} meanwhile; nothing was changed by you."
            )
        if member.role == role:
            return member
        keep_the_last(tenant, member, "given another role")
        old, member.role = member.role, role
        member.save(update_fields=["role"])
        record_role(tenant, "membership_saved", member.user, actor, old, role)
    return member


def remove(tenant: Tenant, pk: int, *, actor: str) -> User:
    """End a membership; the user stays. Raises MembersError."""
    with transaction.atomic():
        member = _locked_member(tenant, pk)
        keep_the_last(tenant, member, "removed")
        user: User = member.user
        member.delete()
        record_role(tenant, "membership_removed", user, actor, member.role, "")
    return user


# -- the first password ----------------------------------------------------------------------------


class _Invitations(PasswordResetTokenGenerator):
    """Links that end with what they were made for: the memberships, and no power beyond them.

    Whoever made a link has seen it. It must not open more than what its maker gave.
    """

    key_salt = "connector.tenants.members.invitation"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        mine = Membership.objects.filter(user_id=user.pk).order_by("pk")
        ids = ",".join(str(pk) for pk in mine.values_list("pk", flat=True))
        return f"{super()._make_hash_value(user, timestamp)} {ids} {user.is_superuser}"


_invitations = _Invitations()


def link_for(user: User) -> str:
    """The address at which this person sets a password; works once and for three days."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = _invitations.make_token(user)
    return f"{settings.PUBLIC_URL}{reverse('set-password', args=[uid, token])}"


def invited(uid: str, token: str, *, lock: bool = False) -> User | None:
    """The person of a link that still works; None for a used, expired, ended or invented one.

    `lock`: nobody else uses the link until the caller's transaction ends.
    """
    rows = User.objects.select_for_update() if lock else User.objects.all()
    try:
        pk = int(urlsafe_base64_decode(uid).decode("ascii"))
        user = rows.filter(pk=pk, is_active=True).first()
    except (ValueError, OverflowError):
        return None
    if user is None or not _invitations.check_token(user, token):
        return None
    return user


def keep_admins_without(user: User) -> None:
    """Raise MembersError when a tenant needs what only this person does. In a transaction."""
    mine = Membership.objects.filter(user=user, role__in=(Role.ADMIN, Role.APPROVER))
    lock(*mine.values_list("tenant_id", flat=True))
    for member in mine.select_related("user", "tenant"):
        keep_the_last(member.tenant, member, "shut out")


def record_account(
    user: User, changed: Mapping[str, tuple[Any, Any] | None], *, actor: str
) -> None:
    """Say on the record of every tenant of the person what was changed of the account.

    `changed`: by name what it was and is; None for what nobody may read, such as a password. A
    superuser may do everything everywhere, so making one is on the record of every tenant.
    """
    tenants = Tenant.objects.order_by("pk")
    if "superuser" not in changed:
        tenants = tenants.filter(memberships__user=user)
    changes = {name: list(values) for name, values in changed.items() if values is not None}
    for tenant_id in tenants.values_list("pk", flat=True) if changed else ():
        log.record(
            tenant_id,
            "user_changed",
            subject_kind="user",
            subject_id=user.get_username(),
            actor=actor,
            body={"changed": list(changed)},
            changes=changes,
        )


def for_help(tenant: Tenant, pk: int, *, by: User) -> User:
    """The locked user of a member whose login this person may help with. In a transaction.

    Raises MembersError: nobody helps themselves, and an admin of one tenant must not open an
    account that works for another or may do everything.
    """
    user: User = User.objects.select_for_update().get(pk=_member(tenant, pk).user_id)
    if user.pk == by.pk:
        raise MembersError("This is your own account: change it under Your account.")
    if not by.is_superuser and (user.is_superuser or _works_elsewhere(tenant, user)):
        raise MembersError(f"Only a superuser may do this for {user}.")
    return user


def record_login(user: User, what: str, *, actor: str) -> None:
    """Say on the record what was changed of how somebody logs in; `what` is a word of sentences.py.

    On that of every tenant of the person; of every tenant there is for a superuser.
    """
    tenants = Tenant.objects.order_by("pk")
    if not user.is_superuser:
        tenants = tenants.filter(memberships__user=user)
    for tenant_id in tenants.values_list("pk", flat=True):
        log.record(
            tenant_id,
            "login_changed",
            subject_kind="user",
            subject_id=user.get_username(),
            actor=actor,
            body={"what": what},
        )


def record_rule(tenant: Tenant, *, needed: bool, actor: str) -> None:
    """Say on the record that everybody here needs a second factor, or no longer."""
    log.record(
        tenant.pk,
        "second_factor_rule",
        subject_kind="tenant",
        subject_id=tenant.slug,
        actor=actor,
        changes={"second_factor": [not needed, needed]},
    )


def password_was_set(user: User) -> None:
    """Say so on the record of every tenant of the person."""
    for member in Membership.objects.filter(user=user).select_related("tenant"):
        name = user.get_username()
        record_role(member.tenant, "password_set", user, name, member.role, member.role)


# -- inside ----------------------------------------------------------------------------------------

# One sentence whatever is the case: an admin of one tenant learns nothing about other accounts.
_LONGEST_ADDRESS = 254  # of an e-mail address, by RFC 5321
_NOBODY = (
    "{name} cannot be added. Check the spelling: the exact username, or an e-mail that one person "
    "has. Who cannot log in yet is added by a superuser; for somebody new make a user below."
)
_TAKEN = (
    "This username or e-mail cannot be given to a new user. Whoever logs in here already is added "
    "as an existing user."
)


def _may_join(tenant: Tenant, user: User) -> bool:
    """Whether an admin may add this account: it works, or it is nobody's but this tenant's."""
    known = Membership.objects.filter(tenant=tenant, user=user).exists()
    logs_in = user.has_usable_password() or bool(tied([user.pk]))
    mine = logs_in or not _works_elsewhere(tenant, user)
    return known or (user.is_active and mine)


def _works_elsewhere(tenant: Tenant, user: User) -> bool:
    return Membership.objects.filter(user=user).exclude(tenant=tenant).exists()


def _join(tenant: Tenant, user: User, role: str, actor: str) -> Membership:
    member, new = Membership.objects.get_or_create(
        tenant=tenant, user=user, defaults={"role": role}
    )
    if not new:
        raise MembersError(f"{user} is a member already, as {member.role}.", "who")
    record_role(tenant, "membership_saved", user, actor, "", role)
    return member


def lock(*tenant_ids: int) -> None:
    """Nobody else changes the people of these tenants until the caller's transaction ends."""
    list(Tenant.objects.select_for_update().filter(pk__in=tenant_ids).order_by("pk"))


def _locked_member(tenant: Tenant, pk: int) -> Membership:
    lock(tenant.pk)
    return _member(tenant, pk)


def _member(tenant: Tenant, pk: int) -> Membership:
    found = Membership.objects.filter(tenant=tenant, pk=pk).select_related("user").first()
    if found is None:
        raise MembersError("This person is no member any more; nothing was changed.")
    return found


def keep_the_last(
    tenant: Tenant, member: Membership, what: str, *, others_gone: Collection[int] = ()
) -> None:
    """Raise MembersError when nobody active would be left who does what only this member does.

    That is an admin, and an approver where changes of mappings need one. `others_gone`: members
    who go with this one. Call it while the tenant's people are locked.
    """
    if member.role not in (Role.ADMIN, Role.APPROVER):
        return
    if _active(tenant, member.role).exclude(pk__in={member.pk, *others_gone}).exists():
        return
    if member.role == Role.ADMIN:
        raise MembersError(
            f"{member.user} is the last admin of {tenant} and cannot be {what}. Make somebody "
            "else an admin first."
        )
    if needs_approval(tenant.pk):
        raise MembersError(
            f"{member.user} is the last approver of {tenant} and cannot be {what} while changes of "
            "mappings need approval. Make somebody else an approver first, or let changes count "
            "at once."
        )


def _active(tenant: Tenant, role: str) -> QuerySet[Membership]:
    return Membership.objects.filter(tenant=tenant, role=role, user__is_active=True)


def have_mappings_approved(tenant: Tenant, *, needed: bool, actor: str) -> int:
    """Say whether mappings need approval; returns how many proposals wait.

    Raises MembersError when nobody is there who could approve.
    """
    with transaction.atomic():
        lock(tenant.pk)
        if needed and not _active(tenant, Role.APPROVER).exists():
            raise MembersError(
                f"Nobody in {tenant} is an approver, so no change of a mapping would ever count. "
                "Make somebody an approver on People first. Nothing was changed."
            )
        return require_approval(tenant.pk, needed=needed, actor=actor)


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise MembersError(f"Choose a role: {', '.join(Role.values)}.", "role")


def _refused(error: ValidationError) -> MembersError:
    if hasattr(error, "error_dict"):
        name, texts = next(iter(error.message_dict.items()))
        return MembersError(" ".join(texts), name)
    return MembersError(" ".join(error.messages), "email")


def record_role(
    tenant: Tenant, action: str, user: User, actor: str, before: str, after: str
) -> None:
    """Say on the record which role somebody had here and has now, "" for none."""
    log.record(
        tenant.pk,
        action,
        subject_kind="user",
        subject_id=user.get_username(),
        actor=actor,
        changes={"role": [before, after]},
    )
