"""Make a mining's plan by asking the mail server, folder by folder."""

from datetime import date

from fetcher.imap.mailbox import Mailbox, Opened
from fetcher.imap.reader import FolderLost, Reader
from fetcher.imap.uids import subtract
from fetcher.mining.plan import choose_messages, plan_folder
from schemas.minings import Begun
from schemas.scope import Scope
from schemas.segments import PlannedFolder, folder_digest
from schemas.uids import UidRanges


class Planner:
    """Plans the folders of one mining, with the settings that were fixed at begin."""

    def __init__(self, reader: Reader, begun: Begun) -> None:
        """Use the connection of `reader`."""
        self._reader = reader
        self._begun = begun
        self._settings = begun.fixed
        since = self._settings.since
        self._since = date.fromisoformat(since) if since else None

    def plan(self, name: str) -> PlannedFolder:
        """Return a folder with its segments, or with the reason why it could not be listed."""
        try:
            return self._reader.plan(name, lambda mailbox, opened: self._list(name, mailbox, opened))
        except FolderLost as lost:
            return PlannedFolder(name, failed=lost.reason.value)

    def _list(self, name: str, mailbox: Mailbox, opened: Opened) -> PlannedFolder:
        listed = mailbox.search(opened, since=self._since)
        wanted = subtract(listed.uids, self._done(name, opened.uidvalidity))
        return plan_folder(
            name,
            opened.uidvalidity,
            listed=listed,
            sizes=mailbox.sizes(wanted, listed),
            scope=Scope(self._settings.scope),
            messages=choose_messages(len(wanted)),
        )

    def _done(self, name: str, uidvalidity: int) -> UidRanges:
        """Return the UIDs that earlier minings did; none if the folder was recreated or has no UIDVALIDITY."""
        mark = self._begun.watermarks.get(folder_digest(name))
        if mark is None or self._settings.full or uidvalidity == 0 or mark.uidvalidity != uidvalidity:
            return UidRanges()
        return mark.uids
