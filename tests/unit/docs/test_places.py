"""Links and paths in the documents exist; the documents name no private machine and no unknown host."""

import re
from urllib.parse import urlsplit

import pytest

from tests.unit.docs.pages import CHECKOUT, PAGES, anchors, links, name_of, read_page, spans

NAMES = [name_of(page) for page in PAGES]
FOLDERS = tuple(f"{path.name}/" for path in CHECKOUT.iterdir() if path.is_dir())
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
ROOT_FILE = re.compile(r"[\w-]+\.(?:md|toml|lock|py|sh|sql)")
MADE = ("demo-out/", ".venv/", ".venv", "users.lock", "miners.lock", "keeper.lock")
"""Places and files that a command creates."""
HOSTS = (
    "example.org",
    "example.com",
    "example.net",
    "127.0.0.1",
    "semver.org",
    "mozilla.org",
    "publicsuffix.org",
    "supabase.com",
    "supabase.co",
    "pulumi.com",
    "api.cloudflare.com",
    "r2.cloudflarestorage.com",
)
HOME_OF_SOMEBODY = re.compile(r"(?<![\w}>])/(?:home|root|work|mnt|srv|Users)\b")


def is_there(place: str, page: str) -> bool:
    """Return whether a path exists, from the checkout's root or beside the page; a bare file name can be anywhere."""
    near = (CHECKOUT / place, (CHECKOUT / page).parent / place)
    return any(path.exists() for path in near) or ("/" not in place and any(CHECKOUT.glob(f"[!.]*/**/{place}")))


@pytest.mark.parametrize("page", NAMES)
def test_links_lead_somewhere(page: str) -> None:
    """The file of every link exists, and has the heading that the link names."""
    lost = []
    for target in links(read_page(page)):
        place, _, anchor = target.partition("#")
        if "://" in place:
            continue
        file = (CHECKOUT / page).parent / place if place else CHECKOUT / page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
            lost.append(target)

    assert lost == []


@pytest.mark.parametrize("page", NAMES)
def test_paths_are_there(page: str) -> None:
    """Every path of the checkout that a document names in code exists."""
    named = [span for span in spans(read_page(page)) if PATH.fullmatch(span)]
    ours = [span for span in named if span.startswith(FOLDERS) or ROOT_FILE.fullmatch(span)]

    assert [span for span in ours if not span.startswith(MADE) and not is_there(span, page)] == []


@pytest.mark.parametrize("page", NAMES)
def test_documents_name_no_machine_and_no_unknown_host(page: str) -> None:
    """Addresses in the documents are public or examples, and no path is on somebody's own machine."""
    text = read_page(page)
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r"https?://[\w.\[\]:-]+", text)}

    assert HOME_OF_SOMEBODY.findall(text) == []
    assert {host for host in hosts if host and not host.endswith(HOSTS)} == set()
