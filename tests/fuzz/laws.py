"""The laws that hold for whatever mail says: each target reads bytes, and raises `Broken` if the result breaks one.

The fuzzer looks for inputs that break a law, and a unit test replays those that it found. The checks are written from
the rules, not from the code that they judge, and share no pattern with it.
"""

import base64
import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from html import escape
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from processor.domain.facts import BODY, Message
from processor.domain.mail.addresses import Mailbox, extract_from_text, parse_address_list
from processor.domain.mail.charset import decode_words
from processor.domain.mail.message import read_message
from processor.domain.mail.names import clean_name

OWN: Final = frozenset({"me@example.org"})
LATEST: Final = 1 << 40
OLDEST: Final = 315_532_800
"""1980-01-01: an earlier date counts as none."""
BASE_SECONDS: Final = 0.05
SECONDS_PER_BYTE: Final = 100e-6
"""Ten times what hostile mail takes while the fuzzer counts branches. A few kilobytes of quadratic time exceed it."""
MAX_NAME: Final = 256

_INVISIBLE: Final = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff")
_ATOM: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-")
_LABEL: Final = re.compile(r"[a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9]")
_QUOTED: Final = re.compile(r'"([^"\\]|\\.)*"', re.DOTALL)
_URL_END: Final = re.compile(r"[\s<>\"'(){}\[\],;]")
_BYTE_ORDER_MARK: Final = "\ufeff"


class Broken(Exception):
    """A result breaks a law; the text begins with the law's name."""

    def __init__(self, law: str, said: object = "") -> None:
        super().__init__(f"{law}: {said!r}")
        self.law = law


def check(holds: bool, law: str, said: object = "") -> None:
    """Raise Broken unless the law holds."""
    if not holds:
        raise Broken(law, said)


def check_address(address: str) -> None:
    """Check that an address is valid as a header field may have it, and in the form that identifies a person."""
    local, _, host = address.rpartition("@")
    labels = host.split(".")
    check(address == address.lower(), "an address is lower-cased", address)
    check(unicodedata.is_normalized("NFC", address), "an address is NFC", address)
    check(len(labels) >= 2 and len(host) <= 253, "a host has at least two labels and at most 253 bytes", address)
    check(all(_LABEL.fullmatch(label) for label in labels), "a label has letters, digits and inner hyphens", address)
    check(is_local_part(local), "a local part has atoms, a quoted string or letters beyond ASCII", address)
    check(not local.startswith(("imceaex-", "/o=")), "an Exchange wrapper is no address", address)


def is_local_part(local: str) -> bool:
    """Return whether a local part is atoms with dots anywhere, or a quoted string; letters may be of any script."""
    if local.startswith('"'):
        return _QUOTED.fullmatch(local) is not None and all(map(is_shown, local))
    return bool(local) and all(each in _ATOM or each == "." or is_letter_beyond_ascii(each) for each in local)


def is_letter_beyond_ascii(each: str) -> bool:
    """Return whether a character is one that RFC 6531 adds and that a reader sees."""
    return not each.isascii() and is_shown(each)


def is_shown(each: str) -> bool:
    """Return whether a character is neither a control character, nor a lone surrogate, nor invisible."""
    return unicodedata.category(each) not in ("Cc", "Cs") and each not in _INVISIBLE


def check_text_address(address: str) -> None:
    """Check that an address is valid as a text may have it."""
    check_address(address)
    local = address.rpartition("@")[0]
    check(local.isascii() and '"' not in local, "a text's local part is ASCII without quotes", address)
    check("" not in local.split("."), "a text's local part is a dot-atom", address)
    check(
        (local[0].isalnum() or local[0] == "_") and (local[-1].isalnum() or local[-1] == "_"),
        "a text's local part has no punctuation around it",
        address,
    )


def check_name(name: str, address: str) -> None:
    """Check that a name is clean, and says more than the address."""
    check_clean(name)
    check(any(map(str.isalnum, name)), "a name has a letter or digit", name)
    check(name.lower() not in (address, with_u_labels(address)), "a name is not the address", name)


