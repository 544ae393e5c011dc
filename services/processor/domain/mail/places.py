"""Finds where an address is in an HTML text, and whether anything around it could continue it.

This is the quick way, which reads only what is around the address. If it is not sure, `read_markup` tells.
"""

import re
from enum import Enum
from typing import Final

from processor.domain.mail.lookalikes import SCHEMES
from processor.domain.mail.markup import SEPARATING, find_unread, hides

_TAG: Final = re.compile(r"<(/?[A-Za-z][^\s/<>@]*+)(?:[\s/][^<>]*+)?>")
_LONGEST_TAG: Final = 400
_MOST_TAGS: Final = 9
_LINK: Final = "mailto:"
_COMMON_LINK: Final = ' href="mailto:'
_COMMON_CHARACTERS: Final = len(_COMMON_LINK)
_LINKED: Final = re.compile(r"\s([A-Za-z-]++)=\s*+[\"']?\s*+(?i:mailto):\Z")
_LINKED_CHARACTERS: Final = 32
_MARKS: Final = ('"', "'")
_BLANKS: Final = ("&nbsp;", "&lt;", "&gt;", "&quot;")
_LONGEST_BLANK: Final = len("&nbsp;")
_ENTITY: Final = re.compile(r"&#?[A-Za-z0-9]{1,31}+;")
_BLANK: Final = re.compile(r"[\s<>]")
_URL_MARK: Final = re.compile(rf"/|www\.|{'|'.join(SCHEMES)}")
_TAG_STARTS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/!?")
_SEPARATING: Final = frozenset(' \t\r\n:,()[]"*|`{}^<')
"""Characters that end an address on their left."""


class Place(Enum):
    """Whether a reader of an HTML text sees an address."""

    READ = 1
    HIDDEN = 2
    UNSURE = 3
    """Only `read_markup` can tell."""


class Markup:
    """An HTML text that is asked about places from front to back. It reads no part of the text twice."""

    def __init__(self, text: str, *, cut: bool, last: int) -> None:
        """Take a text whose bytes are not decoded, whether it was cut off, and the last place that is asked about."""
        self._text = text
        self._cut = cut
        self._asked = 0
        self._opened = -1
        self._closed = -1
        self._opens_next = self._closes_next = -1
        self._unread = find_unread(text, last)[::-1]

    def place(self, start: int, end: int, *, whole: bool) -> Place:
        """Return the place of the address `text[start:end]`. `start` must not decrease from call to call.

        If it is not a `whole` address, what is around it may make it one.
        """
        text, asked = self._text, self._asked
        while self._unread and self._unread[-1][1] <= start:
            self._unread.pop()
        if self._unread and self._unread[-1][0] <= start:
            return Place.HIDDEN
        if whole and text[start - _COMMON_CHARACTERS : start] == _COMMON_LINK and text.find("%", start, end) < 0:
            return Place.READ
        self._opened = max(self._opened, text.rfind("<", asked, start))
        self._closed = max(self._closed, text.rfind(">", asked, start))
        self._asked = start
        if self._opened > self._closed and text[self._opened + 1] in _TAG_STARTS:
            return self._place_in_tag(start, end)
        if self._closes(end):
            return Place.UNSURE
        joins = self._joins_before(start)
        if joins or (text[start] != "@" and self._joins_behind(end)):
            return Place.UNSURE
        return Place.READ if whole else Place.HIDDEN

    def _place_in_tag(self, start: int, end: int) -> Place:
        """Return the place of an address within a tag: only the link in the attribute `href` counts."""
        text = self._text
        if (start == self._opened + 1 and text[end : end + 1] == ">") or not self._closes(end):
            return Place.UNSURE
        first = max(self._opened, start - _LONGEST_TAG)
        mark = max(text.rfind(mark, first, start) for mark in _MARKS)
        value = text[max(mark + 1, first) : start].lower()
        if _LINK not in value:
            return Place.HIDDEN if mark >= 0 or first == self._opened else Place.UNSURE
        attribute = _LINKED.search(text[max(start - _LINKED_CHARACTERS, 0) : start])
        if attribute and attribute[1].lower() != "href":
            return Place.HIDDEN
        return Place.READ if attribute and "%" not in text[start:end] else Place.UNSURE

    def _closes(self, end: int) -> bool:
        """Return whether the next angle bracket closes something. No part of the text is searched twice."""
        if self._opens_next < end:
            found = self._text.find("<", end)
            self._opens_next = found if found >= 0 else len(self._text)
        if self._closes_next < end:
            found = self._text.find(">", end)
            self._closes_next = found if found >= 0 else len(self._text)
        return self._closes_next < self._opens_next

    def _joins_before(self, start: int) -> bool:
        """Return whether what is before `start`, through inline tags, could belong to an address that starts there."""
        text = self._text
        for tags in range(_MOST_TAGS):
            last = text[start - 1 : start]
            if last in _SEPARATING:
                return tags > 0 and not last.isspace() and self._may_be_in_url(start)
            if last == ">":
                opened = text.rfind("<", max(start - _LONGEST_TAG, 0), start)
                tag = _TAG.fullmatch(text, opened, start) if opened >= 0 else None
                if not tag or tag[1].lower() in SEPARATING or hides(tag[0]):
                    return not tag or tag[1].lower() not in SEPARATING
                start = opened
            elif last == ";":
                before = text[max(start - _LONGEST_TAG, 0) : start]
                return "&" in before[-12:] and not before[-_LONGEST_BLANK:].lower().endswith(_BLANKS)
            else:
                return last != ""
        return True

    def _may_be_in_url(self, start: int) -> bool:
        """Return whether a URL could go on at `start`, where inline tags begin."""
        shown = _TAG.sub("", self._text[max(start - _LONGEST_TAG, 0) : start])
        token = _BLANK.split(shown)[-1].lower()
        return len(token) == len(shown) or _URL_MARK.search(token) is not None

    def _joins_behind(self, end: int) -> bool:
        """Return whether what is behind `end`, through inline tags and dots, could belong to an address."""
        text = self._text
        for _ in range(_MOST_TAGS):
            first = text[end : end + 1]
            if first == "<":
                tag = _TAG.match(text, end)
                if not tag or tag[1].lower() in SEPARATING or hides(tag[0]):
                    return not tag or tag[1].lower() not in SEPARATING
                end = tag.end()
            elif first == ".":
                end += 1
            elif first == "&":
                entity = _ENTITY.match(text, end)
                return entity is not None and entity[0].lower() not in _BLANKS
            else:
                return (first.isalnum() or first in "_-@" or first > "\x7f") if first else self._cut
        return True
