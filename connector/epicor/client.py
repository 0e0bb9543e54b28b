"""Everything we ask of Epicor and tell it. Source: docs/epicor.md.

Several lanes may use one client, each in its own thread. Only the thread that made the client
renews the login, because that uses the database; the others raise TokenExpiredError.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.parse import quote as encoded

from connector.domain.errors import TransientError, UncertainOutcomeError
from connector.epicor import errors
from connector.epicor.address import service_url
from connector.epicor.auth import Login
from connector.epicor.contract import TABLES, USER, where_of
from connector.epicor.contract import quote as quote
from connector.epicor.metadata import ADDRESS, lengths
from connector.epicor.methods import Dataset, Row, method_answer
from connector.epicor.methods import MethodAnswer as MethodAnswer
from connector.epicor.values import flag
from connector.http_client.client import Api
from connector.http_client.outcomes import Answer
from connector.http_client.tokens import TokenExpiredError

PAGE = 500  # rows of an OData set that are asked for; a server may give fewer without saying so
ROWS_PAGE = 200  # rows of GetRows, which come with all their columns
NOTHING = "1=0"  # the clause for tables that are not wanted
_CLAUSE = "whereClause"
_MOST_LEARNED = 40


@dataclass(frozen=True, slots=True)
class _Query:
    """A set of a service in a company: which columns of which rows, in which order."""

    company: str
    service: str
    entity_set: str
    select: Sequence[str]
    filter: str
    order_by: str

    def options(self, skip: int, size: int) -> dict[str, str]:
        """The query of one page's address."""
        given = {
            "$select": ",".join(self.select),
            "$filter": self.filter,
            "$orderby": self.order_by,
            "$top": str(size),
            "$skip": str(skip) if skip else "",
        }
        return {name: text for name, text in given.items() if text}


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a set, and the query of the next one where the server names it."""

    rows: list[Row]
    following: dict[str, str] | None


class EpicorClient:
    """One Epicor environment.

    `site_by_company` names the site to work in; `facts` is what this environment taught us
    (heavy services, further clauses) and is written to; keep it for the next client.
    """

    def __init__(
        self,
        api: Api,
        *,
        base_url: str,
        api_version: str,
        login: Login,
        api_key: str,
        site_by_company: Mapping[str, str],
        facts: MutableMapping[str, Any] | None = None,
    ) -> None:
        self.base_url = base_url
        self.api_version = api_version
        self.facts: MutableMapping[str, Any] = {} if facts is None else facts
        self.watch: Callable[[int], None] | None = None  # is told how many rows are read so far
        self._api = api
        self._login = login
        self._key = api_key
        self._sites = dict(site_by_company)
        self._home = threading.get_ident()
        self._untried = ""  # a renewed login that has not been accepted yet
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """How many requests went out."""
        return self._api.calls

    def close(self) -> None:
        """Close every connection."""
        self._api.close()

    def ensure(self) -> None:
        """Be logged in before lanes start; only in the thread that made the client."""
        self._login.ensure()

    def renew(self, expired: TokenExpiredError) -> None:
        """Log in anew unless that was done since; only in the thread that made the client."""
        try:
            current = self._login.authorization()
        except TokenExpiredError:
            self._login.ensure()
            return
        if current == expired.refused:
            self._renew(current)

    def user(self, company: str) -> str:
        """The id of the user that we are logged in as. Raises AccessError, TransientError."""
        answer = self.call(company, USER, "GetCurrentUserId", {}, repeatable=True)
        return str(answer.return_obj)

    # -- calling -----------------------------------------------------------------------------

    def call(
        self,
        company: str,
        service: str,
        method: str,
        parameters: Mapping[str, Any],
        *,
        repeatable: bool,
        deadline_s: float = 60.0,
    ) -> MethodAnswer:
        """Call a method with all its parameters; `repeatable` says that it changes nothing.

        Raises what connector.epicor.errors.raise_for raises, TransientError, and
        TokenExpiredError in a lane.
        """
        what = f"run {service}/{method} in {company}"
        body = dict(parameters)
        try:
            answer = self._send(
                "POST",
                self._url(company, service, method),
                company,
                repeatable=repeatable,
                deadline_s=deadline_s,
                json=body,
            )
        except UncertainOutcomeError as error:
            _settle(error, what)
            raise
        errors.raise_for(answer, writing=not repeatable, what=what)
        return method_answer(answer.json)

    def rows(
        self,
        company: str,
        service: str,
        entity_set: str,
        table: str,
        *,
        select: Sequence[str],
        order_by: str,
        filter: str = "",
        where: str | None = None,
        top: int | None = None,
    ) -> Iterator[Row]:
        """Rows of a set, all pages, with the selected columns; `top` limits their number.

        Reads the set by OData; when this Epicor cannot (a bare 500 on the first page), reads
        `table` by GetRows and remembers that. `where` is the filter for that way; without it,
        `filter` is translated. `order_by` must be the key, or pages could overlap.
        """
        query = _Query(company, service, entity_set, select, filter, order_by)
        for number, row in enumerate(self._rows(query, table, where, top), start=1):
            if self.watch is not None and number % PAGE == 0:
                self.watch(number)
            yield row

    def _rows(self, query: _Query, table: str, where: str | None, top: int | None) -> Iterator[Row]:
        service, filter_ = query.service, query.filter
        if not self.facts.get(f"heavy:{service}"):
            try:
                first = self._page(query, 0, top)
            except errors.HeavyServiceError:
                pass  # the other way follows; it raises the same when Epicor is really ill
            else:
                yield from self._following(query, first, top)
                return
        clause = where_of(filter_) if where is None else where
        yield from self._by_get_rows(query, table, clause, top)

    def get_rows(
        self,
        company: str,
        service: str,
        where: Mapping[str, str],
        *,
        tables: tuple[str, ...],
        page: int = ROWS_PAGE,
    ) -> Iterator[Dataset]:
        """Tablesets, page by page, of the records whose main table fulfils its clause.

        `where`: table → clause; `tables`: the tables that are wanted; others come back empty.
        """
        ask = partial(self._rows_page, company, service, where, tables, page)
        for answer in pages_of(ask, service):
            yield answer.ds

    def lists(
        self, company: str, service: str, method: str, parameters: Mapping[str, Any]
    ) -> Iterator[MethodAnswer]:
        """The answers, page by page, of a method that takes `pageSize` and `absolutePage`."""

        def ask(number: int) -> MethodAnswer:
            page = {**parameters, "pageSize": ROWS_PAGE, "absolutePage": number}
            return self.call(company, service, method, page, repeatable=True)

        return pages_of(ask, f"{service}/{method}")

    def column_lengths(
        self, company: str, service: str, *tables: str
    ) -> Mapping[str, Mapping[str, int | None]]:
        """By table its columns and how many characters each takes; None without a limit."""
        url = self._url(company, service, ADDRESS)
        answer = self._send("GET", url, company, repeatable=True)
        errors.raise_for(answer, writing=False, what=f"describe {service} in {company}")
        return lengths(answer.text, tables)

    # -- reading, inside -----------------------------------------------------------------------

    def _following(self, query: _Query, page: _Page, top: int | None) -> Iterator[Row]:
        """The rows of the first page and of all others, until the server has no more.

        A server may give fewer rows than it was asked for, so a short page is no proof that it
        was the last one: only an empty page is, which does not name a next one.
        """
        read = 0
        while page.rows or page.following is not None:
            yield from page.rows if top is None else page.rows[: top - read]
            read += len(page.rows)
            if top is not None and read >= top:
                return
            before = page
            page = self._page(query, read, None if top is None else top - read, before.following)
            if page == before:
                raise endless(query.service)
            if before.following is not None and page.following is None:
                yield from page.rows if top is None else page.rows[: top - read]
                return  # a server that names the next page names none after the last

    def _page(
        self, query: _Query, skip: int, top: int | None, named: dict[str, str] | None = None
    ) -> _Page:
        """The page after `skip` rows, or the one whose query the server has `named`."""
        size = PAGE if top is None else min(PAGE, top)
        url = self._url(query.company, query.service, query.entity_set)
        where = f"{query.service}/{query.entity_set} in {query.company}"
        address = f"{url}?{_encoded(named or query.options(skip, size))}"
        answer = self._send("GET", address, query.company, repeatable=True)
        errors.raise_for(answer, writing=False, what=f"read {where}")
        body = answer.json if isinstance(answer.json, dict) else {}
        rows = body.get("value")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TransientError(
                f"Epicor's answer has no readable rows of {where}; nothing was changed, "
                "trying again is harmless."
            )
        return _Page(rows, _next_query(body))

    def _by_get_rows(
        self, query: _Query, table: str, clause: str, top: int | None
    ) -> Iterator[Row]:
        main = TABLES.get(query.service, (table,))[0]
        wanted = (main,) if table == main else (main, table)
        size = ROWS_PAGE if top is None else min(ROWS_PAGE, top)
        pages = self.get_rows(
            query.company, query.service, {table: clause}, tables=wanted, page=size
        )
        given = 0
        for found in pages:
            self.facts[f"heavy:{query.service}"] = True
            for row in found.get(table, []):
                yield {name: row.get(name) for name in query.select}
                given += 1
                if given == top:
                    return

    def _rows_page(
        self,
        company: str,
        service: str,
        where: Mapping[str, str],
        tables: tuple[str, ...],
        size: int,
        number: int,
    ) -> MethodAnswer:
        """One page of GetRows; a clause that this release wants besides is learnt from its no."""
        for _ in range(_MOST_LEARNED):
            clauses = {
                f"{_CLAUSE}{name}": where.get(name, "" if name in tables else NOTHING)
                for name in self._tables(service, tables)
            }
            body = {**clauses, "pageSize": size, "absolutePage": number}
            try:
                return self.call(company, service, "GetRows", body, repeatable=True)
            except errors.ContractMismatchError as error:
                name = error.parameter
                if not name.startswith(_CLAUSE) or name in clauses:
                    raise
                self._learn(service, name.removeprefix(_CLAUSE))
        raise AssertionError("more clauses than any service has")  # pragma: no cover

    def _tables(self, service: str, wanted: tuple[str, ...]) -> dict[str, None]:
        learned = self.facts.get(f"clauses:{service}") or []
        return dict.fromkeys((*TABLES.get(service, wanted), *learned))

    def _learn(self, service: str, table: str) -> None:
        name = f"clauses:{service}"
        with self._lock:
            known = list(self.facts.get(name) or [])
            self.facts[name] = sorted({*known, table})

    # -- sending -----------------------------------------------------------------------------

    def _url(self, company: str, service: str, member: str) -> str:
        return service_url(self.base_url, self.api_version, company, service, member)

    def _send(
        self,
        method: str,
        url: str,
        company: str,
        *,
        repeatable: bool,
        deadline_s: float = 60.0,
        **options: Any,
    ) -> Answer:
        """Send; a refused login (nothing was done then) is renewed once, if that may help."""
        at_home = threading.get_ident() == self._home
        if at_home:
            self._login.ensure()
        while True:
            used = self._login.authorization()
            headers = {**self._headers(company), "Authorization": used}
            answer = self._api.send(
                method,
                url,
                repeatable=repeatable,
                deadline_s=deadline_s,
                headers=headers,
                **options,
            )
            if answer.status != 401:
                self._accepted(used)
                return answer
            if not self._may_renew(used, answer):
                return answer
            if self._login.authorization() != used:
                continue  # somebody has renewed it meanwhile
            if not at_home:
                raise TokenExpiredError("Epicor refused the token.", used)
            self._renew(used)

    def _headers(self, company: str) -> dict[str, str]:
        settings = {"Company": company}
        site = self._sites.get(company)
        if site:
            settings["Plant"] = site
        return {"x-api-key": self._key, "CallSettings": json.dumps(settings)}

    def _may_renew(self, used: str, answer: Answer) -> bool:
        with self._lock:
            fresh = used == self._untried
        about_key = "api key" in errors.describe(answer).said.lower()
        return self._login.renewable and not fresh and not about_key

    def _accepted(self, used: str) -> None:
        with self._lock:
            if used == self._untried:
                self._untried = ""

    def _renew(self, used: str) -> None:
        renewed = self._login.renew(used)
        with self._lock:
            self._untried = renewed


def pages_of(ask: Callable[[int], MethodAnswer], what: str) -> Iterator[MethodAnswer]:
    """The answers of a method that pages, from the first page on until it says that none follows.

    Pages vary in length, so only the flag counts; a release that gives none is asked until a page
    is empty. Raises TransientError when pages repeat themselves, and what `ask` raises.
    """
    seen: set[str] = set()
    for number in itertools.count(1):
        answer = ask(number)
        mark = json.dumps(answer.ds, default=str, sort_keys=True)[:20_000]
        if mark in seen:
            raise endless(what)
        seen.add(mark)
        yield answer
        more = answer.parameters.get("morePages", answer.parameters.get("morePage"))
        if not (any(answer.ds.values()) if more is None else flag(more)):
            return


def endless(what: str) -> TransientError:
    """The error for pages that never come to an end."""
    return TransientError(
        f"Epicor's pages of {what} repeat themselves, so reading was stopped. "
        "Nothing was changed; trying again is harmless."
    )


def _next_query(body: Mapping[str, Any]) -> dict[str, str] | None:
    """The query of the next page where the server names one; only the query, never the host."""
    for name in ("@odata.nextLink", "odata.nextLink"):
        link = body.get(name)
        if isinstance(link, str) and urlsplit(link).query:
            return dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))
    return None


def _encoded(query: Mapping[str, str]) -> str:
    # Not httpx's own encoding: Epicor wants %20 for a space, never a plus sign.
    return "&".join(f"{name}={encoded(text, safe='')}" for name, text in query.items())


def _settle(error: UncertainOutcomeError, what: str) -> None:
    """Raise what a 500 or 503 on a write really means, when its body says that nothing was done."""
    status = error.detail.get("status")
    if status not in (500, 503):
        return
    fault = errors.fault_of_detail(error.detail)
    try:
        errors.refuse(int(status), fault, writing=True, what=what)
    except UncertainOutcomeError:
        return
