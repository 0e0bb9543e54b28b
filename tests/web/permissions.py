"""Every address of a tenant: who may use it. A new address is a new row in TABLE.

A row names the address (`name` in its `path(…)`), the method and the capability of
audit/permissions.py that its answer depends on. `of` makes what the address is about in a tenant,
for the person who asks, and returns the address's arguments; it is called anew for each try, so
what it makes must be new each time (tests/web/things.py has many). `fixed` are arguments that are
nobody's, such as the name of a section; an address whose sections need different capabilities has
a row for each. `query`: what follows the
address of a GET. `piece`: only htmx asks for it. A POST that is allowed must succeed, so `data`
gives a form that does: a dict, or a function of the tenant and of what `of` returned. `sure`: it
must change something where it is allowed; that is the second step of an act.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User

from connector.tenants.models import Tenant
from tests.web import things

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One address with one method."""

    name: str
    method: str
    capability: str
    of: Callable[[Tenant, User | None], Arguments] | None = None
    data: Mapping[str, Any] | Callable[[Tenant, Arguments], Mapping[str, Any]] | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    piece: bool = False
    sure: bool = False

    def __str__(self) -> str:
        return (
            " ".join([self.method, self.name, *map(str, self.fixed.values())]) + " sure" * self.sure
        )

    def arguments(self, tenant: Tenant, person: User | None = None) -> Arguments:
        """The address's arguments, about something new of the tenant."""
        return {**self.fixed, **(self.of(tenant, person) if self.of else {})}

    def form(self, tenant: Tenant, arguments: Arguments) -> Mapping[str, Any]:
        """What is posted."""
        if callable(self.data):
            return self.data(tenant, arguments)
        return self.data or {}


_VENDORS = {"kind": "vendors"}

