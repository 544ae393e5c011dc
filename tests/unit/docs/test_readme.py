"""The excerpt of the demo in README is what the demo finds. If a test here fails, run `make pictures`."""

import io
import re
from collections import Counter
from contextlib import redirect_stdout

from demo.mailbox import FOLDERS, generate_mailbox
from demo.people import OWNER
from demo.scenes import REFERENCE
from fetcher.commands.reports import VERDICTS, show_report
from fetcher.commands.summary import Standing, summarize
from fetcher.commands.terminal import Terminal
from fetcher.imap.folders import Folder, default_folders
from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import refine
from processor.domain.mail.message import read_message
from processor.jobs.reading import undated_from
from schemas.ledger import Ledger
from schemas.segments import TEXT_CAP_BYTES
from tests.unit.docs.pages import code_blocks, read_page

OWN = frozenset({OWNER, "demo@127.0.0.1"})
MINING = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b")


def mined() -> Ledger:
    """Return the ledger of the sample mailbox, mined in one go without any server."""
    folders = [Folder(name, frozenset({attribute.lower()} - {""}), "/") for name, attribute in FOLDERS.items()]
    wanted = default_folders(folders)
    bodies = [item.body for item in generate_mailbox() if item.folder in wanted]
    latest = undated_from(REFERENCE.date().isoformat())
    read = [
        read_message(
            body[:TEXT_CAP_BYTES], own=OWN, latest=latest, with_text=True, truncated=len(body) > TEXT_CAP_BYTES
        )
        for body in bodies
    ]
    [rows] = pack(read, chunks=1, max_bytes=1 << 40).values()
    keys = {message.key: message for message in read}
    return Ledger(
        listed=len(bodies),
        fetched=len(bodies),
        processed=len(keys),
        duplicate=len(bodies) - len(keys),
        unparsable=sum(message.unparsable for message in keys.values()),
        cut=sum(len(body) > TEXT_CAP_BYTES for body in bodies),
        unread_fields=sum(message.unread_fields for message in read),
        contacts=dict(Counter(str(person.verdict) for person in refine(rows))),
    )


def report(ledger: Ledger, mining: str) -> list[str]:
    """Return the lines of a finished mining's report, without its receipt."""
    with redirect_stdout(io.StringIO()) as printed:
        show_report(
            Terminal(),
            {"id": mining, "state": "finished", "balanced": True, "ledger": ledger.to_json(), "receipt": None},
        )
    return printed.getvalue().splitlines()


def test_the_excerpt_is_the_demos_ledger() -> None:
    """README shows the report that `make demo` prints; a change of the rules or the mailbox shows here."""
    [excerpt] = code_blocks(read_page("README.md"), "text")
    result, _, command, *shown = excerpt.splitlines()
    mining, ledger = MINING.search(excerpt), mined()

    assert result == summarize(ledger, Standing(ledger.contacts["contact"]))
    assert command == "$ leadminer report"
    assert shown == report(ledger, mining[0] if mining else "")


def test_get_started_shows_the_demos_result() -> None:
    """The result in `docs/get-started.md` is what the first mining of the demo ends with."""
    ledger = mined()

    result = summarize(ledger, Standing(ledger.contacts["contact"]))

    assert f"```text\n{result}\n```" in read_page("docs/get-started.md")


def test_the_matrix_has_the_demos_numbers() -> None:
    """The row of the demo in the table of both modes agrees with the excerpt."""
    ledger = mined()

    row = re.search(r"^\| demo \| ([\d,]+) \| ([\d,]+) \|", read_page("docs/architecture.md"), re.MULTILINE)

    assert row is not None
    assert row.groups() == (f"{ledger.listed:,}", f"{ledger.contacts['contact']:,}")
    assert set(ledger.contacts) <= set(VERDICTS)


def test_the_picture_is_told_in_words() -> None:
    """The text in place of the picture has the demo's numbers."""
    ledger = mined()

    text = re.search(r"^!\[(.*)\]", read_page("README.md"), re.MULTILINE)

    assert text is not None
    assert f"{ledger.listed:,} messages are read" in text[1]
    assert f"{ledger.contacts['contact']} contacts are found" in text[1]
