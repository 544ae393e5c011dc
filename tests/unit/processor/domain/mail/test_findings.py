"""The laws that the fuzzer tries hold for what it found, and can tell right from wrong."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from processor.domain.facts import BODY, FROM, Message, Point
from tests.fuzz import laws
from tests.fuzz.laws import READERS, Broken, try_input
from tests.fuzz.seeds import TOKENS, dictionary, seeds
from tests.support.messages import make_message, make_point

FINDINGS: Final[list[dict[str, str]]] = json.loads((Path(laws.__file__).with_name("findings.json")).read_bytes())
BAD_ADDRESSES: Final = (
    *(
        "Jane@acme.com",
        "jane@acme",
        "jane@-acme.com",
        "jane@ac_me.com",
        "@acme.com",
        "ja ne@acme.com",
        "ja(ne@acme.com",
    ),
    *("imceaex-_o=acme@acme.com", "ja\u200bne@acme.com", "jose\u0301@acme.com", '"jane@acme.com', f"a@{'b.' * 126}com"),
)


@pytest.mark.parametrize(
    "finding", [pytest.param(each, id=f"{number}-{each['law']}") for number, each in enumerate(FINDINGS)]
)
def test_findings(finding: dict[str, str]) -> None:
    """An input that once broke a law breaks none."""
    try_input(finding["target"], finding["input"].encode("latin-1"))


def test_findings_are_named() -> None:
    """Each finding has a known target and is listed once."""
    assert {finding["target"] for finding in FINDINGS} <= READERS.keys()
    assert len({(finding["target"], finding["input"]) for finding in FINDINGS}) == len(FINDINGS)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_bad_addresses_break_a_law(address: str) -> None:
    """An address that the page forbids is noticed."""
    with pytest.raises(Broken):
        laws.check_address(address)


@pytest.mark.parametrize(
    "address", ["j..d.@docomo.ne.jp", '"a b"@acme.com', "\u7528\u6237@xn--r8jz45g.example", "o'b@a-b.co"]
)
def test_good_addresses_break_none(address: str) -> None:
    """An address that the page allows is none of the findings."""
    laws.check_address(address)


@pytest.mark.parametrize(
    "name", ["", "Ja\u200bne", "Ja\x07ne", "Jane ", "Jose\u0301", "?!", "a@b.com", "x" * 257, "Jane,"]
)
def test_bad_names_break_a_law(name: str) -> None:
    """A name that nobody should see is noticed."""
    with pytest.raises(Broken):
        laws.check_name(name, "a@b.com")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("to jane@acme.com.", True),
        ("(jane@acme.com)", True),
        ("key=jane@acme.com", True),
        ("x-jane@acme.com", False),
        ("jane@acme.community", False),
        ("\u00e9jane@acme.com", False),
        ("jane@acme.com_", False),
        ("http://jane@acme.com/", False),
        ("http://jane@acme.com/ jane@acme.com", True),
    ],
)
def test_halves_are_noticed(text: str, whole: bool) -> None:
    """An address is whole if nothing that touches it would continue it, in at least one place."""
    places = laws.occurrences(text, "jane@acme.com")

    assert any(laws.stands_alone(text, at, "jane@acme.com") for at in places) == whole


@pytest.mark.parametrize(
    "message",
    [
        make_message(1, make_point("me@example.org")),
        make_message(1, make_point(fields=0)),
        make_message(1, make_point(), make_point()),
        make_message(1, make_point(names=("\x00",))),
        make_message(1, make_point(plus=("bob+x@acme.com",))),
        make_message(1, make_point('"a b"@acme.com', BODY)),
        make_message(1, make_point("a-@acme.com", BODY)),
        make_message(1, make_point(), date=0),
        make_message(1, make_point(), date=1 << 41),
    ],
)
def test_bad_messages_break_a_law(message: Message) -> None:
    """A result that could not be stored, or that the rules forbid, is noticed."""
    with pytest.raises(Broken):
        laws.check_message(message)


def test_good_messages_break_none() -> None:
    """A message with a person in From and one in its text is none of the findings."""
    point: Point = make_point("jane@acme.com", FROM, names=("Jane O\u2019Brien",), plus=("jane+x@acme.com",))

    laws.check_message(make_message(1, point, make_point("bob@acme.com", BODY), date=1_700_000_000))


def test_slow_and_raising_readers_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading that raises or takes too long for its input breaks a law."""

    def fail(_: bytes) -> None:
        raise KeyError

    def dawdle(_: bytes) -> None:
        sum(range(100_000))

    monkeypatch.setattr(laws, "BASE_SECONDS", 0.0)
    for reader, law in ((fail, "reading raises KeyError"), (dawdle, "time is linear in the bytes")):
        monkeypatch.setattr(laws, "READERS", {"words": reader})
        with pytest.raises(Broken) as broken:
            try_input("words", b"x")
        assert broken.value.law == law


@pytest.mark.parametrize("target", READERS)
def test_each_target_has_seeds(target: str) -> None:
    """Each target starts from many different inputs."""
    assert len(seeds(target)) > 50


def test_the_dictionary_has_each_token() -> None:
    """Each token is one line of hexadecimal escapes, as libFuzzer reads it."""
    lines = dictionary().splitlines()

    read: list[Any] = [bytes.fromhex(line.strip('"').replace("\\x", "")).decode() for line in lines]
    assert read == list(TOKENS)