TABLE = [
    Row("today", "GET", "view"),
    Row("today-figures", "GET", "view", piece=True),
    Row("today-cycle", "GET", "view", piece=True),
    Row("today-month", "GET", "view", piece=True),
    Row("sync", "POST", "replay"),
    Row("activity", "GET", "view"),
    Row("job", "GET", "view", things.an_job),
    # Exceptions, and what can be done about a bill
    Row("exceptions", "GET", "view"),
    Row("exceptions-cause", "GET", "view", query="cause=refused"),
    Row("exceptions-more", "GET", "view", query="cause=refused", piece=True),
    Row("exceptions-pulse", "POST", "view", piece=True),
    Row("targets", "GET", "view", fixed={"kind": "vendors"}, query="q=ac", piece=True),
    Row("act-replay", "POST", "replay", data=things.a_ticked_bill),
    Row("act-dismiss", "POST", "dismiss", data=things.a_ticked_bill),
    Row("act-keep", "POST", "dismiss", data=things.a_ticked_bill),
    Row("act-different", "POST", "decide", data=things.a_ticked_bill),
    Row("act-assign", "POST", "decide", data=things.a_ticked_bill),
    Row("act-snooze", "POST", "decide", data=things.a_ticked_bill),
    Row("act-note", "POST", "decide", data=things.a_ticked_bill),
    Row("act-go-on", "POST", "decide", data=things.an_asked_bill),
    Row("act-go-on-always", "POST", "decide", data=things.an_asked_bill),
    Row("act-ours", "POST", "decide", data=things.a_suspected_bill, fixed={"place": 0}),
    Row("act-number", "POST", "decide", data=things.a_bill_to_be_numbered),
    Row("act-remove", "POST", "decide", data=things.an_entered_bill),
    Row("act-again", "POST", "decide", data=things.an_entered_bill),
    Row("act-removal", "GET", "decide", things.a_plan_of_removal, piece=True),
    # … and once more with the second step, which does it
    Row("act-replay", "POST", "replay", data=things.a_sure_bill, sure=True),
    Row("act-dismiss", "POST", "dismiss", data=things.a_sure_bill, sure=True),
    Row("act-keep", "POST", "dismiss", data=things.a_sure_keep, sure=True),
    Row("act-different", "POST", "decide", data=things.a_sure_answer, sure=True),
    Row("act-assign", "POST", "decide", data=things.a_sure_assignment, sure=True),
    Row("act-snooze", "POST", "decide", data=things.a_sure_snooze, sure=True),
    Row("act-note", "POST", "decide", data=things.a_sure_bill, sure=True),
    Row("act-ours", "POST", "decide", data=things.a_sure_answer, fixed={"place": 0}, sure=True),
    Row("act-go-on", "POST", "decide", data=things.a_sure_question, sure=True),
    Row("act-go-on-always", "POST", "decide", data=things.a_sure_question, sure=True),
    Row("act-number", "POST", "decide", data=things.a_sure_number, sure=True),
    Row("act-remove", "POST", "decide", data=things.a_looked_up_bill, sure=True),
    Row("act-again", "POST", "decide", data=things.a_removed_bill, sure=True),
    Row("act-map", "POST", "map", data=things.a_mapping_for_a_cause),
    # Mappings
    Row("mappings-start", "GET", "view"),
    *(
        Row(name, "GET", "view", fixed=_VENDORS, query="ramp_id=v-1", piece=name != "mappings")
        for name in ("mappings", "mapping-row", "mapping-history", "mapping-references")
    ),
    Row("mapping-edit", "GET", "map", fixed=_VENDORS, query="ramp_id=v-1", piece=True),
    Row("mapping-remove", "GET", "map", fixed=_VENDORS, query="ramp_id=v-1", piece=True),
    Row("mapping-save", "POST", "map", data=things.a_mapping, fixed=_VENDORS),
    Row("mapping-count", "POST", "map", fixed=_VENDORS),
    Row("mapping-import", "GET", "map", fixed=_VENDORS),
    Row("mapping-upload", "POST", "map", data=things.a_mapping_file, fixed=_VENDORS),
    Row("mapping-preview", "GET", "map", things.a_preview),
    Row("mapping-bring-in", "POST", "map", things.a_preview),
    Row("mapping-look-again", "POST", "map", things.a_preview),
    Row("mapping-imported", "GET", "map", things.an_import),
    Row("mapping-export", "POST", "export_mappings", data={"format": "csv"}, fixed=_VENDORS),
    Row("mapping-approvals", "GET", "view"),
    Row("mapping-decide", "POST", "approve_mapping", data=things.a_decision),
    Row("mapping-rule", "POST", "manage_settings", data={"needed": "yes"}),
    Row("mapping-what-if", "GET", "view", fixed=_VENDORS),
    Row("mapping-what-if-ask", "POST", "view", data=things.a_question, fixed=_VENDORS),
    Row("mapping-what-if-ask", "POST", "map", data=things.a_question_with_a_file, fixed=_VENDORS),
    Row("mapping-what-if-found", "GET", "view", things.an_answer),
    # Bills
    Row("bills", "GET", "view"),
    Row("bills-export", "POST", "view", data={"format": "csv", "query": ""}),
    Row("bill-view-save", "POST", "view", data=things.a_name),
    Row("bill-view-delete", "POST", "view", things.a_saved_view),
    Row("bill", "GET", "view", things.a_bill),
    Row("bill-as-of", "GET", "view", things.a_bill),
    Row("bill-sides", "GET", "view", things.a_bill, piece=True),
    Row("bill-look", "POST", "view", things.a_bill),
    Row("bill-older", "GET", "view", things.a_bill, piece=True),
    Row("bill-request", "GET", "view", things.a_bill),
    Row("bill-attempt", "GET", "view", things.an_attempt),
    Row("bill-entry", "GET", "view", things.an_entry_of_a_bill),
    # Audit
    Row("audit", "GET", "view"),
    Row("audit-entry", "GET", "view", things.an_entry),
    Row("audit-verify", "POST", "export_audit"),
    Row("audit-export", "POST", "export_audit", data={"format": "csv"}),
    # Setup
    Row("setup", "GET", "manage_settings"),
    Row("setup-address", "GET", "manage_connections", piece=True),
    Row("setup-login", "GET", "manage_connections", piece=True),
    Row("setup-runs", "GET", "manage_calendar", piece=True),
    Row("setup-job", "GET", "manage_settings", things.a_test, piece=True),
    Row("setup-go-live", "POST", "manage_calendar", data={"sure": "1"}),
    *(
        Row("setup-step", "GET", "manage_settings", fixed={"key": key})
        for key in ("ramp", "epicor", "entities", "coding", "rules", "calendar", "twins", "live")
    ),
    Row("setup-save", "POST", "manage_connections", data=things.ramp, fixed={"key": "ramp"}),
    Row("setup-save", "POST", "manage_calendar", data=things.calendar, fixed={"key": "calendar"}),
    Row("setup-ask", "POST", "manage_connections", fixed={"key": "test"}),
    # Settings
    Row("settings", "GET", "view"),
    Row("settings-pause", "POST", "manage_calendar", data={"reason": "Month end"}),
    Row("settings-resume", "POST", "manage_calendar"),
    Row("settings-ask", "POST", "manage_connections", fixed={"what": "test"}),
    Row("settings-replay", "POST", "replay", fixed={"what": "routes"}),
    Row("question-ask-again", "POST", "manage_settings", things.an_accepted_question),
    Row("settings-section", "GET", "manage_settings", fixed={"key": "tenant"}),
    Row("settings-section", "GET", "manage_connections", fixed={"key": "epicor"}),
    Row("settings-save", "POST", "manage_connections", data=things.ramp, fixed={"key": "ramp"}),
    Row("settings-save", "POST", "manage_settings", data=things.names, fixed={"key": "tenant"}),
    # People
    Row("people", "GET", "manage_users"),
    Row("people-add", "POST", "manage_users", data=things.a_known_person),
    Row("people-create", "POST", "manage_users", data=things.a_new_person),
    Row("people-link", "POST", "manage_users", things.an_invited_member),
    Row("people-role", "POST", "manage_users", things.a_member, data=things.another_role),
    Row("people-remove", "POST", "manage_users", things.a_member),
    Row("people-reset-factor", "POST", "manage_users", things.a_member_with_a_factor),
    Row("people-require-factor", "POST", "manage_users", data={"required": "yes"}),
]
