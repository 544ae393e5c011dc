"""A deployed stack on one server: its engine and containers, as its outputs name them."""

from dataclasses import dataclass

from infra.commands import CommandFailed, Docker, Pulumi
from infra.docker.backup import PATH
from infra.naming import DockerNames


class Refused(Exception):
    """The command was not carried out; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The engine, the names on it, and the containers that use the databases."""

    pulumi: Pulumi
    docker: Docker
    names: DockerNames
    services: tuple[str, ...]

    @classmethod
    def of(cls, stack: str) -> "Deployment":
        """Read a stack's outputs; raise Refused if it is not deployed, or not on one server."""
        pulumi = Pulumi(stack)
        try:
            outputs = pulumi.outputs()
            names = DockerNames(outputs["prefix"])
            services = (outputs["fetcher"], *outputs["processors"])
            return cls(pulumi, Docker(outputs["dockerHost"]), names, services)
        except CommandFailed as failed:
            raise Refused(f"Cannot read the stack {stack}: {failed}") from None
        except KeyError as missing:
            raise Refused(
                f"The stack {stack} has no output {missing}: it is not deployed yet, or is not on one server. "
                f"Run `make deploy STACK={stack}` first."
            ) from None

    @property
    def postgres(self) -> str:
        """The container of the database server."""
        return self.names.container("postgres")

    @property
    def backup(self) -> str:
        """The container that makes the dumps."""
        return self.names.container("backup")

    def script(self, *words: str, container: str = "") -> str:
        """Run a command of backup.sh in the backup container, or in another one that has the script."""
        return self.docker("exec", container or self.backup, "bash", PATH, *words)

    def stop_services(self) -> None:
        """Stop the services that use the databases; each finishes its current job first."""
        self.docker("stop", *self.services)

    def start_services(self) -> None:
        """Start the services again, processors first; a running service is left alone."""
        self.docker("start", *reversed(self.services))
