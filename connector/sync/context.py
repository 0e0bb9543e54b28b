"""What one cycle of a tenant carries along: its rules, and the clients and counts of the cycle."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from connector.domain.errors import Hold
from connector.epicor.ap_invoice.conversation import EpicorProfile, Writer
from connector.epicor.ap_invoice.draft import PostingPolicy, TextLengths
from connector.epicor.ap_invoice.rows import HEADER, LINE
from connector.epicor.ap_invoice.writers import WRITERS
from connector.epicor.client import EpicorClient
from connector.ramp.client import RampClient
from connector.sync.bills.accepted_questions import load_accepted
from connector.tenants import entities
from connector.tenants.epicor_connection import connect_epicor, keep_facts
from connector.tenants.models import (
    EntityRoute,
    EpicorCredentials,
    LearnedFact,
    PostingSettings,
    Tenant,
    zone_of,
)
from connector.tenants.ramp_connection import connect_ramp

FRESH = timedelta(minutes=15)
LENGTHS = "lengths"  # the learned fact: how many characters columns take, by table and column
_SKELETONS = ("auto", "GetNewAPInvHedInvoice")


@dataclass(slots=True)
class Counts:
    """What a cycle did so far, or would do in a dry run; `verified` are looked at again.

    `would_hold` only in a dry run: how many bills each cause would hold, by its reason and name.
    """

    fetched: int = 0
    opened: int = 0  # of the fetched ones: new to us
    left_out: int = 0  # of the fetched ones: not ours to enter, such as those before the start date
    entered: int = 0
    updated: int = 0
    verified: int = 0
    confirmed: int = 0
    unchanged: int = 0
    would_hold: dict[str, int] = field(default_factory=dict)

    def hold(self, hold: Hold) -> None:
        """One more bill that would wait; with several gaps for each of them."""
        gaps = {f"{gap.reason} {gap.name or gap.ramp_id}" for gap in hold.gaps}
        for cause in gaps or {str(hold.reason)}:
            self.would_hold[cause] = self.would_hold.get(cause, 0) + 1


@dataclass(slots=True)
class Rules:
    """How a tenant's bills are entered; read from the database alone, no system is asked."""

    tenant: Tenant
    posting: PostingSettings
    policy: PostingPolicy
    routes: dict[str, EntityRoute]
    entity_names: dict[str, str]  # Ramp's, by id, as far as they were read
    profile: EpicorProfile
    writer: Writer

    @property
    def companies(self) -> list[str]:
        """Every routed company, sorted."""
        return sorted({route.company for route in self.routes.values()})

    def bill_url(self, bill_id: str) -> str:
        """The permanent address of a bill's page."""
        return f"{settings.PUBLIC_URL}/t/{self.tenant.slug}/bills/{bill_id}"


@dataclass(slots=True)
class Cycle(Rules):
    """One step of a run for one tenant; `owner` is the lease name of everything it claims."""

    ramp: RampClient
    epicor: EpicorClient
    dry_run: bool
    started_at: datetime
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    counts: Counts = field(default_factory=Counts)
    one_lane: bool = False  # Epicor ran short of seats, or our lanes got in each other's way

    @property
    def lanes(self) -> int:
        """How many bills may be written at once."""
        return 1 if self.one_lane else max(1, self.posting.lanes)

    def hear(self) -> None:
        """Take in what people said to go on in spite of since the cycle began."""
        self.profile.accepted = load_accepted(self.tenant)

    def remember(self) -> None:
        """Store what Epicor taught us in this cycle."""
        if saves := self.profile.saves:
            LearnedFact.objects.get_or_create(
                tenant=self.tenant, name="saves", defaults={"value": saves}
            )
        keep_facts(self.tenant, self.epicor)

    def close(self) -> None:
        """Close the connections."""
        self.ramp.close()
        self.epicor.close()


def open_cycle(
    tenant: Tenant,
    *,
    dry_run: bool = False,
    began_at: datetime | None = None,
    counts: Counts | None = None,
) -> Cycle:
    """Connect both systems with the tenant's settings. Raises AccessError.

    A run that goes on gives when it began and what it did so far; copies of bills count as read
    in this run for 15 minutes at most.
    """
    now = timezone.now()
    rules = open_rules(tenant)
    rules.profile.accepted = load_accepted(tenant)
    return Cycle(
        tenant=tenant,
        posting=rules.posting,
        policy=rules.policy,
        routes=rules.routes,
        entity_names=rules.entity_names,
        profile=rules.profile,
        writer=rules.writer,
        ramp=connect_ramp(tenant),
        epicor=connect_epicor(tenant),
        dry_run=dry_run,
        started_at=min(max(began_at or now, now - FRESH), now),
        counts=counts or Counts(),
    )


def open_rules(tenant: Tenant) -> Rules:
    """The tenant's rules; four queries, no secret is read."""
    stored = PostingSettings.objects.filter(tenant=tenant).first()
    posting = stored or PostingSettings(tenant=tenant)
    routes = {route.ramp_entity_id: route for route in EntityRoute.objects.filter(tenant=tenant)}
    facts = dict(LearnedFact.objects.filter(tenant=tenant).values_list("name", "value"))
    epicor = EpicorCredentials.objects.filter(tenant=tenant)
    return Rules(
        tenant=tenant,
        posting=posting,
        policy=_policy(
            posting,
            epicor.values_list("rate_group", flat=True).first() or "",
            facts.get(LENGTHS) or {},
            zone_of(tenant),
        ),
        routes=routes,
        entity_names=facts.get(entities.FACT) or {},
        profile=_profile(posting, facts),
        writer=WRITERS[posting.writer],
    )


def _policy(
    posting: PostingSettings,
    rate_group: str,
    columns: Mapping[str, Mapping[str, int | None]],
    zone: ZoneInfo,
) -> PostingPolicy:
    return PostingPolicy(
        zone=zone,
        start_date=posting.start_date,
        pay_hold=posting.pay_hold,
        po_bills=posting.po_bills,
        card_paid=posting.card_paid,
        closed_period=posting.closed_period,
        default_terms=posting.default_terms,
        rate_group=rate_group,
        lengths=_lengths(posting, columns),
    )


def _lengths(
    posting: PostingSettings, columns: Mapping[str, Mapping[str, int | None]]
) -> TextLengths:
    """What Epicor says of the columns that we write; the usual lengths where it was not read."""
    usual = TextLengths()
    header, line = columns.get(HEADER, {}), columns.get(LINE, {})
    return TextLengths(
        invoice_num=header.get("InvoiceNum") or usual.invoice_num,
        description=header.get("Description") or usual.description,
        line_description=line.get("Description") or usual.line_description,
        url=header.get("ExtSysURL"),
        stamp=header.get(posting.stamp_column),
    )


def _profile(posting: PostingSettings, facts: dict[str, Any]) -> EpicorProfile:
    profile = EpicorProfile(saves=str(facts.get("saves", "")), stamp_column=posting.stamp_column)
    if posting.skeleton_method not in _SKELETONS:
        profile.invoice_skeleton = posting.skeleton_method
    return profile
