"""A stack on one server as it was deployed: its containers, by the names that its outputs tell."""

from dataclasses import dataclass

from infra.commands import CommandFailed, Docker, Pulumi
from infra.docker.backup import PATH
from infra.naming import DockerNames


class Refused(Exception):
    """What was asked for is not done; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The engine, the names on it, and the containers that use the databases."""

    pulumi: Pulumi
    docker: Docker
    names: DockerNames
    services: tuple[str, ...]

    @classmethod
    def of(cls, stack: str) -> "Deployment":
        """Read a stack's outputs; raise Refused where it is not up, or of another kind."""
        pulumi = Pulumi(stack)
        try:
            outputs = pulumi.outputs()
            names = DockerNames(outputs["prefix"])
            services = (outputs["fetcher"], *outputs["processors"])
            return cls(pulumi, Docker(outputs["dockerHost"]), names, services)
        except CommandFailed as failed:
            raise Refused(f"The stack {stack} cannot be read: {failed}") from None
        except KeyError as missing:
            raise Refused(
                f"The stack {stack} has no output {missing}: it is not up, or not on one server. Run `pulumi up` first."
            ) from None

    @property
    def postgres(self) -> str:
        """The container of the database server."""
        return self.names.container("postgres")

    @property
    def backup(self) -> str:
        """The container that dumps."""
        return self.names.container("backup")

    def script(self, *words: str, container: str = "") -> str:
        """Run a command of the script in the container that dumps, or in another that has it."""
        return self.docker("exec", container or self.backup, "bash", PATH, *words)

    def stop_services(self) -> None:
        """Stop what uses the databases, each in its time: a job at hand is finished first."""
        self.docker("stop", *self.services)

    def start_services(self) -> None:
        """Start it again, the processors first; what runs already is left alone."""
        self.docker("start", *reversed(self.services))
