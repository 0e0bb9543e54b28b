"""Planned failures of a stand-in: which call fails, how, and what is answered instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.wire import Response

FAULT_KINDS = frozenset(
    {"status", "after", "reset_before", "reset_after", "truncate", "html", "slow", "late"}
)
HTML_PAGE = (
    "<!DOCTYPE html><html><head><title>Service</title></head><body>Please wait.</body></html>"
)


@dataclass(slots=True)
class Fault:
    """One planned failure: applied `times` times, after letting `skip` matching calls through."""

    match: str
    kind: str
    times: int
    skip: int
    detail: Mapping[str, Any] = field(default_factory=dict)

    def response(self) -> Response:
        """The answer this fault gives in place of the real one."""
        if self.kind == "html":
            return Response(200, HTML_PAGE, {"Content-Type": "text/html; charset=utf-8"})
        if self.kind == "late":
            return Response(504, self.detail.get("body", "Gateway Timeout"))
        return Response(
            int(self.detail.get("status", 500)),
            self.detail.get("body", ""),
            dict(self.detail.get("headers", {})),
        )
