"""Checks a Cloudflare account: whether the tokens are valid and have the permissions that the stack needs."""

import datetime
from collections.abc import Iterator, Mapping

from infra.cloudflare.schema import API, BASE_URL, TOKEN
from infra.config import Settings
from infra.preflight.findings import Finding
from infra.preflight.web import Answer, Unreachable, ask

PRODUCTS = {
    "d1/database": "D1: Edit",
    "r2/buckets": "Workers R2 Storage: Edit",
    "queues": "Queues: Edit",
    "workers/scripts": "Workers Scripts: Edit",
}
"""The permission for each product, by the API list that shows whether a token has it."""
WHERE = "in the dashboard under Manage Account, Account API Tokens"
MAX_SKEW_SECONDS = 300
"""R2 accepts signatures for 15 minutes (S3's limit)."""
R2_DISABLED, NO_ROUTE = 10042, (7000, 7003)


class Account:
    """One account, accessed with one token."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], token: str) -> None:
        """Use the API that the environment names, by default Cloudflare's own."""
        self._base = (environ.get(BASE_URL) or API).rstrip("/")
        self._id = settings["accountId"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, path: str) -> Answer:
        """Return the API's answer for a path; raise Unreachable."""
        return ask(f"{self._base}/{path}", self._headers)

    def of(self, path: str) -> Answer:
        """Return the API's answer for a path below the account; raise Unreachable."""
        return self.ask(f"accounts/{self._id}/{path}")

    def verify(self) -> Answer:
        """Return the answer to a check of the token, as a user's or as the account's own."""
        answer = self.ask("user/tokens/verify")
        return answer if answer.status == 200 else self.of("tokens/verify")

    def refusal(self, path: str, permission: str, *, whose: str) -> Finding | None:
        """Return why the token cannot read a list, or None if it can."""
        answer = self.of(path)
        if answer.status == 200:
            return None
        if answer.code() == R2_DISABLED:
            return Finding("R2 is not enabled in this account.", "Enable it in the dashboard under R2.")
        if answer.status in (401, 403):
            return Finding(f"{whose} cannot access {path}.", f"Give it the permission {permission}, {WHERE}.")
        if answer.status == 404 or answer.code() in NO_ROUTE:
            return Finding(
                f"{whose} cannot find the account {self._id}.",
                "Look up the account's id in the dashboard: pulumi config set leadminer:accountId 0123…",
            )
        return Finding(f"Cloudflare answered {answer.status} for {path}.", "Try again later.")


def check_account(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with the account and its tokens."""
    token = environ.get(TOKEN)
    if not token:
        yield Finding(f"{TOKEN} is not set.", f"Create a token with {', '.join(PRODUCTS.values())}, {WHERE}.")
        return
    account = Account(settings, environ, token)
    try:
        verified = account.verify()
        yield from _clock(verified.at)
        if verified.status != 200 or verified.body["result"]["status"] != "active":
            yield Finding(f"{TOKEN} is not valid.", f"Create a new one, {WHERE}.")
            return
        found = [account.refusal(path, needed, whose=TOKEN) for path, needed in PRODUCTS.items()]
        yield from dict.fromkeys(each for each in found if each)
        yield from _address(account, settings)
        yield from _fetcher_token(settings, environ)
    except Unreachable as why:
        yield Finding(f"Cannot reach Cloudflare's API: {why}", "Make sure this machine can reach it over HTTPS.")


def _clock(there: datetime.datetime | None) -> Iterator[Finding]:
    skew = abs((datetime.datetime.now(datetime.UTC) - there).total_seconds()) if there else 0
    if skew > MAX_SKEW_SECONDS:
        yield Finding(
            f"This machine's clock and Cloudflare's differ by {skew:.0f} seconds.",
            "Set this machine's clock with NTP (`timedatectl set-ntp true`): certificates and signatures depend on it.",
        )


def _address(account: Account, settings: Settings) -> Iterator[Finding]:
    """Check the host name of the Worker."""
    if settings["domain"]:
        answer = account.ask(f"zones/{settings['zoneId']}")
        name = answer.body["result"]["name"] if answer.status == 200 else ""
        if not name:
            yield Finding(
                f"{TOKEN} cannot access the zone {settings['zoneId']}.",
                f"Give it Zone: Read and Workers Routes: Edit on the zone of {settings['domain']}, {WHERE}.",
            )
        elif settings["domain"] != name and not settings["domain"].endswith(f".{name}"):
            yield Finding(
                f"leadminer:domain is {settings['domain']}, but leadminer:zoneId is the zone of {name}.",
                f"Choose a name in that zone: pulumi config set leadminer:domain processor.{name}",
            )
        return
    answer = account.of("workers/subdomain")
    name = answer.body["result"]["subdomain"] if answer.status == 200 else ""
    if name and settings["workersSubdomain"] and name != settings["workersSubdomain"]:
        yield Finding(
            f"leadminer:workersSubdomain is {settings['workersSubdomain']}, but the account's subdomain is {name}.",
            f"pulumi config set leadminer:workersSubdomain {name}",
        )


def _fetcher_token(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    token = settings.secrets.get("fetcherApiToken")
    if settings["fetcher"] == "host" and token and token != environ.get(TOKEN):
        refused = Account(settings, environ, str(token)).refusal("queues", "Queues: Edit", whose="fetcherApiToken")
        if refused:
            yield refused
