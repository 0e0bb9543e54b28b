"""One's own password: guessing the old one counts like a failed login, and a change is told."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from connector.accounts import factors, sessions
from connector.web.account.security import InLayout


class ChangeForm(PasswordChangeForm):
    """Checks the old password the way the login does, so that guessing locks the name."""

    def __init__(self, request: HttpRequest, **more: Any) -> None:
        super().__init__(**more)
        self._request = request

    @sensitive_variables("old")
    def clean_old_password(self) -> str:
        """Return the old password. Raises ValidationError; the middleware answers a lock."""
        old: str = self.cleaned_data["old_password"]
        name = self.user.get_username()
        if authenticate(self._request, username=name, password=old) != self.user:
            raise ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return old


def _has_none(request: HttpRequest) -> bool:
    """Whether the person logs in without a password."""
    return request.user.is_authenticated and not request.user.has_usable_password()


@method_decorator(never_cache, name="dispatch")
@method_decorator(reauthentication_required(enabled=_has_none), name="dispatch")
class Change(InLayout, PasswordChangeView):
    """Change one's own password; every other session of the person ends.

    Who has none, and has just logged in by another way, sets one.
    """

    title = "Change the password"
    template_name = "connector/account_password.html"
    success_url = reverse_lazy("account")

    def get_form(self, form_class: Any = None) -> Any:
        """The form that asks for the old password, if there is one."""
        if _has_none(self.request):
            self.title = "Set a password"
            return SetPasswordForm(**self.get_form_kwargs())
        return ChangeForm(self.request, **self.get_form_kwargs())

    def form_valid(self, form: Any) -> HttpResponse:
        """Change it, say so on the record and by mail, and go on in this session."""
        had = not _has_none(self.request)
        with transaction.atomic():
            form.save()
            sessions.end_others(self.request, form.user)  # who waits at the code page, too
            what = "password_changed" if had else "password_set"
            factors.record_and_notify(form.user, what, actor=form.user.get_username())
        update_session_auth_hash(self.request, form.user)
        done = "changed" if had else "set"
        messages.success(self.request, f"The password is {done}. Other sessions have ended.")
        return redirect(str(self.success_url))


urlpatterns = [
    # The address of the administration's own form, which neither counts nor tells.
    path("admin/password_change/", Change.as_view(), name="password-change"),
]
