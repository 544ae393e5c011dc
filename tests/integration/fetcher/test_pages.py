"""The pages in Chromium: no barrier in any view, nothing taken for markup, and the same without script or mouse."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import PHONE, WIDE, check_access, serving, watched
from tests.support.site import BACKWARDS, HOSTILE, LEDGER, PROCESSING, Site, open_site, some_contacts, some_minings
from tests.unit.fetcher.service.pages.test_views import EMPTY, VIEWS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site"), contacts=some_contacts(), minings=some_minings()) as made:
        yield made


@pytest.fixture(scope="module")
def url(site: Site) -> Iterator[str]:
    with serving(site.app) as address:
        yield address


@pytest.fixture
def cookie(site: Site) -> tuple[str, str]:
    return site.doors.cookie, site.doors.sessions.cookie("jane")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_view_has_a_barrier(
    chromium: Browser, url: str, cookie: tuple[str, str], axe: str, size: tuple[int, int], theme: str
) -> None:
    """axe-core finds nothing on any view, light and dark, on a screen and a phone, and none is wider than those."""
    with watched(chromium, url, size=size, cookie=cookie, color_scheme=theme) as context:
        page = context.new_page()
        for path in VIEWS:
            page.goto(path)
            check_access(page, axe)


def test_no_empty_view_has_a_barrier(chromium: Browser, axe: str, tmp_path: Path) -> None:
    """axe-core finds nothing on the views of somebody who has nothing yet."""
    with open_site(tmp_path) as site, serving(site.app) as url:
        cookie = (site.doors.cookie, site.doors.sessions.cookie("jane"))
        with watched(chromium, url, size=PHONE, cookie=cookie) as context:
            page = context.new_page()
            for path in EMPTY:
                page.goto(path)
                check_access(page, axe)


def test_names_are_shown_as_text(chromium: Browser, url: str, cookie: tuple[str, str]) -> None:
    """A name with markup, of another direction or of 10,000 characters is text, and the row keeps its height."""
    with watched(chromium, url, cookie=cookie) as context:
        page = context.new_page()
        page.goto("/contacts")
        rows = page.locator(".people > li")

        names = rows.locator("bdi[dir=auto]").all_text_contents()
        assert names[1:3] == [HOSTILE, BACKWARDS]
        heights = {round(rows.nth(each).bounding_box()["height"]) for each in range(5)}  # type: ignore[index]
        assert len(heights) == 1
        page.goto("/contact?address=jane3@acme.com")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Anna Anna")


def test_a_contact_is_found_by_keyboard(chromium: Browser, url: str, cookie: tuple[str, str]) -> None:
    """The skip link, the search and the list are reached with Tab and used with Enter, and the focus can be seen."""
    with watched(chromium, url, cookie=cookie) as context:
        page = context.new_page()
        page.goto("/contacts")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        _tab_to(page, "Search")
        page.keyboard.type("doe 17")
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 contact of 60")).to_be_visible()
        _tab_to(page, "Jane Doe 17")
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="Why this contact is here")).to_be_visible()


def test_everything_but_live_progress_works_without_script(
    chromium: Browser, url: str, cookie: tuple[str, str]
) -> None:
    """Without script, search, paging and a contact work, and a mining's page has a link that shows the latest."""
    with watched(chromium, url, cookie=cookie, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/contacts")
        page.get_by_label("Order").select_option("name")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Next page").click()
        expect(page.get_by_text("51 to 60 of 60")).to_be_visible()
        page.goto(f"/minings/{PROCESSING}")
        page.get_by_role("link", name="Show the latest").click()

        expect(page.get_by_text("1,280 of 3,936 messages")).to_be_visible()


def test_every_tab_shows_the_end_of_a_mining(chromium: Browser, tmp_path: Path) -> None:
    """Two tabs follow a mining; one that was opened again catches up; each shows the result at the end."""
    with open_site(tmp_path, contacts=some_contacts(), minings=some_minings()) as site, serving(site.app) as url:
        cookie = (site.doors.cookie, site.doors.sessions.cookie("jane"))
        with watched(chromium, url, cookie=cookie) as context:
            first, second = context.new_page(), context.new_page()
            for page in (first, second):
                page.goto(f"/minings/{PROCESSING}")
            running = next(each for each in site.processor.minings if each["id"] == PROCESSING)
            running["messages"] = {"processed": 2000, "duplicate": 0, "dead": 0}
            expect(first.get_by_text("2,000 of 3,936 messages")).to_be_visible()
            first.close()
            again = context.new_page()
            again.goto(f"/minings/{PROCESSING}")
            running.update(state="finished", ledger=LEDGER, receipt={"objects": 1})

            for page in (second, again):
                expect(page.get_by_role("heading", name="Finished")).to_be_visible()
                expect(page.get_by_text("394 contacts in 3,936 messages")).to_be_visible()
                assert page.evaluate("document.querySelector('[sse-connect]')") is None


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus, which must be visible."""
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "[document.activeElement.labels?.[0]?.textContent || document.activeElement.textContent,"
            " getComputedStyle(document.activeElement.closest('li') || document.activeElement).outlineStyle,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if found[0].strip() == name:
            assert "solid" in found[1:]
            return
    raise AssertionError(f"{name} is not reached with Tab")
