"""A person who chooses among folders learns what each is for, and why some are not mined by default."""

import pytest

from fetcher.imap.folders import Folder, default_folders
from fetcher.imap.roles import explain


def folder(name: str, *attributes: str) -> Folder:
    """Return a folder as a server with the delimiter `/` lists it."""
    return Folder(name, frozenset(attributes), "/")


@pytest.mark.parametrize(
    ("known", "role", "reason"),
    [
        (folder("INBOX"), "inbox", ""),
        (folder("Work"), None, ""),
        (folder("Gesendet"), "sent", ""),
        (folder("Anything", "\\sent"), "sent", ""),
        (folder("Old", "\\archive"), "archive", ""),
        (folder("Anything", "\\drafts"), "drafts", "It is for drafts."),
        (folder("Papierkorb"), "trash", "It is for deleted mail."),
        (folder("Spam"), "junk", "It is for junk mail."),
        (folder("Outbox"), "outbox", "It is for mail that is not sent yet."),
        (folder("Trash/2019"), None, "It is inside Trash, which is for deleted mail."),
        (folder("Bin/Sent", "\\sent"), "sent", "It is inside Bin, which is for deleted mail."),
        (folder("[Gmail]", "\\noselect"), None, "It only holds other folders."),
        (Folder("* LIST (", readable=False), None, "The server's line for it cannot be read."),
    ],
)
def test_each_folder_is_explained(known: Folder, role: str | None, reason: str) -> None:
    """A folder has its role, by its mark or else its name, and a sentence if it is left out."""
    [explained] = explain([known])

    assert (explained.role, explained.reason) == (role, reason)
    assert (default_folders([known]) == []) is bool(reason)


def test_what_is_inside_a_marked_folder_is_left_out_with_it() -> None:
    """A folder below one that is marked has the reason of that one, whatever it is called."""
    inside = explain([folder("Müll", "\\trash"), folder("Müll/Work")])[1]

    assert inside.reason == "It is inside Müll, which is for deleted mail."


def test_with_all_mail_the_others_are_in_it() -> None:
    """If one folder has all mail, it alone is mined, and the others say where their mail is."""
    folders = [folder("INBOX"), folder("All Mail", "\\all"), folder("Work")]

    assert [each.reason for each in explain(folders)] == [
        "Its mail is in All Mail too.",
        "",
        "Its mail is in All Mail too.",
    ]
