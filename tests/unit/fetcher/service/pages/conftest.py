"""Pages in front of a processor that holds contacts and minings, and of one that holds nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Site, open_site, some_contacts, some_minings


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Yield the pages of a user with contacts and minings."""
    with open_site(tmp_path, contacts=some_contacts(), minings=some_minings()) as made:
        yield made


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Site]:
    """Yield the pages of a user who has nothing yet."""
    with open_site(tmp_path) as made:
        yield made
