"""Administration by superusers: tenants, who may work in them, users, logins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit.admin import AttemptAdmin, AuditEntryAdmin, PostingAdmin
from audit.ledger.models import Posting
from audit.superusers import ReadOnlyAdmin, SuperuserAdmin
from audit.trail import log as audit_log
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions.job_results import result_text
from connector.http_client.redaction import redact, redact_text
from connector.jobs.models import Job
from connector.tenants import members
from connector.tenants.models import EntityRoute, Membership, Tenant

admin.autodiscover()  # the pages of every app first, so that some can be taken away

# The queue's own pages run any function that is typed in, and run finished jobs again. Groups open
# nothing. Users and logins have pages of ours below, which permissions alone do not open. Second
# factors are their owners'; what logs in from elsewhere is set by the environment alone.
_QUEUE, _LOGINS = (Schedule, Success, Failure, OrmQ), (AccessAttempt, AccessLog, AccessFailureLog)
_FACTORS = (Authenticator, EmailAddress, EmailConfirmation, SocialAccount, SocialApp, SocialToken)
for _model in (*_QUEUE, *_LOGINS, *_FACTORS, User, Group):
    try:
        admin.site.unregister(_model)
    except NotRegistered:
        continue


@admin.register(Tenant)
class TenantAdmin(SuperuserAdmin):
    """Tenants. Their connections are on the settings page; secrets are shown nowhere."""

    list_display = ("name", "slug", "time_zone", "paused_at")
    fields = ("name", "slug", "time_zone", "paused_reason", "paused_at", "created_at")
    readonly_fields = ("slug", "time_zone", "paused_reason", "paused_at", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tenants are made by the setup, or whole with `configure_tenant`."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The record of a tenant stays."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Tenant,
        form: Form,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save, and say so on the record."""
        super().save_model(request, obj, form, change)
        _record(request, obj.pk, "tenant_changed", "tenant", obj.slug, {"changed": ["name"]})


class MembershipForm(ModelForm):  # type: ignore[type-arg]  # not at run time
    """A tenant keeps an active admin, here as on its own page."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse another role for the last admin."""
        stored, role = self.instance, self.cleaned_data.get("role")
        if stored.pk and role and role != stored.role:
            members.lock(stored.tenant_id)
            with _in_the_form():
                members.keep_the_last(stored.tenant, stored, "given another role")
        return super().clean()