def check_clean(name: str) -> None:
    """Check that a name, or an empty text for none, is as people write names."""
    check(all(map(is_shown, name)), "a name has no control or invisible characters", name)
    check(unicodedata.is_normalized("NFC", name), "a name is NFC", name)
    check(name == " ".join(name.split()), "white space in a name is collapsed and trimmed", name)
    check(len(name) <= MAX_NAME, "a name has at most 256 characters", len(name))
    check(name.strip(",;") == name, "a name has no stray comma or semicolon around it", name)


def with_u_labels(address: str) -> str:
    """Return an address with its host as people read it."""
    local, _, host = address.rpartition("@")
    try:
        return f"{local}@{'.'.join(map(to_u_label, host.split('.')))}"
    except UnicodeError:
        return address


def to_u_label(label: str) -> str:
    """Return one label as people read it."""
    return label[4:].encode().decode("punycode") if label.startswith("xn--") else label


def check_mailboxes(found: list[Mailbox]) -> None:
    """Check what every list of addresses has: no repetitions, and folded plus addresses."""
    check(len({mailbox.address for mailbox in found}) == len(found), "no address is repeated", found)
    for address, plus, name in found:
        check_plus(address, plus)
        if name is not None:
            check_name(name, address)


def check_plus(address: str, plus: str | None) -> None:
    """Check that a plus address is folded to the address, which has quotes only if it needs them."""
    if plus is not None:
        local, _, host = plus.rpartition("@")
        base, quote = local.partition("+")[0], '"' if local.startswith('"') else ""
        folded = {f"{base}{quote}@{host}", f"{base.removeprefix(quote)}@{host}"}
        check(address in folded, "a plus address folds to its address", (address, plus))


def read_addresses(data: bytes) -> None:
    """Read bytes as an address list, as bytes and as text, and check what that gives."""
    for found in (parse_address_list(data), parse_address_list(data.decode("utf-8", "replace"))):
        check_mailboxes(found)
        for address, plus, name in found:
            check_address(address)
            whole = plus or address
            alone = [Mailbox(address, plus, None)]
            check(parse_address_list(whole) == alone, "an address reads as itself", whole)
            check(parse_address_list(f"<{whole}>") == alone, "an address in brackets reads as itself", whole)
            if name is not None:
                quoted = name.replace("\\", "\\\\").replace('"', '\\"')
                again = parse_address_list(f'"{quoted}" <{whole}>')
                check([box[:2] for box in again] == [(address, plus)], "a quoted name adds no address", (name, whole))


def read_texts(data: bytes) -> None:
    """Read bytes as a text and as HTML, and check what that gives."""
    for is_html in (False, True):
        found = extract_from_text(data, is_html=is_html)
        check_mailboxes(found)
        for address, plus, name in found:
            check(name is None, "a text gives no names", name)
            whole = plus or address
            check_text_address(whole)
            written = escape(whole, quote=False) if is_html else whole
            again = extract_from_text(f"Write to {written}.", is_html=is_html)
            check(again == [Mailbox(address, plus, None)], "a text's address reads as itself", whole)
            check(parse_address_list(whole) != [], "a text's address is valid in a header too", whole)
    check_whole(data.decode("utf-8", "replace"))


def check_whole(text: str) -> None:
    """Check that each address in a plain text is there, and that nothing that touches it would continue it.

    In a link, it may be there in percent codes.
    """
    found = extract_from_text(text)
    shown = "".join(each for each in text if each not in _INVISIBLE).lower()
    readings = {shown, unquote(shown)} if "mailto:" in shown else {shown}
    for address, plus, _ in found:
        whole = plus or address
        if "xn--" not in whole:
            check(any(whole in each for each in readings), "a text's address is in the text", whole)
            check(
                any(stands_alone(each, at, whole) for each in readings for at in occurrences(each, whole)),
                "whole or none",
                whole,
            )


