"""The processor as a Worker: its modules, bindings, cron trigger and URL."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_cloudflare as cloudflare

from infra.bindings import Binding
from infra.bundle import Bundle
from infra.cloudflare.modules import content, main_module, other_modules
from infra.cloudflare.place import Place
from infra.config import Settings
from infra.protection import inside
from infra.worker import COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, CPU_MS, CRON

if TYPE_CHECKING:
    from pulumi_cloudflare import WorkersScriptBindingArgsDict


class Processor(pulumi.ComponentResource):
    """A Worker made from a bundle."""

    def __init__(
        self,
        name: str,
        place: Place,
        bundle: Bundle,
        bindings: Sequence[Binding],
        settings: Settings,
        *,
        parent: pulumi.Resource,
    ) -> None:
        """Declare the Worker under this name."""
        super().__init__("leadminer:cloudflare:Processor", "processor", None, inside(parent))
        self._account_id = place.account_id
        self.script = self._declare_script(name, bundle, bindings)
        self.cron = cloudflare.WorkersCronTrigger(
            "cron",
            account_id=place.account_id,
            script_name=self.script.script_name,
            schedules=[cloudflare.WorkersCronTriggerScheduleArgs(cron=CRON)],
            opts=inside(self),
        )
        domain = settings["domain"]
        self.subdomain = cloudflare.WorkersScriptSubdomain(
            "subdomain",
            account_id=place.account_id,
            script_name=self.script.script_name,
            enabled=not domain,
            previews_enabled=False,
            opts=inside(self),
        )
        self.domain = self._declare_domain(domain, settings["zoneId"]) if domain else None
        self.url = f"https://{domain}" if domain else f"https://{name}.{settings['workersSubdomain']}.workers.dev"
        self.register_outputs({"url": self.url})

    def _declare_script(self, name: str, bundle: Bundle, bindings: Sequence[Binding]) -> cloudflare.WorkersScript:
        main = main_module(bundle)
        fields = [binding.for_worker() for binding in sorted(bindings, key=lambda binding: binding.name)]
        return cloudflare.WorkersScript(
            "script",
            account_id=self._account_id,
            script_name=name,
            main_module=main,
            content=content(bundle[main]),
            content_type=bundle[main].content_type,
            files=other_modules(bundle),
            compatibility_date=COMPATIBILITY_DATE,
            compatibility_flags=list(COMPATIBILITY_FLAGS),
            bindings=cast("list[WorkersScriptBindingArgsDict]", fields),
            limits=cloudflare.WorkersScriptLimitsArgs(cpu_ms=CPU_MS),
            # Run next to what a request asks most, which is D1, and not next to the caller.
            placement=cloudflare.WorkersScriptPlacementArgs(mode="smart"),
            observability=cloudflare.WorkersScriptObservabilityArgs(
                enabled=True,
                head_sampling_rate=1,
                # Only our own log lines: invocation logs have the request's path, which names the user.
                logs=cloudflare.WorkersScriptObservabilityLogsArgs(
                    enabled=True, invocation_logs=False, head_sampling_rate=1, persist=True
                ),
            ),
            opts=inside(self),
        )

    def _declare_domain(self, domain: str, zone_id: str) -> cloudflare.WorkersCustomDomain:
        return cloudflare.WorkersCustomDomain(
            "domain",
            account_id=self._account_id,
            hostname=domain,
            service=self.script.script_name,
            zone_id=zone_id,
            opts=inside(self),
        )
