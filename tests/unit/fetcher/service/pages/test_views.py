"""The views: what each says, also to somebody who has nothing yet, and that nothing in it is taken for markup."""

import re
from html import escape, unescape

import pytest

from tests.support.site import BACKWARDS, FINISHED, HOSTILE, LEFT, LONG, PROCESSING, Site

VIEWS = (
    "/",
    "/contacts",
    "/contacts?q=jane&tag=professional&order=recent",
    "/contacts?q=nobody",
    "/contact?address=jane1@acme.com",
    "/connect",
    "/connect?address=jane@gmail.com",
    "/connect?address=jane@outlook.com",
    "/connect?address=jane@example.org",
    "/connect?provider=Gmail",
    "/mailboxes",
    f"/minings/{FINISHED}",
    f"/minings/{PROCESSING}",
    f"/minings/{LEFT}",
    "/exports",
    "/privacy",
    "/erase",
    "/erase?address=jane1@acme.com",
    "/sign-in",
)
EMPTY = {
    "/": "Connect a mailbox to find your contacts",
    "/contacts": "Connect a mailbox to start one",
    "/mailboxes": "No mailbox yet",
    "/exports": "Nothing to export yet",
    "/privacy": "None yet",
}


@pytest.mark.parametrize("path", VIEWS)
async def test_each_view_asks_for_nothing_that_its_policy_forbids(site: Site, path: str) -> None:
    """A view has no inline script, style or handler, and loads only from the service itself."""
    answer = await site.client.get(path)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=[\"']", answer.text)
    assert not re.search(r"<(?:link|script|img)[^>]+(?:src|href)=\"(?!/static/)", answer.text)


@pytest.mark.parametrize(("path", "words"), EMPTY.items())
async def test_an_empty_view_says_what_to_do(empty_site: Site, path: str, words: str) -> None:
    """Somebody who has nothing yet is told what to do next."""
    page = await empty_site.get(path)

    assert words in page


@pytest.mark.parametrize("name", [HOSTILE, BACKWARDS])
async def test_names_are_text(site: Site, name: str) -> None:
    """A name with markup or of another direction is shown as text, apart from what is around it."""
    page = await site.get("/contacts")

    assert f'<bdi dir="auto">{escape(name)}</bdi>' in page
    assert HOSTILE not in page


async def test_a_very_long_name_is_cut_in_the_list_and_whole_on_its_page(site: Site) -> None:
    """A name of 10,000 characters leaves room for the other contacts, and can be read on the contact's page."""
    listed = unescape(await site.get("/contacts"))
    page = unescape(await site.get("/contact?address=jane3@acme.com"))

    assert LONG not in listed
    assert LONG in page


async def test_a_list_goes_on_with_its_filters(site: Site) -> None:
    """The next page has the same filters, and says which contacts it shows."""
    first = await site.get("/contacts?q=doe&order=name")
    following = unescape(re.findall(r'href="(/contacts\?[^"]+)" rel="next"', first)[0])

    page = await site.get(following)

    assert site.processor.selections[0] == site.processor.selections[0] | {"q": "doe", "order": "name"}
    assert "1 to 50 of 56" in first
    assert "51 to 56 of 56" in page
    assert 'rel="next"' not in page


async def test_a_contact_says_why_it_is_here(site: Site) -> None:
    """A contact's page has its counts, its names, and the rule of each tag."""
    page = await site.get("/contact?address=jane7@acme.com")

    assert "This address wrote to you 2 times and received mail from you once" in page
    assert "The address is at a domain of its own" in unescape(page)


async def test_a_mining_shows_its_stage_its_count_and_what_follows(site: Site) -> None:
    """A mining in progress says in words what happens, how far it is, and when contacts come."""
    page = await site.get(f"/minings/{PROCESSING}")

    assert "<h1>Finding people in your messages</h1>" in page
    assert "1,280 of 3,936 messages" in page
    assert "Your contacts appear when" in page


async def test_a_finished_mining_accounts_for_its_messages(site: Site) -> None:
    """A finished mining has its result, its ledger and the receipt."""
    page = await site.get(f"/minings/{FINISHED}")

    assert "394 contacts in 3,936 messages" in page
    assert "Every message is accounted for." in page
    assert "5f5f5f" in page


