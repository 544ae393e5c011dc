"""Chromium for tests of the pages: what it reports against them, and what axe-core finds in them."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from fetcher.service.listener import make_server
from tests.support.cloudflare.packages import PiecesMissing
from tests.support.fixtures import require
from tests.support.npm import fetch_browser_packages

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDE = (1280, 800)
PHONE = (360, 740)
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a browser."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    require(found is not None, "Chromium is not installed: install the package chromium")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # its sandbox does not run as root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the script of axe-core."""
    try:
        return (fetch_browser_packages() / "axe-core" / "axe.min.js").read_text("utf-8")
    except PiecesMissing as error:
        require(False, f"no axe-core: {error}")
        raise


@contextmanager
def watched(
    browser: Browser, url: str, *, size: tuple[int, int] = WIDE, cookie: tuple[str, str] | None = None, **options: Any
) -> Iterator[BrowserContext]:
    """Yield a browser's profile for pages below `url`, in which any complaint of the browser fails the test.

    Complaints are violations of the content's policy, errors of scripts, and requests to other servers.
    """
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:  # a page about a problem is no complaint
            complaints.append(message.text)

    def follow(page: Page) -> None:
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: complaints.extend(each for each in [request.url] if not each.startswith(url))
        )

    viewport: Any = {"width": size[0], "height": size[1]}
    context = browser.new_context(base_url=url, viewport=viewport, locale="en-US", **options)
    context.add_init_script(WATCH)
    context.on("page", follow)
    if cookie is not None:
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": url}])
    yield context
    found = [each for page in context.pages for each in page.evaluate("window.violations || []")]
    context.close()
    assert not complaints + found


def check_access(page: Page, axe: str) -> None:
    """Fail if axe-core finds something on the page that keeps people from using it, or if it is too wide."""
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    assert not [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide"


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on loopback, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = make_server(app)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def save_picture(page: Page, path: Path) -> None:
    """Write what the browser shows, as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
