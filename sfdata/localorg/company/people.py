"""What people are called, by tongue, and what they do. Names outside the Latin alphabet carry their Latin spelling.

``native=Latin`` gives both; other names are spelled in ASCII by dropping their accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfdata.localorg.company.draws import Dice, deck
from sfdata.localorg.company.places import City

FEMALE: Final = {
    "en": "Mary Patricia Jennifer Linda Elizabeth Susan Jessica Karen Sarah Nancy Siobhán Zoë Renée Mary-Jane",
    "de": "Anna Sabine Claudia Käthe Gisela Katrin Ulrike Heike Birgit Anja Doris Grete Jördis",
    "fr": "Camille Chloé Françoise Hélène Léa Manon Océane Anaïs Zoé Marie-Claire Noémie Agnès",
    "ja": "陽子=Yoko 花子=Hanako 美咲=Misaki 結衣=Yui さくら=Sakura 恵子=Keiko",
    "pl": "Agnieszka Małgorzata Katarzyna Ewa Łucja Żaneta Joanna Zofia Wiesława",
    "it": "Giulia Francesca Chiara Elisabetta Lucia Beatrice Ornella Fiorenza",
    "es": "María José Inés Sofía Begoña Lucía Carmen Ángela Pilar",
    "nl": "Sanne Femke Lotte Maaike Anouk Mieke",
    "sv": "Åsa Karin Malin Elin Märta Sigrid",
    "cs": "Jana Petra Kateřina Lenka Šárka Eliška",
    "pt": "Ana Beatriz Conceição Luísa Fernanda Inês",
    "tr": "Ayşe Fatma Gülşah Elif Zeynep İpek",
    "el": "Μαρία=Maria Ελένη=Eleni Σοφία=Sofia",
    "in": "Priya Anjali Lakshmi Sunita Deepika",
    "he": "נועה=Noa תמר=Tamar רחל=Rachel",
    "ar": "فاطمة=Fatima مريم=Mariam ليلى=Layla",
}
MALE: Final = {
    "en": "James John Robert Michael William David Richard Thomas Charles Daniel Seán D'Arcy Björn Jean-Luc",
    "de": "Hans Jürgen Wolfgang Günther Jörg Stefan Uwe Karl-Heinz Matthias Götz Ömer Bernd",
    "fr": "François Jérôme Benoît Étienne Gaël Loïc Jean-Pierre Rémi Hervé Maël",
    "ja": "太郎=Taro 健一=Kenichi 翔太=Shota 大輔=Daisuke 誠=Makoto 一郎=Ichiro",
    "pl": "Stanisław Łukasz Paweł Michał Józef Grzegorz Wojciech Bogusław Marcin",
    "it": "Giuseppe Marco Niccolò Luca Matteo Davide Cesare Italo",
    "es": "José Ángel Joaquín Iñaki Jesús Álvaro Manuel Pío",
    "nl": "Jan Pieter Daan Joost Sjoerd Willem",
    "sv": "Lars Göran Håkan Anders Sören Åke",
    "cs": "Jiří Tomáš Ondřej Zdeněk Václav Miloš",
    "pt": "João Antônio José Luís Cauã Sebastião",
    "tr": "Mehmet Mustafa İbrahim Çağrı Oğuz Şükrü",
    "el": "Γιώργος=Giorgos Νίκος=Nikos Δημήτρης=Dimitris",
    "in": "Rahul Arjun Vikram Suresh Aditya",
    "he": "דוד=David יוסף=Yosef אורי=Uri",
    "ar": "محمد=Mohammed أحمد=Ahmed خالد=Khalid",
}
LAST: Final = {
    "en": "Smith Johnson Williams Brown Jones Garcia Miller Davis O'Neil O'Brien McDonald Wilson Taylor Anderson "
    "Jackson Clarke-Hughes St.John Null True Nguyen Lee Walker Hall Young King Wright Scott D'Souza Test "
    "Abbott Barnes Calloway Dempsey Ellison Farrow Gallagher Hartwell Ibsen Jarvis Kessler Lockhart Merriweather "
    "Nightingale Okafor Pemberton Quigley Rasmussen Thornton Underhill Vasquez Whitfield Xiong Yarborough Zimmerman",
    "de": "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schäfer Koch Bäuerle Groß Weiß Löffler "
    "Österreicher Krüger Böhm Grünewald",
    "fr": "Martin Bernard Dubois Lefèvre Moreau Laurent Girard Lémery D'Aubigné Rousseau Béranger L'Hôte Nuñez",
    "ja": "田中=Tanaka 佐藤=Sato 鈴木=Suzuki 高橋=Takahashi 渡辺=Watanabe 山本=Yamamoto 小林=Kobayashi 伊藤=Ito",
    "pl": "Nowak Kowalski Wiśniewski Wójcik Łukaszewicz Żak Ścibor Dąbrowski Jóźwiak Zieliński",
    "it": "Rossi Russo Ferrari Esposito Bianchi D'Angelo Dell'Acqua Nicolò Lo_Presti Conti",
    "es": "García Fernández Núñez Ibáñez Muñoz Peña Güell Ordóñez López Íñiguez",
    "nl": "Jansen de_Vries van_den_Berg Bakker 't_Hart IJssel Visser",
    "sv": "Andersson Johansson Sjöberg Åkesson Öberg Lindström Björk",
    "cs": "Novák Svoboda Dvořák Černý Škoda Procházka Růžička Hájek",
    "pt": "Silva Gonçalves Araújo Conceição Magalhães Ávila",
    "tr": "Yılmaz Şahin Öztürk Çelik Kılıç Işık Güneş",
    "el": "Παπαδόπουλος=Papadopoulos Νικολάου=Nikolaou Γεωργίου=Georgiou",
    "in": "Sharma Patel Iyer Rao Krishnamurthy Singh",
    "he": "כהן=Cohen לוי=Levi מזרחי=Mizrahi",
    "ar": "العلي=Al-Ali الهاشمي=Al-Hashimi منصور=Mansour",
}

TITLES: Final = deck(
    {
        "CEO": 6, "CFO": 6, "COO": 4, "VP, Operations": 8, "VP Sales, EMEA": 6, "Head of Purchasing": 18,
        "Purchasing Manager": 26, "Buyer": 24, "Plant Manager": 16, "Maintenance Engineer": 18, "Toolmaker": 10,
        "Facilities & Safety Lead": 8, "Werkstattleiter": 6, "Responsable des achats": 4, "品質管理": 3,
        "Quality Engineer": 10, 'Director, "Special Projects"': 3, "Accounts Payable": 12, "Intern": 4, None: 64,
    }
)  # fmt: skip
DEPARTMENTS: Final = deck(
    {
        "Purchasing": 50, "Operations": 40, "Finance": 30, "Engineering": 26, "Maintenance": 20, "R&D": 12,
        "Sales/Marketing": 12, "N/A": 4, None: 62,
    }
)  # fmt: skip
SALUTATIONS: Final = {
    "f": deck({"Ms.": 120, "Mrs.": 40, "Dr.": 8, "Prof.": 2, None: 86}),
    "m": deck({"Mr.": 150, "Dr.": 12, "Prof.": 2, None: 92}),
}
LANGUAGES: Final = deck({"English": 150, "German": 20, "French": 14, "Spanish": 16, "Japanese": 8, None: 48})

_WORD: Final = re.compile("[0-9A-Za-z]+")
_ASCII: Final = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ı": "i", "ø": "o", "Ø": "O", "æ": "ae", "đ": "d"})


@dataclass(frozen=True, slots=True)
class Person:
    """Someone's name, ``sex`` for the salutation, and ``mailbox`` for the part of an address before the @."""

    first: str
    last: str
    sex: str
    mailbox: str


