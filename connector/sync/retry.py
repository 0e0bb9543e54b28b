"""When a posting is tried again by itself: delays as data, per cause. Pure.

Retries inside one request are in connector/http_client/client.py.
"""

from collections.abc import Mapping
from datetime import timedelta

UNAVAILABLE = "unavailable"  # not applied: unreachable, busy, no licence free
IN_DOUBT = "in_doubt"  # the next look-up of a write whose outcome is unknown
UNANSWERED = "unanswered"  # sent without an answer, and surely not applied
OCCUPIED = "occupied"  # its group is open on somebody's screen
UNTOLD = "untold"  # Ramp does not take what it is told of this bill

# Minutes to wait after the first, second, … time; when they are used up a person is asked.
DELAYS: Mapping[str, tuple[int, ...]] = {
    UNAVAILABLE: (1, 5, 15, 60, 240),
    IN_DOUBT: (2, 2, 10, 60),
    UNANSWERED: (1, 15, 60, 240),
    OCCUPIED: (10, 10, 30, 60, 240),
    UNTOLD: (5, 15, 60, 240),
}


def delay(cause: str, times: int) -> timedelta | None:
    """How long to wait after the `times`-th time (1 = the first); None = ask a person."""
    minutes = DELAYS[cause]
    place = max(times, 1) - 1
    return timedelta(minutes=minutes[place]) if place < len(minutes) else None
