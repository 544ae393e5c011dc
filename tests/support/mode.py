"""The mode `cloudflare` as its fetcher sees it: R2 and the queue by their public interfaces, and the API."""

import threading
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, Self

from fetcher.adapters.processor import ProcessorClient
from fetcher.adapters.queues import CloudflareQueue
from fetcher.adapters.r2 import R2RawStore
from fetcher.connection import Connector, Credentials
from fetcher.contact_commands import PAGE
from fetcher.export import Format, export_contacts
from fetcher.mailbox import Mailbox
from fetcher.mine import MiningRequest, Outcome, mine
from fetcher.source import Source
from tests.support.cloudflare.deployment import Deployment
from tests.support.stack import TOKEN


class CloudflareMode:
    """The fetcher in front of a deployment on this machine; use it as a context manager."""

    def __init__(self, deployment: Deployment) -> None:
        account = deployment.local.account
        self.deployment = deployment
        self._opened = ExitStack()
        self.raw_store = R2RawStore(
            endpoint_url=deployment.local.gate,
            bucket=account.bucket,
            access_key_id=account.access_key,
            secret_access_key=account.secret,
        )
        self.queue = CloudflareQueue(
            account_id=account.account,
            queue=account.queue_name,
            api_token=account.token,
            api_url=f"{deployment.local.gate}/client/v4",
        )
        self.client = ProcessorClient(deployment.local.processor, TOKEN)

    def __enter__(self) -> Self:
        self._opened.enter_context(closing(self.raw_store))
        self._opened.enter_context(closing(self.queue))
        self._opened.enter_context(closing(self.client))
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def mine(self, user: str, source: str, password: str, **asked: Any) -> Outcome:
        """Mine a mailbox to the end."""
        place = Source.parse(source)
        connector = Connector(place, Credentials(password))
        return mine(
            MiningRequest(user, place, holder="test", **asked),
            connect=partial(Mailbox, connector),
            raw_store=self.raw_store,
            queue=self.queue,
            processor=self.client,
            watch=lambda _: None,
            stop=threading.Event(),
        )

    def export(self, user: str, form: Format) -> bytes:
        """Return a user's export."""
        contacts: list[Any] = []
        page, after = self.client.contacts(user, limit=PAGE)
        while page:
            contacts += page
            page, after = self.client.contacts(user, after=after, limit=PAGE)
        return b"".join(export_contacts(contacts, form))
