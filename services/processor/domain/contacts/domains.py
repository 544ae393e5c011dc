"""The kind of domain that an address belongs to: a free mail provider's, a disposable one, or a custom one."""

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
    """Return whether one of the lines of sorted domains contains the domain.

    An exclamation mark sorts after the space behind a line's first domain, and before every character of a domain.
    """
    line = bisect_right(lines, domain + "!") - 1
    return line >= 0 and domain in lines[line] and domain in lines[line].split()
