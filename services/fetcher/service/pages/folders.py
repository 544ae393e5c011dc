"""The folders of a mailbox, as the page offers them."""

from fetcher.imap.folders import ALL, Folder, all_mail, default_folders
from fetcher.imap.mailbox import Mailbox
from fetcher.service.pages.logins import FolderChoice

USES = {"\\drafts": "Drafts", "\\junk": "Junk", "\\spam": "Junk", "\\trash": "Trash"}


def survey(mailbox: Mailbox) -> list[FolderChoice]:
    """Return the folders that can be read, those that are mined by default first; close the mailbox."""
    try:
        folders = mailbox.folders()
        mined = set(default_folders(folders))
        everything = all_mail(folders)
        choices = [
            FolderChoice(
                folder.name,
                folder.title,
                mailbox.count(folder.name),
                folder.name in mined,
                "" if folder.name in mined else why_not(folder, everything is not None),
            )
            for folder in folders
            if folder.selectable
        ]
    finally:
        mailbox.close()
    return sorted(choices, key=lambda each: (not each.mined, each.title.casefold()))


def why_not(folder: Folder, has_all_mail: bool) -> str:
    """Return in a sentence why a folder is not mined by default."""
    use = next((USES[each] for each in folder.attributes if each in USES), None)
    if use is None and has_all_mail and ALL not in folder.attributes:
        return "Its mail is in the folder of all mail, too."
    return f"Left out, because it is {use} or inside it." if use else "Left out, because of its name."
