"""The reference parser of texts: HTML with the standard library, addresses by walking outward from each ``@``."""

import string
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import processor.domain.data
from tests.support.reference_addresses import check_address

NEVER_FIRST = set("!#$%&'+/=?~")
"""Marks that precede an address rather than start it."""
LOCAL = set(string.ascii_letters + string.digits + "._-") | NEVER_FIRST
TOP_LEVEL = {
    line for line in Path(processor.domain.data.__path__[0], "tlds.txt").read_text().split("\n") if line[:1] != "#"
} | {"example", "test"}
INVISIBLE = {
    *map(chr, (0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF)),
    *map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x206A))),
    *map(chr, range(0xFE00, 0xFE10)),
}
UNSEEN = chr(0xFDD0)
APART_NAMES = """
    address article aside audio blockquote body br button canvas caption center col colgroup dd details dialog
    dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header
    hgroup hr html iframe img input legend li link main map marquee menu meta nav noframes noscript object ol
    optgroup option p pre search section select summary svg table tbody td template textarea tfoot th thead
    title tr ul video
"""
APART = APART_NAMES.split()
CLOSERS = set('<>"\u3001\u3002\u3008\u3009\u300a\u300b\u300c\u300d\u300e\u300f\u3010\u3011') | set(
    "\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
)
SCHEMES = ("cid:", "mid:", "news:", "nntp:", "message:", "msgid:", "urn:", "data:", "magnet:")
PADDING = ("20", "3A", "3C", "3D", "3E", "22", "27", "28", "2C", "5B", "09", "0A", "0D", "A0")


