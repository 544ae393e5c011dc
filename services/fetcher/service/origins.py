"""Under which address the service is reached, so that other sites cannot speak to it through somebody's browser."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from fetcher.service.problems import Problem, refuse

WRONG_HOST = Problem(
    421, "host", "The service is not reached under this host: use the address in SERVE_URL, or set that to this one."
)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""What proxies add. Behind one, a peer on loopback says nothing about the caller."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Our own address, SERVE_URL, and the origins in SERVE_ORIGINS whose pages may call the API."""

    url: str = ""
    others: tuple[str, ...] = ()

    @property
    def secure(self) -> bool:
        """Whether browsers reach the service over TLS alone."""
        return self.url.startswith("https://")

    def is_host(self, host: str) -> bool:
        """Return whether a request for this host can be meant for us.

        A site that points its own name to us (DNS rebinding) sends its name. It cannot send loopback or an address.
        """
        name = name_of(host)
        if self.url:
            return name == name_of(urlsplit(self.url).netloc) or is_loopback(name)
        return _is_address(name) or is_loopback(name)

    def sent(self, request: HTTPConnection) -> bool:
        """Return whether one of our own pages sent a request, as the browser says."""
        origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
        if origin and origin == self.url:
            return True
        return origin == f"http://{host}" and not (self.url and name_of(host) == name_of(urlsplit(self.url).netloc))

    def is_from_here(self, request: HTTPConnection) -> bool:
        """Return whether a request comes from this machine itself, not through a proxy or a foreign page."""
        peer = request.client.host if request.client else ""
        forwarded = any(name in request.headers for name in FORWARDED)
        return is_loopback(peer) and is_loopback(name_of(request.headers.get("host", ""))) and not forwarded


class Hosts:
    """Middleware that answers only requests for our own host."""

    def __init__(self, app: ASGIApp, *, origins: Origins) -> None:
        """Wrap an application."""
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it is meant for us."""
        hosts = [value for name, value in scope.get("headers", []) if name == b"host"]
        if scope["type"] == "http" and not (
            len(hosts) == 1 and self._origins.is_host(hosts[0].decode("ascii", "replace"))
        ):
            await refuse(WRONG_HOST)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_loopback(name: str) -> bool:
    """Return whether a name or address is this machine's own."""
    return name == "localhost" or (_is_address(name) and ip_address(name).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def name_of(host: str) -> str:
    """Return a host without its port, in lower case; empty if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        return "" if "@" in host or parts.path or parts.port == 0 else (parts.hostname or "")
    except ValueError:
        return ""
