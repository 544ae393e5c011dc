"""Tests type every command of the operators' documents, except those that reach somebody's service."""

from tests.support.walk import ACCOUNT, read_blocks
from tests.unit.docs.pages import read_page

PAGES = tuple(
    f"docs/{name}.md" for name in ("self-host", "cloudflare", "pipeline", "settings", "http-api", "operations")
)
WALKED = {
    ("docs/self-host.md", "One server"): "tests/stacks/test_walks.py",
    ("docs/self-host.md", "Maintain the server"): "tests/stacks/test_walks.py",
    ("docs/self-host.md", "Your own servers"): "tests/e2e/test_walks.py",
    ("docs/cloudflare.md", "Deploy"): "tests/stacks/test_walk_on_cloudflare.py",
    ("docs/cloudflare.md", "Maintain the deployment"): "tests/stacks/test_walk_on_cloudflare.py",
    ("docs/cloudflare.md", "Supabase"): "tests/e2e/test_walks.py",
    ("docs/http-api.md", "The fetcher's service"): "tests/e2e/test_walks.py",
    ("docs/operations.md", "Backup and restore"): "tests/stacks/test_care.py",
}
"""The test file that types the commands, by document and heading."""
NEED_AN_ACCOUNT: set[str] = set()
"""The full text of the marked blocks. Each reaches Cloudflare, Supabase, GitHub or Pulumi's own service."""


def test_every_command_is_typed_by_a_test() -> None:
    """Every heading that has commands has a test that types them."""
    assert {(page, block.heading) for page in PAGES for block in read_blocks(page)} == set(WALKED)


def test_the_tests_read_what_they_type() -> None:
    """Every test file in the table asks for the commands under the headings that it types."""
    silent = {
        (page, heading): file
        for (page, heading), file in WALKED.items()
        if f'blocks_under("{page}", "{heading}")' not in read_page(file)
    }

    assert silent == {}


def test_commands_that_need_an_account_are_listed() -> None:
    """The table above has every block that no test types, word for word."""
    marked = {block.commands for page in PAGES for block in read_blocks(page) if block.needs_account}

    assert marked == {f"{ACCOUNT}{commands}" for commands in NEED_AN_ACCOUNT}
