"""The mode `cloudflare` as its user sees it: the command line, configured for a deployment on this machine."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from fetcher.adapters.processor import ProcessorClient
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import read_contacts
from fetcher.embedded.child import child_environment
from tests.support.cloudflare.deployment import TOKEN, Deployment

PATIENCE_SECONDS = 120.0


class CloudflareMode:
    """Runs `leadminer` on a deployment; use it as a context manager. `home` is the command line's data directory."""

    def __init__(self, deployment: Deployment, home: Path) -> None:
        self.deployment = deployment
        self.home = home
        self.settings = deployment.fetcher_settings | {"LEADMINER_HOME": str(home)}
        self.client = ProcessorClient(deployment.local.processor, TOKEN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def leadminer(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command and wait for it to end."""
        command = [sys.executable, "-m", "fetcher.commands.cli", *arguments]
        environment = child_environment(self.settings)
        return subprocess.run(command, env=environment, text=True, timeout=PATIENCE_SECONDS, check=False, **options)

    def mine(self, user: str, login: str, port: int, password: str, *, as_of: str) -> subprocess.CompletedProcess[str]:
        """Mine a mailbox on an IMAP server on loopback, and wait for the command to end."""
        (self.home / "password").write_text(password)
        place = ["--password-file", str(self.home / "password"), "--user", user, "--as-of", as_of]
        return self.leadminer("mine", f"imap://{quote(login, safe='')}@127.0.0.1:{port}", *place, capture_output=True)

    def export(self, user: str, form: Format) -> bytes:
        """Return a user's export."""
        return b"".join(export_contacts(read_contacts(self.client, user), form))
