"""What looks like an address in a text and is none: what is in URLs, Message-IDs, and places on machines.

The user part of a URL is a credential. So everything from a URL's beginning to its end is left alone, whatever it is.
"""

import re
from bisect import bisect_left
from typing import Final
from urllib.parse import unquote

_BLANKS: Final = r"\s\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_END: Final = rf'{_BLANKS}<>"\u3001\u3002\u3008-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f'
"""Ends a URL: white space, the marks that RFC 3986 keeps out of URLs (appendix C), and East Asian punctuation."""
SCHEMES: Final = ("cid:", "mid:", "news:", "nntp:", "message:", "msgid:", "urn:", "data:", "magnet:")
"""Schemes without `//` whose URLs can hold an ``@``. What follows `mailto:`, `sip:` or `xmpp:` can be an address."""
_URL_BEGINNINGS: Final[dict[str, re.Pattern[str]]] = {
    **dict.fromkeys(("//", "\\/\\/"), re.compile(rf"(?<!\w)\\?/\\?/[^{_END}]*+")),
    "www.": re.compile(rf"(?<![A-Za-z0-9_.@-])[Ww]{{3}}\.[A-Za-z0-9.-]*+(?:[:/?#][^{_END}|]*+)?"),
    **dict.fromkeys(SCHEMES, re.compile(rf"(?<![A-Za-z0-9+.-])[A-Za-z]++:[^{_END}\])]++")),
}
_SCHEME: Final = re.compile("|".join(SCHEMES))
_FOLDED: Final = r"(?>(?:\r?\n[ \t\u00a0>|]++(?>(?:<[^<>\s]++>[ \t\u00a0,]*+)+)(?=[\r\n]|\Z))*)"
_ID_BEGINNINGS: Final[dict[str, re.Pattern[str]]] = {
    **dict.fromkeys(
        ("message-id", "in-reply-to"),
        re.compile(rf"(?<![^\W_])[A-Za-z-]++[ \t]*+:[ \t]*+(?:\r?\n\s*+(?=<))?[^\n]*+{_FOLDED}"),
    ),
    "references": re.compile(
        r"(?<![^\W_])[A-Za-z]++[ \t]*+:(?>(?:[ \t\u00a0,]*+(?:<[^<>\s]*+>|[^\s<>@]{1,200}+@[^\s<>]++))*)" + _FOLDED
    ),
    **dict.fromkeys(
        ("in message", "in article"), re.compile(r"(?<![^\W_])[A-Za-z]++ [A-Za-z]++[\s>]{1,4}+<[^<>\s]*+>")
    ),
}
"""What Message-IDs come after: the fields that hold them, with the lines folded onto them, and old attributions."""
_NUMBER_STARTS: Final = frozenset("0123456789+")
_SIP: Final = re.compile(r"(?i:sips?)[ \t]*+:[ \t]*+\+?[0-9]++@[^@]*+\Z")
_PORT: Final = re.compile(r":[0-9]")
_PATH: Final = re.compile(r":[\w.~-]*+/")
_LINK: Final = re.compile(r"mailto:[^\s<>\"']*+", re.IGNORECASE)
_PLAIN_LINK: Final = re.compile(r"mailto:(?!//)[^?%&]*+", re.IGNORECASE)
_FIELD_MARK: Final = re.compile(r"[?&]")
_RECIPIENT_FIELDS: Final = ("to", "cc", "bcc")
_BRACKETS: Final = ("<", "&lt;")
_FOLDED_ID: Final = re.compile(r"@[^\s<>@]{1,250}+(?:>|&gt;)[\s>|,]*+(?:<|&lt;)\Z")
_ATTRIBUTIONS: Final = ("in message", "in article")


class Undecided(Exception):
    """Only the whole text, decoded, shows what this is."""


class Lookalikes:
    """The URLs and Message-IDs of a text."""

    def __init__(self, text: str) -> None:
        """Find them all at once, each kind in linear time."""
        lowered = text.replace("\u0130", "i").lower()
        self._spans = [_find(text, lowered, *kind) for kind in (*_URL_BEGINNINGS.items(), *_ID_BEGINNINGS.items())]

    def hold(self, start: int, end: int) -> bool:
        """Return whether any part of `text[start:end]` is in one of them."""
        for spans in self._spans:
            before = bisect_left(spans, (end,)) - 1
            if before >= 0 and spans[before][1] > start:
                return True
        return False


def _find(text: str, lowered: str, beginning: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """Return where in a text the pattern matches, given that it does so only at a lower-case beginning.

    `lowered` is the text in lower case, and as long. U+0130 alone has a longer form there.
    """
    spans = []
    at = lowered.find(beginning)
    while at >= 0:
        match = pattern.match(text, at)
        end = match.end() if match else at + 1
        if match:
            spans.append((at, end))
        at = lowered.find(beginning, end)
    return spans


def is_lookalike(window: str, start: int, end: int, *, whole: bool, decoded: bool) -> bool:
    """Return whether the address `window[start:end]` is in a URL or a Message-ID; raise Undecided if that is not sure.

    `window` is a piece of a text. It is `whole` if it begins where the text does, and `decoded` if its characters are
    not the text's bytes. Most addresses follow a blank or an angle bracket, which end every URL.
    """
    rest = window[:start].lower()
    if rest[-1:] not in ' \n\t<>"':
        blank = max(rest.rfind(" "), rest.rfind("\n"), rest.rfind("\t"))
        if blank < 0 and not whole:
            raise Undecided
        token = rest[blank + 1 :]
        if not decoded and ">" in token:
            raise Undecided
        suspicious = "/" in token or "www." in token or (":" in token and _SCHEME.search(token) is not None)
    else:
        suspicious = False
    if not suspicious and "message-id" not in rest and "in-reply-to" not in rest and "references" not in rest:
        if not rest.endswith(_BRACKETS):
            return False
        before = rest.removesuffix("<").removesuffix("&lt;").rstrip(" \t\r\n>|")
        if not before.endswith(_ATTRIBUTIONS):
            if not whole and _FOLDED_ID.search(rest):
                raise Undecided
            return False
    if not decoded and not window.isascii():
        raise Undecided
    return Lookalikes(window).hold(start, end)


def is_place(window: str, start: int, end: int) -> bool:
    """Return whether an address is a place, as `user:secret@host:80` and `git@host:path/`, or a number in SIP."""
    if window[end : end + 1] == ":":
        after_colon = window[start - 1 : start] == ":"
        return _PATH.match(window, end) is not None or (after_colon and _PORT.match(window, end) is not None)
    return window[start : start + 1] in _NUMBER_STARTS and _SIP.search(window, 0, end) is not None


def resolve_links(text: str) -> str:
    """Return a text in which each `mailto:` is followed by its recipients alone."""
    return _LINK.sub(_resolve_link, text) if "mailto:" in text.lower() else text


def _resolve_link(match: re.Match[str]) -> str:
    link = match[0]
    return f"{link[:7]}{read_recipients(link[7:])}" if _PLAIN_LINK.fullmatch(link) is None else link


def read_recipients(link: str) -> str:
    """Return the addresses of a `mailto:` URL, given what follows the scheme (RFC 6068): to, cc and bcc, as a text."""
    to, *fields = _FIELD_MARK.split(link)
    values = [to.removeprefix("//")]
    for field in fields:
        name, _, value = field.partition("=")
        if name.strip().lower() in _RECIPIENT_FIELDS:
            values.append(value)
    return " , ".join(unquote(value) for value in values)
