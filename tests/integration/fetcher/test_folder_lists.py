"""Servers whose lists of folders are odd, or not complete."""

import pytest

from fetcher.commands.doctor import examine_source
from fetcher.imap.connection import Connector, FolderRefused
from fetcher.imap.mailbox import Mailbox
from fetcher.mining.outcome import Outcome
from tests.support.fetcher_stack import ledger_of, mails, odd_stack
from tests.support.imap.faults import instead, on, refused, rewritten, without
from tests.support.imap.mail import Folder
from tests.support.imap.server import Fault, ImapServer

SPECIAL_USE = "SPECIAL-USE LIST-EXTENDED"
REFUSAL = refused("NO [SERVERBUG] User is authenticated but not connected.")


def folder(number: int, attributes: str = "") -> Folder:
    """Return a folder of two messages that no other folder has."""
    return Folder(dict(enumerate(mails(2, start=10 * number), start=1)), attributes=attributes)


def failures_of(outcome: Outcome) -> list[str]:
    """Return the reasons for which folders failed."""
    assert outcome.ledger is not None
    return list(outcome.ledger["folders_failed"].values())


def read(count: int) -> dict[str, object]:
    """Return a ledger of so many messages, all of them fetched."""
    return {"listed": count, "fetched": count, "skipped": {}, "failed": {}}


NAMES: dict[str, Fault] = {
    "without quotes": rewritten(rb'"([^"]+)"\r\n', rb"\1\r\n"),
    "literals": rewritten(rb'"(Old mail)"', rb"{8}\r\n\1"),
    "extended data": rewritten(rb'("[^"]+")\r\n', rb'\1 ("OLDNAME" ("Before") "CHILDINFO" ("SUBSCRIBED"))\r\n'),
    "each line twice": rewritten(rb"(.*\r\n)", rb"\1\1"),
    "small letters": rewritten(rb"LIST \(\)", rb"LIST (\\haschildren)"),
}


@pytest.mark.parametrize("fault", NAMES.values(), ids=NAMES)
def test_lists_of_every_form(fault: Fault) -> None:
    """Names can be strings, literals or bare words, with further data, and on several lines."""
    folders = {"INBOX": folder(1), "Old mail": folder(2), "R&-D": folder(3)}
    with ImapServer(folders, faults=[on("LIST", fault)]) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == read(6)
    assert failures_of(outcome) == []


def test_names_that_are_not_modified_utf7() -> None:
    """Names travel to the server as they came, even if several of them read alike."""
    names = [
        "INBOX",
        "R&D",
        "R&-D",
        "caf\udce9",
        "caf\udcc3\udca9",
        "caf&AOk-",
        "&AOk-&AOk-",
        "&AOkA6Q-",
        "a%b",
        "tab\there",
    ]
    with ImapServer({name: folder(number) for number, name in enumerate(names)}) as server:
        stack = odd_stack(server)
        outcome = stack.mine()
        again = stack.mine()

    assert ledger_of(outcome) == read(2 * len(names))
    assert failures_of(outcome) == []
    assert ledger_of(again) == read(0)


@pytest.mark.parametrize(("asked", "count"), [("café", 6), ("caf&AOk-", 0), ("caf\udce9", 2)])
def test_a_folder_named_as_it_reads(asked: str, count: int) -> None:
    """A person names a folder as it reads, which can mean several."""
    names = ["INBOX", "caf\udce9", "caf\udcc3\udca9", "caf&AOk-"]
    with ImapServer({name: folder(number) for number, name in enumerate(names)}) as server:
        outcome = odd_stack(server).mine(folders=("INBOX", asked))

    assert ledger_of(outcome) == read(2 + count)


@pytest.mark.parametrize("capabilities", ["", SPECIAL_USE])
@pytest.mark.parametrize("refusal", [REFUSAL, refused("BAD LIST failed")], ids=["NO", "BAD"])
def test_a_list_that_is_refused(capabilities: str, refusal: Fault) -> None:
    """A server that does not list its folders ends the mining, in its own words, and begins none."""
    faults = [on("LIST", refusal)]
    with ImapServer({"INBOX": folder(1)}, capabilities=capabilities, faults=faults) as server:
        stack = odd_stack(server)
        with pytest.raises(FolderRefused, match=r"list its folders.*(User is authenticated|LIST failed)"):
            stack.mine()
        finding = examine_source(stack.connector)

    assert stack.minings.minings == {}
    assert "refuses to list its folders" in finding.text
    assert not finding.well