def ascii_text(text: str) -> str:
    """The letters, digits and spaces of ``text`` as ASCII, other signs left out: ``Müller & Söhne`` → ``Muller Sohne``.

    Empty for scripts that have no such spelling.
    """
    plain = unicodedata.normalize("NFKD", text.translate(_ASCII)).encode("ascii", "ignore").decode()
    return " ".join(_WORD.findall(plain.replace("'", "")))


def _spelled(names: str) -> list[tuple[str, str]]:
    """Each name with its ASCII spelling in lower case; an underscore stands for a space within a name."""
    pairs = (entry.replace("_", " ").partition("=") for entry in names.split())
    return [(native, ascii_text(latin or native).replace(" ", "").lower()) for native, _, latin in pairs]


def _people(tongue: str) -> tuple[Person, ...]:
    firsts = [(*name, "f") for name in _spelled(FEMALE[tongue])] + [(*name, "m") for name in _spelled(MALE[tongue])]
    return tuple(
        Person(first, last, sex, f"{first_ascii}.{last_ascii}")
        for last, last_ascii in _spelled(LAST[tongue])
        for first, first_ascii, sex in firsts
    )


PEOPLE: Final = {tongue: _people(tongue) for tongue in LAST}
"""Every combination of the tongue's first and last names."""


def meet(cities: Sequence[City], dice: Dice) -> list[Person]:
    """Somebody from each of the cities."""
    crowds = [PEOPLE[city.tongue] for city in cities]
    return [crowd[int(chance * len(crowd))] for crowd, chance in zip(crowds, dice.fractions(len(crowds)), strict=True)]


def person_columns(people: Sequence[Person], dice: Dice) -> dict[str, list[Any]]:
    """The fields that make up people's names; some first names are not known."""
    firsts = dice.some((person.first for person in people), 0.98)
    bytes_ = dice.randbytes(len(people))
    return {
        "FirstName": firsts,
        "LastName": [person.last for person in people],
        "Salutation": [SALUTATIONS[person.sex][byte] for person, byte in zip(people, bytes_, strict=True)],
        "Name": [f"{first} {p.last}" if first else p.last for first, p in zip(firsts, people, strict=True)],
    }
