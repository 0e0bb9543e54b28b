"""Single sign-on by OpenID Connect: whose word is believed, and for which of our people.

The provider says who somebody is; what that person may do here is said by memberships alone.
Nobody gets an account by logging in: an address has to be one of our people's, and verified.
"""

import hashlib
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from connector.accounts import discovery, factors, sessions
from connector.tenants import members

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

PROVIDER = "sso"  # the one provider there is, in SOCIALACCOUNT_PROVIDERS
_LONGEST_ID = 160  # characters; with the issuer it fits into the column
_NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
_USED = ("userinfo_endpoint", "token_endpoint_auth_methods_supported")


class NotOurs(Exception):  # noqa: N818 (an answer for the person, not an error)
    """The provider's answer is no login here; the sentence says why."""


class Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # not at type-checking time
    """The provider of OIDC_ISSUER; what it says has to be whole, and of that issuer."""

    def get_provider(self) -> Any:
        """The provider as configured, which asks this class."""
        found = super().get_provider()
        found.oauth2_adapter_class = type(self)
        return found

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        """Its addresses, as it told them lately.

        Raises OAuth2Error when they are not those of an OpenID provider, and RequestException.
        """
        return discovery.remembered(settings.OIDC_ISSUER, self._ask)

    def _ask(self) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.get_provider().server_url)
            answer.raise_for_status()
            found = answer.json()
        if not isinstance(found, dict) or not all(isinstance(found.get(n), str) for n in _NEEDED):
            raise OAuth2Error("The provider's configuration is not whole.")
        if found["issuer"].rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error("The provider's configuration is that of another issuer.")
        return {name: found[name] for name in (*_NEEDED, *_USED) if name in found}

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Our public address, as it is registered at the provider."""
        return f"{settings.PUBLIC_URL}{reverse('single-sign-on-back')}"

    def get_access_token_data(self, *args: Any, **more: Any) -> Any:
        """The answer to the code. Raises OAuth2Error when it cannot be read."""
        try:
            return super().get_access_token_data(*args, **more)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("The provider's answer cannot be read.") from error

    def parse_token(self, data: Any) -> Any:
        """Its token. Raises OAuth2Error when it is none."""
        try:
            return super().parse_token(data)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise OAuth2Error("The provider's token cannot be read.") from error

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **more: Any) -> Any:
        """Who it says that this is. Raises OAuth2Error without an id token of the same person."""
        answer = more.get("response")
        if not isinstance(answer, dict) or not answer.get("id_token"):
            raise OAuth2Error("The provider sent no id token.")
        claims = self._decode_id_token(app, answer["id_token"])
        sub = str(claims.get("sub") or "")
        if not 0 < len(sub) <= _LONGEST_ID or "\x00" in sub:
            raise OAuth2Error("The id token names nobody.")
        said = dict(claims)
        if "email" not in said and "userinfo_endpoint" in self.openid_config:
            more_said = self._fetch_user_info(token.token)
            if not isinstance(more_said, dict) or more_said.get("sub") != claims["sub"]:
                raise OAuth2Error("The provider's user information is about somebody else.")
            said = {**more_said, **claims}
        login = self.get_provider().sociallogin_from_response(request, {"id_token": said})
        login.account.uid = f"{_issuer()}{sub}"
        return login


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # not at type-checking time
    """Ties the provider's people to ours; makes none."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """No: administrators make accounts."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find whose account it is; whom we do not know is sent back to the login page."""
        try:
            sociallogin.user = _owner(request, sociallogin.account)
        except NotOurs as error:
            raise ImmediateHttpResponse(refused(request, str(error))) from None

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        **_: Any,
    ) -> None:
        """The login page with a sentence; the log has the kind of error, never what was sent."""
        logger.warning("Single sign-on failed: %s %s", error, type(exception).__name__)
        raise ImmediateHttpResponse(
            refused(request, "The single sign-on was not finished. Try again, or take another way.")
        )


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """Back to the login page with the reason."""
    messages.error(request, sentence)
    return redirect("account_login")


def _issuer() -> str:
    """What every id of the issuer begins with: an equal id of another issuer is another person."""
    return hashlib.sha256(settings.OIDC_ISSUER.encode()).hexdigest()[:16] + ":"


def _owner(request: HttpRequest, account: SocialAccount) -> "User":
    """Whose account this is here. Raises NotOurs.

    Known by the provider's own id once it was used; the first time by the verified address. An
    address that the provider gave to somebody else meanwhile opens nothing. The first time ends the
    other sessions of the account, its password and its factors: nobody had shown before that the
    address is theirs, so whoever made the account may have them.
    """
    address = _verified(account.extra_data.get("id_token", {}))
    linked = SocialAccount.objects.filter(provider=account.provider, uid=account.uid).first()
    if linked is not None:
        SocialAccount.objects.filter(pk=linked.pk).update(extra_data={})  # we keep no claims
        return cast("User", linked.user)
    with transaction.atomic():
        rows = get_user_model().objects.select_for_update()
        alike = rows.filter(email__iexact=address, is_active=True, is_staff=True)
        found = [user for user in alike if members.same_address(user.email, address)]
        if len(found) != 1 or not _works_here(found[0]):
            raise NotOurs(f"Nobody here has the address {address}. Ask your administrator.")
        user = found[0]
        known = SocialAccount.objects.filter(provider=account.provider, uid=account.uid).first()
        if known is not None:  # sent twice, and the other one was faster
            return cast("User", known.user)
        ties = SocialAccount.objects.filter(provider=account.provider, user=user)
        if ties.filter(uid__startswith=_issuer()).exists():
            raise NotOurs(
                "This account belongs to another login of the single sign-on. Ask your "
                "administrator to remove the second factor, which ends the old one too."
            )
        ties.delete()  # of an issuer that is not believed any more
        account.user, account.extra_data = user, {}
        account.save()
        sessions.end_others(request, user)
        ended = factors.end_earlier(user)
        what = "sign_on_only" if ended else "sign_on_linked"
        factors.record_and_notify(user, what, actor=user.get_username())
    return user


def _verified(claims: dict[str, Any]) -> str:
    """The address, if the provider vouches for it and its domain is allowed. Raises NotOurs."""
    address = claims.get("email")
    if not isinstance(address, str) or "@" not in address:
        raise NotOurs("The single sign-on told no e-mail address.")
    if not address.isascii():  # databases disagree about which letters are the same
        raise NotOurs("Addresses with letters beyond a to z are not let in here.")
    vouched = claims.get("email_verified") in (True, "true")
    if not vouched and not settings.OIDC_EMAILS_VERIFIED:
        raise NotOurs("The single sign-on does not vouch for your e-mail address.")
    domain = address.rpartition("@")[2].lower()
    if settings.OIDC_ALLOWED_DOMAINS and domain not in settings.OIDC_ALLOWED_DOMAINS:
        raise NotOurs("Addresses of this domain are not let in here.")
    return address


def _works_here(user: "User") -> bool:
    return user.is_superuser or user.memberships.exists()
