"""The syntax of an address: its characters, its validity, its plus part."""

import re
import unicodedata
from typing import Final

from processor.domain.mail.idn import is_word, to_a_labels
from processor.domain.mail.invisible import drop_invisible

ATOM_CHARACTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-"
"""RFC 5322, 3.2.3: `atext`."""
MAX_CHARACTERS: Final = 254
"""RFC 5321, 4.5.3.1.3: a path has at most 256 octets, including its angle brackets."""

ATOMS: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?>(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*)"
LABELS: Final = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
"""All labels of a host except the last, each with its dot. RFC 1035, 2.3.4: up to 63 characters per label."""
LAST_LABEL: Final = r"(?:[a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])"

_VALID: Final = re.compile(f"{ATOMS}@{LABELS}{LAST_LABEL}")
_HOST: Final = re.compile(f"{LABELS}{LAST_LABEL}")
_ATOMS: Final = re.compile(ATOMS)
_DOTTED: Final = re.compile(r"(?=\.*+[^.])[a-z0-9!#$%&'*+/=?^_`{|}~.\x80-\U0010ffff-]++")
_QUOTED: Final = re.compile(r'"((?>(?:[^"\\\x00-\x1f\x7f]|\\[ -~])+))"')
_ESCAPED: Final = re.compile(r"\\(.)")
_TO_ESCAPE: Final = re.compile(r'(["\\])')
_WRAPPER: Final = re.compile(r'imcea[a-z0-9]*-|"?/(?:o|cn)=|"?/.*/cn=|"?//')
"""How Exchange wraps addresses of its own (MS-OXCMAIL, 2.1.3.2), as X.500 names or before a host; and a URL's rest."""
_WRAPPER_STARTS: Final = 'i/"'
_ENCODED: Final = re.compile(r"=\?[^?@]*+\?[bq]\?")
"""The beginning of an encoded word, which could also be a local part, and never is."""


def normalise(text: str) -> str | None:
    """Return an address in lower case, with its host in A-labels; None if the text is not a valid address.

    Its local part is a dot-atom of ASCII, as it is in nearly all addresses.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    if not text.isascii():
        local, _, host = text.rpartition("@")
        encoded = to_a_labels(host) if local.isascii() else None
        if not encoded or len(local) + len(encoded) >= MAX_CHARACTERS:
            return None
        text = f"{local}@{encoded}"
    text = text.lower()
    if not _VALID.fullmatch(text):
        return None
    return None if text[0] in _WRAPPER_STARTS and _WRAPPER.match(text) else text


def normalise_any(text: str) -> str | None:
    """Return an address as `normalise` does, and also those that only header fields have.

    Their local part has dots anywhere, or quotes (RFC 5321), or letters beyond ASCII (RFC 6531). Quotes that are not
    needed are removed. A whole address in quotes is none before a second host: a program put that host behind it.
    """
    address = normalise(text) if text.isascii() else None
    if address:
        return None if "=?" in address and _ENCODED.search(address) else address
    local, at, host = drop_invisible(text).rpartition("@")
    if not at or len(local) + len(host) >= 2 * MAX_CHARACTERS:
        return None
    read = _read_local(local)
    named = _read_host(host) if read else None
    if not read or not named or _WRAPPER.match(read):
        return None
    address = f"{read}@{named}"
    return address if len(address.encode("utf-8", "replace")) <= MAX_CHARACTERS else None


def _read_host(host: str) -> str | None:
    encoded = host.lower() if host.isascii() else to_a_labels(host)
    return encoded if encoded and len(encoded) < MAX_CHARACTERS and _HOST.fullmatch(encoded) else None


def _read_local(local: str) -> str | None:
    if not local.isascii():
        local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
        if not is_word(local):
            return None
    quoted = _QUOTED.fullmatch(local)
    if quoted:
        content = _ESCAPED.sub(r"\1", quoted[1]).lower()
        return _quote(content) if content.strip() and not normalise(content) else None
    local = local.lower()
    return local if _DOTTED.fullmatch(local) and not _ENCODED.search(local) else None


def _quote(content: str) -> str:
    """Return what quotes hold, with quotes only if it needs them. What looks like an encoded word does."""
    if _ATOMS.fullmatch(content) and not _ENCODED.search(content):
        return content
    escaped = _TO_ESCAPE.sub(r"\\\1", content)
    return f'"{escaped}"'


def valid_address(text: str) -> bool:
    """Return whether a text is a valid address as it is, in any case and with an IDN host in any form."""
    return normalise_any(text) is not None


def split_plus(address: str) -> tuple[str, str | None]:
    """Return a valid address without its plus part, and the whole address if it has one, else None."""
    if "+" not in address:
        return address, None
    local, _, host = address.rpartition("@")
    base, plus, _ = local.partition("+")
    if not plus or base.strip('".') == "":
        return address, None
    if base[0] == '"':
        base = _quote(_ESCAPED.sub(r"\1", base[1:]))
    return f"{base}@{host}", address


def fold_address(text: str) -> str:
    """Return an address in the form that identifies a person: in lower case, without its plus part.

    Text that is not a valid address is only stripped and lower-cased.
    """
    stripped = text.strip()
    address = normalise_any(stripped)
    return split_plus(address)[0] if address else stripped.lower()
