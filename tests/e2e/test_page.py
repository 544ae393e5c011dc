"""The whole way in a browser, on embedded servers: from the link to a contact's why, its export and its erasure."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from demo.mailbox import MESSAGES as ALL_MESSAGES
from demo.people import OWNER
from demo.run import imap_server
from tests.support.chromium import check_access, save_picture, watched
from tests.support.hands import Keyboard, Mouse
from tests.support.page_service import TOKEN, PageService
from tests.unit.docs.pages import CHECKOUT

PASSWORD = "a-password-of-the-sample-mailbox"
MESSAGES = 1500
PICTURES = os.environ.get("LEADMINER_PICTURES")
"""Where `make pictures` wants README's picture; without it, none is written."""


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[int]:
    """Yield the port of the sample mailbox's server."""
    password = tmp_path / "password"
    password.write_text(PASSWORD, "ascii")
    with imap_server(password, MESSAGES if PICTURES is None else ALL_MESSAGES) as port:
        yield port


@pytest.fixture
def service(tmp_path: Path) -> Iterator[PageService]:
    """Yield the service; afterwards its log has neither password, token nor address."""
    made = PageService(tmp_path)
    yield made
    made.stop()
    log = made.child.log.read_text(errors="replace")
    assert not [secret for secret in (PASSWORD, TOKEN, OWNER, "v1.") if secret in log]


@pytest.mark.parametrize("way", ["mouse", "keyboard", "without script"])
def test_the_whole_way(
    chromium: Browser, service: PageService, mailbox: int, axe: str, tmp_path: Path, way: str
) -> None:
    """A newcomer signs in, connects, mines, searches, reads why somebody is a contact, exports and erases."""
    scripted = way != "without script"
    with watched(chromium, service.url, accept_downloads=True, java_script_enabled=scripted) as context:
        page = context.new_page()
        hand = Keyboard(page) if way == "keyboard" else Mouse(page)
        walk = Walk(page, hand, axe if scripted else "")
        walk.sign_in(service.link)
        walk.connect(mailbox)
        walk.mine()
        address = walk.find_somebody()
        assert address in walk.export(tmp_path)
        walk.erase(address)
        assert address not in walk.export(tmp_path)


