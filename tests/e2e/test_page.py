"""The whole way in a browser, on embedded servers: from the link to a contact's why, its export and its erasure."""

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from demo.mailbox import MESSAGES as ALL_MESSAGES
from demo.people import OWNER
from demo.run import imap_server
from fetcher.embedded.child import Child
from fetcher.service.sessions import make_link
from tests.support.chromium import save_picture, watched
from tests.support.house import wait_until

TOKEN = "a-token-of-the-service-of-tests"
PASSWORD = "a-password-of-the-sample-mailbox"
MESSAGES = 1500
PICTURES = os.environ.get("LEADMINER_PICTURES")
"""Where `make pictures` wants README's picture; without it, none is written."""


class Service:
    """A running `leadminer serve` with nothing configured but its token, and its log."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            self.child = Child(
                "service",
                [sys.executable, "-m", "fetcher.commands.cli", "serve"],
                folder / "service.log",
                environment={
                    "LEADMINER_HOME": str(folder / "home"),
                    "LEADMINER_LINGER": "0",
                    "SERVE_LISTEN": f"fd:{listening.fileno()}",
                    "SERVE_TOKEN": TOKEN,
                },
                pass_fds=(listening.fileno(),),
            )
            self.child.launch()
        wait_until(self._is_well, seconds=60)

    @property
    def link(self) -> str:
        """Return a new link that opens a session."""
        return f"{self.url}/sign-in?link={make_link(TOKEN, 'local', now=time.time())}"

    def stop(self) -> None:
        """Stop the service and its servers."""
        self.child.signal_stop()
        assert self.child.process is not None
        self.child.process.wait(60)

    def _is_well(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[int]:
    """Yield the port of the sample mailbox's server."""
    password = tmp_path / "password"
    password.write_text(PASSWORD, "ascii")
    with imap_server(password, MESSAGES if PICTURES is None else ALL_MESSAGES) as port:
        yield port


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Yield the service; afterwards its log has neither password, token nor address."""
    made = Service(tmp_path)
    yield made
    made.stop()
    log = made.child.log.read_text(errors="replace")
    assert not [secret for secret in (PASSWORD, TOKEN, OWNER, "v1.") if secret in log]


def test_the_whole_way(chromium: Browser, service: Service, mailbox: int, tmp_path: Path) -> None:
    """A newcomer signs in, connects, mines, searches, reads why somebody is a contact, exports and erases."""
    with watched(chromium, service.url, accept_downloads=True) as context:
        page = context.new_page()
        _sign_in(page, service.link)
        _connect(page, mailbox)
        _mine(page)
        address = _find_somebody(page)
        exported = _export(page, tmp_path)
        assert address in exported
        _erase(page, address)
        assert page.content().count(PASSWORD) == 0
        assert address not in _export(page, tmp_path)


def _sign_in(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Connect a mailbox to find your contacts")).to_be_visible()
    page.goto(link)
    expect(page.get_by_text("This link does not work")).to_be_visible()
    page.goto("/")


def _connect(page: Page, port: int) -> None:
    page.get_by_role("link", name="Connect a mailbox").first.click()
    page.get_by_label("Your email address").fill(OWNER)
    page.get_by_role("button", name="Continue").click()
    _fill_in(page, port, "a-wrong-password")
    expect(page.get_by_role("alert")).to_be_visible()
    _fill_in(page, port, PASSWORD)
    expect(page.get_by_role("heading", name="Choose folders")).to_be_visible()
    expect(page.get_by_label("INBOX").first).to_be_checked()
    expect(page.get_by_label("Trash").first).not_to_be_checked()
    assert PASSWORD not in page.content()


def _fill_in(page: Page, port: int, password: str) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_label("IMAP server").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("Login name").fill("demo")
    page.get_by_label("Encryption").select_option("starttls")
    page.get_by_role("button", name="Sign in and list folders").click()


def _mine(page: Page) -> None:
    page.get_by_role("button", name="Start mining").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible(timeout=120_000)
    page.get_by_text("Account for every message").click()
    expect(page.get_by_text("Every message is accounted for.")).to_be_visible()
    page.get_by_role("link", name="Show your contacts").click()


def _find_somebody(page: Page) -> str:
    """Search for the first contact by the beginning of their name, open their page, and return their address."""
    first = page.locator(".people .name").first
    name, address = first.locator("a").inner_text(), first.locator("span").inner_text()
    page.get_by_label("Search").fill(name[:4].upper())
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", name="Why this contact is here")).to_be_visible()
    expect(page.get_by_text(re.compile("This address wrote to you|This address received"))).to_be_visible()
    expect(page.get_by_role("link", name=address)).to_be_visible()
    if PICTURES is not None:
        save_picture(page, Path(PICTURES) / "contact.png")
    return address


def _export(page: Page, folder: Path) -> str:
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_label("Spreadsheet").check()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    path = folder / "contacts.csv"
    started.value.save_as(path)
    return path.read_text("utf-8-sig")


def _erase(page: Page, address: str) -> None:
    page.goto("/privacy")
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Erase this contact").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    page.get_by_role("link", name="Privacy").first.click()
    expect(page.get_by_text("1 erased address cannot become a contact again")).to_be_visible()
