"""Lets commands on this machine reach servers of the tests under the names of the world, and nobody else's commands."""

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
"""Where OpenSSL and httpx, boto3, and requests look for whom they trust."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a command is started with: `prefix` goes in front of its words, `environment` into its variables."""

    prefix: Sequence[str]
    environment: Mapping[str, str]

    @property
    def trust_by_certifi(self) -> str:
        """The shell's words, for such a command alone, after which the checkout's .venv trusts the same."""
        return f"mount --bind {self.environment[TRUSTED[0]]} .venv/lib/python3*/site-packages/certifi/cacert.pem"


@contextmanager
def own_names(folder: Path, names: Sequence[str], port: int, authority: trustme.CA) -> Iterator[Names]:
    """Yield how commands are started to which names lead to a port on loopback, by HTTPS that they trust.

    They have a view of the file system of their own (`unshare`, which takes root), with another table of hosts.
    """
    table, trusted = folder / "hosts", folder / "trusted.pem"
    # Any port below 1024 is taken by whoever comes first; so each has an address of its own.
    with Forwarder(_some_address(), port, port=HTTPS) as entrance:
        table.write_text(f"{HOSTS.read_text()}\n{entrance.address} {' '.join(names)}\n")
        trusted.write_bytes(_known_authorities() + authority.cert_pem.bytes())
        prefix = ("unshare", "--mount", "sh", "-c", INSIDE, str(table))
        yield Names(prefix, dict.fromkeys(TRUSTED, str(trusted)))


def _some_address() -> str:
    return f"127.231.{random.randrange(256)}.{random.randrange(1, 255)}"


def _known_authorities() -> bytes:
    """Return those that commands trust anyway, since a package index has to be reached as before."""
    known = httpx.create_ssl_context().get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in known).encode()
