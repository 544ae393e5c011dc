"""A real IMAP server for tests: Dovecot on loopback, with its own configuration, certificates and mail."""

import base64
import contextlib
import getpass
import grp
import hashlib
import hmac
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Self

import pytest
import trustme
from imapclient import imap_utf7

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
START_SECONDS = 20.0
OAUTH_SECRET = b"a secret of the tests alone"

CONFIGURATION = Path(__file__).with_name("dovecot.conf.template")
OAUTH = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {root}/oauth2.conf
}}
"""
OAUTH_SETTINGS = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = email
"""


def require_dovecot() -> str:
    """Return Dovecot's path; if it is not installed, skip the test, or fail it in CI."""
    if DOVECOT is None:
        message = "Dovecot is not installed: apt-get install dovecot-imapd"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return DOVECOT


class Dovecot:
    """One server; use it as a context manager. `ca_file` is the CA certificate to trust, `host` the certified name.

    `special_use` maps folders to their attributes; `separator` separates the levels of folder names.
    """

    host = "localhost"
    other_host = "127.1"
    """Also loopback, but clients cannot tell without asking the system's resolver."""

    def __init__(
        self,
        *,
        separator: str = "/",
        special_use: Mapping[str, str] | None = None,
        oauth: bool = False,
        capability: str = "",
        layout: str = "",
    ) -> None:
        self._binary = require_dovecot()
        self._root = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
        self._root.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        self._delivered = 0
        self._separator = separator
        self.port, self.tls_port = free_ports(2)
        self.ca_file = self._root / "ca.pem"
        self._user, self._group = _account()
        self._write_certificates()
        self._write_configuration(special_use or {}, oauth, capability, layout)
        for name in ("mail", "users", "keys/default/HS256"):
            (self._root / name).mkdir(parents=True)
        self._own(self._root / "mail")
        (self._root / "keys/default/HS256/default").write_bytes(base64.b64encode(OAUTH_SECRET))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def log(self) -> str:
        """Return the server's log."""
        path = self._root / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start or restart the server on the same ports, and wait until it answers."""
        command = [self._binary, "-F", "-c", str(self._root / "dovecot.conf")]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until = time.monotonic() + START_SECONDS
        while not all(_answers(port) for port in (self.port, self.tls_port)):
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"Dovecot does not start: {self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server and all its sessions."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server and all its sessions, as a crash would."""
        self._end(signal.SIGKILL)

    def kill_sessions(self) -> int:
        """Kill every IMAP session and return how many there were; the server keeps running."""
        killed = 0
        for session in self._sessions():
            with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
                os.kill(session, signal.SIGKILL)
                killed += 1
        return killed

    def add_user(self, login: str, password: str) -> None:
        """Add a user; the first delivery or login creates the INBOX."""
        (self._root / "users" / login).write_text(f"{login}:{{plain}}{password}::::::\n")

    def token(self, login: str, *, seconds: float = 3600.0) -> str:
        """Return an OAuth token (a JWT) for `login` that expires in `seconds`; if negative, it has already expired."""
        now = int(time.time())
        claims = {"email": login, "sub": login, "iat": now - 86_400, "exp": int(time.time() + seconds)}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{text}.{_base64url(hmac.digest(OAUTH_SECRET, text.encode(), hashlib.sha256))}"

    def deliver(
        self,
        login: str,
        folder: str,
        messages: Iterable[bytes],
        *,
        seen: bool = True,
        internal_date: int = 1_600_000_000,
    ) -> None:
        """Put messages (with CRLF) into a folder, which is created if missing; UIDs ascend in this order.

        Their internal dates are consecutive seconds from `internal_date` on.
        """
        maildir = self.maildir(login, folder)
        self._make_maildir(maildir)
        for message in messages:
            self._delivered += 1
            stamp = f"{1_500_000_000 + self._delivered}.M{self._delivered % 1_000_000}P1.test"
            path = maildir / "cur" / f"{stamp},S={len(message)},W={len(message)}:2,{'S' if seen else ''}"
            path.write_bytes(message)
            self._own(path)
            os.utime(path, (internal_date, internal_date))
            internal_date += 1

    def make_folder(self, login: str, folder: str) -> None:
        """Create an empty folder."""
        self.deliver(login, folder, [])

    def remove_folder(self, login: str, folder: str) -> None:
        """Remove a folder with all its mail."""
        shutil.rmtree(self.maildir(login, folder))

    def refuse_folder(self, login: str, folder: str) -> None:
        """Remove the server's permission to read a folder."""
        self.maildir(login, folder).chmod(0)

    def expunge(self, login: str, folder: str, positions: Iterable[int]) -> None:
        """Remove the messages at these positions, counted from 0 in order of delivery."""
        files = sorted((self.maildir(login, folder) / "cur").iterdir())
        for position in positions:
            files[position].unlink()

    def change_uidvalidity(self, login: str, folder: str, uidvalidity: int) -> None:
        """Renumber a folder's messages from 1, with a new UIDVALIDITY."""
        maildir = self.maildir(login, folder)
        for path in maildir.glob("dovecot*"):
            path.unlink()
        (maildir / "dovecot-uidlist").write_text(f"3 V{uidvalidity} N1\n")
        self._own(maildir / "dovecot-uidlist")

    def messages_fetched(self, login: str, *, timeout_seconds: float = 10.0) -> int:
        """Wait until no session is left; return how many bodies and header blocks a login's sessions fetched.

        Killed sessions are not counted.
        """
        until = time.monotonic() + timeout_seconds
        while self._sessions() and time.monotonic() < until:
            time.sleep(0.02)
        counts = re.findall(rf"imap\({re.escape(login)}\).* hdr_count=(\d+) body_count=(\d+)", self.log)
        return sum(int(headers) + int(bodies) for headers, bodies in counts)

    def maildir(self, login: str, folder: str) -> Path:
        """Return a folder's path (Maildir++: all folders side by side, names in modified UTF-7)."""
        top = self._root / "mail" / login / "Maildir"
        if folder.upper() == "INBOX":
            return top
        name: bytes = imap_utf7.encode(folder.replace(self._separator, "."))
        return top / ("." + name.decode("ascii"))

    def _make_maildir(self, maildir: Path) -> None:
        for path in (
            self._root / "mail",
            *reversed(maildir.parents),
            maildir,
            *(maildir / n for n in ("cur", "new", "tmp")),
        ):
            if not path.exists():
                path.mkdir()
                self._own(path)

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, self._user, self._group)

    def _sessions(self) -> list[int]:
        if self._process is None:
            return []
        command = ["pgrep", "-P", str(self._process.pid), "-x", "imap"]
        return [int(line) for line in subprocess.run(command, capture_output=True).stdout.split()]

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(timeout=START_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def _write_certificates(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        server = authority.issue_cert(self.host, self.other_host)
        server.private_key_pem.write_to_path(str(self._root / "server.key"))
        for position, pem in enumerate(server.cert_chain_pems):
            pem.write_to_path(str(self._root / "server.pem"), append=position > 0)

    def _write_configuration(self, special_use: Mapping[str, str], oauth: bool, capability: str, layout: str) -> None:
        mailboxes = "".join(
            f'  mailbox "{name}" {{\n    special_use = {attribute}\n  }}\n' for name, attribute in special_use.items()
        )
        (self._root / "oauth2.conf").write_text(OAUTH_SETTINGS.format(root=self._root))
        (self._root / "dovecot.conf").write_text(
            Template(CONFIGURATION.read_text()).substitute(
                root=self._root,
                port=self.port,
                tls_port=self.tls_port,
                internal_user=self._user,
                internal_group=self._group,
                login_user="dovenull" if os.geteuid() == 0 else self._user,
                mailboxes=mailboxes,
                separator=self._separator,
                layout=layout,
                capability=f"imap_capability = {capability}" if capability else "",
                oauth_mechanisms=" xoauth2 oauthbearer" if oauth else "",
                oauth=OAUTH.format(root=self._root) if oauth else "",
            )
        )


def _account() -> tuple[str, str]:
    """Return the user and group that own the mail; never root, because Dovecot refuses to serve root's mail."""
    name = "dovecot" if os.geteuid() == 0 else getpass.getuser()
    return name, grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