class _Shower(HTMLParser):
    """Collects visible text, and the recipients of `mailto:` links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.links: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.hidden += 1
        style = ""
        for name, value in attrs:
            if name == "href" and value and value.strip().lower().startswith("mailto:"):
                self.links.append(recipients(value.strip()[7:]))
            style += "".join((value or "").lower().split()) if name == "style" else ""
        if "@" in tag:
            self.shown.append(f"<{tag}>")
        elif "display:none" in style or "visibility:hidden" in style:
            self.shown.append(UNSEEN)
        elif tag in APART:
            self.shown.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.hidden = max(self.hidden - 1, 0)
        if tag in (*APART, "script", "style"):
            self.shown.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.shown.append(data)


def recipients(link: str) -> str:
    """Return the to, cc and bcc of a `mailto:` link, given what follows its scheme."""
    first, *others = link.replace("&", "?").split("?")
    found = [first[2:] if first.startswith("//") else first]
    found += [
        value for name, _, value in (other.partition("=") for other in others) if name.lower() in ("to", "cc", "bcc")
    ]
    return " , ".join(map(unquote, found))


def show_html(text: str) -> str:
    """Return the visible text of HTML, followed by the recipients of its `mailto:` links.

    A comment without an end is not a comment, because versions of the standard library disagree on what it hides.
    """
    known, end, rest = text.rpartition("-->")
    shower = _Shower()
    shower.feed(f"{known}{end}{rest.replace('<!--', '< !--')}")
    shower.close()
    return "\n".join(("".join(shower.shown), *shower.links))


def find_in_text(text: str) -> Iterator[str]:
    """Yield the valid addresses in a text, duplicates included."""
    text = "".join(character for character in text if character not in INVISIBLE)
    text = with_recipients(text)
    no_address: set[int] | None = None
    for at, character in enumerate(text):
        if character != "@":
            continue
        begin = at
        while begin > 0 and text[begin - 1] in LOCAL and at - begin < 254:
            begin -= 1
        end = at + 1
        while end < len(text) and (text[end] in "-." or (goes_on(text[end]) and text[end] not in "_@\\" + UNSEEN)):
            end += 1
        local, alone = cut_local(text[begin:at])
        behind = text[end : end + 1].strip("\\")
        if not local or (not alone and begin > 0 and goes_on(text[begin - 1])) or goes_on(behind):
            continue
        address = check_address(f"{local}@{text[at + 1 : end].rstrip('.')}")
        if address is None or address.split(".")[-1] not in TOP_LEVEL or is_location(text, at - len(local), at, end):
            continue
        if no_address is None:
            no_address = {*in_urls(text), *in_ids(text)}
        if not no_address & set(range(at - len(local), at + 1)):
            yield address


def with_recipients(text: str) -> str:
    """Return a text with its `mailto:` links reduced to their recipients."""
    out, lowered, at = "", text.lower().replace("i\u0307", "i"), 0
    while (found := lowered.find("mailto:", at)) >= 0:
        end = found = found + 7
        while end < len(text) and not text[end].isspace() and text[end] not in "<>\"'":
            end += 1
        link = text[found:end]
        out += text[at:found] + (recipients(link) if set(link) & set("?%&") or link.startswith("//") else link)
        at = end
    return out + text[at:]


def cut_local(run: str) -> tuple[str, bool]:
    """Return the local part at the end of a run, or nothing, and whether a mark in the run is before it."""
    local = run.lstrip("".join(NEVER_FIRST))
    coded = [piece[:2] for piece in run.split("%")[1:]]
    if "//" in run or set("/?") & set(local):
        return "", False
    if any(len(code) == 2 and set(code) <= set(string.hexdigits) for code in coded):
        return "", False
    if "=" in run:
        key, value = run[: run.rindex("=")], run[run.rindex("=") + 1 :]
        if value[:2] in PADDING and len(value) > 2:
            return "", False
        if not (set("-+") & set(key) and "." in value and value.split(".")[-1].lower() in TOP_LEVEL):
            local = value.lstrip("".join(NEVER_FIRST))
    if local.lower().startswith("www."):
        return "", False
    whole = local and local[0] not in "_-." and local[-1] not in NEVER_FIRST | set("_-.") and ".." not in local
    return local if whole else "", len(local) < len(run)


def goes_on(character: str) -> bool:
    """Return whether a character beside an address continues it, or shows that it is none."""
    if not character:
        return False
    return character.isalnum() or character in f"_@-\\{UNSEEN}" or unicodedata.category(character).startswith("M")


def is_location(text: str, begin: int, at: int, end: int) -> bool:
    """Return whether an address is a place on a machine, or a number in SIP."""
    if text[end : end + 1] == ":":
        port = text[end + 1 : end + 2]
        if text[begin - 1 : begin] == ":" and port.isascii() and port.isdigit():
            return True
        here = end + 1
        while here < len(text) and (text[here].isalnum() or text[here] in "_.~-"):
            here += 1
        return text[here : here + 1] == "/"
    number = text[begin:at].removeprefix("+")
    before = text[max(begin - 20, 0) : begin].removesuffix("+").rstrip(" \t")
    scheme = before[:-1].rstrip(" \t").lower() if before.endswith(":") else ""
    return number.isdigit() and scheme.endswith(("sip", "sips"))


def in_urls(text: str) -> Iterator[int]:
    """Yield each position in a URL, from the mark that shows it."""
    begin = 0
    for at in range(len(text) + 1):
        if at == len(text) or text[at].isspace() or text[at] in CLOSERS:
            yield from (begin + place for place in in_token(text[begin:at]))
            begin = at + 1


def in_token(token: str) -> Iterator[int]:
    lowered = token.replace("\u0130", "i").lower()
    for at in range(len(token)):
        before = token[at - 1 : at]
        if lowered.startswith(("//", "\\/\\/"), at) and not (before.isalnum() or before == "_"):
            yield from range(at, len(token))
        elif lowered.startswith("www.", at) and not (
            before.isascii() and (before.isalnum() or (before and before in "_.@-"))
        ):
            end = at
            while end < len(token) and token[end].isascii() and (token[end].isalnum() or token[end] in ".-"):
                end += 1
            if token[end : end + 1] and token[end] in ":/?#":
                end = (token + "|").index("|", end)
            yield from range(at, end)
        elif lowered.startswith(SCHEMES, at) and not (
            before.isascii() and (before.isalnum() or (before and before in "+.-"))
        ):
            ends = [token.index(mark, at) for mark in "])" if mark in token[at:]]
            yield from range(at, min([*ends, len(token)]))


def in_ids(text: str) -> Iterator[int]:
    """Yield each position in a line that holds Message-IDs, as far as it does."""
    begin, holds = 0, False
    for line in text.split("\n"):
        lowered = line.replace("\u0130", "i").lower()
        folded = holds and line[:1] in " \t\u00a0>|" and only_ids(line)
        begun = id_begins(lowered)
        if folded or (holds and line.lstrip().startswith("<") and not begun):
            yield from range(begin, begin + len(line))
        elif begun:
            yield from range(begin + begun[0], begin + begun[1])
        for word in ("in message", "in article"):
            place = lowered.find(word)
            rest = lowered[place + len(word) :].lstrip(" \t>")
            if place >= 0 and (place == 0 or not lowered[place - 1].isalnum()) and rest.startswith("<"):
                yield from range(begin + place, begin + len(line) - len(rest) + (rest + ">").index(">"))
        holds = bool(folded or begun)
        begin += len(line) + 1


def only_ids(line: str) -> bool:
    """Return whether a line holds nothing but ids in angle brackets, behind blanks and quote marks."""
    pieces = line.lstrip(" \t\u00a0>|\r").replace(",", " ").replace("><", "> <").split()
    return bool(pieces) and all(piece[0] == "<" and piece[-1] == ">" and piece.count("<") == 1 for piece in pieces)


def id_begins(lowered: str) -> tuple[int, int] | None:
    """Return from where to where a line holds ids, if it has the name of a field that does."""
    for field in ("message-id", "in-reply-to", "references"):
        place = lowered.find(field)
        behind = lowered[place + len(field) :].lstrip(" \t")
        if place < 0 or not behind.startswith(":") or (place and lowered[place - 1].isalnum()):
            continue
        if field != "references":
            return place, len(lowered)
        end = len(lowered) - len(behind) + 1
        for piece in behind[1:].replace(",", " ").replace("><", "> <").split():
            if "@" not in piece and not (piece.startswith("<") and piece.endswith(">")):
                break
            end = lowered.index(piece, end) + len(piece)
        return place, end
    return None
