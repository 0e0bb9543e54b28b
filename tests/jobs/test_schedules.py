"""The next time of a calendar, through changes of the clock, and the one minute schedule."""

from datetime import UTC, datetime

import pytest
from django_q.models import Schedule

from connector.tenants.schedule import TICK, BadScheduleError, install, next_run


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("*/15 * * * *", "UTC", "2026-11-24T10:00", "2026-11-24T10:15"),
        ("0 9 * * *", "America/New_York", "2026-11-24T13:59", "2026-11-24T14:00"),
        ("0 9 * * *", "America/New_York", "2026-11-24T14:00", "2026-11-25T14:00"),
        # Friday evening in New York: the next working day is Monday.
        ("0 9 * * 1-5", "America/New_York", "2026-11-20T14:00", "2026-11-23T14:00"),
        # It is already Saturday in Kolkata while it is still Friday in UTC.
        ("*/15 * * * 1-5", "Asia/Kolkata", "2026-11-20T18:29", "2026-11-22T18:30"),
        # 02:30 does not exist on the day the clocks go forward: it comes right after the gap.
        ("30 2 * * *", "America/New_York", "2026-03-08T05:00", "2026-03-08T07:00"),
        ("*/15 * * * *", "America/New_York", "2026-03-08T06:50", "2026-03-08T07:00"),
        # The hour that comes twice has quarters in both.
        ("*/15 * * * *", "America/New_York", "2026-11-01T05:50", "2026-11-01T06:00"),
    ],
)
def test_next_run(cron: str, zone: str, after: str, expected: str) -> None:
    found = next_run(cron, zone, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert found.utcoffset() == datetime.now(UTC).utcoffset()


@pytest.mark.parametrize("cron", ["", "hello", "61 * * * *", "* * *", "0 0 30 2 *"])
def test_a_cron_expression_that_never_comes_due_is_named(cron: str) -> None:
    with pytest.raises(BadScheduleError, match=f"schedule '{cron}'".replace("*", r"\*")):
        next_run(cron, "UTC", datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_is_named(zone: str) -> None:
    with pytest.raises(BadScheduleError, match="time zone"):
        next_run("* * * * *", zone, datetime(2026, 11, 24, tzinfo=UTC))


def test_there_is_one_schedule_however_often_it_is_installed(db: None) -> None:
    assert install() is True
    assert install() is False
    Schedule.objects.create(func=TICK, schedule_type=Schedule.MINUTES, minutes=1)
    Schedule.objects.create(func="elsewhere.tick", schedule_type=Schedule.DAILY)
    install()
    assert Schedule.objects.filter(func=TICK).count() == 1
    assert Schedule.objects.filter(func="elsewhere.tick").count() == 1


def test_a_schedule_with_a_name_of_another_version_is_replaced(db: None) -> None:
    Schedule.objects.create(
        name="minute tick", func="connector.jobs.tick", schedule_type=Schedule.MINUTES, minutes=1
    )
    assert install() is True
    assert [one.func for one in Schedule.objects.all()] == [TICK]
