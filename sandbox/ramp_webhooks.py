"""Ramp's webhooks: subscriptions, the handshake, and signed deliveries to a loopback address.

The challenge is posted unsigned right after a subscription is made. A delivery carries the hex
HMAC-SHA256 of its exact bytes, keyed with the subscription's secret.
"""

import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

from sandbox.ramp_http import Row, check_object, invalid, not_found

EVENTS = frozenset(
    [
        "bills.approved",
        "bills.archived",
        "bills.created",
        "bills.paid",
        "bills.ready_to_sync",
        "bills.rejected",
        "bills.updated",
        "purchase_orders.archived",
        "purchase_orders.created",
        "purchase_orders.updated",
        "tests.test_event",
        "vendors.activated",
        "vendors.approved",
        "vendors.updated",
    ]
)
CREATE = {"endpoint_url!": str, "event_types!": list, "additional_headers": dict}
MOST_HEADERS = 5
RESERVED = ("host", "user-agent", "x-forwarded", "x-real", "x-original")
HIDDEN = ("secret", "challenge")
TIMEOUT_S = 10


@dataclass(slots=True)
class Webhooks:
    """All subscriptions of the business."""

    business_id: str
    default_secret: str
    now: Callable[[], str]
    rows: list[Row] = field(default_factory=list)

    def create(self, body: Row) -> Row:
        """A new subscription, pending until verified; the only answer that holds its secret."""
        check_object(body, CREATE, "")
        if not body["event_types"]:
            raise invalid("event_types", "Shorter than minimum length 1.")
        if unknown := [name for name in body["event_types"] if name not in EVENTS]:
            raise invalid("event_types", f"Must be one of the known events: {unknown[0]}.")
        self._check_headers(body.get("additional_headers", {}))
        row = {
            "id": str(uuid.uuid4()),
            "endpoint_url": body["endpoint_url"],
            "event_types": body["event_types"],
            "additional_headers": body.get("additional_headers", {}),
            "business_id": self.business_id,
            "status": "pending_verification",
            "secret": f"{self.default_secret}-{len(self.rows) + 1}",
            "challenge": uuid.uuid4().hex,
            "created_at": self.now(),
            "updated_at": self.now(),
        }
        self.rows.append(row)
        payload = json.dumps({"type": "webhooks.verification", "challenge": row["challenge"]})
        # From another thread, because the subscriber may be waiting for this very answer.
        threading.Thread(target=self._post, args=(row, payload.encode(), {}), daemon=True).start()
        return {name: value for name, value in row.items() if name != "challenge"}

    def _check_headers(self, headers: Row) -> None:
        if len(headers) > MOST_HEADERS:
            raise invalid("additional_headers", f"Longer than maximum length {MOST_HEADERS}.")
        for name in headers:
            if name.lower().startswith(RESERVED):
                raise invalid("additional_headers", f"{name} is reserved.")

    def _find(self, webhook_id: str) -> Row:
        for row in self.rows:
            if row["id"] == webhook_id:
                return row
        raise not_found("Webhook")

    def listed(self) -> list[Row]:
        """Every subscription, without its secret."""
        return [self.get(row["id"]) for row in self.rows]

    def get(self, webhook_id: str) -> Row:
        """One subscription, without its secret. Raises RampError 404."""
        return {k: v for k, v in self._find(webhook_id).items() if k not in HIDDEN}

    def delete(self, webhook_id: str) -> None:
        """Forget one subscription."""
        self.rows.remove(self._find(webhook_id))

    def verify(self, webhook_id: str, body: Row) -> Row:
        """Make a subscription active when it answers with its challenge."""
        row = self._find(webhook_id)
        check_object(body, {"challenge!": str}, "")
        if body["challenge"] != row["challenge"]:
            raise invalid("challenge", "Does not match.")
        row["status"] = "active"
        return {"success": True}

    def payload(self, event: str, object_id: str, event_id: str | None = None) -> bytes:
        """The thin body of a delivery; its id is the same on every repetition."""
        return json.dumps(
            {
                "id": event_id or str(uuid.uuid4()),
                "type": event,
                "created_at": self.now(),
                "business_id": self.business_id,
                "object": {"id": object_id},
            }
        ).encode()

    def targets(self, event: str, url: str | None) -> list[Row]:
        """Who gets an event: the given address, else every active subscription that wants it."""
        if url is not None:
            return [{"endpoint_url": url, "secret": self.default_secret}]
        return [
            row for row in self.rows if row["status"] == "active" and event in row["event_types"]
        ]

    def deliver(self, row: Row, body: bytes, signature: str | None = None) -> int:
        """Send one signed delivery and give the status of the answer, 0 when there was none."""
        signed = hmac.new(row["secret"].encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-Ramp-Signature": signature or signed,
            "X-Ramp-Webhook-ID": json.loads(body)["id"],
            **row.get("additional_headers", {}),
        }
        return self._post(row, body, headers)

    def _post(self, row: Row, body: bytes, headers: dict[str, str]) -> int:
        url = urlsplit(row["endpoint_url"])
        connection = HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT_S)
        try:
            connection.request(
                "POST", url.path or "/", body, {"Content-Type": "application/json", **headers}
            )
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()
