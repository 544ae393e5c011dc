"""D1's migrations as a resource: applied after the database and before the Worker, never undone.

The provider reads its token from the environment when it runs, since everything that a dynamic provider holds is
pickled into the state.
"""

import json
import os
import urllib.error
import urllib.request
from typing import Any

import pulumi
from pulumi import dynamic

from infra.migrations import HAS_RECORD, READ_RECORD, Statement, check_history, plan_batches, read_d1_migrations

API = "https://api.cloudflare.com/client/v4"
TOKEN, BASE_URL = "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_BASE_URL"
TIMEOUT_SECONDS = 60.0
"""D1 itself gives a batch 30 seconds."""


class D1Refused(RuntimeError):
    """D1 refused a request or did not answer; the text says why."""


class D1Client:
    """Sends statements to one database through Cloudflare's REST API."""

    def __init__(self, account_id: str, database_id: str) -> None:
        """Use a database of an account; like the provider, this takes the token from the environment."""
        base = os.environ.get(BASE_URL) or API
        self._url = f"{base.rstrip('/')}/accounts/{account_id}/d1/database/{database_id}/query"

    def query(self, statements: list[Statement]) -> list[list[dict[str, Any]]]:
        """Run statements as one atomic batch, and return the rows of each; raise D1Refused."""
        token = os.environ.get(TOKEN)
        if not token:
            raise D1Refused(f"{TOKEN} is not set: set it to a token with the permission D1: Edit.")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps({"batch": statements}).encode()
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 (an https URL of ours)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return [result["results"] for result in json.load(answer)["result"]]
        except urllib.error.HTTPError as error:
            raise D1Refused(f"D1 answered {error.code}: {error.read(500).decode(errors='replace')}") from None
        except OSError as error:
            raise D1Refused(f"D1 cannot be reached: {error}. Run `pulumi up` again.") from None


def migrate(client: D1Client) -> dict[str, str]:
    """Apply the pending migrations and return all checksums by id; raise RefusedMigrations or D1Refused."""
    migrations = read_d1_migrations()
    has_record = client.query([{"sql": HAS_RECORD, "params": []}])[0][0]["n"]
    rows = client.query([{"sql": READ_RECORD, "params": []}])[0] if has_record else []
    for batch in plan_batches(migrations, [(row["id"], row["checksum"]) for row in rows]):
        client.query(batch)
    return {migration.id: migration.checksum for migration in migrations}


class D1SchemaProvider(dynamic.ResourceProvider):
    """Applies the migrations of the checkout, and refuses edited ones that were applied before."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Apply all pending migrations."""
        migrate(D1Client(props["account_id"], props["database_id"]))
        return dynamic.CreateResult(f"{props['database_id']}/schema", dict(props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Return whether migrations were added; raise RefusedMigrations, in preview too, if applied ones changed."""
        moved = olds["database_id"] != news["database_id"]
        if not moved:
            check_history(olds["migrations"], news["migrations"])
        changed = moved or olds["migrations"] != news["migrations"]
        return dynamic.DiffResult(changes=changed, replaces=["database_id"] if moved else [])

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Apply the added migrations."""
        migrate(D1Client(news["account_id"], news["database_id"]))
        return dynamic.UpdateResult(dict(news))


class D1Schema(dynamic.Resource, module="cloudflare", name="D1Schema"):
    """The tables of a database, created by the files in `schemas/mining/d1`."""

    database_id: pulumi.Output[str]
    migrations: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        *,
        account_id: str,
        database_id: pulumi.Input[str],
        migrations: dict[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare the migrations by checksum; the files themselves are read when they are applied."""
        props = {"account_id": account_id, "database_id": database_id, "migrations": migrations}
        super().__init__(D1SchemaProvider(), name, props, opts)