async def test_minings_are_listed_by_mailbox(site: Site) -> None:
    """Each mailbox is one part of the page, with its minings and a link to mine it again."""
    page = await site.get("/mailboxes")

    parts = re.findall(r"<section.*?</section>", page, re.DOTALL)
    assert [re.findall(r"<h2><bdi>(.*?)</bdi>", part)[0] for part in parts] == [
        "jane@work.example",
        "jane@left.example",
        "jane@example.org",
    ]
    assert ["/connect?address=jane%40" in part for part in parts] == [True] * 3


@pytest.mark.parametrize(
    ("query", "is_open"), [("", False), ("?q=doe", False), ("?tag=role", True), ("?order=name", True)]
)
async def test_filters_are_folded_until_one_is_chosen(site: Site, query: str, is_open: bool) -> None:
    """The fields below the search take no room on a phone, unless one of them says something."""
    page = await site.get(f"/contacts{query}")

    assert ("<details open><summary>Filters" in page) is is_open


async def test_an_interrupted_mining_leads_to_its_mailbox(site: Site) -> None:
    """A mining that nobody reads says how to go on."""
    page = await site.get(f"/minings/{LEFT}")

    assert "/connect?address=jane%40left.example" in page
    assert "You can close this page" not in page


async def test_what_is_not_there_is_a_page(site: Site) -> None:
    """A contact that does not exist is answered with a page that leads back."""
    missing = await site.client.get("/contact?address=nobody@acme.com")

    assert missing.status_code == 404
    assert "This is not one of your contacts" in missing.text
    assert "Back to the overview" in missing.text


async def test_a_path_without_a_page_is_a_page_for_a_browser_alone(site: Site) -> None:
    """A mistyped address shows a person a page, and a program a problem."""
    page = await site.client.get("/nothing")
    call = await site.client.get("/nothing", headers={"Accept": "*/*"})

    assert (page.status_code, "There is no page at this address" in page.text) == (404, True)
    assert (call.status_code, call.json()["code"]) == (404, "unknown")


@pytest.mark.parametrize("query", ["order=backwards", "first=-5", "first=0", "first=x", f"first={'9' * 5000}"])
async def test_what_makes_no_sense_is_a_page(site: Site, query: str) -> None:
    """An address that somebody has changed by hand is never an error of ours."""
    page = await site.client.get(f"/contacts?{query}")

    assert (page.status_code, "Back to the overview" in page.text) == (400, True)


async def test_erasing_asks_first_and_shows_the_receipt(site: Site) -> None:
    """A contact is erased by the button of the page that asks, never by a link, and the receipt is shown."""
    asked = await site.get("/erase?address=jane1@acme.com")
    before = list(site.processor.erased)
    done = await site.client.post("/erase", data={"address": "jane1@acme.com"})

    assert "Erase this contact" in asked
    assert before == []
    assert site.processor.erased == ["jane1@acme.com"]
    assert "Receipt" in done.text
    assert "00ff" in done.text


async def test_everything_is_erased_only_if_that_is_said(site: Site) -> None:
    """A form without an address does not erase everything."""
    empty = await site.client.post("/erase", data={"address": ""})
    everything = await site.client.post("/erase", data={"everything": "yes"})

    assert (empty.status_code, everything.status_code) == (400, 200)
    assert site.processor.erased == [None]


async def test_an_erased_address_can_be_allowed_again(site: Site) -> None:
    """The page takes back that an address must not become a contact, and says so."""
    site.processor.suppressed = ["jane@old.example"]
    answer = await site.client.post("/privacy/allow", data={"address": "jane@old.example"})

    page = await site.get(answer.headers["location"])

    assert site.processor.suppressed == []
    assert "The address can become a contact again" in page
    assert "jane" not in answer.headers["location"]


async def test_an_export_has_the_contacts_that_were_asked_for(site: Site) -> None:
    """The page's export is a file with the filters of its form."""
    answer = await site.client.get("/exports/file?format=csv&q=doe+17&tag=&source=&since=")

    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.csv"'
    assert answer.text.count("\r\n") == 2
    assert "jane17@acme.com" in answer.text


async def test_live_progress_ends_with_the_mining(site: Site) -> None:
    """A page that follows a mining is told at once if it has ended."""
    text = await site.get(f"/minings/{FINISHED}/live")

    assert text.endswith("id: ended\nevent: ended\ndata: ended\n\n")
    assert text.count("event: ") == 1
