"""The cast of the demo company: its entities, vendors, accounts, cost centers and currencies.

Plain data, the same for every seed. `world_epicor` turns it into Epicor rows, `world_ramp` into
Ramp objects, `world_bills` draws bills from it.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

US, EU = "EPIC06", "EPIC07"
COMPANIES = (US, EU)
BASE_CURRENCY = {US: "USD", EU: "EUR"}
COMPANY_NAMES = {US: "Acme Consulting Inc.", EU: "Acme Consulting Europe B.V."}
ENTITY_NAMES = {US: "Acme US", EU: "Acme Europe", "": "Acme Canada"}  # "" has no route
ENTITY_CURRENCY = {US: "USD", EU: "EUR", "": "CAD"}

DIGITS = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "XXQ": 2}
CURRENCIES = ("USD", "EUR", "GBP", "JPY", "KWD")
# One unit of the currency in US dollars and in euros.
RATES = {
    US: {"EUR": "1.084200", "GBP": "1.271500", "JPY": "0.006710", "KWD": "3.254000"},
    EU: {"USD": "0.922300", "GBP": "1.172800", "JPY": "0.006190", "KWD": "3.001300"},
}

TERMS = {"N30": ("Net 30", 30), "N15": ("Net 15", 15), "2T10": ("2% 10, net 30", 30)}
DEFAULT_TERMS = "N30"  # the tenant's fallback for the vendor whose terms are blank


@dataclass(frozen=True, slots=True)
class Vendor:
    """One payee. `link` is how its Epicor vendor can be found:

    linked    Ramp's vendor carries the VendorID (our connection uploaded it)
    mapped    only the tenant's mapping file names it
    override  linked to `vendor_id`, but the mapping file says `mapped_to`, which wins
    unmapped  nothing says which Epicor vendor it is
    """

    vendor_id: str
    name: str
    companies: tuple[str, ...]
    currency: str = "USD"
    terms: str = "N30"
    link: str = "linked"
    country: str = "US"
    inactive: bool = False
    mapped_to: str = ""

    @property
    def target(self) -> str:
        """The VendorID that this vendor's bills belong to."""
        return self.mapped_to or self.vendor_id


_BOTH = """
ACME|Acme Office Supply Co.;GLOBEX|Globex Corporation;INITECH|Initech LLC;HOOLI|Hooli Cloud
STARK|Stark Industries;WAYNE|Wayne Logistics;UMBRELLA|Umbrella Insurance;SOYLENT|Soylent Catering
CYBERDYN|Cyberdyne Systems;TYRELL|Tyrell Research
"""
_US_ONLY = """
OBRIEN|O'Brien "Quoted" Ltd;PIEDPIPE|Pied Piper Inc.;VANDELAY|Vandelay Imports;DUNDER|Dunder Mifflin
STERLING|Sterling Cooper;PRESTIGE|Prestige Worldwide;MASSIVE|Massive Dynamic;BLUTH|Bluth Company
OSCORP|Oscorp Labs;LEXCORP|LexCorp;DAILYPLA|Daily Planet Media;KWIKEMRT|Kwik-E Mart
CENTRALP|Central Perk;LOSPOLLO|Los Pollos Catering;SAULGOOD|Goodman & Associates, P.C.
WONKA|Wonka Foods;MONSTERS|Monsters Utilities;BUYNLRG|Buy n Large;PLANETEX|Planet Express Freight
MOMCORP|Mom's Repair;SLURM|Slurm Beverages;SPACELY|Spacely Sprockets;COGSWELL|Cogswell Cogs
ACMEBRCK|Acme Brick;FRINGE|Fringe Consulting;DELOS|Delos Travel;ROXXON|Roxxon Energy
WEYLAND|Weyland Tools;JONESCPA|Jones <CPA> & Sons;TABCO|Tabco, Inc.
"""
_EU_ONLY = """
MUELLER|Müller & Söhne GmbH;SAKURA|株式会社サクラ;LEFEVRE|Lefèvre et Fils SARL
BJORN|Bjørn Ångström AS
NOVAK|Novák s.r.o.;GARCIA|García Peña S.L.;KOWALSKI|Kowalski Łódź Sp. z o.o.;ROSSI|Rossi S.p.A.
DEVRIES|De Vries Transport B.V.;JANSSEN|Janssen Advies;PAPADOPO|Παπαδόπουλος Α.Ε.
IVANOVA|Иванова ООД
OZTURK|Öztürk A.Ş.;SZABO|Szabó Kft.;POPESCU|Popescu SRL;OKONKWO|Okonkwo Ltd;DASILVA|da Silva Lda
SCHMIDT|Schmidt Druck GmbH;DUPONT|Dupont Énergie;BIANCHI|Bianchi Hosting;VIRTANEN|Virtanen Oy
LARSEN|Larsen ApS;BERG|Berg Försäkring AB;HAAS|Haas Reisen GmbH;WEBER|Weber Büro GmbH
FISCHER|Fischer IT;KELLY|Kelly & Daly Solicitors;MURPHY|Murphy Telecom;NAGY|Nagy Oktatás
ALJABER|شركة الجابر
"""


def _parse(text: str, companies: tuple[str, ...], country: str, currency: str) -> list[Vendor]:
    """Vendors from `ID|name` pairs; every sixth is only mapped, terms and links alternate."""
    codes = tuple(TERMS)
    pairs = [pair.partition("|") for line in text.strip().split("\n") for pair in line.split(";")]
    return [
        Vendor(
            vendor_id,
            name,
            companies,
            currency=currency,
            terms=codes[index % len(codes)],
            link="mapped" if index % 6 == 5 else "linked",
            country=country,
        )
        for index, (vendor_id, _, name) in enumerate(pairs)
    ]


