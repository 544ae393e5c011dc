"""IDN hosts: the same A-labels as PyPI `idna` gives with the mapping of UTS 46, for every character and many hosts."""

import time
import unicodedata
from random import Random
from typing import Final

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.domain.data.characters import NOT_ALLOWED, map_character
from processor.domain.mail.idn import encode_punycode, to_a_labels

JOINERS: Final = (0x200C, 0x200D)
"""The joiners are not compared: they are dropped as all that is invisible, and IDNA 2008 allows them in some places."""
SCRIPTS: Final = (
    *((0x80, 0x250), (0x370, 0x400), (0x400, 0x530), (0x590, 0x700), (0x900, 0x980), (0xE00, 0xE80), (0x1F00, 0x2000)),
    *((0x3040, 0x3100), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0xFF00, 0xFFEF), (0x61, 0x7B), (0x61, 0x7B), (0x2D, 0x2E)),
)


def by_idna(host: str) -> str | None:
    """Return what the package makes of a host, or None if it rejects it."""
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("stra\u00dfe.example", "xn--strae-oqa.example"),
        ("STRASSE.m\u00fcller.EXAMPLE", "strasse.xn--mller-kva.example"),
        ("Bu\u0308cher.example", "xn--bcher-kva.example"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "xn--nxasmm1c.example"),
        ("\u0392\u038c\u039b\u039f\u03a3-\u03b1.example", "xn----zlbb0buy4d.example"),
        ("\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("\uff45xample\uff0eorg", "example.org"),
        ("m\u00fc\u00adller.example", "xn--mller-kva.example"),
        ("\u2615.example", None),
        ("m\u00fcller..example", None),
        ("-m\u00fcller.example", None),
        ("m\u00fcller-.example", None),
        ("m\u00fc--ller.example", None),
        ("\u0301a.example", None),
        ("l\u00b7l.example", "xn--ll-0ea.example"),
        ("a\u00b7b.example", None),
        ("\u0639a.example", None),
        ("\u0663\u06f3.example", None),
        ("\u00fc" * 60 + ".example", None),
        ("\u00fc." * 200 + "example", None),
    ],
)
def test_hosts(host: str, expected: str | None) -> None:
    """A host is mapped, judged and encoded; one that IDNA 2008 does not allow is none."""
    assert to_a_labels(host) == expected


@pytest.mark.exhaustive
def test_every_character() -> None:
    """Every code point beyond ASCII is mapped as by the package, and those that it does not allow are not allowed."""
    classes = idna.idnadata.codepoint_classes
    valid = {c for kind in ("PVALID", "CONTEXTO") for c in expand(classes[kind])} | {ord(".")}

    for code_point in range(0x80, 0x110000):
        character = chr(code_point)
        if code_point in JOINERS or unicodedata.category(character) == "Cs":
            continue
        try:
            mapped = idna.uts46_remap(character, std3_rules=False)
        except idna.IDNAError:
            mapped = NOT_ALLOWED
        allowed = all(ord(each) in valid for each in mapped)
        assert map_character(code_point) == (mapped if allowed else NOT_ALLOWED), hex(code_point)


def expand(ranges: tuple[int, ...]) -> set[int]:
    """Return the code points in the package's ranges: each one number, its start and end in 32 bits each."""
    return {code_point for each in ranges for code_point in range(each >> 32, each & 0xFFFFFFFF)}


def test_many_hosts() -> None:
    """Hosts of random characters from one or two scripts are encoded or rejected as by the package."""
    chance = Random(20261201)
    compared = accepted = 0
    for _ in range(40_000):
        scripts = chance.sample(SCRIPTS, 2)
        label = "".join(chr(chance.randrange(*chance.choice(scripts))) for _ in range(chance.randrange(1, 9)))
        if "Cn" in map(unicodedata.category, label) or any(
            each.isascii() for each in (to_a_labels(label) or "").split(".") if each[:4] != "xn--"
        ):
            continue
        theirs = by_idna(f"{label}.example")
        assert to_a_labels(f"{label}.example") == theirs, ascii(label)
        compared, accepted = compared + 1, accepted + (theirs is not None)
    assert compared > 15_000
    assert accepted > 2_000


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_punycode(label: str) -> None:
    """Labels are encoded as by the standard library."""
    assert encode_punycode(label) == label.encode("punycode").decode()


def test_long_labels_cost_little() -> None:
    """Reading 1.36 MB of different hosts takes less than a second."""
    chance = Random(1)
    hosts = [
        ".".join("".join(chr(0x430 + chance.randrange(32)) for _ in range(length)) for length in (25, 30, 58, 10))
        + ".de"
        for _ in range(5_400)
    ]

    begun = time.process_time()
    for host in hosts:
        to_a_labels(host)

    assert sum(len(host.encode()) for host in hosts) > 1_330_000
    assert time.process_time() - begun < 1