@pytest.mark.parametrize("times", [1, 2])
def test_a_list_that_is_refused_at_first(times: int) -> None:
    """A server that lists its folders when it is asked again is read."""
    faults = [on("LIST", REFUSAL, times=times)]
    with ImapServer({"INBOX": folder(1), "b": folder(2)}, capabilities=SPECIAL_USE, faults=faults) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == read(4)


LESS: dict[str, Fault] = {
    "empty": instead(),
    "without INBOX": without(rb"INBOX"),
    "cut": rewritten(rb'"b"\r\n', b'"b\r\n'),
    "unreadable": rewritten(rb'\(\) "/" "b"', b'((( "/" "b"'),
    "no name": rewritten(rb'"b"', b'""'),
}


@pytest.mark.parametrize("fault", LESS.values(), ids=LESS)
def test_a_list_that_is_not_all(fault: Fault) -> None:
    """INBOX is read anyway; what the list lacks is in the ledger, and `doctor` says that something is wrong."""
    with ImapServer({"INBOX": folder(1), "b": folder(2)}, faults=[on("LIST", fault)]) as server:
        stack = odd_stack(server)
        outcome = stack.mine()
        finding = examine_source(stack.connector)
        server.faults.clear()
        healed = stack.mine()

    ledger = ledger_of(outcome)
    assert ledger in (read(2), read(4))
    assert failures_of(outcome) == ["unlisted"]
    assert not finding.well
    assert failures_of(healed) == []
    assert stack.minings.watermark("b") == stack.minings.watermark("INBOX") == "1:2"


@pytest.mark.parametrize("fault", LESS.values(), ids=LESS)
def test_a_list_that_is_not_all_at_first(fault: Fault) -> None:
    """The server is asked twice, so that a list which lacks something once does no harm."""
    with ImapServer({"INBOX": folder(1), "b": folder(2)}, faults=[on("LIST", fault, times=1)]) as server:
        stack = odd_stack(server)
        outcome = stack.mine()

    assert ledger_of(outcome) == read(4)
    assert failures_of(outcome) == []


def test_a_server_without_folders() -> None:
    """A server that lists nothing and has no INBOX ends the mining with a sentence."""
    with ImapServer({}) as server, pytest.raises(FolderRefused, match="no INBOX"):
        odd_stack(server).mine()


def test_a_mailbox_without_an_inbox() -> None:
    """An INBOX that neither is listed nor exists is not missed."""
    with ImapServer({"b": folder(1)}) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == read(2)
    assert failures_of(outcome) == []


@pytest.mark.parametrize("fault", [refused(), without(rb"EXISTS")], ids=["refused", "not counted"])
def test_a_folder_of_all_mail_that_cannot_be_read(fault: Fault) -> None:
    r"""If the server refuses the folder with all mail (`\All`), the other folders are read, and its failure is said."""
    folders = {"INBOX": folder(1), "All Mail": folder(2, r"\All"), "b": folder(3), "Bin": folder(4, r"\Trash")}
    faults = [on("EXAMINE", fault, containing=b"All Mail"), on("STATUS", refused(), containing=b"All Mail")]
    with ImapServer(folders, capabilities=SPECIAL_USE, faults=faults) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == read(4)
    assert failures_of(outcome) == ["refused"]


def test_folders_that_are_missing_cost_one_command_each() -> None:
    """Many refused folders do not make the server list all of them again and again."""
    folders = {f"f{number}": Folder() for number in range(50)} | {"INBOX": folder(1)}
    with ImapServer(folders, faults=[on("EXAMINE", refused(), containing=b"f")]) as server:
        outcome = odd_stack(server).mine()

    listed = [command for command in server.commands if command.name == "LIST" and command.words[1] == b"*"]
    assert failures_of(outcome) == ["refused"] * 50
    assert len(listed) == 2


def test_what_a_list_says(connector: Connector) -> None:
    """Dovecot's own list is complete."""
    mailbox = Mailbox(connector)
    folders = mailbox.folders()
    mailbox.close()

    assert "INBOX" in {each.name for each in folders}
    assert all(each.listed and each.readable for each in folders)
