"""The fields of the settings forms, in an accountant's words; their rules are the tenant file's."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the tenant file on a page. `kind`: text, secret, choice, number, day, days, yes.

    `methods`: the login methods that have it, () for every one.
    """

    path: str
    label: str
    help: str = ""
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    methods: tuple[str, ...] = ()
    example: str = ""


PRESETS = (  # of a calendar; M and H are the chosen time's
    ("*/15 * * * *", "Every 15 minutes"),
    ("*/15 * * * 1-5", "Every 15 minutes, Monday to Friday"),
    ("0 * * * *", "Hourly"),
    ("M H * * *", "Daily at …"),
    ("", "Own expression"),
)

_OAUTH, _PASSWORD = ("oauth2",), ("token_resource", "basic")

FIELDS: Mapping[str, tuple[Field, ...]] = {
    "tenant": (
        Field("name", "Name", "How people here call the company.", example="Acme Consulting"),
        Field(
            "time_zone",
            "Time zone",
            "Cycles, blackout days and the times on every page follow it.",
            example="America/New_York",
        ),
    ),
    "ramp": (
        Field(
            "ramp.base_url",
            "Address of Ramp",
            "Production is https://api.ramp.com, the sandbox https://demo-api.ramp.com. An app, "
            "its secret and its bills belong to one of the two only.",
            example="https://api.ramp.com",
        ),
        Field("ramp.client_id", "Client ID", "On the app's page in Ramp.", example="ramp_id_…"),
        Field(
            "ramp.client_secret",
            "Client secret",
            "Ramp shows it once, when the app is made. It is stored encrypted and never shown.",
            kind="secret",
        ),
        Field(
            "ramp.webhook_secret",
            "Webhook secret",
            "Only if Ramp is to ring us; the cycles work without it.",
            kind="secret",
        ),
    ),
    "epicor": (
        Field(
            "epicor.base_url",
            "Address of Epicor",
            "Up to the instance: what you see in the browser before /apps or /api.",
            example="https://acme.epicorsaas.com/live",
        ),
        Field(
            "epicor.deployment",
            "Where Epicor runs",
            kind="choice",
            choices=(("cloud", "Epicor's cloud"), ("on_premises", "On our own premises")),
        ),
        Field(
            "epicor.api_version",
            "API version",
            "v2 wants an API key and is the usual one; v1 is for old releases.",
            kind="choice",
            choices=(("v2", "v2 (usual)"), ("v1", "v1")),
        ),
        Field(
            "epicor.api_key",
            "API key",
            "System Setup › Security Maintenance › API Key Maintenance in Epicor. Give it an "
            "access scope with the services that the test names.",
            kind="secret",
        ),
        Field(
            "epicor.auth.method",
            "How we log in",
            kind="choice",
            choices=(
                ("oauth2", "Client credentials of the identity provider (usual in the cloud)"),
                ("token_resource", "User and password for a token (usual on premises)"),
                ("basic", "User and password with each request (small installations)"),
            ),
        ),
        Field(
            "epicor.auth.token_url",
            "Token address",
            "Where the identity provider gives tokens.",
            methods=_OAUTH,
            example="https://login.epicor.com/connect/token",
        ),
        Field("epicor.auth.client_id", "Client ID", methods=_OAUTH),
        Field("epicor.auth.client_secret", "Client secret", kind="secret", methods=_OAUTH),
        Field("epicor.auth.scope", "Scope", methods=_OAUTH, example="epicor_erp"),
        Field(
            "epicor.auth.username",
            "User",
            "A user of its own for this integration, with rights to AP entry and no more: "
            "Epicor's record then shows who wrote.",
            methods=_PASSWORD,
        ),
        Field("epicor.auth.password", "Password", kind="secret", methods=_PASSWORD),
        Field(
            "epicor.rate_group",
            "Rate group",
            "Epicor's currency rate group for foreign invoices; empty for the default.",
            example="MAIN",
        ),
        Field(
            "epicor.ca_file",
            "Certificate file",
            "Only for a private certificate authority: a PEM file on the machine of this program.",
            example="/etc/ssl/acme-ca.pem",
        ),
    ),
    "rules": (
        Field(
            "posting.start_date",
            "Start with bills of",
            "Bills issued and created before this day are left alone: they are in Epicor already. "
            "Empty means every bill that Ramp says is ready.",
            kind="day",
        ),
        Field(
            "posting.po_bills",
            "Bills with a purchase order",
            "Entering such a bill as an expense counts the receipt twice.",
            kind="choice",
            choices=(
                ("hold", "Wait for a person"),
                ("expense", "Enter them as expenses"),
                ("po_lines", "Against the order's lines (planned; they wait until then)"),
            ),
        ),
        Field(
            "posting.card_paid",
            "Bills paid by card",
            "The card transaction may be in the books already.",
            kind="choice",
            choices=(("hold", "Wait for a person"), ("enter", "Enter them")),
        ),
        Field(
            "posting.pay_hold",
            "Hold payment in Epicor when Ramp does not say who pays",
            "Bills that Ramp pays are always held, so that Epicor does not pay them a second time; "
            "bills that are paid outside Ramp never are.",
            kind="yes",
        ),
        Field(
            "calendar.closed_period",
            "Closed period",
            "Moving it to the next open period is a reconciling item at month end; it is shown on "
            "the bill.",
            kind="choice",
            choices=(
                ("hold", "Wait for a person"),
                ("next_open", "Enter on the first day of the next open period"),
            ),
        ),
        Field(
            "posting.default_terms",
            "Terms for vendors without any",
            "Epicor's terms code. Empty: bills of such vendors wait.",
            example="N30",
        ),
        Field(
            "posting.after_entry_edits",
            "A bill edited in Ramp after it was entered",
            "Only an invoice that nobody touched and that is not posted is ever changed.",
            kind="choice",
            choices=(
                ("update", "Change the unposted invoice in Epicor, too"),
                ("hold", "Wait for a person"),
            ),
        ),
        Field(
            "posting.group_prefix",
            "Group prefix",
            "Our invoice groups are called by it, the day and a letter: R261124A. One or two "
            "letters or digits that your own groups do not begin with.",
        ),
        Field(
            "posting.lanes",
            "Parallel invoice groups",
            "2 is right for most; 1 where Epicor has few licences. Never more than 8.",
            kind="number",
        ),
        Field(
            "posting.stamp_column",
            "Column for Ramp's bill id",
            "A column of the invoice header that nobody else fills, with room for 36 characters. "
            "It tells an invoice of ours from one that somebody typed. The test checks its length.",
        ),
        Field(
            "posting.writer",
            "How invoices are written",
            kind="choice",
            choices=(
                ("two_step", "In two steps: empty header, then the whole (usual)"),
                ("update_ext", "In one call"),
                ("by_the_book", "Field by field, as Epicor's screen does (slow, for odd cases)"),
            ),
        ),
        Field(
            "posting.skeleton_method",
            "New-invoice method",
            "auto, or the method's name in your release if the test says so.",
        ),
    ),
    "calendar": (
        Field(
            "calendar.sync_cron",
            "When a cycle runs",
            "Five fields: minute, hour, day of the month, month, day of the week (1 is Monday).",
            example="*/15 * * * 1-5",
        ),
        Field(
            "calendar.blackout",
            "Days on which nothing is entered",
            "One day a line, such as 2026-12-31. Bills are read and wait for the next day.",
            kind="days",
        ),
    ),
}

# What to tick in Ramp, and what for.
SCOPES = (
    ("accounting:read", "the coding of bills, our accounting connection"),
    ("accounting:write", "telling Ramp that a bill is entered"),
    ("bills:read", "the bills themselves"),
    ("vendors:read", "whose bills they are"),
    ("entities:read", "which of your companies a bill belongs to"),
    ("business:read", "which Ramp business this is"),
)
FURTHER_SCOPES = (
    ("vendors:write", "when vendors are kept in step both ways (planned)"),
    ("purchase_orders:read", "when purchase orders are matched (planned)"),
    ("transactions:read", "when card payments are matched (planned)"),
)
