"""Administration by superusers: tenants, who may work in them, users and groups."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.forms import Form
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audit import log as audit_log
from connector.models import EntityRoute, Membership, SyncRun, Tenant

# The queue's own pages run any function that is typed in, and run finished jobs again.
for _model in (Schedule, Success, Failure, OrmQ, User, Group):
    try:
        admin.site.unregister(_model)
    except NotRegistered:
        continue


class SuperuserAdmin(ModelAdmin):  # type: ignore[misc]
    """Pages that only a superuser sees, whatever permissions a group gives."""

    actions = None  # rows are not picked here: what changes many is on the pages of a tenant

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)


class ReadOnlyAdmin(SuperuserAdmin):
    """Pages to look at; the rows are made elsewhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


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


@admin.register(Membership)
class MembershipAdmin(SuperuserAdmin):
    """Who may do what in which tenant; every change goes on the tenant's record.

    Not offered: People is the way. An address of a membership still opens.
    """

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the list of what there is to administer."""
        return False

    list_display = ("user", "tenant", "role")
    list_filter = ("tenant", "role")
    list_select_related = ("user", "tenant")
    autocomplete_fields = ("user",)

    def save_model(
        self,
        request: HttpRequest,
        obj: Membership,
        form: Form,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save, and say so on the record of the tenant; of both when it moved."""
        before = Membership.objects.filter(pk=obj.pk).select_related("user").first()
        super().save_model(request, obj, form, change)
        if before is not None and before.tenant_id != obj.tenant_id:
            self._tell(request, before, "membership_removed", before=before.role, after="")
            before = None
        role = before.role if before else ""
        self._tell(request, obj, "membership_saved", before=role, after=obj.role)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Remove, and say so on the record."""
        self._tell(request, obj, "membership_removed", before=obj.role, after="")
        super().delete_model(request, obj)

    def _tell(
        self, request: HttpRequest, obj: Membership, action: str, *, before: str, after: str
    ) -> None:
        body = {"before": before, "after": after}
        _record(request, obj.tenant_id, action, "user", obj.user.get_username(), body)


@admin.register(EntityRoute)
class EntityRouteAdmin(ReadOnlyAdmin):
    """Which Epicor company a Ramp entity's bills go to; set by the tenant file."""

    list_display = ("tenant", "ramp_entity_id", "company", "site")
    list_filter = ("tenant",)
    list_select_related = ("tenant",)


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    """The cycles that ran, newest first."""

    list_display = ("tenant", "started_at", "finished_at", "error")
    list_filter = ("tenant",)
    list_select_related = ("tenant",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperuserAdmin):  # type: ignore[type-arg, misc]
    """People. Someone who leaves is made inactive: deleting would take their memberships along."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: Form,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save; a new user is staff, because the login page lets in nobody else."""
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """People stay on the record."""
        return False


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, SuperuserAdmin):  # type: ignore[misc]
    """Groups of permissions; not offered, because roles say who may do what."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the list of what there is to administer."""
        return False


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


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
