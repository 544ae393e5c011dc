"""Fictional people and companies at domains that are reserved for examples (RFC 2606)."""

import random
from dataclasses import dataclass

OWNER = "alex@example.org"
OWNER_NAME = "Alex Morgan"
FIRST_NAMES = (
    "Ada Amara Bruno Carla Chiara Dario Elif Émile Farid Greta Hana Henrik Ines Jonas Kaito Lena Léa Malik Marta Mei "
    "Nadia Niels Nora Olga Oskar Paula Pedro Rania Rosa Samir Sofia Søren Tariq Teresa Tomás Uma Viktor Wanda Yara Zoë"
).split()
LAST_NAMES = (
    "Alder Ashby Berg Birch Castell Dahl Dupuis Eberle Farrow Ferreira Fjord Glenn Grünwald Hadley Holm Iversen "
    "Juniper Keller Laurel Lindqvist Marlowe Moreau Nakano Novak Okoye Orchard Pereira Quill Rivers Rossi Sandoval "
    "Sterling Tanaka Thorne Urban Vance Weiß Winter Yilmaz Ziegler"
).split()
COMPANIES = (
    "brightlamp orchardworks northpier quietriver papermill glasshouse tinsmith copperkettle bluehour fieldnotes "
    "halfmoon lanternbay saltmarsh foxglove driftwood stonebridge"
).split()
ENDINGS = ("example", "example.com", "example.net", "test")
PLAIN = str.maketrans("éèëáãíóöøüßñÉ", "eeeaaiooousnE")


@dataclass(frozen=True)
class Person:
    """Someone who writes mail."""

    name: str
    address: str

    @property
    def first_name(self) -> str:
        """Return the name used in a greeting."""
        return self.name.split(maxsplit=1)[0]


def invent_people(chance: random.Random, count: int) -> list[Person]:
    """Return `count` people with distinct addresses at the companies' domains."""
    people: dict[str, Person] = {}
    while len(people) < count:
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        domain = invent_domain(chance)
        local = chance.choice((f"{first}.{last}", f"{first[0]}.{last}", first, f"{first}_{last}"))
        address = f"{local}@{domain}".translate(PLAIN).lower()
        people.setdefault(address, Person(f"{first} {last}", address))
    return list(people.values())


def invent_domain(chance: random.Random) -> str:
    """Return a company's domain under a reserved one that nobody can own."""
    return f"{chance.choice(COMPANIES)}.{chance.choice(ENDINGS)}"
