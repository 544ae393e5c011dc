"""The routes about contacts."""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated

import structlog
from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from fetcher.contacts.csv import check_delimiter
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import read_contacts
from fetcher.contacts.selection import Selection
from fetcher.imap.source import mailbox_address
from fetcher.service.doors import Owner
from fetcher.service.problems import HEADERS, Problem
from fetcher.service.room import Here, JsonRoute

log = structlog.get_logger()

router = APIRouter(prefix="/users/{user}", route_class=JsonRoute, tags=["Contacts"])
PIECE_BYTES = 64 * 1024
"""An export is sent in pieces of about this size, because sending each contact separately costs too much."""
MEDIA = {
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.VCARD: ("text/vcard; charset=utf-8", "vcf"),
    Format.JSONL: ("application/jsonl; charset=utf-8", "jsonl"),
}
"""The media type and file extension of each format."""


class Exported(BaseModel):
    """What to export, and how."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    format: Format = Format.CSV
    delimiter: Annotated[str, AfterValidator(check_delimiter)] = ","
    source: str | None = None


@router.get("/export")
async def export(user: Owner, asked: Annotated[Exported, Query()], here: Here) -> StreamingResponse:
    """Export the contacts like `leadminer export`. If a later page cannot be read, the connection is cut off."""
    contacts = read_contacts(here.stack.processor, user, selection=Selection(source=mailbox_address(asked.source)))
    pieces = _joined(export_contacts(contacts, asked.format, delimiter=asked.delimiter))
    first = await run_in_threadpool(next, pieces)
    media, suffix = MEDIA[asked.format]
    disposition = {"Content-Disposition": f'attachment; filename="contacts.{suffix}"'}
    return StreamingResponse(chain([first], pieces), media_type=media, headers=HEADERS | disposition)


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join the pieces into larger ones and yield at least one; log a warning if the export breaks off midway."""
    out = bytearray()
    sent = False
    try:
        for piece in pieces:
            out += piece
            if len(out) >= PIECE_BYTES:
                sent = True
                yield bytes(out)
                out.clear()
    except Exception as error:
        if sent:
            problem = Problem.of(error)
            log.warning("export broken off", code=problem.code, way=problem.way)
        raise
    yield bytes(out)
