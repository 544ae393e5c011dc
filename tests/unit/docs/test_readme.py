"""The excerpt of the demo in README is what the demo finds."""

import re
from collections import Counter

from demo.mailbox import FOLDERS, generate_mailbox
from demo.people import OWNER
from demo.scenes import REFERENCE
from fetcher.commands.reports import VERDICTS, ledger_lines, remarks, verdicts
from fetcher.imap.folders import Folder, default_folders
from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import refine
from processor.domain.mail.message import read_message
from processor.jobs.reading import undated_from
from schemas.ledger import Ledger
from schemas.segments import TEXT_CAP_BYTES
from tests.unit.docs.pages import code_blocks, read_page

OWN = frozenset({OWNER, "demo@127.0.0.1"})


def mined() -> Ledger:
    """Return the ledger of the sample mailbox, mined in one go and without any server."""
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
        contacts=dict(Counter(str(person.verdict) for person in refine(rows))),
    )


def test_the_excerpt_is_the_demos_ledger() -> None:
    """README shows the report that `make demo` prints; a change of the rules or the mailbox shows here."""
    ledger = mined()
    shown = "\n".join(
        (*(line for line, _ in ledger_lines(ledger, ended=True)), *remarks(ledger), *verdicts(ledger), "")
    )

    [excerpt] = code_blocks(read_page("README.md"), "text")

    assert excerpt.partition("is finished.\n")[2] == shown


def test_the_matrix_has_the_demos_numbers() -> None:
    """The row of the demo in README's matrix of both modes agrees with the excerpt."""
    ledger = mined()

    row = re.search(r"^\| demo \| ([\d,]+) \| ([\d,]+) \|", read_page("README.md"), re.MULTILINE)

    assert row is not None
    assert row.groups() == (f"{ledger.listed:,}", f"{ledger.contacts['contact']:,}")
    assert set(ledger.contacts) <= set(VERDICTS)
