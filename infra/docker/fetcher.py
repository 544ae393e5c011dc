"""The fetcher as a service: `leadminer serve`, on the only published port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, secret, text
from infra.config import Settings
from infra.docker.container import Service, declare_container, folder_in_memory
from infra.docker.processors import HEALTH, STOP_SECONDS, USER
from infra.docker.sizes import Size
from infra.passwords import declare_password
from infra.protection import inside

PORT = 8090


EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (what the operator may have set)


@dataclass(frozen=True, slots=True)
class Published:
    """The address and port of the service on its host, and whom its doors are for."""

    address: str
    port: int
    doors: tuple[Binding, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Published":
        """Read the settings. Published on all addresses, the service has no URL of its own unless one is set."""
        published = cls(settings["publishAddress"], int(settings["publishPort"]))
        given = {
            "SERVE_URL": settings["serveUrl"] or ("" if published.address in EVERYWHERE else published.url),
            "SERVE_ORIGINS": settings["serveOrigins"],
            "SERVE_ALLOW_HOSTS": settings["serveAllowHosts"],
        }
        return replace(published, doors=tuple(text(name, value) for name, value in given.items() if value))

    @property
    def url(self) -> str:
        """The service's URL for callers on the host."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"


class Fetcher(pulumi.ComponentResource):
    """One container. It holds no data."""

    def __init__(
        self,
        name: str,
        image: pulumi.Input[str],
        network: docker.Network,
        size: Size,
        bindings: Sequence[Binding],
        published: Published,
        *,
        parent: pulumi.Resource,
        volumes: Mapping[str, pulumi.Input[str]] | None = None,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Declare the container under this name; `bindings` say where the store, the queue and the processor are."""
        super().__init__("leadminer:docker:Fetcher", "fetcher", None, inside(parent))
        self.token = declare_password("serve-token", parent=self)
        self.url = published.url
        own = [
            secret("SERVE_TOKEN", self.token),
            text("SERVE_LISTEN", f"0.0.0.0:{PORT}"),
            text("SERVE_MININGS", str(size.minings)),
            text("LEADMINER_HOME", "/tmp/leadminer"),  # noqa: S108 (a folder in memory, only for locks)
            *published.doors,
        ]
        service = Service(
            name=name,
            image=image,
            user=USER,
            limits=size.fetcher,
            bindings=[*bindings, *own],
            health=["CMD", "python", "-c", HEALTH.format(port=PORT)],
            alias="fetcher",
            volumes=volumes or {},
            writable={"/tmp": folder_in_memory(64)},  # noqa: S108 (a folder in memory)
            ports=[docker.ContainerPortArgs(internal=PORT, external=published.port, ip=published.address)],
            stop_seconds=STOP_SECONDS,
        )
        self.container = declare_container("server", service, network, parent=self, after=after)
        self.register_outputs({"url": self.url})
