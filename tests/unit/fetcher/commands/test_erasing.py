"""Erasing asks first, and what it keeps out can be listed and allowed again."""

import json
from collections.abc import Callable

import pytest

from fetcher.commands.cli import run
from fetcher.exits import Exit
from tests.support.fake_processor import FakeProcessor, contact

JANE = "jane1@acme.com"


@pytest.mark.parametrize(("typed", "code", "erased"), [("y", Exit.OK, [JANE]), ("n", Exit.NOT_WELL, [])])
def test_erase_asks_on_a_terminal(
    processor: FakeProcessor,
    capsys: pytest.CaptureFixture[str],
    answer: Callable[[str], None],
    typed: str,
    code: Exit,
    erased: list[str],
) -> None:
    """A contact is erased only if the person agrees."""
    processor.contacts = [contact(1)]
    answer(typed)

    ended = run(["erase", JANE])

    assert (ended, processor.erased) == (code, erased)
    assert f"Erase the contact {JANE} of user local?" in capsys.readouterr().err


def test_erase_of_what_is_no_contact_asks_about_that(
    processor: FakeProcessor, capsys: pytest.CaptureFixture[str], answer: Callable[[str], None]
) -> None:
    """An address that is no contact may be mistyped, so the question says that it is none."""
    processor.contacts = [contact(1)]
    answer("n")

    code = run(["erase", "jnae1@acme.com"])

    assert (code, processor.erased) == (Exit.NOT_WELL, [])
    assert "jnae1@acme.com is not a contact of user local. Keep this address" in capsys.readouterr().err


def test_what_is_kept_out_is_listed(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an address, `allow` shows how many addresses are kept out, by their hashes."""
    processor.suppressed = [JANE, "joe@acme.com"]

    run(["allow"])
    first, *hashes = capsys.readouterr().out.splitlines()
    run(["allow", "--json"])

    assert first == "2 erased addresses cannot become contacts of user local again."
    assert [each.strip() for each in hashes] == json.loads(capsys.readouterr().out)
    assert len(hashes) == 2


def test_an_erased_address_is_allowed_again(processor: FakeProcessor, capsys: pytest.CaptureFixture[str]) -> None:
    """`allow` takes an erasure back, and says so if there was none."""
    processor.suppressed = [JANE]

    codes = [run(["allow", JANE]) for _ in range(2)]

    assert codes == [Exit.OK, Exit.OK]
    assert processor.suppressed == []
    assert capsys.readouterr().out.splitlines() == [
        f"{JANE} can become a contact of user local again, with the next new mail.",
        f"{JANE} was not kept out of the contacts of user local.",
    ]
