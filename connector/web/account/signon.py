"""To the single sign-on and back."""

from allauth.account.utils import get_next_redirect_url
from allauth.core.internal.ratelimit import consume
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from connector.accounts import sessions
from connector.accounts.signon import PROVIDER, Provider, refused


@never_cache
@require_safe
def go(request: HttpRequest) -> HttpResponse:
    """To the provider. A link and no form: the policy lets no form end elsewhere.

    Another site cannot send anybody on the way: the browser says from where a link came.
    """
    _configured()
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return refused(request, "Log in from this page.")
    if not consume(request, app="allauth.account", action="single_sign_on", limit_get=True):
        return refused(request, "Too many logins from your network. Try again in a minute.")
    try:
        provider = Provider(request, PROVIDER).get_provider()
        answer: HttpResponse = provider.redirect(
            request, process="login", next_url=get_next_redirect_url(request)
        )
    except (OAuth2Error, RequestException):
        sentence = (
            "The single sign-on does not answer as it should. Try again in a minute, or log in "
            "another way."
        )
        return refused(request, sentence)
    sessions.briefly(request)
    return answer


@never_cache
@require_safe
def back(request: HttpRequest) -> HttpResponse:
    """From the provider, with its word for who this is."""
    _configured()
    view = OAuth2CallbackView.adapter_view(Provider(request, PROVIDER))
    answer: HttpResponse = view(request)
    return answer


def _configured() -> None:
    """Raise Http404 where no provider is."""
    if not settings.OIDC_ISSUER:
        raise Http404("No such page.")


urlpatterns = [
    path("account/sso/", go, name="single-sign-on"),
    path("account/sso/back/", back, name="single-sign-on-back"),
]
