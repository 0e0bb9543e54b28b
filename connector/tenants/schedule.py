"""When things run: the one minute schedule, and the next time of a tenant's own calendar."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from django.db import transaction
from django_q.models import Schedule

TICK = "connector.jobs.schedule.tick"


class BadScheduleError(ValueError):
    """A cron expression or a time zone that nobody can follow; the message says which."""


def next_run(cron: str, time_zone: str, after: datetime) -> datetime:
    """The first moment strictly after `after` that `cron` names in the zone, in UTC.

    Raises BadScheduleError when the expression or the zone is not valid, or names no moment.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadScheduleError(f"The time zone {time_zone!r} is not known.") from error
    try:
        found: datetime = croniter(cron, after.astimezone(zone)).get_next(datetime)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadScheduleError(
            f"The schedule {cron!r} is not a cron expression that ever comes due."
        ) from error
    return found.astimezone(UTC)


def install() -> bool:
    """Make sure that exactly one schedule runs the minute tick; True when it was missing.

    One that runs a function of ours by the name it had in another version is replaced.
    Two workers that start at once may both add it; the next start removes the spare one, and
    until then a double tick is harmless because each tenant's turn is claimed.
    """
    with transaction.atomic():
        ours = Schedule.objects.filter(func__startswith="connector.", func__endswith=".tick")
        ours.exclude(func=TICK).delete()
        rows = list(Schedule.objects.filter(func=TICK).order_by("pk"))
        for spare in rows[1:]:
            spare.delete()
        if rows:
            return False
        Schedule.objects.create(
            name="minute tick", func=TICK, schedule_type=Schedule.MINUTES, minutes=1
        )
        return True
