"""The reference parser of texts: HTML with the standard library, addresses by walking outward from each ``@``."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote

from tests.support.reference_addresses import ATOM, check_address

NEVER_FIRST = set("!#$%&'*+/=?^`{|}~-")
"""Marks that precede an address rather than start it."""


class _Shower(HTMLParser):
    """Collects visible text, and the targets of `mailto:` links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.links: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.hidden += 1
        for _, value in attrs:
            if value and "mailto:" in value.lower():
                at = value.lower().index("mailto:")
                self.links.append(unquote(value[at + 7 :]))
        self.shown.append("" if tag == "wbr" else " ")
        if "@" in tag:
            self.shown.append(f" {tag} ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.hidden = max(self.hidden - 1, 0)
        self.shown.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.shown.append(data)


def show_html(text: str) -> str:
    """Return the visible text of HTML, followed by the targets of its `mailto:` links.

    A comment without an end is not a comment, because versions of the standard library disagree on what it hides.
    """
    known, end, rest = text.rpartition("-->")
    shower = _Shower()
    shower.feed(f"{known}{end}{rest.replace('<!--', '< !--')}")
    shower.close()
    shown = "".join(shower.shown).replace("\u00ad", "").replace("\u200b", "")
    targets = " ".join(shower.links)
    for mark in "?&=,;":
        targets = targets.replace(mark, " ")
    return f"{shown} {targets}"


def find_in_text(text: str) -> Iterator[str]:
    """Yield the valid addresses in a text, duplicates included."""
    for at, character in enumerate(text):
        if character != "@":
            continue
        begin = at
        while begin > 0 and (text[begin - 1] in ATOM or text[begin - 1] == ".") and at - begin < 300:
            begin -= 1
        end = at + 1
        while end < len(text) and (text[end] in "-." or goes_on(text[end])) and end - at < 300:
            end += 1
        local = text[begin:at]
        if "?" in local or "//" in local or local.startswith("/"):
            begin = at - len(local) + max(local.rfind(mark) for mark in "/?=&#") + 1
        bare = begin
        while bare < at and text[bare] in NEVER_FIRST:
            bare += 1
        before = text[bare - 1] if bare == begin and bare > 0 and text[bare - 1] not in ATOM else ""
        if before == "@" or (before and goes_on(before)) or text[end : end + 1] == "@":
            continue
        address = check_address(text[bare:at] + "@" + text[at + 1 : end].rstrip(".-"))
        if address:
            yield address


def goes_on(character: str) -> bool:
    """Return whether a character continues a word: an ASCII letter or digit, or another letter with two cases."""
    if character.isascii():
        return character.isalnum()
    return character.isalpha() and character.lower() != character.upper()
