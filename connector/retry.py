"""When a posting is tried again by itself: delays as data. Pure.

Retries inside one request are in connector/http.py.
"""

from datetime import timedelta

_TRANSIENT = (1, 5, 15, 60, 240)  # minutes after the first, second, … failure
_DOUBT = (2, 2, 10, 60)


def transient_delay(failures: int) -> timedelta | None:
    """How long to wait after `failures` failures (1 = the first); None = ask a person."""
    return _delay(_TRANSIENT, failures)


def doubt_delay(failures: int) -> timedelta | None:
    """How long until the next look-up of a write whose outcome is unknown; None = a person."""
    return _delay(_DOUBT, failures)


def _delay(minutes: tuple[int, ...], failures: int) -> timedelta | None:
    place = max(failures, 1) - 1
    return timedelta(minutes=minutes[place]) if place < len(minutes) else None
