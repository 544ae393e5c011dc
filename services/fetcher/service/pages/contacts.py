"""The pages about contacts: the list, one contact with why it is here, and exports."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fetcher.contacts.export import Format
from fetcher.contacts.selection import Order, Selection
from fetcher.exits import Misuse
from fetcher.ports import NotFound
from fetcher.service.contacts import Export, Filters, export
from fetcher.service.pages.charts import bars
from fetcher.service.pages.rendering import PageRoute, day, plural, show
from fetcher.service.pages.visitors import Visitor
from fetcher.service.problems import sentences
from fetcher.service.room import Here

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PAGE = 50
MOST_CONTACTS = 100_000_000
"""More than anybody has, so that a number in an address stays one that a page can show."""
TAGS = ("professional", "personal", "role", "group", "newsletter", "chat")
"""The tags by which contacts can be chosen. An address with only other tags is never a contact."""
FIELDS = {
    "sender": "Wrote to you",
    "from": "From",
    "to": "To",
    "recipient": "You wrote to them",
    "cc": "Cc",
    "bcc": "Bcc",
    "reply_to": "Reply-To",
    "body": "In the text",
}
FORMATS = (
    ("csv", "Spreadsheet", "CSV with all columns, for Excel, LibreOffice and Numbers"),
    ("vcard", "Address book", "vCard 4.0, for most programs"),
    ("vcard3", "Phone", "vCard 3.0, for phones that refuse 4.0"),
    ("google", "Google Contacts", "CSV with the columns that Google imports"),
    ("jsonl", "Other programs", "JSON Lines with everything"),
)
"""What the page calls each format."""


def filters_of(
    q: str = "", tag: str = "", source: str = "", since: str = "", mining: str = "", order: str = ""
) -> dict[str, str]:
    """Return what a form asks for; an empty field leaves nothing out."""
    asked = {"q": q.strip(), "tag": tag, "source": source, "since": since, "mining": mining, "order": order}
    return {name: value for name, value in asked.items() if value}


Asked = Annotated[dict[str, str], Depends(filters_of)]


def picked(asked: Asked) -> Selection:
    """Return the contacts that a form asks for; raise Misuse."""
    try:
        return Filters.model_validate(asked).selection()
    except ValidationError as error:
        raise Misuse(sentences(error.errors(include_input=False, include_url=False))) from None


First = Annotated[int, Query(ge=1, le=MOST_CONTACTS)]
Picked = Annotated[Selection, Depends(picked)]


@router.get("/contacts")
async def list_contacts(user: Visitor, picked: Picked, here: Here, after: str = "", first: First = 1) -> Response:
    """Show a page of contacts."""
    processor = here.stack.processor
    every, total, (found, following), minings = await asyncio.gather(
        run_in_threadpool(processor.total, user),
        run_in_threadpool(processor.total, user, selection=picked) if picked.narrows else asyncio.sleep(0, 0),
        run_in_threadpool(processor.contacts, user, selection=picked, after=after or None, limit=PAGE),
        run_in_threadpool(processor.minings, user),
    )
    total = total if picked.narrows else every
    last = first + len(found) - 1
    return show(
        "contacts.html",
        here="contacts",
        user=user,
        problem=None,
        picked=picked,
        filtered=replace(picked, q=None, mining=None) != Selection(),
        contacts=found,
        all=every,
        total=total,
        first=first,
        query=query_of(picked),
        next=query_of(picked, after=following, first=last + 1) if following and last < total else "",
        mailboxes=mailboxes_of(minings),
        tag_names=TAGS,
    )


@router.get("/contact")
def show_contact(user: Visitor, address: str, here: Here) -> Response:
    """Show everything about a contact."""
    try:
        contact = here.stack.processor.contact(user, address=address)
    except NotFound:
        raise NotFound("This is not one of your contacts, or it was erased.") from None
    return show(
        "contact.html",
        here="contacts",
        user=user,
        contact=contact,
        why=why_of(contact),
        fields=bars((FIELDS.get(name, name), count, "") for name, count in contact["fields"].items() if count),
    )


@router.get("/exports")
def exports(user: Visitor, picked: Picked, here: Here) -> Response:
    """Ask for a format, and which contacts."""
    return show(
        "exports.html",
        here="exports",
        user=user,
        problem=None,
        picked=picked,
        total=here.stack.processor.total(user),
        formats=FORMATS,
        mailboxes=mailboxes_of(here.stack.processor.minings(user)),
        tag_names=TAGS,
    )


@router.get("/exports/file")
async def download(
    user: Visitor,
    asked: Asked,
    here: Here,
    _picked: Picked,
    format: Format = Format.CSV,  # noqa: A002
) -> Response:
    """Send the contacts that a form asks for as a file, as the API exports them."""
    return await export(user, Export.model_validate({**asked, "format": format}), here)


def why_of(contact: Mapping[str, Any]) -> str:
    """Return in a sentence or two why an address is a contact."""
    wrote, heard = contact["recipient"], contact["sender"]
    ways = [
        f"wrote to you {times(heard)}" if heard else "",
        f"received mail from you {times(wrote)}" if wrote else "",
    ]
    did = " and ".join(way for way in ways if way) or f"appeared in {plural(contact['occurrence'], 'message')}"
    replied = contact["replied_conversations"]
    answer = f" {plural(replied, 'conversation')} went both ways." if replied else ""
    return f"This address {did}, most recently on {day(contact['last'])}.{answer}"


def times(count: int) -> str:
    """Return how often something happened."""
    return "once" if count == 1 else f"{count:,} times"


def query_of(picked: Selection, **further: object) -> str:
    """Return a selection as the query of a page's address."""
    order = {} if picked.order is Order.WARMTH else {"order": str(picked.order)}
    return urlencode({**picked.filters(), **order, **further})


def mailboxes_of(minings: list[dict[str, Any]]) -> list[str]:
    """Return the mailboxes that were mined, sorted."""
    return sorted({mining["source_name"] for mining in minings if mining.get("source_name")})
