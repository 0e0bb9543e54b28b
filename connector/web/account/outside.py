"""Pages before the login: no sidebar, nothing of any tenant."""

import json
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

DEAD_LINK = "This link works no more"


class Page:
    """For class-based views: the plain layout around `template_name`."""

    title = ""
    template_name = ""
    request: HttpRequest

    def render_to_response(self, context: dict[str, Any], **more: Any) -> HttpResponse:
        """The page in the layout of the login."""
        form = context.get("form")
        wrong = self.request.method == "POST" and bool(getattr(form, "errors", None))
        return page(self.request, self.template_name, self.title, context, 422 if wrong else 200)


def page(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page before the login."""
    whole = admin.site.each_context(request) | with_options(context) | {"title": title}
    return render(request, template, whole, status=status)


def with_options(context: dict[str, Any]) -> dict[str, Any]:
    """The context, and as JSON what the browser is to ask the device for (`passkey_options`)."""
    options = next(iter(context.get("js_data", {}).values()), None)
    asked = None if options is None else json.dumps(options, cls=DjangoJSONEncoder)
    return {**context, "passkey_options": asked}


def ways(request: HttpRequest) -> dict[str, Any]:
    """The ways in beside the password that this installation has."""
    host = request.get_host().partition(":")[0]
    return {
        "sends_mail": settings.SENDS_MAIL,
        "has_passkeys": passkeys_work(host),
        "sso_name": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
    }


def passkeys_work(host: str) -> bool:
    """Whether a browser makes passkeys for this host: they need a name, not an address."""
    return not host.startswith("[") and not host.rpartition(".")[2].isdigit()
