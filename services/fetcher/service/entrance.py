"""The service's doors and mailboxes, as its settings want them."""

import ipaddress
import socket

from fetcher.bootstrap import fetch_keys
from fetcher.imap.reach import Dial, PublicOnly
from fetcher.service.doors import Doors
from fetcher.service.jwts import Jwts
from fetcher.service.limits import Limits
from fetcher.service.mailboxes import Mailboxes
from fetcher.service.metrics import Metrics
from fetcher.service.origins import Origins, is_loopback, name_of
from fetcher.service.sessions import Sessions, secret_of
from fetcher.settings import Settings, listed


def make_doors(settings: Settings) -> Doors:
    """Return the doors: for the service's token, users' tokens, the project's JWTs, and page sessions."""
    secret = secret_of(settings)
    kept = (settings.processor_token, settings.processor_token_previous)
    url = settings.supabase_url
    return Doors(
        token=settings.serve_token.get_secret_value() if settings.serve_token else "",
        secrets=[*(each.get_secret_value() for each in kept if each is not None), secret],
        sessions=Sessions(secret),
        jwts=Jwts(url, fetch_keys, secret=settings.supabase_jwt_secret.get_secret_value()) if url else None,
        origins=Origins(settings.serve_url.rstrip("/"), listed(settings.serve_origins)),
    )


def make_mailboxes(settings: Settings, listening: socket.socket, metrics: Metrics | None = None) -> Mailboxes:
    """Return the way to mailboxes: any host for a service on this machine alone, otherwise those on the Internet."""
    here = is_private(settings, listening)
    dial: Dial = socket.create_connection if here else PublicOnly(listed(settings.serve_allow_hosts))
    return Mailboxes(dial, Limits(), metrics)


def is_private(settings: Settings, listening: socket.socket) -> bool:
    """Return whether only people on this machine reach the service: it is on loopback, and SERVE_URL is too."""
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    name = name_of(settings.serve_url.partition("://")[2].rstrip("/")) if settings.serve_url else ""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback and (not name or is_loopback(name))
