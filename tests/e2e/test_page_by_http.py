"""The whole way through the pages by plain HTTP, in both modes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from demo.people import OWNER
from tests.support.cloudflare.deployment import Deployment
from tests.support.dovecot import Dovecot
from tests.support.house import House
from tests.support.mailboxes import PASSWORD
from tests.support.page_service import PageService, walk_by_http

Start = Callable[[Mapping[str, str]], PageService]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Yield a function that starts the service with some settings; it is stopped at the end."""
    started: list[PageService] = []

    def start_service(settings: Mapping[str, str]) -> PageService:
        started.append(PageService(tmp_path, settings))
        return started[-1]

    yield start_service
    for service in started:
        service.stop()


def test_the_whole_way_on_servers_of_ones_own(house: House, friendly: Dovecot, start: Start) -> None:
    """With PostgreSQL, Redis and processors that are configured, forms and links lead from the link to a receipt."""
    walk_by_http(
        start(house.settings | {"PROCESSOR_URL": house.url}), login=OWNER, password=PASSWORD, port=friendly.port
    )


def test_the_whole_way_beside_cloudflare(deployment: Deployment, friendly: Dovecot, start: Start) -> None:
    """With the Worker, D1, R2 and Queues, the same forms and links lead from the link to a receipt."""
    walk_by_http(start(deployment.fetcher_settings), login=OWNER, password=PASSWORD, port=friendly.port)