BLANK_TERMS = Vendor("BLANKTRM", "Handshake Terms LLC", (US,), terms="")
INACTIVE = Vendor("OLDCO", "Old & Closed Co.", COMPANIES, inactive=True)
OVERRIDE = Vendor("NORTHOLD", "Northwind Traders", (US,), link="override", mapped_to="NORTHWND")
OVERRIDE_TARGET = Vendor("NORTHWND", "Northwind Traders LLC", (US,), terms="N15", link="none")
UNMAPPED = (
    Vendor("", "Corner Bakery", (), link="unmapped"),
    Vendor("", "Fresh Flowers Weekly", (), link="unmapped"),
    Vendor("", "Blue Bottle Water", (), link="unmapped"),
)
ENTERABLE: tuple[Vendor, ...] = (
    *_parse(_BOTH, COMPANIES, "US", "USD"),
    *_parse(_US_ONLY, (US,), "US", "USD"),
    *_parse(_EU_ONLY, (EU,), "DE", "EUR"),
    BLANK_TERMS,
    OVERRIDE,
)
IN_EPICOR: tuple[Vendor, ...] = (*ENTERABLE, OVERRIDE_TARGET, INACTIVE)
IN_RAMP: tuple[Vendor, ...] = (*ENTERABLE, INACTIVE, *UNMAPPED)
TERMS_OF = {vendor.vendor_id: vendor.terms for vendor in IN_EPICOR}


def vendor_num(company: str, vendor_id: str) -> int:
    """The integer key of a VendorID in one company; the same ID has another number elsewhere."""
    return _VENDOR_NUMS[company, vendor_id]


_VENDOR_NUMS = {
    (company, vendor.vendor_id): start + 3 * index
    for company, start in ((US, 101), (EU, 5002))
    for index, vendor in enumerate(v for v in IN_EPICOR if company in v.companies)
}

# Natural account -> (name, Ramp classification).
NATURALS = {
    "6000": ("Cloud hosting", "EXPENSE"),
    "6050": ("Software subscriptions", "EXPENSE"),
    "6100": ("Office supplies", "EXPENSE"),
    "6150": ("Travel", "EXPENSE"),
    "6200": ("Professional fees", "EXPENSE"),
    "6250": ("Marketing", "EXPENSE"),
    "6300": ("Rent", "EXPENSE"),
    "6350": ("Utilities", "EXPENSE"),
    "6400": ("Insurance", "EXPENSE"),
    "6450": ("Training", "EXPENSE"),
    "6500": ("Freight", "EXPENSE"),
    "6550": ("Repairs", "EXPENSE"),
    "6600": ("Bank charges", "EXPENSE"),
    "5900": ("Purchase discounts", "EXPENSE"),
    "2210": ("Input tax", "LIABILITY"),
    "1500": ("Prepaid expenses", "ASSET"),
}
DIVISIONS = {"01": "Consulting", "02": "Products"}
TAX, DISCOUNT = "2210", "5900"
SPLIT_NATURAL = "6300"  # mapped to another division in each company
WHOLE_ACCOUNTS = ("6100|01|000", "6450|02|000", "1500|01|000")  # uploaded by us, map to themselves
UNMAPPED_ACCOUNTS = {"6980": "Staff gifts", "6990": "Ask accounting"}
INACTIVE_NATURAL, MISSING_NATURAL = "6900", "6950"
UNUSABLE_ACCOUNTS = {INACTIVE_NATURAL: "Old suspense", MISSING_NATURAL: "Never opened"}

# Department (segment 3) -> name.
DEPARTMENTS = {
    "000": "None",
    "100": "Engineering",
    "150": "Research",
    "200": "Sales",
    "300": "Marketing",
    "400": "Operations",
    "500": "General and administrative",
}
# Segment 3 is dynamic in EPIC07, where this department has no account of its own in the chart.
UNLISTED_DEPARTMENT = {US: "", EU: "500"}
COST_CENTERS = {
    "CC-ENG": "100",
    "CC-RND": "150",
    "CC-SAL": "200",
    "CC-MKT": "300",
    "CC-OPS": "400",
    "CC-GA": "500",
}
UNMAPPED_COST_CENTERS = {"CC-LAB": "New laboratory", "CC-TMP": "Temporary project"}
COST_CENTER_FIELD = "cost_center"


def mapped_account(company: str, external_id: str) -> str:
    """The whole account that the mapping file gives for a Ramp account."""
    if "|" in external_id:
        return external_id
    division = "02" if external_id == SPLIT_NATURAL and company == EU else "01"
    return f"{external_id}|{division}|000"


def coded_account(company: str, external_id: str, cost_center: str | None) -> str:
    """The account of one bill line: the mapped account with the cost center as segment 3."""
    natural, division, _ = mapped_account(company, external_id).split("|")
    department = COST_CENTERS[cost_center] if cost_center else "000"
    return f"{natural}|{division}|{department}"


def period_closed(company: str, day: dt.date) -> bool:
    """Whether the fiscal period of a day is closed in the company's main book."""
    return day < dt.date(2026, 3, 1) or (company == US and (day.year, day.month) == (2026, 6))
