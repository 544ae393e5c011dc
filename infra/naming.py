"""The names of all resources."""

from dataclasses import dataclass

ENVIRONMENTS = ("prod", "staging")


@dataclass(frozen=True, slots=True)
class CloudflareNames:
    """The names in a Cloudflare account; `environment` is one of ENVIRONMENTS."""

    environment: str

    @property
    def worker(self) -> str:
        """The Worker that runs the processor."""
        return f"mining-workers-{self.environment}"

    @property
    def database(self) -> str:
        """The D1 database for the temporary tables."""
        return f"mining-temp-{self.environment}"

    @property
    def bucket(self) -> str:
        """The R2 bucket for raw mail."""
        return f"mining-emails-{self.environment}"

    @property
    def queue(self) -> str:
        """The job queue."""
        return f"mining-queue-{self.environment}"

    @property
    def dead_queue(self) -> str:
        """The dead-letter queue; the Worker recognizes it by this suffix."""
        return f"{self.queue}-dead"

    @property
    def fetcher(self) -> str:
        """The fetcher's container, wherever it runs."""
        return f"mining-fetcher-{self.environment}"


@dataclass(frozen=True, slots=True)
class DockerNames:
    """The names on one server; the prefix keeps two stacks on it apart."""

    prefix: str

    @property
    def network(self) -> str:
        """The network of all containers."""
        return self.prefix

    def container(self, service: str, number: int | None = None) -> str:
        """Return the name of a service's container; `number` is that of a replica, counted from 1."""
        return f"{self.prefix}-{service}" if number is None else f"{self.prefix}-{service}-{number}"

    def volume(self, holding: str) -> str:
        """Return the name of the volume that holds something."""
        return f"{self.prefix}-{holding}"
