"""Calendar days that stay in the calendar: what people and systems write reaches its ends. Pure."""

from datetime import date, timedelta


def moved(day: date, by: timedelta) -> date:
    """The day that many days later (or earlier), at most the last or first one there is."""
    number = day.toordinal() + by.days
    return date.fromordinal(min(max(number, date.min.toordinal()), date.max.toordinal()))