def occurrences(text: str, part: str) -> Iterable[int]:
    """Yield where a part of a text begins."""
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def stands_alone(text: str, at: int, address: str) -> bool:
    """Return whether the characters on both sides of an address would not continue it, and it is in no URL's host."""
    before, behind = text[:at][-1:], text[at + len(address) :][:1]
    word = _URL_END.split(text[:at])[-1]
    in_url = "://" in word and "mailto:" not in word
    return not (in_url or continues(before) or continues(behind))


def continues(each: str) -> bool:
    """Return whether a character would continue an address: a letter or digit, a combining mark, or a joining sign."""
    return each != "" and (each in "_-@" or unicodedata.category(each)[0] in "LM" or each.isdecimal())


def read_words(data: bytes) -> None:
    """Decode the encoded words in bytes, and words that hold the bytes, and check what that gives."""
    for text in (data.decode("utf-8", "replace"), data.decode("latin-1")):
        decoded = decode_words(text)
        before, mark, _ = text.partition("=?")
        check(decoded.startswith(before), "what is before the first word stays", decoded)
        check(bool(mark) or decoded == text, "without a word nothing changes", decoded)
        check_clean(clean_name(text))
    for whole in (decode_words(f"=?utf-8?b?{encode_base64(data)}?="), decode_words(f"=?utf-8?q?{encode_q(data)}?=")):
        same = whole.lstrip(_BYTE_ORDER_MARK) == data.decode("utf-8", "replace").lstrip(_BYTE_ORDER_MARK)
        check(same, "one bad byte costs one character", whole)


def encode_base64(data: bytes) -> str:
    """Return bytes as an encoded word has them after `?b?`."""
    return base64.b64encode(data).decode("ascii")


def encode_q(data: bytes) -> str:
    """Return bytes as an encoded word has them after `?q?`."""
    return "".join(f"={byte:02X}" for byte in data)


def read_mail(data: bytes) -> None:
    """Read bytes as a message, with and without its text, whole and cut off, and check what that gives."""
    for with_text in (True, False):
        for truncated in (False, True):
            message = read(data, with_text=with_text, truncated=truncated)
            check(message == read(data, with_text=with_text, truncated=truncated), "reading again gives the same")
            check_message(message)


def read(data: bytes, *, with_text: bool, truncated: bool) -> Message:
    """Read a message of a user with one address."""
    return read_message(data, own=OWN, latest=LATEST, with_text=with_text, truncated=truncated)


def check_message(message: Message) -> None:
    """Check that a message can be stored, and that its people are valid."""
    check(len(message.key) == 16, "a key has 16 bytes")
    check(message.date is None or OLDEST <= message.date < LATEST, "a date is neither ancient nor future", message.date)
    addresses = [point.address for point in message.points]
    check(len(set(addresses)) == len(addresses), "no address is repeated", addresses)
    check(not OWN & set(addresses), "the user is no contact", addresses)
    check("\\u0000" not in json.dumps(message.points), "what is stored has no NUL")
    for address, plus_addresses, names, fields, *_ in message.points:
        check(fields > 0, "a person is in some field", address)
        (check_text_address if fields == BODY and not plus_addresses else check_address)(address)
        for plus in plus_addresses:
            check_plus(address, plus)
            check_address(plus)
        for name in names:
            check_name(name, address)


READERS: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {"message": read_mail, "addresses": read_addresses, "text": read_texts, "words": read_words}
)


def try_input(target: str, data: bytes) -> None:
    """Read an input as a target does; raise Broken if a law does not hold, reading takes too long, or it raises."""
    begun = time.process_time()
    try:
        READERS[target](data)
    except Broken:
        raise
    except Exception as error:
        raise Broken(f"reading raises {type(error).__name__}", error) from error
    allowed = BASE_SECONDS + SECONDS_PER_BYTE * len(data)
    if time.process_time() - begun > allowed:
        begun = time.process_time()
        READERS[target](data)
        check(time.process_time() - begun <= allowed, "time is linear in the bytes", len(data))
