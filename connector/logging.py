"""One JSON object a line on standard error, with secrets taken out."""

import json
import logging
from datetime import UTC, datetime

from connector.http_client.redaction import redact_text

_LONGEST = 10_000  # characters of a message, and of the end of a traceback


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; extra fields given as `extra={"data": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, redacted."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:_LONGEST],
        }
        data = getattr(record, "data", None)
        if isinstance(data, dict):
            line.update({name: _cut(value) for name, value in data.items()})
        if record.exc_info and not _is_refusal(record):
            line["traceback"] = self.formatException(record.exc_info)[-_LONGEST:]
        return redact_text(json.dumps(line, default=str, ensure_ascii=False))


def _is_refusal(record: logging.LogRecord) -> bool:
    """Whether a request was refused: an answer below 500 is no mistake of this program."""
    status = getattr(record, "status_code", None)
    return isinstance(status, int) and status < 500


def _cut(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value
