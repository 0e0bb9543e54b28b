"""One bill must not stop the others: an unforeseen error is narrowed to its bill.

Every error is caught here, and in the look-up of a slice (`bills/look_up.py`), nowhere else. A step
over a slice is tried for all of it; where it breaks, it is done again for each half, until the bill
that breaks it is alone. That one is held, the others go on. So a step must do no harm when it is
done twice, as after a worker that died.
"""

import logging
import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

from django import db
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit.ledger import lifecycle
from audit.ledger.intake import PostingSeed
from audit.ledger.lifecycle import LostLeaseError
from audit.ledger.models import Posting
from connector.domain.errors import Hold, PostingError, Reason
from connector.http_client.redaction import redact_text
from connector.http_client.tokens import TokenExpiredError
from connector.secrets.fields import SecretUnreadableError

logger = logging.getLogger(__name__)

NOTHING_SENT = "Nothing was sent now."
LOOKED_UP = "It is looked up in Epicor before anything is sent again."
_SAID = 300  # characters of the error's own words that are kept

# No bill is to blame for these: a system is away or refuses us, the database or the disk fails,
# somebody else has the bill by now, or this installation is not as it must be.
_NO_BILLS = (
    PostingError,
    LostLeaseError,
    TokenExpiredError,
    SecretUnreadableError,
    ImproperlyConfigured,
    db.OperationalError,
    db.InterfaceError,
    db.InternalError,
    db.ProgrammingError,
    OSError,
    MemoryError,
)

Item = TypeVar("Item")
Result = TypeVar("Result")
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Sorted = tuple[list[Result], list[tuple[Posting, Hold]]]


def narrow(
    items: Sequence[Item],
    step: Callable[[Sequence[Item]], Result],
    broke: Callable[[Item, Exception], None],
) -> list[Result]:
    """Do `step` for all items at once, or for ever smaller parts of them where it breaks.

    Returns what the step returned for each part; `broke` gets the items that break it alone, and
    the error. What is no bill's fault (`is_unexpected`) is raised.
    """
    if not items:
        return []
    try:
        return [step(items)]
    except Exception as error:
        if not is_unexpected(error):
            raise
        if len(items) == 1:
            logger.exception("One item broke a step for many; the others go on")
            broke(items[0], error)
            return []
    half = len(items) // 2
    return [*narrow(items[:half], step, broke), *narrow(items[half:], step, broke)]


def guarded(
    task: Generator[Asked, Answered, None], broke: Callable[[Exception], None]
) -> Generator[Asked, Answered, None]:
    """A task of one item; `broke` gets an unexpected error, any other is raised."""
    try:
        yield from task
    except Exception as error:
        if not is_unexpected(error):
            raise
        logger.exception("One item broke its task; the others go on")
        broke(error)


def sort_out(
    slice_: Sequence[Posting], step: Callable[[Sequence[Posting]], Sorted[Result]]
) -> Sorted[Result]:
    """Do a `step` that sorts postings into what can go on and what is held, narrowed.

    A bill that breaks it is held (bug).
    """
    broken: list[tuple[Posting, Hold]] = []

    def broke(posting: Posting, error: Exception) -> None:
        broken.append((posting, bug(error)))

    parts = narrow(slice_, step, broke)
    good = [item for some, _ in parts for item in some]
    return good, [pair for _, held in parts for pair in held] + broken


def is_unexpected(error: Exception) -> bool:
    """Whether it may be one bill's fault: no trouble of a system, the database or this machine.

    That the database refuses a value (too long, out of range) is.
    """
    return not isinstance(error, _NO_BILLS)


def bug(error: Exception, then: str = NOTHING_SENT) -> Hold:
    """The hold of a bill that broke a step. `then`: what becomes of it, as a sentence.

    The detail says what broke and where, without credentials; the log has all of it.
    """
    return Hold(
        Reason.BUG,
        f"An unexpected error happened with this bill ({type(error).__name__}). {then} "
        "Report it with the bill's number.",
        {
            "error": type(error).__name__,
            "said": redact_text(str(error))[:_SAID],
            "where": _where(error),
        },
    )


def hold_bug(posting: Posting, error: Exception, then: str = NOTHING_SENT) -> None:
    """Hold a bill that broke a step while nobody of us works on it.

    One that somebody works on just now is left to them.
    """
    try:
        lifecycle.hold(posting, bug(error, then))
    except LostLeaseError as lost:
        logger.info("Not held: %s", lost)


def hold_unread(tenant_id: int, seed: PostingSeed, error: Exception) -> None:
    """Hold a bill that cannot even be taken in; one that was never seen gets its posting."""
    known = Posting.objects.filter(tenant_id=tenant_id, bill_id=seed.bill_id)
    if not known.exists():
        lifecycle.open_many(tenant_id, [seed])
    hold_bug(known.get(), error)


def _where(error: Exception) -> str:
    """The last place of ours that the error passed: file, line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    root = Path(settings.BASE_DIR)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root)]
    ours = [frame for frame in ours if "site-packages" not in frame.filename] or list(frames)
    if not ours:
        return ""
    last = ours[-1]
    path = Path(last.filename)
    name = path.relative_to(root) if path.is_relative_to(root) else path.name
    return f"{name}:{last.lineno} {last.name}"
