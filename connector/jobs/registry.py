"""Which function does which kind of job, and what every minute is for.

A job is one function with a decorator. It gets the job and its arguments by name, does as much as
fits before `job.stop_at` (at least one piece), and returns `Done` or `Continue`. It may be called
again for a step whose worker died, unless it allows one try only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from inspect import signature
from typing import Any

from django.conf import settings

from audit.ledger.lifecycle import LostLeaseError
from connector.domain.errors import PostingError


@dataclass(frozen=True, slots=True)
class Done:
    """The job is over. `code` names the result text, `data` is what that needs (plain JSON).

    `details`: what its page shows besides; None leaves it as it is. `commit` is called in the
    transaction that ends the job: it happens once, or not at all.
    """

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] | None = None
    commit: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Continue:
    """There is more to do: the next step goes on at `cursor` (plain JSON), `wait` from now.

    `details`: what its page shows meanwhile; None leaves it as it is.
    """

    cursor: Mapping[str, Any]
    details: Mapping[str, Any] | None = None
    wait: timedelta | None = None


class JobError(Exception):
    """What was requested cannot be done; code and data name the sentence for whoever requested."""

    def __init__(self, code: str, **data: Any) -> None:
        super().__init__(code)
        self.code, self.data = code, data


Function = Callable[..., Done | Continue]
EveryMinute = Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """How a kind of job is done."""

    kind: str
    function: Function
    title: str
    tries: int
    expected: tuple[type[Exception], ...]

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raise TypeError when the function cannot be called with these arguments."""
        signature(self.function).bind(None, **arguments)


_handlers: dict[str, Handler] = {}
_every_minute: list[EveryMinute] = []


def job(
    kind: str, *, title: str = "", tries: int = 3, expected: tuple[type[Exception], ...] = ()
) -> Callable[[Function], Function]:
    """Register the function that does this kind of job.

    `tries`: how many workers may die at one step; with 1, whoever requested it is told to look and
    request again. `expected`: errors whose message is a sentence for people, besides PostingError.
    """

    def register(function: Function) -> Function:
        every = (PostingError, LostLeaseError, *expected)
        _handlers[kind] = Handler(kind, function, title, tries, every)
        return function

    return register


def every_minute(function: EveryMinute) -> EveryMinute:
    """Register what the minute tick calls."""
    _every_minute.append(function)
    return function


def knows(kind: str) -> bool:
    """Whether something does this kind; an older or newer version may have made the job."""
    if kind not in _handlers:
        load()
    return kind in _handlers


def find(kind: str) -> Handler:
    """How this kind is done. Raises KeyError for a kind that nothing was registered for."""
    knows(kind)
    return _handlers[kind]


def minute_functions() -> list[EveryMinute]:
    """What the minute tick calls, in the order of `JOB_MODULES`."""
    load()
    places = {name: place for place, name in enumerate(settings.JOB_MODULES)}
    return sorted(_every_minute, key=lambda one: places.get(one.__module__, len(places)))


def load() -> None:
    """Import the modules that register something."""
    for name in settings.JOB_MODULES:
        import_module(name)
