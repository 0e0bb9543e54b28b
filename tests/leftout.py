"""Says in plain words which tests were left out and how to run them, too (`-p tests.leftout`).

With CI=1 a test that was left out is a failure; on SQLite those that need PostgreSQL are let
pass, because the same run is repeated on PostgreSQL.
"""

import os
from collections import Counter

import pytest

_left_out: Counter[str] = Counter()
_HOW = {
    "PostgreSQL": "to run them, start one and use: make test-postgres",
    "Redis": "to run them, start one (TEST_REDIS_URL=redis://…)",
    "Chromium": "to run them, install Chromium (Debian: apt-get install chromium)",
}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _count(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _count(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason, times in sorted(_left_out.items()):
        how = next((text for word, text in _HOW.items() if word in reason), "")
        terminalreporter.write_line(f"Left out: {times} × {reason}" + (f"; {how}" if how else ""))
    if _forbidden():
        terminalreporter.write_line("CI=1: a test was left out, so this run failed.", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden() and session.exitstatus == 0 and "PYTEST_XDIST_WORKER" not in os.environ:
        session.exitstatus = 1


def _count(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    _left_out[reason.removeprefix("Skipped: ")] += 1


def _forbidden() -> bool:
    if os.environ.get("CI", "") in {"", "0", "false"}:
        return False
    repeated = not os.environ.get("DATABASE_URL", "").startswith("postgres")
    return any(not (repeated and "PostgreSQL" in reason) for reason in _left_out)
