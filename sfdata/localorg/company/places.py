"""Where the company's customers are: countries with their cities, postal codes, dialling codes and coordinates.

A city's line reads: name | state or province | postal code | area code | latitude | longitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sfdata.localorg.company.draws import Dice, deck


@dataclass(frozen=True, slots=True)
class City:
    """A place customers are at; ``dial`` is what precedes the last four digits of its telephone numbers."""

    name: str
    state: str | None
    postal_code: str | None
    dial: str
    latitude: float
    longitude: float
    country: str
    tongue: str
    streets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """``weight`` is the country's share of customers, ``tongue`` chooses names, ``dial`` is what precedes an area code.

    ``number_first`` tells whether the house number stands before the street.
    """

    name: str
    weight: int
    tongue: str
    dial: str
    number_first: bool
    streets: tuple[str, ...]
    cities: str


COUNTRIES: Final = (
    Country(
        "United States", 72, "en", "({area}) 555-", True,
        ("Main Street", "Elm Street", "Industrial Parkway", "Market Street", "Route 9", "Commerce Drive", "Oak Avenue"),
        """
        Cambridge|MA|02139|617|42.3736|-71.1097
        Boston|MA|02110|617|42.3601|-71.0589
        New York|NY|10001|212|40.7506|-73.9972
        Newark|NJ|07102|973|40.7357|-74.1724
        Hartford|CT|06103|860|41.7658|-72.6734
        Chicago|IL|60606|312|41.8825|-87.6369
        Detroit|MI|48226|313|42.3317|-83.0479
        Houston|TX|77002|713|29.7565|-95.3656
        Austin|TX|78701|512|30.2711|-97.7437
        Atlanta|GA|30303|404|33.7525|-84.3888
        Denver|CO|80202|303|39.7525|-104.9995
        San Francisco|CA|94105|415|37.7898|-122.3942
        Los Angeles|CA|90012|213|34.0614|-118.2385
        Seattle|WA|98101|206|47.6114|-122.3351
        Winston-Salem|NC|27101|336|36.0999|-80.2442
        San Juan|PR|00901|787|18.4655|-66.1057
        """,
    ),
    Country(
        "Germany", 38, "de", "+49 {area} 555 ", False,
        ("Hauptstraße", "Industriestraße", "Königsallee", "Am Güterbahnhof", "Gewerbepark", "Bürgerweg"),
        """
        Dresden|Sachsen|01067|351|51.0504|13.7373
        Leipzig|Sachsen|04109|341|51.3397|12.3731
        Jena|Thüringen|07743|3641|50.9271|11.5892
        Berlin|Berlin|10115|30|52.5320|13.3849
        Hamburg|Hamburg|20095|40|53.5511|10.0006
        Köln|Nordrhein-Westfalen|50667|221|50.9384|6.9570
        Stuttgart|Baden-Württemberg|70173|711|48.7784|9.1800
        Nürnberg|Bayern|90402|911|49.4521|11.0767
        München|Bayern|80331|89|48.1351|11.5702
        """,
    ),
    Country(
        "United Kingdom", 22, "en", "+44 {area} ", True,
        ("High Street", "Station Road", "King's Road", "Victoria Mills", "Church Lane", "Enterprise Way"),
        """
        London|Greater London|EC1A 1BB|20 7946|51.5202|-0.0977
        Manchester|Greater Manchester|M1 1AE|161 496|53.4794|-2.2453
        Birmingham|West Midlands|B1 1BB|121 496|52.4797|-1.9027
        Sheffield|South Yorkshire|S1 2HE|114 496|53.3811|-1.4701
        Glasgow|Scotland|G1 1XQ|141 496|55.8609|-4.2514
        Cardiff|Wales|CF10 1EP|29 2018|51.4816|-3.1791
        """,
    ),
    Country(
        "France", 18, "fr", "+33 {area} 99 00 ", True,
        ("rue de l'Église", "avenue de la République", "boulevard Voltaire", "rue du Château", "place d'Armes"),
        """
        Paris|Île-de-France|75008|1|48.8718|2.3076
        Lyon|Auvergne-Rhône-Alpes|69002|4|45.7547|4.8306
        Bourg-en-Bresse|Auvergne-Rhône-Alpes|01000|4|46.2052|5.2255
        Nice|Provence-Alpes-Côte d'Azur|06000|4|43.7009|7.2684
        Toulouse|Occitanie|31000|5|43.6045|1.4440
        Saint-Étienne|Auvergne-Rhône-Alpes|42000|4|45.4397|4.3872
        """,
    ),
    Country(
        "Japan", 15, "ja", "+81 {area} 5550 ", False,
        ("丸の内", "本町", "栄町", "中央通り", "工業団地"),
        """
        東京|東京都|100-0005|3|35.6812|139.7671
        大阪|大阪府|530-0001|6|34.7025|135.4959
        名古屋|愛知県|450-0002|52|35.1709|136.8815
        札幌|北海道|060-0001|11|43.0621|141.3544
        広島|広島県|730-0011|82|34.3963|132.4596
        """,
    ),
    Country(
        "Poland", 11, "pl", "+48 {area} 555 ", False,
        ("ul. Piotrkowska", "ul. Świętego Mikołaja", "al. Jana Pawła II", "ul. Fabryczna", "ul. Żeromskiego"),
        """
        Warszawa|Mazowieckie|00-001|22|52.2319|21.0067
        Łódź|Łódzkie|90-001|42|51.7687|19.4570
        Kraków|Małopolskie|30-001|12|50.0732|19.9412
        Wrocław|Dolnośląskie|50-001|71|51.1000|17.0300
        Gdańsk|Pomorskie|80-001|58|54.3520|18.6466
        """,
    ),
    Country(
        "Italy", 11, "it", "+39 {area} 555 ", False,
        ("Via Roma", "Corso Garibaldi", "Via dell'Artigianato", "Piazza della Libertà", "Viale dell'Industria"),
        """
        Roma|Lazio|00184|06|41.8933|12.4829
        Milano|Lombardia|20121|02|45.4720|9.1881
        Torino|Piemonte|10121|011|45.0703|7.6869
        Forlì|Emilia-Romagna|47121|0543|44.2227|12.0407
        Bologna|Emilia-Romagna|40121|051|44.4990|11.3426
        """,
    ),
    Country(
        "Spain", 10, "es", "+34 {area} 555 ", False,
        ("Calle Mayor", "Avenida de la Constitución", "Paseo de Gracia", "Polígono Industrial Norte", "Calle del Niño"),
        """
        Madrid|Madrid|28013|91|40.4189|-3.7075
        Barcelona|Cataluña|08007|93|41.3917|2.1649
        Vitoria-Gasteiz|País Vasco|01001|945|42.8467|-2.6716
        A Coruña|Galicia|15001|981|43.3707|-8.3960
        """,
    ),
    Country(
        "Canada", 10, "en", "({area}) 555-", True,
        ("Bay Street", "Rue Sainte-Catherine", "Granville Street", "Queen Street", "Portage Avenue"),
        """
        Toronto|ON|M5H 2N2|416|43.6503|-79.3839
        Montréal|QC|H3B 1A7|514|45.5019|-73.5674
        Vancouver|BC|V6C 1X8|604|49.2827|-123.1187
        Winnipeg|MB|R3C 0V8|204|49.8955|-97.1385
        """,
    ),
    Country(
        "Netherlands", 8, "nl", "+31 {area} 555 ", False,
        ("Keizersgracht", "'s-Gravelandseweg", "Havenstraat", "Industrieweg"),
        """
        Amsterdam|Noord-Holland|1015 CJ|20|52.3728|4.8855
        Rotterdam|Zuid-Holland|3011 AD|10|51.9225|4.4792
        's-Hertogenbosch|Noord-Brabant|5211 AA|73|51.6978|5.3037
        """,
    ),
    Country(
        "Sweden", 7, "sv", "+46 {area} 555 ", False,
        ("Storgatan", "Kungsgatan", "Östra Hamngatan", "Smedjegatan", "Åvägen"),
        """
        Stockholm|Stockholms län|111 20|8|59.3326|18.0649
        Göteborg|Västra Götalands län|411 04|31|57.7072|11.9668
        Malmö|Skåne län|211 20|40|55.6050|13.0038
        """,
    ),
    Country(
        "Czech Republic", 6, "cs", "+420 {area} 555 ", False,
        ("Václavské náměstí", "Nádražní", "Průmyslová", "Dlouhá třída", "Školní"),
        """
        Praha|Hlavní město Praha|110 00|222|50.0814|14.4278
        Brno|Jihomoravský kraj|602 00|542|49.1951|16.6068
        Plzeň|Plzeňský kraj|301 00|377|49.7475|13.3776
        """,
    ),
    Country(
        "Brazil", 6, "pt", "+55 {area} 5550-", False,
        ("Avenida Paulista", "Rua da Consolação", "Rua São João", "Avenida Getúlio Vargas"),
        """
        São Paulo|São Paulo|01310-100|11|-23.5614|-46.6559
        Rio de Janeiro|Rio de Janeiro|20040-002|21|-22.9061|-43.1772
        Curitiba|Paraná|80010-000|41|-25.4296|-49.2713
        """,
    ),
    Country(
        "Turkey", 5, "tr", "+90 {area} 555 ", False,
        ("Atatürk Caddesi", "İstiklal Caddesi", "Sanayi Sokağı", "Gül Sokak"),
        """
        İstanbul|İstanbul|34110|212|41.0136|28.9550
        İzmir|İzmir|35210|232|38.4237|27.1428
        Adana|Adana|01010|322|36.9914|35.3308
        """,
    ),
    Country(
        "Australia", 5, "en", "+61 {area} 5550 ", True,
        ("George Street", "Collins Street", "Harbour Road", "Smith Street"),
        """
        Sydney|NSW|2000|2|-33.8688|151.2093
        Melbourne|VIC|3000|3|-37.8136|144.9631
        Darwin|NT|0800|8|-12.4634|130.8456
        """,
    ),
    Country(
        "Greece", 4, "el", "+30 {area} 555 ", False,
        ("Ερμού", "Πανεπιστημίου", "Τσιμισκή"),
        """
        Αθήνα|Αττική|105 63|210|37.9755|23.7348
        Θεσσαλονίκη|Κεντρική Μακεδονία|546 24|2310|40.6350|22.9420
        """,
    ),
    Country(
        "India", 4, "in", "+91 {area} 5550 ", True,
        ("M.G. Road", "Nehru Nagar", "Industrial Estate, Phase II", "Station Road"),
        """
        Mumbai|Maharashtra|400001|22|18.9388|72.8354
        Bengaluru|Karnataka|560001|80|12.9757|77.6056
        Pune|Maharashtra|411001|20|18.5196|73.8554
        """,
    ),
    Country(
        "Israel", 2, "he", "+972 {area} 555 ", False,
        ("הרצל", "ז'בוטינסקי", "העצמאות"),
        """
        תל אביב|תל אביב|6100000|3|32.0853|34.7818
        חיפה|חיפה|3100001|4|32.8156|34.9892
        """,
    ),
    Country(
        "United Arab Emirates", 2, "ar", "+971 {area} 555 ", False,
        ("شارع الشيخ زايد", "شارع الخليج", "شارع المطار"),
        """
        دبي|دبي||4|25.2048|55.2708
        أبو ظبي|أبو ظبي||2|24.4539|54.3773
        """,
    ),
)  # fmt: skip


def _cities(country: Country) -> list[City]:
    found = []
    for line in country.cities.strip().splitlines():
        name, state, postal_code, area, latitude, longitude = line.strip().split("|")
        place = (float(latitude), float(longitude), country.name, country.tongue, _addresses(country))
        found.append(City(name, state or None, postal_code or None, country.dial.format(area=area), *place))
    return found


def _addresses(country: Country) -> tuple[str, ...]:
    """Streets with house numbers; one in each country has a second line."""
    numbers = (1, 7, 12, 28, 45, 103, 250, 1600)
    plain = [
        f"{n} {street}" if country.number_first else f"{street} {n}" for street in country.streets for n in numbers
    ]
    return (*plain, f"{plain[0]}\nBuilding 3, 2nd floor")


CITIES_BY_COUNTRY: Final = {country.name: _cities(country) for country in COUNTRIES}

CITIES: Final = deck(
    {
        city: country.weight / len(CITIES_BY_COUNTRY[country.name])
        for country in COUNTRIES
        for city in CITIES_BY_COUNTRY[country.name]
    }
)
"""A deck of all cities, as often as customers are there."""

PHONE_ENDS: Final = tuple(f"01{number:02}" for number in range(100))
"""Numbers that telephone companies keep for fiction end like this."""


def phones(cities: Sequence[City], dice: Dice) -> list[str]:
    """A telephone number in each of the cities."""
    return [city.dial + end for city, end in zip(cities, dice.pick(PHONE_ENDS, len(cities)), strict=True)]


def streets(cities: Sequence[City], dice: Dice) -> list[str]:
    """A street with a house number in each of the cities."""
    return [c.streets[byte % len(c.streets)] for c, byte in zip(cities, dice.randbytes(len(cities)), strict=True)]
