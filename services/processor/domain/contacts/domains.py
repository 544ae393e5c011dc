"""What kind of domain an address is of: a free mail provider's, a throw-away one, or somebody's own."""

from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from processor.domain.data.disposable import DISPOSABLE
from processor.domain.data.providers import PROVIDERS

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
    if _lists(DISPOSABLE, host):
        return DomainClass.DISPOSABLE
    if host in MORE_PROVIDERS or _lists(PROVIDERS, host):
        return DomainClass.PROVIDER
    parent = host.partition(".")[2]
    while "." in parent:
        if _lists(DISPOSABLE, parent):
            return DomainClass.DISPOSABLE
        parent = parent.partition(".")[2]
    return DomainClass.CUSTOM


def _lists(lines: Sequence[str], domain: str) -> bool:
    """Return whether one of the lines, which hold sorted domains, has the domain.

    An exclamation mark sorts after the blank that ends a line's first domain, and before all that domains are made of.
    """
    line = bisect_right(lines, domain + "!") - 1
    return line >= 0 and domain in lines[line] and domain in lines[line].split()
