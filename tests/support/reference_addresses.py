"""The reference parser of address lists, one character at a time."""

import html
import string
import unicodedata
from collections.abc import Iterator
from html.entities import html5

import idna

from tests.support.reference_charsets import decode_words

ATOM = set(string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~")
LABEL = set(string.ascii_lowercase + string.digits + "-")
INVISIBLE = {0xAD, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)}
QUOTES = "\"'\u201c\u201d\u201e\u2018"
SERVICES = ("google", "drive", "docs", "dropbox", "linkedin", "slack", "github")


def check_address(text: str) -> str | None:
    """Return a valid address in lower case with its host in A-labels, or None."""
    local, at, host = text.rpartition("@")
    local = unicodedata.normalize("NFC", local.lower())
    if not at or len(text) > 254:
        return None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    labels = host.lower().split(".")
    if local.startswith('"') and local.endswith('"') and len(local) > 2:
        content = unescape(local[1:-1])
        plain = bool(content.strip(".")) and all(atom and is_atom(atom) for atom in content.split("."))
        good_local = (
            bool(content.strip()) and check_address(content) is None and closing(local, 0, '"', "") == len(local)
        )
        local = content if plain else '"' + content.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        good_local = local.strip(".") != "" and is_atom(local.replace(".", "")) and not is_encoded(local)
    good_local = good_local and not local.startswith("imcea") and not local.strip('"').startswith(("/o=", "/cn="))
    good_host = len(labels) > 1 and all(
        label and len(label) <= 63 and set(label) <= LABEL and label[0] != "-" != label[-1] for label in labels
    )
    last = labels[-1]
    good_last = len(last) > 4 if last.startswith("xn--") else len(last) > 1 and set(last) <= set(string.ascii_lowercase)
    return f"{local}@{host}".lower() if good_local and good_host and good_last else None


def is_atom(text: str) -> bool:
    """Return whether a text has only the characters of atoms, or letters, digits and marks beyond ASCII."""
    return all(
        character in ATOM or (character > "\x7f" and unicodedata.category(character)[0] in "LNM") for character in text
    )


def is_encoded(text: str) -> bool:
    """Return whether a text has the beginning of an encoded word."""
    return "=?" in text and text.partition("=?")[2].partition("?")[2][:2] in ("b?", "q?")


def fold_plus(address: str) -> tuple[str, str | None]:
    """Return an address without its plus part, and the original address if it had one, else None."""
    local, _, host = address.rpartition("@")
    base = local.split("+")[0]
    if "+" not in local or check_address(f"{base}@{host}") is None:
        return address, None
    return f"{base}@{host}", address


