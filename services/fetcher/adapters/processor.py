"""The client for the processor's HTTP API, used by the fetcher and the command line."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from fetcher.contacts.selection import Selection
from fetcher.ports import (
    Conflict,
    Denied,
    Invalid,
    LeaseLost,
    NotFound,
    Trouble,
    Unavailable,
)
from schemas.minings import Beginning, Begun, Status

Fields = dict[str, Any]
T = TypeVar("T")
EVERYONE = Selection()

logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs every URL, and our URLs contain user names


class ProcessorClient:
    """Talks to one processor, or to the load balancer in front of several. Safe to share between threads.

    Every call raises Unavailable, Denied, Invalid, NotFound or Conflict as described in `fetcher.ports`. If the
    processor sent an error sentence, it becomes the text of the error.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Use the API at `url`; pass a `transport` for an API that is not reached over TCP.

        TLS is verified against certifi's authorities, or against those in the file SSL_CERT_FILE, as in other
        programs. No other environment variable, such as a proxy's, can send the token elsewhere.
        """
        self._url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout_seconds, connect=min(10.0, timeout_seconds)),
            transport=transport,
            verify=httpx.create_ssl_context() if self._url.startswith("https:") else False,  # slow, and without use
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ready(self) -> Fields:
        """Return the processor's version, if its databases answer."""
        return self._call("GET", "/ready")

    def begin(self, user: str, *, asked: Beginning) -> Begun:
        """Start or resume a mining; raise Conflict with the code `fixed`, `held` or `many`."""
        return self._read(Begun.from_json, self._call("POST", f"{_user(user)}/minings", asdict(asked)))

    def renew(self, user: str, *, mining: str, lease: int) -> Status:
        """Renew the lease; raise LeaseLost if a newer one has been issued."""
        return self._read(Status.from_json, self._call("POST", f"{_mining(user, mining)}/renew", {"lease": lease}))

    def fetched(
        self, user: str, *, mining: str, lease: int, skipped: Mapping[str, int], failed: Mapping[str, int]
    ) -> Status:
        """Report that fetching has ended and what was left out; raise LeaseLost."""
        body = {"lease": lease, "skipped": dict(skipped), "failed": dict(failed)}
        return self._read(Status.from_json, self._call("POST", f"{_mining(user, mining)}/fetched", body))

    def status(self, user: str, *, mining: str) -> Status:
        """Return the mining's progress."""
        return self._read(Status.from_json, self.status_fields(user, mining=mining))

    def status_fields(self, user: str, *, mining: str) -> Fields:
        """Return the mining's progress as the API's JSON fields."""
        return self._call("GET", _mining(user, mining))

    def minings(self, user: str) -> list[Fields]:
        """Return the status of the user's minings, unfinished ones first, then newest first."""
        return self._read(_minings, self._call("GET", f"{_user(user)}/minings"))

    def report(self, user: str, *, mining: str) -> Fields:
        """Return a mining's ledger, whether it balances, and its receipt."""
        return self._call("GET", f"{_mining(user, mining)}/report")

    def cancel(self, user: str, *, mining: str, discard: bool = False) -> Fields:
        """Stop fetching for a mining; what is already stored is still processed and refined, unless discarded."""
        return self._call("POST", f"{_mining(user, mining)}/cancel", {"discard": True} if discard else None)

    def retry(self, user: str, *, mining: str) -> int:
        """Queue a mining's dead segments again and return how many; raise Conflict with the code `refining`."""
        return self._read(_retried, self._call("POST", f"{_mining(user, mining)}/retry"))

    def contacts(
        self, user: str, *, selection: Selection = EVERYONE, after: str | None = None, limit: int = 500
    ) -> tuple[list[Fields], str | None]:
        """Return a page of the selected contacts and the cursor of the next page; read until a page is empty."""
        asked = {**selection.filters(), "order": str(selection.order), "limit": str(limit)}
        query = httpx.QueryParams(asked if after is None else {**asked, "after": after})
        return self._read(_page, self._call("GET", f"{_user(user)}/contacts?{query}"))

    def total(self, user: str, *, selection: Selection = EVERYONE) -> int:
        """Return how many contacts the user has, or how many of them are selected."""
        return self._read(_total, self._call("GET", f"{_user(user)}/total?{httpx.QueryParams(selection.filters())}"))

    def contact(self, user: str, *, address: str) -> Fields:
        """Return everything that is known about one contact, and why it is one; raise NotFound."""
        return self._call("GET", f"{_user(user)}/contacts/{quote(address, safe='')}")

    def address(self, user: str, *, address: str) -> Fields:
        """Return whether the address is a `contact`, and whether it is `suppressed`."""
        return self._call("GET", f"{_user(user)}/address?{httpx.QueryParams({'address': address})}")

    def suppressions(self, user: str) -> list[str]:
        """Return the hashes of the addresses that were erased and must not come back."""
        return self._read(_suppressions, self._call("GET", f"{_user(user)}/suppressions"))

    def allow(self, user: str, *, address: str) -> bool:
        """Let an erased address become a contact again; return whether it was suppressed."""
        return self._read(_allowed, self._call("POST", f"{_user(user)}/allow", {"address": address}))

    def erase(self, user: str, *, address: str | None = None) -> Fields:
        """Erase one contact, or all of the user's data, and return the receipt."""
        return self._call("POST", f"{_user(user)}/erase", {"address": address})

    def _call(self, method: str, path: str, body: Fields | None = None) -> Fields:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError:
            raise Unavailable(
                f"The processor at {self._url} does not answer: start it or correct PROCESSOR_URL."
            ) from None
        fields = _fields(answer)
        if answer.is_success and fields is not None:
            return fields
        raise self._trouble(answer.status_code, fields or {})

    def _read(self, read: Callable[[Fields], T], fields: Fields) -> T:
        """Return the parsed fields; raise NotFound if another JSON service is at that address."""
        try:
            return read(fields)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise NotFound(f"The service at {self._url} is not a processor: correct PROCESSOR_URL.") from None

    def _trouble(self, status: int, fields: Fields) -> Trouble:
        sentence, code = str(fields.get("error", "")), str(fields.get("code", ""))
        match status:
            case 400 | 422:
                return Invalid(sentence or f"The processor at {self._url} rejects the request as malformed.")
            case 401 | 403:
                return Denied(sentence or f"The processor at {self._url} refuses the token: correct PROCESSOR_TOKEN.")
            case 404 if code:
                return NotFound(sentence)
            case 409 if code == "lease":
                return LeaseLost(sentence or "Another fetcher has taken over this mining.", code)
            case 409 if code == "again":
                return Unavailable(sentence)
            case 409:
                return Conflict(sentence or f"The processor at {self._url} answers 409: check its log.", code)
            case 429 | 500 | 502 | 503 | 504:
                return Unavailable(sentence or f"The processor at {self._url} answers {status}: check its log.")
            case _:
                return NotFound(
                    f"The service at {self._url} answers {status} and is not a processor: correct PROCESSOR_URL."
                )


def _user(user: str) -> str:
    return f"/users/{quote(user, safe='')}"


def _mining(user: str, mining: str) -> str:
    return f"{_user(user)}/minings/{quote(mining, safe='')}"


def _fields(answer: httpx.Response) -> Fields | None:
    try:
        fields = answer.json()
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _minings(fields: Fields) -> list[Fields]:
    found: list[Fields] = fields["minings"]
    return found


def _retried(fields: Fields) -> int:
    return int(fields["retried"])


def _total(fields: Fields) -> int:
    return int(fields["contacts"])


def _suppressions(fields: Fields) -> list[str]:
    return list(fields["suppressions"])


def _allowed(fields: Fields) -> bool:
    return bool(fields["allowed"])


def _page(fields: Fields) -> tuple[list[Fields], str | None]:
    return fields["contacts"], fields["after"]
