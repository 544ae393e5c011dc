"""The pages about erasing: one contact or everything, with a receipt, and the addresses that must not come back."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from fetcher.exits import Misuse
from fetcher.service.pages.rendering import PageRoute, go, show
from fetcher.service.pages.visitors import Held, Visitor
from fetcher.service.pages.words import receipt_of
from fetcher.service.room import Here

router = APIRouter(route_class=PageRoute, include_in_schema=False)
ALLOWED = "The address can become a contact again, with the next new mail."
NOT_KEPT = "The address was not kept out of your contacts."


@router.get("/privacy")
def overview(user: Visitor, here: Here, allowed: bool | None = None) -> Response:
    """Show what can be erased, and whether an address was just `allowed`, which is in no address of a page."""
    return show(
        "privacy.html",
        here="privacy",
        user=user,
        problem=None,
        said=None if allowed is None else ALLOWED if allowed else NOT_KEPT,
        total=here.stack.processor.total(user),
        suppressed=len(here.stack.processor.suppressions(user)),
    )


@router.post("/privacy/allow")
def allow(user: Visitor, here: Here, address: Annotated[str, Form()]) -> Response:
    """Let an erased address become a contact again."""
    allowed = here.stack.processor.allow(user, address=_address(address))
    return go("/privacy", allowed="yes" if allowed else "no")


@router.get("/erase")
def confirm(user: Visitor, here: Here, address: str = "") -> Response:
    """Ask before erasing."""
    asked = _address(address) if address else ""
    known = bool(asked) and bool(here.stack.processor.address(user, address=asked)["contact"])
    total = here.stack.processor.total(user)
    return show("erase.html", here="privacy", user=user, address=asked, known=known, total=total)


@router.post("/erase")
def erase(
    user: Visitor,
    here: Here,
    held: Held,
    address: Annotated[str, Form()] = "",
    everything: Annotated[str, Form()] = "",
) -> Response:
    """Erase one contact or everything, and show the receipt."""
    if bool(address) == (everything == "yes"):
        raise Misuse("Nothing says what to erase: choose a contact, or everything, on the page Privacy.")
    asked = _address(address) if address else None
    if asked is None:
        held.forget(user)
    receipt = here.stack.processor.erase(user, address=asked) if asked else here.minings.erase(user)
    words = "Everything that leadminer stored for you has been deleted."
    if asked:
        words = f"{asked} has been deleted, and later minings do not bring it back."
        if not receipt.get("contacts"):
            words = f"{asked} was not a contact, and cannot become one."
    return show(
        "receipt.html",
        here="privacy",
        user=user,
        title="Erased",
        words=words,
        receipt=list(receipt_of(receipt)),
    )


def _address(text: str) -> str:
    asked = text.strip()
    if "@" not in asked:
        raise Misuse("This is no email address: write it like jane@example.org.")
    return asked
