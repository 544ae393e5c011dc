"""Find the mailbox of an email address: in the table of providers, in DNS, and by trying the usual names."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fetcher.imap.providers import Provider, provider_of_address, provider_of_exchanger, provider_of_host
from fetcher.imap.source import EXAMPLE, BadSource, Source

if TYPE_CHECKING:
    from dns.resolver import Resolver

DNS_SECONDS = 3.0
"""How long one question may take; a resolver nearly always answers within a second."""
TRY_SECONDS = 4.0
"""How long a guessed server has for each step until its greeting."""
GUESSES = ("imap", "mail")
IMAPS_PORT = 993
GREETINGS = (b"* OK", b"* PREAUTH", b"* BYE")
"""What an IMAP server says first (RFC 9051 section 7.1)."""
Connect = Callable[[tuple[str, int], float], socket.socket]


@dataclass(frozen=True, slots=True)
class Found:
    """A mailbox and its provider, if that is known.

    `elsewhere` is true if DNS alone says that the server is at this other domain. Without DNSSEC, somebody between us
    and the resolver can say so too, so a person must agree before a password goes there (RFC 6186 section 6).
    """

    source: Source
    provider: Provider | None = None
    elsewhere: bool = False


def find_mailbox(
    text: str,
    *,
    ca_file: Path | None = None,
    resolver: "Resolver | None" = None,
    connect: Connect = socket.create_connection,
) -> Found:
    """Return the mailbox that a URL or an email address names.

    Asks the network only for the address of a provider that is not in the table. Raises BadSource if the text names no
    mailbox, and HostUnreachable if no server is found. Guessed servers must speak IMAP over TLS, with a certificate
    that is valid for their name.
    """
    text = text.strip()
    if "://" in text:
        return _of_url(Source.parse(text))
    address = _checked(text)
    if provider := provider_of_address(address):
        return Found(provider.source(address), provider)
    domain = address.rpartition("@")[2]
    return (
        _find_by_dns(address, domain, resolver)
        or _guess(address, domain, ca_file, connect)
        or _not_found(address, domain)
    )


def _of_url(source: Source) -> Found:
    provider = provider_of_address(f"@{source.host}")
    if provider is not None and "@" not in source.login and source.host != provider.host:
        raise BadSource(
            f"{source.host} is not a mail server, but what addresses at {provider.name} end in: "
            f"write {source.login}@{source.host}, without imaps://."
        )
    return Found(source, provider_of_host(source.host))


def _checked(text: str) -> str:
    """Return an email address with its domain as DNS and TLS write it; raise BadSource."""
    name, at, domain = text.rpartition("@")
    if ":" in name or (not at and ":" in text):
        raise BadSource(
            "The source contains a password or a colon: leave the password out, it is given separately. Write the "
            f"source like jane@example.org, or like {EXAMPLE}."
        )
    try:
        host = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not name or not name.isprintable() or "@" in name or " " in name or "." not in host.strip(".") or "/" in host:
        raise BadSource(
            f"{text!r} is no email address and no URL: write the source like jane@example.org, or like {EXAMPLE}."
        )
    return f"{name}@{host.rstrip('.')}"


def _find_by_dns(address: str, domain: str, resolver: "Resolver | None") -> Found | None:
    """Return what SRV records (RFC 6186), or else the mail exchangers, say of a domain."""
    import dns.exception
    import dns.resolver

    try:
        asked = resolver or dns.resolver.Resolver()
        asked.lifetime = min(asked.lifetime, DNS_SECONDS)
        return _by_service(asked, address, domain) or _by_exchanger(asked, address, domain)
    except dns.resolver.NXDOMAIN:
        raise BadSource(f"The domain {domain} of {address} does not exist: correct the address.") from None
    except dns.exception.DNSException:
        return None  # there is no resolver, or it does not answer; the usual names may still work


def _by_service(resolver: "Resolver", address: str, domain: str) -> Found | None:
    import dns.resolver

    try:
        answer = resolver.resolve(f"_imaps._tcp.{domain}.", "SRV")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.NoNameservers):
        return None  # some name servers fail at SRV, but answer for MX
    first = min(answer, key=lambda record: (record.priority, -record.weight))
    host, port = first.target.to_text(omit_final_dot=True).lower(), first.port
    if host in ("", "."):
        raise BadSource(f"{domain} offers no IMAP, as it says in DNS: ask your provider for another way.")
    if provider := provider_of_host(host):
        return Found(provider.source(address), provider)
    within = host == domain or host.endswith(f".{domain}")
    return Found(Source(address, host, port), elsewhere=not within)


def _by_exchanger(resolver: "Resolver", address: str, domain: str) -> Found | None:
    import dns.resolver

    try:
        answer = resolver.resolve(f"{domain}.", "MX")
    except dns.resolver.NoAnswer:
        return None
    for record in sorted(answer, key=lambda record: record.preference):
        if provider := provider_of_exchanger(record.exchange.to_text()):
            return Found(provider.source(address), provider)
    return None


def _guess(address: str, domain: str, ca_file: Path | None, connect: Connect) -> Found | None:
    for name in GUESSES:
        host = f"{name}.{domain}"
        if _speaks_imap(host, ca_file, connect):
            return Found(Source(address, host, IMAPS_PORT))
    return None


def _speaks_imap(host: str, ca_file: Path | None, connect: Connect) -> bool:
    """Return whether a server greets as IMAP does, over TLS with a certificate for this name."""
    try:
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
        with (
            connect((host, IMAPS_PORT), TRY_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as safe,
            safe.makefile("rb") as answers,
        ):
            return answers.readline(1024).startswith(GREETINGS)
    except (OSError, UnicodeError):  # ssl.SSLError is an OSError
        return False


def _not_found(address: str, domain: str) -> Found:
    from fetcher.imap.connection import HostUnreachable  # imapclient is slow to import

    tried = " and ".join(f"{name}.{domain}" for name in GUESSES)
    raise HostUnreachable(
        f"No IMAP server was found for {address}; tried DNS, {tried}. Look up the server's name at your provider, and "
        f"give it after the address: imaps://{address}@HOST"
    )
