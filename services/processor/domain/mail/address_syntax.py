"""The syntax of an address: its characters, its validity, its plus part."""

import re
from typing import Final

ATOM_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-"
"""RFC 5322, 3.2.3: `atext`."""
MAX_CHARACTERS: Final = 254
"""RFC 5321, 4.5.3.1.3: a path has at most 256 octets, including its angle brackets."""

ATOMS: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?>(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*)"
LABELS: Final = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
"""All labels of a host except the last, each with its dot. RFC 1035, 2.3.4: up to 63 characters per label."""
LAST_LABEL: Final = r"(?:[a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])"

_VALID: Final = re.compile(f"{ATOMS}@{LABELS}{LAST_LABEL}")


def normalise(text: str) -> str | None:
    """Return an address in lower case, with its host in A-labels; None if the text is not a valid address."""
    if len(text) > MAX_CHARACTERS:
        return None
    if not text.isascii():
        local, _, host = text.rpartition("@")
        text = f"{local}@{_to_a_labels(host)}"
        if len(text) > MAX_CHARACTERS:
            return None
    text = text.lower()
    return text if _VALID.fullmatch(text) else None


def valid_address(text: str) -> bool:
    """Return whether a text is a valid address as it is, in any case and with an IDN host in any form."""
    return normalise(text) is not None


def split_plus(address: str) -> tuple[str, str | None]:
    """Return a valid address without its plus part, and the whole address if it has one, else None."""
    if "+" not in address:
        return address, None
    local, _, host = address.rpartition("@")
    base = local.partition("+")[0]
    if not base or base.endswith("."):
        return address, None
    return f"{base}@{host}", address


def fold_address(text: str) -> str:
    """Return an address in the form that identifies a person: in lower case, without its plus part.

    Text that is not a valid address is only stripped and lower-cased.
    """
    stripped = text.strip()
    address = normalise(stripped)
    return split_plus(address)[0] if address else stripped.lower()


def _to_a_labels(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
