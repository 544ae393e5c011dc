"""A DNS server on loopback that answers from a table, as strictly as a real one: NXDOMAIN is not an empty answer."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

Zone = Mapping[tuple[str, str], list[str]]
"""Records by (name, type). A domain exists if any name is it or is below it."""


@contextmanager
def resolver_of(zone: Zone) -> Iterator[dns.resolver.Resolver]:
    """Yield a resolver that asks a server with these records."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(server, zone))
        thread.start()
        asked = dns.resolver.Resolver(configure=False)
        asked.nameservers, asked.port = ["127.0.0.1"], server.getsockname()[1]
        try:
            yield asked
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"", server.getsockname())
            thread.join()


def silent_resolver(seconds: float = 0.05) -> dns.resolver.Resolver:
    """Return a resolver that has no server to ask."""
    asked = dns.resolver.Resolver(configure=False)
    asked.nameservers, asked.port, asked.timeout, asked.lifetime = ["127.0.0.1"], 1, seconds, seconds
    return asked


def _serve(server: socket.socket, zone: Zone) -> None:
    while data := server.recvfrom(4096):
        if not data[0]:
            return
        server.sendto(_answer(dns.message.from_wire(data[0]), zone).to_wire(), data[1])


def _answer(query: dns.message.Message, zone: Zone) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    [question] = query.question
    name, kind = question.name, dns.rdatatype.to_text(question.rdtype)
    records = zone.get((name.to_text(omit_final_dot=True), kind))
    if records:
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
    elif not any(dns.name.from_text(known).is_subdomain(name) for known, _ in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response
