"""A Cloudflare account on this machine that holds what it is told of, and runs it: nothing else is known to it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import trustme

from infra.worker import COMPATIBILITY_DATE
from tests.support.cloudflare.node import LocalError, NodeScript
from tests.support.cloudflare.packages import Pieces

ASK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may do what in the account; those of no other."""

    account: str = "0123456789abcdef0123456789abcdef"
    subdomain: str = "an-account-of-tests"
    """At workers.dev."""
    token: str = field(default="a-token-of-tests-that-deploys", repr=False)
    queue_token: str = field(default="a-token-of-tests-for-queues", repr=False)
    """Good for Queues alone, as a fetcher is given it."""
    access_key: str = field(default="an-access-key-of-tests", repr=False)
    secret: str = field(default="a-secret-of-tests", repr=False)


class CloudflareAccount:
    """One account, empty at first; use it as a context manager.

    Its API, and what tests ask, is HTTP on loopback; the names that the rest of the world calls (`hosts`) are answered
    in TLS on `port`, under the certificate of `authority`.
    """

    def __init__(self, pieces: Pieces, *workers: str) -> None:
        self.credentials = Credentials()
        account, subdomain = self.credentials.account, self.credentials.subdomain
        self.hosts = [
            "api.cloudflare.com",
            *(f"{account}.{place}r2.cloudflarestorage.com" for place in ("", "eu.")),
            *(f"{worker}.{subdomain}.workers.dev" for worker in workers),
        ]
        self.authority = trustme.CA()
        self.port = 0
        self._pieces = pieces
        self._script = NodeScript(pieces.node, "account.mjs")
        self._client = httpx.Client(headers={"authorization": f"Bearer {self.credentials.token}"}, timeout=ASK_SECONDS)

    def __enter__(self) -> Self:
        with tempfile.TemporaryDirectory(prefix="lm-cf-") as folder:
            ports = self._script.start(self._settings(Path(folder)))
        self.url = f"http://127.0.0.1:{ports['inside']}"
        self.port = ports["outside"]
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._script.close()

    @property
    def variables(self) -> dict[str, str]:
        """What the environment of Pulumi has to say."""
        return {"CLOUDFLARE_API_TOKEN": self.credentials.token, "CLOUDFLARE_BASE_URL": f"{self.url}/client/v4"}

    @property
    def log(self) -> str:
        """Return what the Workers have printed."""
        return self._script.log

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return what is declared of a kind, by id."""
        found: dict[str, dict[str, Any]] = self._ask(f"/resources/{kind}")
        return found

    def objects(self, bucket: str) -> list[str]:
        """Return the keys of the objects of a bucket."""
        keys: list[str] = self._ask(f"/objects/{bucket}")
        return keys

    def deployments(self) -> int:
        """Return how many times workerd was made anew."""
        return int(self._ask("/deployments"))

    def run_crons(self) -> None:
        """Run each declared cron once; raise LocalError where one fails, or where there is none."""
        ran = self._ask("/crons")
        if not ran or any(each["outcome"] != "ok" for each in ran):
            raise LocalError(f"the crons ended so: {ran}")

    def query(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Return the rows of one statement, asked of the account's one database as anyone with the token may."""
        [database] = self.resources("databases")
        path = f"/client/v4/accounts/{self.credentials.account}/d1/database/{database}/query"
        answer = self._client.post(f"{self.url}{path}", json={"sql": sql, "params": list(params)})
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["result"][0]["results"]
        return rows

    def _ask(self, path: str) -> Any:
        answer = self._client.get(f"{self.url}{path}").json()
        if "error" in answer:
            raise LocalError(answer["error"])
        return answer["result"]

    def _settings(self, folder: Path) -> Mapping[str, Any]:
        certificate = self.authority.issue_cert(*self.hosts)
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(folder / "certificate.pem", append=True)
        own = self.credentials
        return {
            "packages": str(self._pieces.packages),
            "runtime": str(self._pieces.runtime),
            "date": COMPATIBILITY_DATE,
            "token": own.token,
            "subdomain": own.subdomain,
            "account": {
                "account": own.account,
                "tokens": {own.token: ["d1", "queues", "r2", "workers"], own.queue_token: ["queues"]},
                "accessKey": own.access_key,
                "secret": own.secret,
            },
            "key": str(folder / "key.pem"),
            "certificate": str(folder / "certificate.pem"),
        }
