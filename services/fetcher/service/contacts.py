"""The routes about contacts: lists, one contact and why it is here, exports, and what is erased or kept out."""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Self

import structlog
from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from fetcher.contacts.csv import check_delimiter
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import PAGE, read_contacts
from fetcher.contacts.selection import Order, Selection
from fetcher.imap.source import mailbox_address
from fetcher.service.answers import Allowed, ContactDetail, ContactPage, ContactTotal, Erased, Suppressions
from fetcher.service.doors import Owner
from fetcher.service.problems import HEADERS, Problem, answer
from fetcher.service.room import Here, JsonRoute
from fetcher.service.words import Day, MiningId, Words

log = structlog.get_logger()

router = APIRouter(prefix="/users/{user}", route_class=JsonRoute, tags=["Contacts"])
USUAL_PAGE = 100
PIECE_BYTES = 64 * 1024
"""An export is sent in pieces of about this size, because sending each contact separately costs too much."""
MEDIA = {
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.VCARD: ("text/vcard; charset=utf-8", "vcf"),
    Format.VCARD3: ("text/vcard; charset=utf-8", "vcf"),
    Format.GOOGLE: ("text/csv; charset=utf-8", "csv"),
    Format.JSONL: ("application/jsonl; charset=utf-8", "jsonl"),
}
"""The media type and file extension of each format."""
FILES: dict[str, dict[str, str]] = {media.partition(";")[0]: {} for media, _ in MEDIA.values()}


class Filters(BaseModel):
    """Which contacts are wanted."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    q: Words | None = Field(None, description="the beginnings of words of a name or an address")
    tag: Words | None = Field(None, description="the name of a tag, such as `professional`")
    source: Words | None = Field(None, description="one of the user's own addresses, or a mailbox as for a mining")
    since: Day | None = Field(None, description="`2026-01-31`: whose last message is not older")
    mining: MiningId | None = Field(None, description="the id of the mining that found them first")
    order: Order = Field(Order.WARMTH, description="`warmth`, `recent` or `name`")

    def selection(self) -> Selection:
        """Return the same for the processor; raise BadSource."""
        wanted = (self.q or None, self.tag or None, mailbox_address(self.source or None), self.since, self.mining)
        return Selection(*wanted, order=self.order)


class Page(Filters):
    """Which contacts are wanted, and how many of them."""

    limit: int = Field(USUAL_PAGE, ge=1, le=PAGE, description="how many, 1 to 1000")
    after: Words | None = Field(None, description="the cursor of the previous page")


class Export(Filters):
    """Which contacts are wanted, and as what."""

    format: Format = Field(Format.CSV, description="`csv`, `vcard` (4.0), `vcard3` (3.0), `google` or `jsonl`")
    delimiter: Annotated[str, AfterValidator(check_delimiter)] = Field(",", description="that of a CSV")


class Erasure(BaseModel):
    """What to erase: one contact for good, or everything of the user."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    address: Words | None = Field(description="the contact's address, or `null` for everything of the user")

    @model_validator(mode="after")
    def _is_address(self) -> Self:
        if self.address is not None and "@" not in self.address:
            raise ValueError("address must be an email address, or null to erase everything")
        return self


class Allowance(BaseModel):
    """Which erased address can become a contact again."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    address: Annotated[Words, Field(pattern="@", description="an address that was erased")]


@router.get("/contacts", response_model=ContactPage)
def list_contacts(user: Owner, asked: Annotated[Page, Query()], here: Here) -> Response:
    """Return a page of `contacts`, and in `after` the cursor of the next; read until a page is empty."""
    selection = asked.selection()
    found, after = here.stack.processor.contacts(user, selection=selection, after=asked.after, limit=asked.limit)
    return answer({"contacts": found, "after": after})


@router.get("/contacts/{address:path}", response_model=ContactDetail)
def show_contact(user: Owner, address: str, here: Here) -> Response:
    """Return everything about one contact, and why it is here: fields, names with votes, each tag with its rule."""
    return answer(here.stack.processor.contact(user, address=address))


@router.get("/total", response_model=ContactTotal)
def total(user: Owner, asked: Annotated[Filters, Query()], here: Here) -> Response:
    """Return `{"contacts": n}`: how many contacts all pages have together."""
    return answer({"contacts": here.stack.processor.total(user, selection=asked.selection())})


@router.post("/erase", response_model=Erased)
def erase(user: Owner, asked: Erasure, here: Here) -> Response:
    """Erase one contact for good with `{"address": "jane@acme.com"}`, everything of the user with `{"address": null}`.

    Returns the receipt.
    """
    if asked.address is None:
        return answer(here.minings.erase(user))
    return answer(here.stack.processor.erase(user, address=asked.address))


@router.get("/suppressions", response_model=Suppressions)
def list_suppressions(user: Owner, here: Here) -> Response:
    """Return `{"suppressions": […]}`: a hash for each address that was erased and must not come back."""
    return answer({"suppressions": here.stack.processor.suppressions(user)})


@router.post("/allow", response_model=Allowed)
def allow(user: Owner, asked: Allowance, here: Here) -> Response:
    """Let an erased address become a contact again, with `{"address": "jane@acme.com"}`.

    Returns `{"allowed": true}` if it was suppressed.
    """
    return answer({"allowed": here.stack.processor.allow(user, address=asked.address)})


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": FILES}})
async def export(user: Owner, asked: Annotated[Export, Query()], here: Here) -> StreamingResponse:
    """Export the contacts as `leadminer export` does. If a later page cannot be read, the connection breaks."""
    contacts = read_contacts(here.stack.processor, user, selection=asked.selection())
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
