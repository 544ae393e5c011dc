"""What the service tells Prometheus, in a registry of its own. No label has a user, a host or an address."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from fetcher.service.runs import Runs

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
"""The text format of Prometheus (prometheus.io/docs/instrumenting/exposition_formats, 2026)."""


class Metrics:
    """The metrics of one service. Threads may share it."""

    def __init__(self) -> None:
        """Start at zero."""
        registry = CollectorRegistry()
        self.registry = registry
        self.requests = Counter("leadminer_service_requests", "Answers, by status", ["status"], registry=registry)
        self.minings = Gauge(
            "leadminer_service_minings", "Minings that run here, or wait in line", ["state"], registry=registry
        )
        self.connections = Counter(
            "leadminer_mailbox_connections", "Connections to mail servers, logged in", registry=registry
        )
        self.reconnects = Counter(
            "leadminer_mailbox_reconnects", "Of these, the ones that replace a lost connection", registry=registry
        )
        self.refusals = Counter("leadminer_mailbox_refusals", "Logins that mail servers refused", registry=registry)

    def follow(self, runs: "Runs") -> None:
        """Show how many minings run and wait at the moment."""
        self.minings.labels("running").set_function(lambda: runs.count)
        self.minings.labels("queued").set_function(lambda: runs.waiting)

    def render(self) -> bytes:
        """Return all metrics."""
        return generate_latest(self.registry)


class Counted:
    """Middleware that counts answers."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app = app
        self._requests = metrics.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer when it starts."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.labels(message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counted if scope["type"] == "http" else send)
