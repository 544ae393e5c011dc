"""Lets selected commands on this machine reach test servers under real host names; other commands are unaffected."""

import random
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trustme

from tests.support.forwarder import Forwarder

HTTPS = 443
HOSTS = Path("/etc/hosts")
INSIDE = 'mount --bind "$0" /etc/hosts && exec "$@"'
TRUSTED = ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""The variables in which OpenSSL and httpx, boto3, and requests look for trusted certificates."""


@dataclass(frozen=True, slots=True)
class Names:
    """How to start a command: put `prefix` in front of its words and `environment` into its variables."""

    prefix: Sequence[str]
    environment: Mapping[str, str]

    @property
    def trust_by_certifi(self) -> str:
        """Return a shell command, for use behind `prefix`, that makes the checkout's .venv trust the authority too."""
        return f"mount --bind {self.environment[TRUSTED[0]]} .venv/lib/python3*/site-packages/certifi/cacert.pem"


@contextmanager
def own_names(folder: Path, names: Sequence[str], port: int, authority: trustme.CA) -> Iterator[Names]:
    """Yield how to start commands for which `names` resolve to a port on loopback, over HTTPS that they trust.

    The commands run in their own mount namespace (`unshare`, which requires root) with a different /etc/hosts.
    """
    table, trusted = folder / "hosts", folder / "trusted.pem"
    # Everyone needs port 443, so each listens on a different address.
    with Forwarder(_some_address(), port, port=HTTPS) as entrance:
        table.write_text(f"{HOSTS.read_text()}\n{entrance.address} {' '.join(names)}\n")
        trusted.write_bytes(_known_authorities() + authority.cert_pem.bytes())
        prefix = ("unshare", "--mount", "sh", "-c", INSIDE, str(table))
        yield Names(prefix, dict.fromkeys(TRUSTED, str(trusted)))


def _some_address() -> str:
    return f"127.231.{random.randrange(256)}.{random.randrange(1, 255)}"


def _known_authorities() -> bytes:
    """Return the authorities that commands trust anyway, so that package indexes stay reachable."""
    known = httpx.create_ssl_context().get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in known).encode()
