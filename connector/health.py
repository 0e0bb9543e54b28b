"""Answers for machines: is the web server alive, is everything ready, and numbers to watch."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Min
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit.ledger.models import Posting
from connector.jobs import heartbeat, queue
from connector.jobs.models import Job
from connector.sync.bills.run import SYNC
from connector.tenants.models import Tenant


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: the process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: 200 when database, queue and workers all answer, else 503; says which."""
    found = {"database": _database_answers(), "queue": False, "workers": False}
    if found["database"]:
        found["queue"] = _queue_answers()
        found["workers"] = heartbeat.any_worker_seen(timezone.now())
    return JsonResponse(found, status=200 if all(found.values()) else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Serve figures in Prometheus' text format to requests with METRICS_TOKEN as bearer."""
    if not settings.METRICS_TOKEN:
        raise Http404("Metrics are off.")
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
        answer = HttpResponse("A bearer token is needed.\n", status=401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        text = "".join(f"{line}\n" for line in _lines())
    except DatabaseError:
        unknown = "The database does not answer, so there is nothing to show.\n"
        return HttpResponse(unknown, status=503, content_type="text/plain")
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


# Answered by `connector.health.MachineAddresses`, whatever the request's host.
VIEWS: Mapping[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics,
}


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _queue_answers() -> bool:
    try:
        return queue.length() is not None
    except DatabaseError:
        return False


def _lines() -> Iterator[str]:
    slugs = dict(Tenant.objects.values_list("pk", "slug"))
    for part in (_postings, _waiting, _cycles):
        yield from part(slugs)
    yield from _head("connector_paused", "1 while the tenant is paused")
    for slug, reason in Tenant.objects.values_list("slug", "paused_reason"):
        yield f'connector_paused{{tenant="{slug}"}} {int(bool(reason))}'
    yield from _head("connector_worker_beat_timestamp_seconds", "Last sign of life of a worker")
    for name, at in heartbeat.workers():
        yield f'connector_worker_beat_timestamp_seconds{{worker="{name}"}} {_unix(at)}'
    waiting = queue.length()
    if waiting is not None:
        yield from _head("connector_queue_length", "Jobs waiting in the queue")
        yield f"connector_queue_length {waiting}"


def _postings(slugs: dict[int, str]) -> Iterator[str]:
    yield from _head("connector_postings", "Bills by state and open hold")
    grouped = Posting.objects.order_by().values_list("tenant_id", "state", "hold_reason")
    for tenant_id, state, hold, count in grouped.annotate(Count("pk")):
        labels = f'tenant="{slugs[tenant_id]}",state="{state}",hold="{hold}"'
        yield f"connector_postings{{{labels}}} {count}"


def _waiting(slugs: dict[int, str]) -> Iterator[str]:
    name = "connector_waiting_since_timestamp_seconds"
    yield from _head(name, "When the oldest bill without hold that is not entered was first seen")
    states = [Posting.State.QUEUED, Posting.State.IN_FLIGHT, Posting.State.IN_DOUBT]
    waiting = Posting.objects.order_by().filter(state__in=states, hold_reason="")
    for tenant_id, oldest in waiting.values_list("tenant_id").annotate(Min("created_at")):
        yield f'{name}{{tenant="{slugs[tenant_id]}"}} {_unix(oldest)}'


def _cycles(slugs: dict[int, str]) -> Iterator[str]:
    name = "connector_last_cycle_timestamp_seconds"
    yield from _head(name, "End of the last cycle without error")
    good = Job.objects.order_by().filter(kind=SYNC, state=Job.State.DONE)
    for tenant_id, at in good.values_list("tenant_id").annotate(Max("finished_at")):
        yield f'{name}{{tenant="{slugs[tenant_id]}"}} {_unix(at)}'


def _head(name: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}.", f"# TYPE {name} gauge"


def _unix(at: datetime) -> str:
    return f"{at.timestamp():.0f}"


class MachineAddresses:
    """Answers load balancers and monitors before the host is looked at.

    They come by the machine's address, which is in no ALLOWED_HOSTS; what they are told does not
    depend on the host and sets no cookie.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = VIEWS.get(request.path_info)
        return view(request) if view else self.get_response(request)
