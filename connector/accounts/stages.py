"""The step of a login that asks for the second factor."""

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from connector.accounts import factors


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]  # not at type-checking time
    """Asks whoever has a factor, but for a single sign-on that counts as both."""

    def _should_handle(self, request: HttpRequest) -> bool:
        user = self.login.user
        if user is not None and factors.by_single_sign_on(request, user):
            return False
        return bool(super()._should_handle(request))
