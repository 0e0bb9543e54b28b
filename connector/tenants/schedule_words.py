"""When a calendar's cycles run, in words. Pure."""

import re

_DAYS = {
    "*": "",
    "1-5": "from Monday to Friday",
    "0": "on Sunday",
    "1": "on Monday",
    "2": "on Tuesday",
    "3": "on Wednesday",
    "4": "on Thursday",
    "5": "on Friday",
    "6": "on Saturday",
    "7": "on Sunday",
}
_STEP = re.compile(r"\*/(\d{1,2})")


def schedule_text(cron: str) -> str:
    """ "every 15 minutes", "daily at 07:30 from Monday to Friday"; what is rarer as it is."""
    fields = cron.split()
    if len(fields) != 5 or fields[2:4] != ["*", "*"] or fields[4] not in _DAYS:
        return cron
    when = _when(fields[0], fields[1], daily=fields[4] == "*")
    return " ".join(part for part in (when, _DAYS[fields[4]]) if part) if when else cron


def _when(minute: str, hour: str, *, daily: bool) -> str:
    step = _STEP.fullmatch(minute)
    if step and hour == "*" and int(step[1]) and 60 % int(step[1]) == 0:
        return "every minute" if step[1] == "1" else f"every {int(step[1])} minutes"
    if minute == hour == "*":
        return "every minute"
    if not minute.isdecimal() or int(minute) > 59:
        return ""
    if hour == "*":
        return "every hour" if int(minute) == 0 else f"every hour at :{int(minute):02}"
    if hour.isdecimal() and int(hour) < 24:
        return f"{'daily at' if daily else 'at'} {int(hour):02}:{int(minute):02}"
    return ""
