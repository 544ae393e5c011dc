"""What the resources are called, in one place."""

from dataclasses import dataclass

ENVIRONMENTS = ("prod", "staging")


@dataclass(frozen=True, slots=True)
class CloudflareNames:
    """The names in an account; `environment` is one of ENVIRONMENTS."""

    environment: str

    @property
    def worker(self) -> str:
        """The Worker that processes."""
        return f"mining-workers-{self.environment}"

    @property
    def database(self) -> str:
        """The D1 database of the temporary tables."""
        return f"mining-temp-{self.environment}"

    @property
    def bucket(self) -> str:
        """The R2 bucket of raw mail."""
        return f"mining-emails-{self.environment}"

    @property
    def queue(self) -> str:
        """The queue of jobs."""
        return f"mining-queue-{self.environment}"

    @property
    def dead_queue(self) -> str:
        """The dead-letter queue; the Worker knows it by this ending."""
        return f"{self.queue}-dead"

    @property
    def fetcher(self) -> str:
        """The fetcher's container, wherever it runs."""
        return f"mining-fetcher-{self.environment}"


@dataclass(frozen=True, slots=True)
class DockerNames:
    """The names on one server; the prefix keeps two stacks apart there."""

    prefix: str

    @property
    def network(self) -> str:
        """The network of all containers."""
        return self.prefix

    def container(self, service: str, number: int | None = None) -> str:
        """Return a service's container, or that of one of its replicas, counted from 1."""
        return f"{self.prefix}-{service}" if number is None else f"{self.prefix}-{service}-{number}"

    def volume(self, holding: str) -> str:
        """Return the volume that holds something."""
        return f"{self.prefix}-{holding}"
