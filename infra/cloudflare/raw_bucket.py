"""The bucket for raw mail, with a lifecycle rule that deletes whatever a mining failed to delete."""

import pulumi
import pulumi_cloudflare as cloudflare

from infra.bindings import Binding, Kind
from infra.cloudflare.place import Place
from infra.protection import inside, kept
from infra.worker import BUCKET, LONG_STOP_SECONDS


class RawBucket(pulumi.ComponentResource):
    """R2 for raw mail."""

    def __init__(self, name: str, place: Place, *, protected: bool, parent: pulumi.Resource) -> None:
        """Declare the bucket under this name, and its lifecycle rule."""
        super().__init__("leadminer:cloudflare:RawBucket", "raw-bucket", None, inside(parent))
        self._jurisdiction = place.jurisdiction
        self.bucket = cloudflare.R2Bucket(
            "bucket",
            account_id=place.account_id,
            name=name,
            jurisdiction=place.jurisdiction,
            location=place.location,
            storage_class="Standard",
            opts=kept(self, protected=protected),
        )
        self.lifecycle = cloudflare.R2BucketLifecycle(
            "lifecycle",
            account_id=place.account_id,
            bucket_name=self.bucket.name,
            jurisdiction=place.jurisdiction,
            rules=[_long_stop()],
            opts=inside(self),
        )
        self.register_outputs({"name": self.bucket.name})

    def binding(self) -> Binding:
        """Return the binding of the bucket."""
        restricted = self._jurisdiction if self._jurisdiction != "default" else None
        return Binding(BUCKET, Kind.R2, self.bucket.name, restricted)


def _long_stop() -> cloudflare.R2BucketLifecycleRuleArgs:
    return cloudflare.R2BucketLifecycleRuleArgs(
        id="long-stop",
        enabled=True,
        conditions=cloudflare.R2BucketLifecycleRuleConditionsArgs(prefix=""),
        delete_objects_transition=cloudflare.R2BucketLifecycleRuleDeleteObjectsTransitionArgs(
            condition=cloudflare.R2BucketLifecycleRuleDeleteObjectsTransitionConditionArgs(
                type="Age", max_age=LONG_STOP_SECONDS
            )
        ),
    )
