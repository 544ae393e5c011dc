"""Every command of `docs/operate.md` is typed by a test, but for those that reach somebody's service."""

from tests.support.walk import ACCOUNT, read_blocks

WALKED = {
    "Servers of your own": "tests/e2e/test_walks.py",
    "The fetcher's HTTP service": "tests/e2e/test_walks.py",
    "Supabase": "tests/e2e/test_walks.py",
    "One server": "tests/stacks/test_walks.py",
    "Care of one server": "tests/stacks/test_walks.py",
    "Dumps of one server": "tests/stacks/test_care.py",
    "Cloudflare": "tests/stacks/test_walk_on_cloudflare.py",
    "Care of Cloudflare": "tests/stacks/test_walk_on_cloudflare.py",
}
"""By heading, the file that types what stands under it."""
NEED_AN_ACCOUNT: set[str] = set()
"""The marked blocks, whole: each reaches Cloudflare, Supabase, GitHub or Pulumi's own service."""


def test_every_command_is_typed_by_a_test() -> None:
    """Each heading with commands has a test that types them."""
    assert {block.heading for block in read_blocks("docs/operate.md")} == set(WALKED)


def test_commands_that_need_an_account_are_listed() -> None:
    """What is marked as typed by no test is known here, word by word."""
    marked = {block.commands for block in read_blocks("docs/operate.md") if block.needs_account}

    assert marked == {f"{ACCOUNT}{commands}" for commands in NEED_AN_ACCOUNT}
