"""What a request may be at most, decided by what it says of itself before any of it is read."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_Next = Callable[[HttpRequest], HttpResponse]
_View = TypeVar("_View", bound=Callable[..., HttpResponseBase])

_UTF8 = ("utf-8", "utf8")
_ANONYMOUS_BYTES = 100_000
_DIGITS = 12  # of a length
_LONGEST_ADDRESS = 8190  # characters, as web servers have it


class RequestLimits:
    """Refuses what no browser sends, and what is longer than an address takes, before it is read.

    Who is not logged in sends a login form and no more. A view that takes a file says how long it
    may be (`takes_bytes`). Nothing has a NUL in it, which databases refuse.
    """

    def __init__(self, get_response: _Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = str(request.META.get("QUERY_STRING") or "")
        if "\x00" in request.path_info or "%00" in query or "\x00" in query:
            raise BadRequest("The address has a NUL in it.")
        if any("\x00" in text for cookie in request.COOKIES.items() for text in cookie):
            raise BadRequest("A cookie has a NUL in it.")
        if len(request.path_info) + len(query) > _LONGEST_ADDRESS:
            return render(request, "413.html", status=414)
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if not (length.isascii() and length.isdecimal() and len(length) <= _DIGITS):
            raise BadRequest("The request does not say how long it is.")
        if int(length) > _ANONYMOUS_BYTES and int(length) > _most_bytes(request):
            return render(request, "413.html", status=413)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> None:
        """Look through the form, which the check of its token has read by now."""
        if request.method != "POST":
            return
        names = [str(getattr(file, "name", "")) for file in request.FILES.values()]
        for name, values in request.POST.lists():
            if any("\x00" in text for text in (name, *values, *names)):
                raise BadRequest("The form has a NUL in it.")


def only_utf8(
    application: "Callable[[WSGIEnvironment, StartResponse], Any]",
) -> "WSGIApplication":
    """Wrap the web application so that requests in other charsets are refused.

    Django looks for the charset before any middleware runs, and fails on names such as base64.
    """

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            _, given = parse_header_parameters(str(environ.get("CONTENT_TYPE") or ""))
            good = given.get("charset", "utf-8").strip("\"'").lower() in _UTF8
        except (ValueError, LookupError):
            good = False
        if good:
            answer: Iterable[bytes] = application(environ, start_response)
            return answer
        start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"The request is not in UTF-8. Nothing was changed.\n"]

    return guarded


def takes_bytes(most: int) -> Callable[[_View], _View]:
    """Let a view have requests of this many bytes from people who are logged in."""

    def mark(view: _View) -> _View:
        view.takes_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def _most_bytes(request: HttpRequest) -> int:
    if not request.user.is_authenticated:
        return _ANONYMOUS_BYTES
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return _ANONYMOUS_BYTES
    return int(getattr(view, "takes_bytes", settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
