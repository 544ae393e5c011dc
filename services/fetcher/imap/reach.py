"""Which mail servers a service may connect to: the public ones, and those that its operator names.

Whoever may start a mining chooses the host. Without this, a caller could make the service talk to the network that it
runs in.
"""

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fetcher.ports import Trouble

Dial = Callable[[tuple[str, int], float | None], socket.socket]
"""Connects to a host and port within so many seconds, like `socket.create_connection`."""
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

IPV4_AT_THE_END = (ip_network("64:ff9b::/96"), ip_network("::/96"))
"""NAT64 (RFC 6052) and IPv4-compatible addresses (RFC 4291 section 2.5.5.1)."""
UNICAST = ip_network("2000::/3")
"""All of IPv6 that is given out on the Internet (RFC 4291 section 2.4)."""
NOT_PUBLIC = [
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # the platform of Azure, in every virtual machine (learn.microsoft.com, 2026-11)
        "192.0.0.0/24",  # for protocols (RFC 6890); Oracle Cloud has its metadata there
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "2001::/32",  # Teredo (RFC 4380)
        "2002::/16",  # 6to4 (RFC 3056)
    )
]
"""What Python calls global although it leads into another network."""


class HostRefused(Trouble):
    """The service may not connect to this host."""


def is_public(text: str) -> bool:
    """Return whether an address belongs to a host on the Internet, however the address is written."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if any(address in network for network in IPV4_AT_THE_END):
            return is_public(str(IPv4Address(int(address) & 0xFFFFFFFF)))
        if address not in UNICAST:
            return False
    return address.is_global and not address.is_multicast and not _is_in(NOT_PUBLIC, address)


class PublicOnly:
    """Connects to public addresses, and to `allowed` names, addresses and networks.

    A name is looked up once, and the connection goes to an address of that answer, so that no later answer can lead
    elsewhere. One address that is not public refuses the whole answer.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Take the entries of SERVE_ALLOW_HOSTS."""
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in allowed:
            try:
                self._networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._names.add(_folded(entry))

    def __call__(self, place: tuple[str, int], timeout: float | None) -> socket.socket:
        """Return a connection; raise HostRefused, or an OSError like `socket.create_connection`."""
        host, port = place
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        if _folded(host) not in self._names and not all(map(self._is_allowed, addresses)):
            raise HostRefused(
                f"{host} is not on the Internet, so this service does not connect to it: "
                "use the mail server's public name, or ask the service's operator to add it to SERVE_ALLOW_HOSTS."
            )
        return _connect(addresses, port, timeout)

    def _is_allowed(self, text: str) -> bool:
        address = ip_address(text.partition("%")[0])
        return _is_in(self._networks, address) or is_public(text)


def _connect(addresses: list[str], port: int, timeout: float | None) -> socket.socket:
    """Try one address after another, and raise the last error; addresses are not looked up again."""
    error: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for address in dict.fromkeys(addresses):
        try:
            return socket.create_connection((address, port), timeout)
        except OSError as failed:
            error = failed
    raise error


def _is_in(networks: list[Network], address: Address) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _folded(name: str) -> str:
    return name.rstrip(".").casefold()
