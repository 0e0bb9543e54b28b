"""One JSON object a line on standard error, with secrets taken out."""

import json
import logging
from datetime import UTC, datetime

from connector.redaction import redact_text


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; extra fields given as `extra={"data": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, redacted."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        data = getattr(record, "data", None)
        if isinstance(data, dict):
            line.update(data)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return redact_text(json.dumps(line, default=str, ensure_ascii=False))
