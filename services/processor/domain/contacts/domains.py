"""What kind of domain an address is of: a free mail provider's, a throw-away one, or somebody's own."""

from enum import StrEnum
from typing import Final

from processor.domain.data.lists import SortedList

DISPOSABLE: Final = SortedList("disposable.txt")
PROVIDERS: Final = SortedList("providers.txt")
MORE_PROVIDERS: Final = frozenset(
    (
        *("bbox.fr", "hey.com", "mailbox.org", "privaterelay.appleid.com", "riseup.net", "sympatico.ca"),
        *("tin.it", "tuta.com", "tutamail.com", "tutanota.com"),
    )
)
"""Free mail, or mail of one's line, that the list of providers lacks."""

NO_PROVIDERS: Final = frozenset(
    ("alibaba.com", "facebook.com", "googlegroups.com", "name.com", "nus.edu.sg", "space.com", "unican.es")
)
"""Companies, universities and hosts of groups that the list of providers has."""


class DomainClass(StrEnum):
    """The three kinds of domains that the address tags tell apart."""

    PROVIDER = "provider"
    DISPOSABLE = "disposable"
    CUSTOM = "custom"


def classify_domain(host: str) -> DomainClass:
    """Return the class of a host, which is given in lower case.

    A provider is meant by its exact name, since what is under it is often not its users'; a throw-away domain with all
    that is under it. Where both hold, the longer name decides.
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
