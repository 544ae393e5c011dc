"""The demo's IMAP server, as an IMAP client sees it."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from demo.mailbox import Item, generate_mailbox

CHECKOUT = Path(__file__).parents[3]
MESSAGES = 400
FOLDER = "Projets/Été"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Yield the port of a server with a small mailbox."""
    password = tmp_path_factory.mktemp("imap") / "password"
    password.write_text("secret\n")
    command = [sys.executable, "-m", "demo.server", str(password), str(MESSAGES)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(10) == 0


@pytest.fixture
def client(port: int) -> Iterator[IMAPClient]:
    """Yield a logged-in client that has opened a folder with a non-ASCII name."""
    with IMAPClient("127.0.0.1", port, ssl=False, timeout=10) as client:
        client.login("demo", "secret")
        client.select_folder(FOLDER, readonly=True)
        yield client


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """Return the messages of that folder."""
    return [item for item in generate_mailbox(messages=MESSAGES) if item.folder == FOLDER]


def test_a_wrong_password_is_refused(port: int) -> None:
    """Only the password in the file opens the mailbox."""
    with IMAPClient("127.0.0.1", port, ssl=False, timeout=10) as client, pytest.raises(LoginError):
        client.login("demo", "wrong")


def test_folders_tell_their_use(client: IMAPClient) -> None:
    """LIST shows special uses, and folders that only contain other folders."""
    flags = {name: flags for flags, _, name in client.list_folders()}

    assert flags["Sent"] == (b"\\Sent",)
    assert flags["Trash"] == (b"\\Trash",)
    assert flags["Archive"] == (b"\\Noselect",)
    assert flags[FOLDER] == ()


def test_folders_tell_their_size(client: IMAPClient, items: list[Item]) -> None:
    """STATUS and EXAMINE agree on the number of messages and on UIDVALIDITY."""
    status = client.folder_status(FOLDER)
    opened = client.select_folder(FOLDER, readonly=True)

    assert status[b"MESSAGES"] == opened[b"EXISTS"] == len(items)
    assert status[b"UIDVALIDITY"] == opened[b"UIDVALIDITY"] > 0
    assert b"READ-ONLY" in opened


def test_searches_find_by_range_and_date(client: IMAPClient, items: list[Item]) -> None:
    """SEARCH supports ALL, positions, UIDs (some do not exist) and SINCE."""
    day = date(2025, 6, 1)

    everything = client.search("ALL")

    assert len(everything) == len(items)
    assert everything[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert client.search("2:3") == [2, 3]
    assert client.search("UID 9:11") == [9, 11]
    assert len(client.search(["SINCE", day])) == sum(item.arrived.date() >= day for item in items) > 0


def test_messages_come_as_they_are(client: IMAPClient, items: list[Item]) -> None:
    """FETCH returns size, date and bytes, and nothing for a UID that does not exist."""
    fetched = client.fetch([8, 9, 10], ["RFC822.SIZE", "INTERNALDATE", "BODY.PEEK[]"])

    assert list(fetched) == [8, 9]
    assert fetched[8][b"BODY[]"] == items[7].body
    assert fetched[8][b"RFC822.SIZE"] == len(items[7].body)
    assert fetched[8][b"INTERNALDATE"].timestamp() == items[7].arrived.timestamp()


def test_messages_come_in_part(client: IMAPClient, items: list[Item]) -> None:
    """A partial FETCH is cut at the exact byte and says where it starts; a header ends with its blank line."""
    fetched = client.fetch([1], ["BODY.PEEK[]<0.100>", "BODY.PEEK[HEADER]<0.4194304>"])[1]

    head, blank, _ = items[0].body.partition(b"\r\n\r\n")
    assert fetched[b"BODY[]<0>"] == items[0].body[:100]
    assert fetched[b"BODY[HEADER]<0>"] == head + blank
