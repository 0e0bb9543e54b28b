"""One circuit breaker per system: after several failures in a row no request is sent for a while.

All clients of one address in this process share it. After the pause one request is let through
as a probe; its answer decides for all of them.
"""

import threading
import time
from dataclasses import dataclass, field

TRIPS_AFTER = 5  # failed sends in a row
RESTS_S = 30.0
_PROBING_S = 1.0  # what the others are told to wait while a probe is under way


@dataclass(slots=True)
class Breaker:
    """The state of one address. Safe to use from several threads."""

    _failures: int = 0
    _rests_until: float | None = None  # time.monotonic(); None = closed
    _probe: int | None = None  # the thread whose request is the probe
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rests(self) -> float:
        """Seconds that a request has to wait; 0 = send it now (perhaps as the probe).

        Every request that may be sent must be reported with `record`. A thread whose probe is
        under way may send more: logging in is a part of it.
        """
        with self._lock:
            if self._rests_until is None or self._probe == threading.get_ident():
                return 0.0
            left = self._rests_until - time.monotonic()
            if left > 0:
                return left
            if self._probe is not None:
                return _PROBING_S
            self._probe = threading.get_ident()
            return 0.0

    def record(self, *, failed: bool | None) -> None:
        """What became of a request; None = nothing can be said about the system's health."""
        with self._lock:
            mine = self._probe == threading.get_ident()
            if mine:
                self._probe = None
            if failed is None:
                return
            if not failed:
                self._failures, self._rests_until = 0, None
                return
            self._failures += 1
            if mine or self._failures >= TRIPS_AFTER:
                self._failures = 0
                self._rests_until = time.monotonic() + RESTS_S


_breakers: dict[str, Breaker] = {}
_guard = threading.Lock()


def breaker_of(address: str) -> Breaker:
    """The breaker that all clients of this base address share."""
    with _guard:
        return _breakers.setdefault(address.rstrip("/"), Breaker())
