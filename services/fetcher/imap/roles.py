"""What each folder of a mailbox is for, and why some are not mined by default. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from fetcher.imap.folders import NAMES, Folder, all_mail, default_folders, folded, is_inbox
from fetcher.imap.names import title_of

Path = tuple[str, ...]

ROLES = {
    "\\all": "all",
    "\\archive": "archive",
    "\\drafts": "drafts",
    "\\flagged": "flagged",
    "\\junk": "junk",
    "\\spam": "junk",
    "\\sent": "sent",
    "\\trash": "trash",
}
"""By the special-use attributes of RFC 6154, and the older `\\Spam`."""
LEFT_OUT = {"drafts": "drafts", "junk": "junk mail", "trash": "deleted mail", "outbox": "mail that is not sent yet"}
"""What is in the folders that are not mined by default, by their role."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A folder, its role if it has one, and why it is not mined by default; `reason` is empty if it is."""

    folder: Folder
    role: str | None
    reason: str


def explain(folders: Sequence[Folder]) -> list[Explained]:
    """Return all folders of a mailbox in their order, with what a person needs to choose among them."""
    mined, everything = set(default_folders(folders)), all_mail(folders)
    marked = {folder.path: role for folder in folders if (role := _marked(folder)) in LEFT_OUT}
    return [
        Explained(folder, role_of(folder), "" if folder.name in mined else _reason(folder, marked, everything))
        for folder in folders
    ]


def role_of(folder: Folder) -> str | None:
    """Return what a folder is for, as the server marks it, or else by its name; None for an ordinary folder."""
    return "inbox" if is_inbox(folder.name) else _marked(folder) or _named(folder.path[-1])


def _marked(folder: Folder) -> str | None:
    return next((role for attribute, role in ROLES.items() if attribute in folder.attributes), None)


def _named(piece: str) -> str | None:
    return next((role for role, names in NAMES.items() if folded(piece) in names), None)


def _reason(folder: Folder, marked: dict[Path, str], everything: str | None) -> str:
    if not folder.readable:
        return "The server's line for it cannot be read."
    if not folder.selectable:
        return "It only holds other folders."
    for depth in range(len(folder.path), 0, -1):
        role = marked.get(folder.path[:depth]) or _named(folder.path[depth - 1])
        if role in LEFT_OUT:
            what = "It is" if depth == len(folder.path) else f"It is inside {folder.path[depth - 1]}, which is"
            return f"{what} for {LEFT_OUT[role]}."
    return f"Its mail is in {title_of(everything or '')} too."
