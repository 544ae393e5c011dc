"""Where on Cloudflare the resources are."""

from dataclasses import dataclass

from infra.config import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """An account, and where it keeps data: a jurisdiction (`default` for none), and a location hint or None."""

    account_id: str
    jurisdiction: str
    location: str | None

    @classmethod
    def of(cls, settings: Settings) -> "Place":
        """Return the place that the settings name."""
        return cls(settings["accountId"], settings["jurisdiction"], settings["location"] or None)

    @property
    def restricted(self) -> str | None:
        """The jurisdiction as D1 and Queues want it: None for `default`."""
        return None if self.jurisdiction == "default" else self.jurisdiction

    @property
    def r2_endpoint(self) -> str | None:
        """The S3 endpoint for buckets in a jurisdiction, which differs from the account's; None for `default`."""
        if self.restricted is None:
            return None
        return f"https://{self.account_id}.{self.restricted}.r2.cloudflarestorage.com"
