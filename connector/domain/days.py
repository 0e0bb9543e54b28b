"""The calendar day of a moment. Pure."""

from datetime import UTC, date, datetime, tzinfo


def day_in(moment: datetime, zone: tzinfo) -> date:
    """The calendar day of an aware moment in a time zone.

    At the two ends of the calendar, where the zone has no such day, it is the day in UTC.
    """
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        pass
    try:
        return moment.astimezone(UTC).date()
    except OverflowError:
        return moment.date()
