"""The route that lists the folders of a mailbox, so that a person can choose among them."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.responses import Response

from fetcher.exits import Busy
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.roles import Explained, explain
from fetcher.service.answers import FolderList
from fetcher.service.doors import Owner
from fetcher.service.limits import has_share
from fetcher.service.orders import Login
from fetcher.service.problems import answer
from fetcher.service.room import LISTED_AT_ONCE, Here, JsonRoute, Room

router = APIRouter(prefix="/users/{user}/folders", route_class=JsonRoute, tags=["Mailboxes"])
CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
"""A person waits for this; a mining is more patient."""
COUNT_SECONDS = 10.0
"""For how long messages are counted, folder by folder; those of further folders stay unknown."""
Fields = dict[str, Any]


async def list_folders(room: Room, user: str, login: Login) -> list[Fields]:
    """Return the folders of a mailbox; raise what a login can raise, or Busy if the user lists too many at once."""
    if not has_share(user, room.listing, LISTED_AT_ONCE):
        raise Busy("The folders of many mailboxes are being listed now: try again in a minute.")
    room.listing.append(user)
    try:
        return await run_sync(partial(_list, room, user, login), limiter=room.listers)
    finally:
        room.listing.remove(user)


def _list(room: Room, user: str, login: Login) -> list[Fields]:
    connector = replace(login.connector(), connect_timeout_seconds=CONNECT_SECONDS, read_timeout_seconds=READ_SECONDS)
    with closing(room.mailboxes.opener(user, connector)()) as mailbox:
        deadline = time.monotonic() + COUNT_SECONDS
        return [_fields(each, mailbox, lambda: time.monotonic() < deadline) for each in explain(mailbox.folders())]


def _fields(each: Explained, mailbox: Mailbox, in_time: Callable[[], bool]) -> Fields:
    folder = each.folder
    return {
        "name": folder.title,
        "role": each.role,
        "messages": mailbox.counted(folder.name) if folder.selectable and in_time() else None,
        "mined": not each.reason,
        "reason": each.reason or None,
    }


@router.post("", response_model=FolderList)
async def folders(user: Owner, login: Login, here: Here) -> Response:
    """Log in to a mailbox and list its `folders`: `name`, `role`, `messages`, whether it is `mined` by default.

    If it is not, `reason` says why in a sentence. `messages` is null if the server does not say it in time.
    """
    return answer({"folders": await list_folders(here, user, login)})
