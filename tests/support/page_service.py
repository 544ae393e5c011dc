"""`leadminer serve` as a process, and a way through its pages by plain HTTP."""

import re
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from fetcher.embedded.child import Child
from fetcher.service.sessions import link_to, make_link
from tests.support.house import wait_until

TOKEN = "a-token-of-the-service-of-tests"


class PageService:
    """A running `leadminer serve` with only these settings and its token, and its log."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start it, and wait until it answers."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            self.child = Child(
                "service",
                [sys.executable, "-m", "fetcher.commands.cli", "serve"],
                folder / "service.log",
                environment={
                    **settings,
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
        """Return a new link that opens a session of `local`."""
        return link_to(self.url, make_link(TOKEN, "local", now=time.time()))

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


def walk_by_http(service: PageService, *, login: str, password: str, port: int) -> None:
    """Go the whole way with forms and links alone: link, connect, mine, watch, search, why, export, erase."""
    with httpx.Client(
        base_url=service.url, headers={"Origin": service.url}, follow_redirects=True, timeout=60
    ) as client:
        client.post("/sign-in", data={"link": service.link.partition("link=")[2]})
        server = {"host": "127.0.0.1", "port": str(port), "login": login, "security": "starttls"}
        folders = client.post("/connect", data={"address": login, "password": password, **server})
        chosen = re.findall(r'name="folder" value="([^"]+)" checked', folders.text)
        mining = client.post(folders.url.path, data={"folder": chosen})
        wait_until(lambda: "<h1>Finished</h1>" in client.get(mining.url.path).text, seconds=120)
        finished = client.get(mining.url.path).text
        assert "Every message is accounted for." in finished
        [address, *_] = re.findall(r"/contact\?address=([^\"]+)", client.get("/contacts").text)
        found = client.get(f"/contacts?q={address.partition('%40')[0]}")
        why = client.get(f"/contact?address={address}")
        exported = client.get("/exports/file?format=csv")
        email = address.replace("%40", "@")
        receipt = client.post("/erase", data={"address": email})
        left = client.get("/exports/file?format=csv")

    assert address in found.text
    assert "Why this contact is here" in why.text
    assert email in exported.text
    assert "Receipt" in receipt.text
    assert email not in left.text
