"""Filling the database from the world, and the few rows the world leaves to us."""

from typing import Any

from sandbox.epicor.tables import Row, Store


def load_world(tables: dict[str, dict[str, list[Row]]]) -> Store:
    """A store with every row of the world. Raises ValueError for a column Epicor does not have."""
    store = Store(tables)
    with store.transaction():
        for company, by_name in tables.items():
            for name, rows in by_name.items():
                for row in rows:
                    store.load(company, name, row)
            _complete(store, company, tables)
    return store


def _complete(store: Store, company: str, tables: dict[str, dict[str, list[Row]]]) -> None:
    for other, by_name in tables.items():
        for row in by_name.get("Company", []):
            listed = {"Company1": other, "Name": row.get("Name", other), "IsLive": True}
            store.load(company, "Ice.Company", listed)
    if not store.table(company, "VendGrup").rows:
        group = {"Company": company, "GroupCode": "GEN", "GroupDesc": "General"}
        store.load(company, "VendGrup", group)
    _calendars(store, company)


def _calendars(store: Store, company: str) -> None:
    """Calendar and year rows around the periods."""
    periods = list(store.table(company, "FiscalPer").rows.values())
    spans: dict[tuple[Any, ...], list[Row]] = {}
    for row in periods:
        spans.setdefault((row["FiscalCalendarID"],), []).append(row)
        spans.setdefault((row["FiscalCalendarID"], row["FiscalYear"]), []).append(row)
    for key, rows in spans.items():
        span: Row = {
            "Company": company,
            "FiscalCalendarID": key[0],
            "StartDate": min(row["StartDate"] for row in rows),
            "EndDate": max(row["EndDate"] for row in rows),
        }
        if len(key) == 1:
            store.load(company, "FiscalCal", span)
        else:
            year = {"FiscalYear": key[1], "NumPeriods": len(rows)}
            store.load(company, "FiscalYr", span | year)
