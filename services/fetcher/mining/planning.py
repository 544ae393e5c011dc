"""Make a mining's plan by asking the mail server, folder by folder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from fetcher.imap.connection import FolderRefused
from fetcher.imap.folders import Folder, all_mail, choose_folders, separate_folders
from fetcher.imap.mailbox import Mailbox, Opened
from fetcher.imap.names import title_of
from fetcher.imap.reader import Reader
from fetcher.imap.reading import FolderLost
from fetcher.imap.uids import subtract
from fetcher.imap.wire import sanitised
from fetcher.mining.failures import Failures
from fetcher.mining.plan import choose_messages, plan_folder
from schemas.ledger import Failed
from schemas.minings import Begun
from schemas.scope import Scope
from schemas.segments import PlannedFolder, folder_digest
from schemas.uids import UidRanges


class Planner:
    """Plans the folders of one mining, with the settings that were fixed at begin."""

    def __init__(self, reader: Reader, begun: Begun, failures: Failures) -> None:
        """Use the connection of `reader`, and add what cannot be listed to `failures`."""
        self._reader = reader
        self._failures = failures
        self._begun = begun
        self._settings = begun.fixed
        since = self._settings.since
        self._since = date.fromisoformat(since) if since else None

    def plan(self, folders: Sequence[Folder]) -> Iterator[PlannedFolder]:
        r"""Yield each folder to mine with its segments, and with the reason if it could not be listed completely.

        If a folder with all mail (``\All``) cannot be, the other folders are mined too.
        """
        if self._settings.folders is not None:
            chosen, missing = choose_folders(self._settings.folders, folders)
            yield from (self._failed(name, Failed.MISSING) for name in missing)
            yield from (self._plan(name) for name in chosen)
            return
        everything = all_mail(folders)
        if everything is not None:
            planned = self._plan(everything)
            yield planned
            if not planned.failed:
                return
        yield from self._plan_separately(folders)

    def _plan_separately(self, folders: Sequence[Folder]) -> Iterator[PlannedFolder]:
        """Yield all folders that are mined by default, and a failed one for each line of the list that is unreadable.

        If the list lacks INBOX although there is one, the list is not complete.
        """
        listed = {folder.name for folder in folders if folder.listed}
        yield from (self._unreadable(folder) for folder in folders if not folder.readable)
        for name in separate_folders(folders):
            planned = self._plan(name)
            if name in listed:
                yield planned
            elif planned.failed != Failed.MISSING:
                yield self._failed(name, Failed.UNLISTED, planned) if not planned.failed else planned
            elif not listed:
                raise FolderRefused("The mail server lists no folders, and has no INBOX: check this account there.")

    def _plan(self, name: str) -> PlannedFolder:
        try:
            return self._reader.plan(name, lambda mailbox, opened: self._list(name, mailbox, opened))
        except FolderLost as lost:
            return self._failed(name, lost.reason)

    def _failed(self, name: str, reason: Failed, planned: PlannedFolder | None = None) -> PlannedFolder:
        said = self._reader.said if reason in (Failed.REFUSED, Failed.UNAVAILABLE) else ""
        self._failures.add(title_of(name), reason, said=said)
        return replace(planned or PlannedFolder(name), failed=reason.value)

    def _unreadable(self, folder: Folder) -> PlannedFolder:
        self._failures.add("", Failed.UNLISTED, said=sanitised(folder.name.encode("latin-1")))
        return PlannedFolder(folder.name, failed=Failed.UNLISTED.value)

    def _list(self, name: str, mailbox: Mailbox, opened: Opened) -> PlannedFolder:
        listed = mailbox.search(opened, since=self._since)
        if not listed.complete:
            self._failures.add(title_of(name), Failed.UNLISTED)
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