@admin.register(Membership)
class MembershipAdmin(SuperuserAdmin):
    """Who may do what in which tenant; every change goes on the tenant's record.

    Not offered: People is the way. An address of a membership still opens.
    """

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the list of what there is to administer."""
        return False

    form = MembershipForm
    list_display = ("user", "tenant", "role")
    list_filter = ("role",)  # a list of all tenants has no end; the search finds them
    search_fields = ("user__username", "tenant__slug")
    list_per_page = 50
    list_select_related = ("user", "tenant")
    autocomplete_fields = ("user",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        """A membership is one person's in one tenant; only the role can become another."""
        return () if obj is None else ("user", "tenant")

    def save_model(
        self,
        request: HttpRequest,
        obj: Membership,
        form: Form,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save, and say so on the record of the tenant."""
        if change:
            before = Membership.objects.get(pk=obj.pk).role
            actor = request.user.get_username()
            members.change_role(obj.tenant, obj.pk, obj.role, before=before, actor=actor)
            return
        super().save_model(request, obj, form, change)
        actor = request.user.get_username()
        members.record_role(obj.tenant, "membership_saved", obj.user, actor, "", obj.role)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """What would go; last admins stay, and the page says why."""
        found, counts, needed, protected = super().get_deleted_objects(objs, request)
        gone = {obj.pk for obj in objs}
        for obj in objs:
            try:
                members.keep_the_last(obj.tenant, obj, "removed", others_gone=gone)
            except members.MembersError as error:
                protected = [*protected, str(error)]
        return found, counts, needed, protected

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Remove, and say so on the record."""
        try:
            members.remove(obj.tenant, obj.pk, actor=request.user.get_username())
        except members.MembersError as error:  # somebody else was faster
            raise PermissionDenied(str(error)) from error

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """Remove one by one, so that each is on the record."""
        with transaction.atomic():
            for obj in queryset.select_related("user", "tenant"):
                self.delete_model(request, obj)


@admin.register(EntityRoute)
class EntityRouteAdmin(ReadOnlyAdmin):
    """Which Epicor company a Ramp entity's bills go to; set by the tenant file."""

    list_display = ("tenant", "ramp_entity_id", "company", "site")
    list_filter = ("tenant",)
    list_select_related = ("tenant",)


class HidingAdmin(ReadOnlyAdmin):
    """Shows a row with everything that looks like a credential taken out once more."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        """The row as it may be shown; it is never stored from here."""
        row: Model | None = super().get_object(request, object_id, from_field)
        for field in row._meta.concrete_fields if row is not None else ():
            value = getattr(row, field.attname)
            if isinstance(value, str | dict | list) and not field.primary_key:
                setattr(row, field.attname, redact(value))
        return row


@admin.register(Job)
class JobAdmin(HidingAdmin):
    """Runs and what people requested, newest first."""

    list_display = ("tenant", "kind", "actor", "created_at", "finished_at", "state", "result")
    list_filter = ("tenant", "kind", "state")
    list_select_related = ("tenant",)

    @admin.display(description="result")
    def result(self, job: Job) -> str:
        """What came of it."""
        return redact_text(result_text(job))


@admin.register(Posting)
class PostingPage(HidingAdmin, PostingAdmin):
    """Postings by state and hold."""


@admin.register(Attempt)
class AttemptPage(HidingAdmin, AttemptAdmin):
    """Every write to either system."""


@admin.register(AuditEntry)
class AuditEntryPage(HidingAdmin, AuditEntryAdmin):
    """The trail, newest first."""


class UserForm(UserChangeForm):  # type: ignore[misc]  # unfold ships no types
    """Refuse to shut out the last admin of a tenant."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse to shut out the last admin of a tenant."""
        found: dict[str, Any] | None = super().clean()
        data, user = found or self.cleaned_data, self.instance
        let_in = user.pk and user.is_active and user.is_staff
        if let_in and not (data.get("is_active") and data.get("is_staff")):
            with _in_the_form():
                members.keep_admins_without(self.instance)
        return found


_TOLD = {
    "is_active": "active",
    "is_superuser": "superuser",
    "is_staff": "may log in",
    "email": "e-mail",
}


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperuserAdmin):  # type: ignore[type-arg]
    """People. Someone who leaves is made inactive: deleting would take their memberships along.

    A name stays what it was: the record knows people by it, and who proposed what.
    """

    actions = None  # nothing is done to many people at once
    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ("is_active", "is_superuser")
    filter_horizontal = ()
    # Groups and single permissions are not offered: they would open nothing.
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        """The name of somebody who is there already, and what only happens."""
        return () if obj is None else ("username", "last_login", "date_joined")

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: Form,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save, and say so on the record; a new user is staff: the login lets in nobody else."""
        if not change:
            obj.is_staff = True
        stored = User.objects.filter(pk=obj.pk).values(*_TOLD).first() or {}
        super().save_model(request, obj, form, change)
        changed = {
            _TOLD[name]: (before, getattr(obj, name))
            for name, before in stored.items()
            if before != getattr(obj, name)
        }
        members.record_account(obj, changed, actor=request.user.get_username())

    @method_decorator(sensitive_post_parameters())
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Another password for somebody, or none; on the record, without the password."""
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            answer: HttpResponse = super().user_change_password(request, id, form_url)
            after = self.get_object(request, unquote(id))
            if before is not None and after is not None and before.password != after.password:
                members.record_account(after, {"password": None}, actor=request.user.get_username())
        return answer

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """People stay on the record."""
        return False


# -- who tried to log in ---------------------------------------------------------------------------


@admin.register(AccessAttempt)
class AttemptsAdmin(AccessAttemptAdmin, SuperuserAdmin):  # type: ignore[misc]
    """Failed logins that count towards a lock; deleting one opens it again."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the list of what there is to administer; the address opens."""
        return False


@admin.register(AccessLog)
class LoginsAdmin(AccessLogAdmin, SuperuserAdmin):  # type: ignore[misc]
    """Logins and logouts."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the list of what there is to administer; the address opens."""
        return False


@admin.register(AccessFailureLog)
class FailuresAdmin(AccessFailureLogAdmin, SuperuserAdmin):  # type: ignore[misc]
    """Failed logins."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the list of what there is to administer; the address opens."""
        return False


@contextmanager
def _in_the_form() -> Iterator[None]:
    """Shows why members.py refuses in the form."""
    try:
        yield
    except members.MembersError as error:
        raise ValidationError(str(error)) from error


def _record(
    request: HttpRequest, tenant_id: int, action: str, kind: str, subject: str, body: dict[str, Any]
) -> None:
    audit_log.record(
        tenant_id,
        action,
        subject_kind=kind,
        subject_id=subject,
        actor=request.user.get_username(),
        body=body,
    )
