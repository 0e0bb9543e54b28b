"""What happens to every request: the browser's rules, and whose data it may see."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from connector.http_server.client_address import client_address, is_trusted

if TYPE_CHECKING:
    pass

_Next = Callable[[HttpRequest], HttpResponse]

# 'unsafe-eval' is for the shell's Alpine; inline scripts stay forbidden.
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


class TrustedProxies:
    """Sets REMOTE_ADDR to the client's address, and forgets what others than our proxies claim.

    The first middleware, so that everything that reads an address, or asks whether the request
    came by HTTPS, gets what is true.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = str(request.META.get("REMOTE_ADDR") or "")
        if is_trusted(peer, settings.TRUSTED_PROXIES):
            chain = str(request.META.get("HTTP_X_FORWARDED_FOR") or "")
            client = client_address(peer, chain, settings.TRUSTED_PROXIES)
            request.META["REMOTE_ADDR"] = client
        else:
            for name in _FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)


class ContentSecurityPolicy:
    """Tells the browser to run nothing that we did not serve, and to keep nothing that we did.

    Whoever comes to the same machine later finds no bill in its cache or behind its back button.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Permissions-Policy", _NO_DEVICES)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