class Walk:
    """The way of a newcomer through the pages, without a barrier on any of them."""

    def __init__(self, page: Page, hand: Mouse, axe: str) -> None:
        self.page, self.hand, self._axe = page, hand, axe

    def sign_in(self, link: str) -> None:
        """Sign in with a link, which works once."""
        self.page.goto(link)
        self._look()
        self.hand.press(self._button("Sign in"))
        expect(self.page.get_by_text("Connect a mailbox to find your contacts")).to_be_visible()
        self.page.goto(link)
        expect(self.page.get_by_text("This link does not work")).to_be_visible()
        self.page.goto("/")

    def connect(self, port: int) -> None:
        """Connect the sample mailbox, at first with a wrong password."""
        self.hand.press(self.page.get_by_role("main").get_by_role("link", name="Connect a mailbox"))
        self.hand.enter(self.page.get_by_label("Your email address"), OWNER)
        self.hand.press(self._button("Continue"))
        self._fill_in(port, "a-wrong-password")
        expect(self.page.get_by_role("alert")).to_be_visible()
        self._look()
        self._fill_in(port, PASSWORD)
        expect(self.page.get_by_role("heading", name="Choose folders")).to_be_visible()
        expect(self.page.get_by_label("INBOX").first).to_be_checked()
        expect(self.page.get_by_label("Trash").first).not_to_be_checked()
        self._look()

    def mine(self) -> None:
        """Mine the mailbox and watch until it has finished."""
        self.hand.press(self._button("Start mining"))
        expect(self.page.get_by_text("You can close this page")).to_be_visible()
        title = self.page.get_by_role("heading", level=1)
        while not self._axe and title.inner_text() != "Finished":
            self.hand.press(self.page.get_by_role("link", name="Show the latest"))
        expect(title).to_have_text("Finished", timeout=120_000)
        if self._axe:
            self.page.wait_for_function("!document.querySelector('[sse-connect]')")
        self.hand.press(self.page.get_by_text("Account for every message"))
        expect(self.page.get_by_text("Every message is accounted for.")).to_be_visible()
        self._look()
        self.hand.press(self.page.get_by_role("link", name="Show your contacts"))

    def find_somebody(self) -> str:
        """Search for the first contact by the beginning of their name, open their page, and return their address."""
        first = self.page.locator(".people .name").first
        name, address = first.locator("a").inner_text(), first.locator("span").inner_text()
        self.hand.enter(self.page.get_by_label("Search"), name[:4].upper())
        self.hand.press(self._button("Search"))
        self.hand.press(self.page.get_by_role("link", name=name, exact=True).first)
        expect(self.page.get_by_role("heading", name="Why this contact is here")).to_be_visible()
        expect(self.page.get_by_text(re.compile("This address wrote to you|This address received"))).to_be_visible()
        expect(self.page.get_by_role("link", name=address)).to_be_visible()
        self._look()
        if PICTURES is not None and type(self.hand) is Mouse and self._axe:
            save_picture(self.page, Path(PICTURES) / "contact.png")
        return address

    def export(self, folder: Path) -> str:
        """Download all contacts as a spreadsheet and return its text."""
        self.hand.press(self.page.get_by_role("navigation").get_by_role("link", name="Export"))
        expect(self.page.get_by_label("Spreadsheet")).to_be_checked()
        with self.page.expect_download() as started:
            self.hand.press(self._button("Download"))
        path = folder / "contacts.csv"
        started.value.save_as(path)
        return path.read_text("utf-8-sig")

    def erase(self, address: str) -> None:
        """Erase a contact and see the receipt."""
        self.hand.press(self.page.get_by_role("navigation").get_by_role("link", name="Privacy"))
        self.hand.enter(self.page.get_by_label("Address", exact=True), address)
        self.hand.press(self._button("Continue"))
        self.hand.press(self._button("Erase this contact"))
        expect(self.page.get_by_role("heading", name="Receipt")).to_be_visible()
        self._look()
        self.hand.press(self.page.get_by_role("navigation").get_by_role("link", name="Privacy"))
        expect(self.page.get_by_text("1 erased address cannot become a contact again")).to_be_visible()

    def _fill_in(self, port: int, password: str) -> None:
        self.hand.enter(self.page.get_by_label("Password"), password)
        self.hand.enter(self.page.get_by_label("IMAP server"), "127.0.0.1")
        self.hand.enter(self.page.get_by_label("Port"), str(port))
        self.hand.enter(self.page.get_by_label("Login name"), "demo")
        self.hand.choose(self.page.get_by_label("Encryption"), "STARTTLS (port 143)")
        self.hand.press(self._button("Sign in and list folders"))

    def _button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def _look(self) -> None:
        """Check that the page has no barrier, and does not repeat the password."""
        assert PASSWORD not in self.page.content()
        if self._axe:
            check_access(self.page, self._axe)


def test_the_demo_ends_with_a_link_to_its_contacts(tmp_path: Path) -> None:
    """`make demo ARGS=--serve` prints a link on a terminal, behind which are the contacts, until Ctrl-C."""
    person, terminal = pty.openpty()
    command = [sys.executable, "-c", f"import os; os.login_tty({terminal}); import demo.__main__", "--serve"]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, pass_fds=[terminal]) as process:
        os.close(terminal)
        printed = b""
        while not (found := re.search(rb"(http://\S+)/sign-in\?link=(\S+)\s", printed)):
            printed += os.read(person, 65_536)
        with httpx.Client(base_url=found[1].decode(), headers={"Origin": found[1].decode()}) as client:
            signed_in = client.post("/sign-in", data={"link": found[2].decode()}, follow_redirects=True)
        os.write(person, b"\x03")
        with suppress(OSError):
            while os.read(person, 65_536):
                pass
    os.close(person)

    assert "394" in signed_in.text
    assert process.returncode == 0
