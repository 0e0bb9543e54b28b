"""A calendar's expression as a person would say it."""

import pytest

from connector.tenants.schedule_words import schedule_text


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("*/15 * * * *", "every 15 minutes"),
        ("*/15 * * * 1-5", "every 15 minutes from Monday to Friday"),
        ("*/1 * * * *", "every minute"),
        ("* * * * *", "every minute"),
        ("0 * * * *", "every hour"),
        ("5 * * * *", "every hour at :05"),
        ("30 7 * * *", "daily at 07:30"),
        ("0 9 * * 1-5", "at 09:00 from Monday to Friday"),
        ("0 9 * * 1", "at 09:00 on Monday"),
        # What has no short words stays as it is.
        ("*/7 * * * *", "*/7 * * * *"),
        ("*/0 * * * *", "*/0 * * * *"),
        ("0 9 1 * *", "0 9 1 * *"),
        ("0 9 * * 1,3", "0 9 * * 1,3"),
        ("0 6-20 * * *", "0 6-20 * * *"),
        ("0 25 * * *", "0 25 * * *"),
        ("77 1 * * *", "77 1 * * *"),
        ("0,30 * * * *", "0,30 * * * *"),
        ("hourly", "hourly"),
        ("", ""),
    ],
)
def test_in_words(cron: str, words: str) -> None:
    assert schedule_text(cron) == words