def read_list(value: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (address, plus, name) for each address in a field's value."""
    joined = ""
    for piece, mark in split("".join(character for character in value if ord(character) not in INVISIBLE)):
        whole = joined + piece
        if mark == "," and piece.strip() and not set(whole) & set('@"<'):
            joined = f"{whole},"
            continue
        joined = ""
        for address, name in read_piece(whole):
            folded, plus = fold_plus(address)
            yield folded, plus, without_address(clean(name), folded, plus) or None


def without_address(name: str, address: str, plus: str | None) -> str:
    """Return a name without the address that it ends in."""
    words = name.split(" ")
    last = words[-1].strip("<>()[]\"';,").lower()
    last = last.removeprefix("mailto:")
    if words[-1].lower().startswith("<mailto:") or (check_address(last) or "") in (address, plus):
        return without_address(clean(" ".join(words[:-1]).rstrip("-")), address, plus)
    return name


def split(value: str) -> Iterator[tuple[str, str]]:
    """Yield each piece and the mark that ends it: a comma or semicolon outside quotes, comments, brackets and such."""
    begin = at = 0
    while at < len(value):
        character = value[at]
        end = skip(value, at)
        if end > at:
            at = end
        elif character == ":" and not set(value[begin:at]) & set("@<"):
            begin = at = at + 1
        elif character in ",;":
            yield value[begin:at], character
            begin = at = at + 1
        else:
            at += 1
    yield value[begin:], ""


def skip(value: str, at: int) -> int:
    """Return the end of the quoted text, comment, bracket or encoded word that starts at `at`; `at` if none does."""
    character = value[at]
    if character == '"':
        return closing(value, at, '"', "")
    if character == "(":
        return closing(value, at, ")", "(")
    if character == "<":
        end = value.find(">", at)
        return end + 1 if end > 0 and "<" not in value[at + 1 : end] else at
    if value.startswith("=?", at):
        parts = value[at:].split("?", 4)
        if len(parts) == 5 and parts[2] in ("b", "B", "q", "Q") and parts[4].startswith("=") and " " not in parts[3]:
            return at + len("?".join(parts[:4])) + 2
    return at


def closing(value: str, at: int, close: str, again: str) -> int:
    """Return the position after the mark that closes the one at `at`, minding escapes; `at` if nothing closes it."""
    depth, here = 1, at + 1
    while here < len(value):
        if value[here] == "\\":
            here += 1
        elif value[here] == close:
            depth -= 1
            if not depth:
                return here + 1
        elif value[here] == again:
            depth += 1
        here += 1
    return at


def read_piece(piece: str) -> list[tuple[str, str]]:
    """Return (address, name) for each address of a piece, from brackets, or else plain words, or else quoted text."""
    tokens = list(tokenise(piece))
    comments = [text for kind, text in tokens if kind == "("]
    for found in (in_brackets(tokens), in_words(tokens), in_quotes(tokens)):
        if found:
            return [(address, name if name.strip() else (comments or [""])[-1]) for address, name in found]
    return []


def tokenise(piece: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, text): an opening mark and its content, or an empty kind and plain text."""
    plain, at = "", 0
    while at < len(piece):
        end = skip(piece, at)
        if end > at and piece[at] != "=":
            if plain:
                yield "", plain
            plain = ""
            inner = piece[at + 1 : end - 1]
            yield piece[at], inner if piece[at] == "<" else unescape(inner)
        else:
            plain += piece[at : max(end, at + 1)]
        at = max(end, at + 1)
    if plain:
        yield "", plain


def unescape(text: str) -> str:
    """Return a quoted text or comment without its escaping backslashes."""
    out, at = "", 0
    while at < len(text):
        at += text[at] == "\\" and at + 1 < len(text)
        out += text[at]
        at += 1
    return out


def in_brackets(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the addresses in angle brackets, each with the text before it."""
    found, phrase = [], ""
    for kind, text in tokens:
        if kind == "<":
            content = strip_comments(text).strip()
            content = content.split(":")[-1].strip() if content.startswith("@") else content
            words = [content, *(chunk.split()[0] for chunk in content.replace(";", ",").split(",") if chunk.split())]
            addresses = [address for address in map(as_address, words) if address]
            for address in dict.fromkeys(addresses):
                found.append((address, phrase))
                phrase = ""
        elif kind != "(":
            phrase += text
    return found


def strip_comments(text: str) -> str:
    """Return an address without the comments in it, and without blanks around its @ and dots."""
    at = text.find("(")
    end = closing(text, at, ")", "(") if at >= 0 else at
    if end > at:
        return strip_comments(text[:at] + " " + text[end:])
    bare = " ".join(text.split())
    for mark in "@.":
        bare = bare.replace(f" {mark}", mark).replace(f"{mark} ", mark)
    return bare


def in_words(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the addresses in a piece's plain text, each with the text before it."""
    found: list[tuple[str, str]] = []
    phrase, quoted = "", ""
    for kind, text in tokens:
        if kind == '"':
            phrase, quoted = f"{phrase} {text}", text
            continue
        for number, word in enumerate(text.replace("<", " ").replace(">", " ").split() if not kind else ()):
            glued = quoted + word if quoted and number == 0 and text.startswith(word) and word[0] == "@" else word
            address = as_address(glued)
            if address:
                found.append((address, "" if glued != word else phrase))
                phrase = ""
            else:
                phrase = f"{phrase} {word}"
        quoted = ""
    return found


def in_quotes(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the addresses inside quotes, parsed as if they were not quoted."""
    for kind, text in tokens:
        if kind == '"' and "@" in text:
            inner = [token for token in tokenise(text.replace('"', " ")) if token[0] != "("]
            found = in_brackets(inner) or in_words(inner)
            if found:
                return found
    return []


def as_address(word: str) -> str | None:
    """Return a word as an address, unchanged or without the marks that people put around addresses, or None."""
    word = decode_words(word) if "@" in decode_words(word) else word
    if check_address(word) and not word.startswith("'"):
        return check_address(word)
    bare = word.strip("\"'")
    for prefix in ("mailto:", "smtp:"):
        if bare.lower().startswith(prefix):
            bare = bare[len(prefix) :].split("?")[0].strip()
    return check_address(bare.replace('"', "").lstrip("'\"<([{").rstrip("'\">)]}.,;:!?"))


def clean(name: str) -> str:
    """Return a name as it is shown to users."""
    before = ""
    while before != name:
        before, name = name, decode_words(decode_entities(name))
    name = unicodedata.normalize("NFC", "".join(each for each in name if ord(each) not in INVISIBLE))
    shown = (" " if unicodedata.category(character) in ("Cc", "Cs") else character for character in name)
    name = strip(" ".join("".join(shown).split()))
    words = name.split(" ")
    places = [number for number, word in enumerate(words) if number and word in ("via", "(via")][::-1]
    if places and places[0] + 1 < len(words):
        name = " ".join(words[: places[0]])
    if name.endswith(")") and "(" in name:
        kept, _, service = name.rpartition("(")
        if service[:-1].lower().split(" ")[0] in SERVICES:
            name = kept
    name = strip(name.strip())
    return name if len(name) <= 256 and any(character.isalnum() for character in name) else ""


def decode_entities(text: str) -> str:
    """Decode the HTML entities that end in a semicolon."""
    pieces = text.split("&")
    for number, piece in enumerate(pieces[1:], 1):
        name, semicolon, rest = piece.partition(";")
        known = f"{name};" in html5 or name.removeprefix("#").isdigit() or name[:2].lower() == "#x"
        pieces[number] = html.unescape(f"&{name};") + rest if semicolon and known else f"&{piece}"
    return "".join(pieces)


def strip(name: str) -> str:
    """Return a name without outer quotes and stray punctuation."""
    before = None
    while before != name:
        before, name = name, name.strip(" ,;")
        for opening, close in (
            ('\\"', '\\"'),
            ("\\'", "\\'"),
            ('"', '"'),
            ("'", "'"),
            ("\u201c", "\u201d"),
            ("\u2018", "\u2019"),
        ):
            if name.startswith(opening) and name.endswith(close) and len(name) >= 2 * len(opening):
                name = name[len(opening) : len(name) - len(close)]
                break
        else:
            dutch = name[:1] == "'" and name[2:3] in (" ", "-")
            if name and name[0] in QUOTES and name.count(name[0]) == 1 and not dutch:
                name = name[1:]
            elif name and name[-1] in QUOTES and name.count(name[-1]) == 1:
                name = name[:-1]
    return name
