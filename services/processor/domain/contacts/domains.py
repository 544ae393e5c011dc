"""What domain an address belongs to, and its kind: a free mail provider's, a disposable one, or a custom one."""

from enum import StrEnum
from typing import Final

from processor.domain.data.lists import SortedList

DISPOSABLE: Final = SortedList("disposable.txt")
PROVIDERS: Final = SortedList("providers.txt")
SUFFIXES: Final = SortedList("suffixes.txt")
MORE_PROVIDERS: Final = frozenset(
    (
        *("bbox.fr", "hey.com", "mailbox.org", "privaterelay.appleid.com", "riseup.net", "sympatico.ca"),
        *("tin.it", "tuta.com", "tutamail.com", "tutanota.com"),
    )
)
"""Free mail providers, and internet providers' mail, that the list of providers lacks."""

NO_PROVIDERS: Final = frozenset(
    ("alibaba.com", "facebook.com", "googlegroups.com", "name.com", "nus.edu.sg", "space.com", "unican.es")
)
"""Companies, universities and group hosts that the list of providers includes by mistake."""


class DomainClass(StrEnum):
    """The three kinds of domains that the address tags distinguish."""

    PROVIDER = "provider"
    DISPOSABLE = "disposable"
    CUSTOM = "custom"


def classify_domain(host: str) -> DomainClass:
    """Return the class of a host, given in lower case.

    A provider matches only by its exact name, since its subdomains often do not belong to its users. A disposable
    domain also matches by its subdomains. If both match, the longer name decides.
    """
    if host in NO_PROVIDERS:
        return DomainClass.CUSTOM
    if host in DISPOSABLE:
        return DomainClass.DISPOSABLE
    if host in MORE_PROVIDERS or host in PROVIDERS:
        return DomainClass.PROVIDER
    parent = host.partition(".")[2]
    while "." in parent:
        if parent in DISPOSABLE:
            return DomainClass.DISPOSABLE
        parent = parent.partition(".")[2]
    return DomainClass.CUSTOM


def registrable_domain(host: str) -> str:
    """Return the part of a lower-case host that somebody registered: its public suffix and one more label.

    A host that is a public suffix is returned whole. Private suffixes count too, as `github.io` and `uk.com`: there as
    well the label before the suffix is a name that its holder chose.
    """
    name, parent = host, host.partition(".")[2]
    under = ""
    while parent:
        if f"!{name}" in SUFFIXES:
            return name
        if name in SUFFIXES or f"*.{parent}" in SUFFIXES:
            return under or name
        under, name, parent = name, parent, parent.partition(".")[2]
    return under or name
