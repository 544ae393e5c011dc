"""Which folders are mined."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fetcher.imap.folders import Folder, choose_folders, default_folders, sent_folders

CASES_FILE = Path(__file__).parents[2] / "processor" / "domain" / "behaviour_cases.json"
CASES: list[dict[str, Any]] = [
    case for case in json.loads(CASES_FILE.read_bytes()) if case["rule"] == "default_folders"
]


def folder(text: str, delimiter: str = "/") -> Folder:
    r"""Parse `Name [\Flag \Flag]`."""
    match = re.fullmatch(r"(.*?)(?: \[(.*)\])?", text)
    assert match is not None
    return Folder(match[1], frozenset((match[2] or "").lower().split()), delimiter)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_cases_of_the_behaviour_page(case: dict[str, Any]) -> None:
    """The default folders match the page's cases; a folder's name is split at the dot or slash in it."""
    delimiter = "." if any("." in text for text in case["input"]) else "/"

    chosen = default_folders([folder(text, delimiter) for text in case["input"]])

    assert chosen == case["expected"]


def test_there_are_cases() -> None:
    """The page has four cases, so that the test above cannot pass on none."""
    assert {case["id"] for case in CASES} == {"H03", "H04", "H05", "H06"}


def test_all_alone() -> None:
    r"""If there is a selectable \All folder, only that one is mined."""
    folders = [folder("INBOX"), folder(r"[Gmail]/Tous les messages [\HasNoChildren \All]"), folder("Work")]

    assert default_folders(folders) == ["[Gmail]/Tous les messages"]


@pytest.mark.parametrize("attribute", [r"\Noselect", r"\NonExistent"])
def test_all_that_cannot_be_opened(attribute: str) -> None:
    r"""An \All folder that cannot be selected does not hide the others."""
    folders = [folder("INBOX"), folder(rf"All Mail [\All {attribute}]"), folder("All Mail/Sub")]

    assert default_folders(folders) == ["All Mail/Sub", "INBOX"]


@pytest.mark.parametrize(
    "name",
    [
        "Drafts",
        "INBOX/Brouillons",
        "Entwürfe",
        "ENTWU\N{COMBINING DIAERESIS}RFE",
        "SPAM",
        "Old/Junk E-mail/2019",
        "Courrier indésirable",
        "Papierkorb",
        "Gelöschte Elemente",
        "Papelera/sub/deep",
        "Корзина",
        "ゴミ箱",
        "已删除邮件",
        "Outbox",
        "Boîte d'envoi",
        "Boîte d\N{RIGHT SINGLE QUOTATION MARK}envoi",
        " Trash ",
    ],
)
def test_names_that_are_left_out(name: str) -> None:
    """A folder is left out if a part of its path means drafts, junk, trash or outbox in a common language."""
    assert default_folders([folder("INBOX"), folder(name)]) == ["INBOX"]


@pytest.mark.parametrize("name", ["INBOX/Trashy", "Spam reports of 2019", "Sent", "Archive", "Déjà lu", "Robin"])
def test_names_that_only_look_like_it(name: str) -> None:
    """Only a whole part of the path counts, and sent mail and archives are mined."""
    assert default_folders([folder("INBOX"), folder(name)]) == sorted(["INBOX", name])


def test_what_lies_in_a_marked_folder() -> None:
    """Folders inside a folder that is marked as trash are left out too, whatever their name."""
    folders = [folder(r"Old things [\Trash]"), folder("Old things/Letters"), folder("Letters")]

    assert default_folders(folders) == ["Letters"]


def test_no_delimiter() -> None:
    """Without a delimiter, each name is a single part."""
    folders = [Folder("a/Trash", frozenset(), ""), Folder("Trash", frozenset(), "")]

    assert default_folders(folders) == ["a/Trash"]


def test_folders_that_the_user_names() -> None:
    """Named folders are matched exactly, except INBOX in any case; missing ones are returned; nothing is repeated."""
    folders = [folder("INBOX"), folder("Trash"), folder("Work"), folder(r"Parent [\Noselect]")]

    chosen = choose_folders(["inbox", "Trash", "INBOX", "work", "Parent", "work"], folders)

    assert chosen == (["INBOX", "Trash"], ["work", "Parent"])


@pytest.mark.parametrize(
    "name", ["Sent", "INBOX/Sent Items", "Gesendet", "Éléments envoyés", "送信済み", "Отправленные"]
)
def test_sent_mail_by_name(name: str) -> None:
    """Without a mark, the last part of the name says in a common language that a folder has the user's sent mail."""
    assert sent_folders([folder("INBOX"), folder(name), folder("Sent by Bob"), folder("Sent/2019")]) == {name}


def test_sent_mail_by_mark() -> None:
    r"""If the server marks a folder as \Sent, names do not count."""
    assert sent_folders([folder(r"Out [\Sent]"), folder("Sent")]) == {"Out"}
