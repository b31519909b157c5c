"""What kinds of customers there are: how they call themselves, by tongue, and the facts one keeps about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sfdata.localorg.company.draws import deck, lognormal

NAME_PATTERNS: Final = {
    "en": (
        "{last} & Sons, Inc.", "{last} Manufacturing LLC", "{city} Hardware Supply", "{last}'s Tool & Die",
        "{city} Machine Works, Inc.", "{last} {other} Construction Co.", "The {last} Group", "{last}-{other} Ltd",
        "{last}, {other} & Partners LLP", "{city} Public Works Dept.", "{last} Rental Equipment",
        "{other} {last} Engineering", "Handy Home Store #{number:05}", "{last} Bros. of {city}",
    ),
    "de": (
        "{last} & Söhne GmbH", "{last} Werkzeugbau GmbH & Co. KG", "{city}er Maschinenfabrik AG",
        "Tischlerei {last}", "Gebr. {last} OHG", "{last} + {other} Präzisionstechnik GmbH", "Stadtwerke {city}",
        "Schlosserei {last} e.K.", "{last} & {other} Bau GmbH", "Baumarkt {city} {number:05}", "{last} {city} KG",
    ),
    "fr": (
        "Établissements {last}", "{last} et Fils SARL", "Société Générale d'Outillage de {city}",
        "Ateliers {last} SA", "Menuiserie {last}", "L'Atelier de {city}", "Constructions {last} & {other}",
        "Quincaillerie {last}-{other}", "{last} {city} SAS",
    ),
    "ja": (
        "{city}電機株式会社", "株式会社{last}製作所", "{last}工業株式会社", "{city}工具販売",
        "有限会社{last}木工", "{last}・{other}建設株式会社", "{city}{last}商店",
    ),
    "pl": (
        "{last} i Synowie Sp. z o.o.", "Zakłady Mechaniczne {city} S.A.", "Narzędzia {last}", "P.P.H.U. {last}",
        "Narzędzia {city} Sp. z o.o.", "Hurtownia „{last}”", "{last} i {other} Sp. j.", "Warsztat {last}, {city}",
    ),
    "it": (
        "Officine {last} S.p.A.", "{last} & Figli S.r.l.", "Utensileria {city}", "Fratelli {last} S.n.c.",
        "{last} e {other} S.r.l.", "Ferramenta {last} – {city}",
    ),
    "es": (
        "Herramientas {last}, S.A.", "{last} e Hijos S.L.", "Talleres {city}", "Construcciones {last} y {other}",
        "Ferretería {last} de {city}",
    ),
    "nl": (
        "{last} Gereedschap B.V.", "Machinefabriek {city} N.V.", "Gebroeders {last}",
        "{last} & {other} Bouw B.V.",
    ),
    "sv": (
        "{last}s Verktyg AB", "{city} Mekaniska Verkstad AB", "Bröderna {last} HB",
        "{last} & {other} i {city} AB",
    ),
    "cs": ("{last} nástroje s.r.o.", "Strojírny {city} a.s.", "{last} a synové", "{last} & {other} v.o.s."),
    "pt": (
        "Ferramentas {last} Ltda.", "{last} & Irmãos S.A.", "Indústria Mecânica de {city}",
        "Construtora {last} {other}",
    ),
    "tr": (
        "{last} Makina Sanayi A.Ş.", "{city} Hırdavat Ltd. Şti.", "{last} Kardeşler İnşaat",
        "{last} ve {other} Ticaret, {city}",
    ),
    "el": ("Εργαλεία {last} Α.Ε.", "Αφοί {last} Ο.Ε.", "Μηχανουργείο {city}", "{last} & {other} Ε.Π.Ε."),
    "in": (
        "{last} Engineering Pvt. Ltd.", "{city} Tools & Hardware", "{last} Brothers", "{last} {other} Infra Ltd.",
        "{city} Builders {number:05}",
    ),
    "he": ("כלי עבודה {last} בע״מ", "{last} ובניו"),
    "ar": ("شركة {last} للأدوات", "مؤسسة {city} للمعدات"),
}  # fmt: skip

CURIOUS_NAMES: Final = (
    "NA", "null", "007", "1.10", "000123 Hardware", "TRUE", "Infinity Tools", "=SUM(A1:A9) Ltd", "1e5 Supplies",
    "O'Neil's \"Quick\" Fix", "100% Tools_and_More", "C:\\Tools\\GmbH", "Smith, Jones & Co., Inc.",
    "-5 Degrees Cooling",
    "🔧 FixIt 🔩 Brothers", "Škoda Díly ➜ Plzeň", "ﾂｰﾙ ショップ", "Tab\tSeparated Goods", "Semi; Colon; Works",
    "<b>Bold</b> & Brave", "Zoë‑Renée’s Atelier", "Ｗｉｄｅ Wares", "I\u0307stanbul Nakliyat", "Ǆungla d.o.o.",
)  # fmt: skip
"""Names real orgs have and careless programs spoil."""


@dataclass(frozen=True, slots=True)
class Industry:
    """A line of business with its SIC and NAICS codes, where the company keeps them."""

    name: str | None
    sic: str | None = None
    sic_description: str | None = None
    naics: str | None = None
    naics_description: str | None = None


UNCODED: Final = Industry(None)

INDUSTRIES: Final = deck(
    {
        Industry("Manufacturing", "3423", "Hand and Edge Tools", "332216", "Saw Blade and Handtool Manufacturing"): 34,
        Industry("Construction", "1542", "General Contractors", "236220", "Commercial Building Construction"): 36,
        Industry("Machinery", "3541", "Machine Tools, Cutting", "333517", "Machine Tool Manufacturing"): 22,
        Industry("Agriculture", "0111", "Wheat", "111140", "Wheat Farming"): 10,
        Industry("Retail", "5251", "Hardware Stores", "444140", "Hardware Retailers"): 26,
        Industry("Engineering", "8711", "Engineering Services", "541330", "Engineering Services"): 14,
        Industry("Utilities", "4911", "Electric Services", "221122", "Electric Power Distribution"): 10,
        Industry("Transportation", "4213", "Trucking", "484121", "General Freight Trucking, Long-Distance"): 10,
        Industry("Energy", "1311", "Crude Petroleum", "211120", "Crude Petroleum Extraction"): 8,
        Industry("Education", "8222", "Technical Institutes", "611519", "Other Technical and Trade Schools"): 8,
        Industry("Food & Beverage", "2082", "Malt Beverages", "312120", "Breweries"): 6,
        Industry("Electronics"): 10, Industry("Government"): 8, Industry("Hospitality"): 4, Industry("Other"): 8,
        UNCODED: 42,
    }
)  # fmt: skip

TYPES: Final = deck(
    {
        "Customer - Direct": 92, "Customer - Channel": 38, "Prospect": 62, "Channel Partner / Reseller": 14,
        "Installation Partner": 8, "Technology Partner": 4, "Other": 8, None: 30,
    }
)  # fmt: skip
RATINGS: Final = deck({"Hot": 26, "Warm": 58, "Cold": 44, None: 128})
OWNERSHIPS: Final = deck({"Private": 130, "Public": 26, "Subsidiary": 16, "Other": 10, None: 74})
SOURCES: Final = deck(
    {"Web": 70, "Phone Inquiry": 40, "Partner Referral": 34, "Purchased List": 24, "Other": 18, None: 70}
)
PRIORITIES: Final = deck({"High": 26, "Medium": 70, "Low": 50, None: 110})
SERVICE_LEVELS: Final = deck({"Platinum": 10, "Gold": 34, "Silver": 52, "Bronze": 60, None: 100})
ACTIVE: Final = deck({"Yes": 170, "No": 34, None: 52})
UPSELL: Final = deck({"Yes": 40, "Maybe": 70, "No": 60, None: 86})
SEGMENTS: Final = deck(
    {
        "Small Business": 84, "Mid-Market": 52, "Key Account": 20, "Public Sector": 14, "Strategic;Key Account": 10,
        "Key Account;Mid-Market": 12, "Strategic;Key Account;Public Sector": 2, None: 62,
    }
)  # fmt: skip
OPENING_TIMES: Final = deck(
    {
        "08:00:00.000Z": 60, "07:30:00.000Z": 40, "09:00:00.000Z": 40, "06:00:00.000Z": 14, "10:00:00.000Z": 10,
        "00:00:00.000Z": 2, "23:59:59.000Z": 1, None: 89,
    }
)  # fmt: skip
SITES: Final = deck({"Headquarters": 50, "Plant 1": 20, "Werk Süd": 6, "Warehouse 02": 14, "本社": 3, None: 163})
LOCATION_COUNTS: Final = deck({1.0: 90, 2.0: 40, 3.0: 20, 5.0: 12, 12.0: 6, 120.0: 1, 999.0: 1, None: 86})
ODD_ACCOUNT_NUMBERS: Final = deck(
    {"NA": 2, "null": 1, "007": 2, "1e5": 1, "0": 1, "00.50": 1, "CD355119-A": 4, None: 244}
)

REVENUES: Final = lognormal(median=4.0e6, spread=1.6)
"""Yearly revenue in US dollars."""
REVENUE_PER_HEAD: Final = lognormal(median=160_000.0, spread=0.5)
