"""The database for the temporary tables, with its migrations."""

import pulumi
import pulumi_cloudflare as cloudflare

from infra.bindings import Binding, Kind
from infra.cloudflare.place import Place
from infra.cloudflare.schema import D1Schema
from infra.migrations import describe, read_d1_migrations
from infra.protection import inside, kept
from infra.worker import DATABASE


class MiningDatabase(pulumi.ComponentResource):
    """D1 and its tables."""

    def __init__(self, name: str, place: Place, *, protected: bool, parent: pulumi.Resource) -> None:
        """Declare the database under this name, and its tables."""
        super().__init__("leadminer:cloudflare:MiningDatabase", "mining-database", None, inside(parent))
        self.database = cloudflare.D1Database(
            "database",
            account_id=place.account_id,
            name=name,
            jurisdiction=place.restricted,
            primary_location_hint=None if place.restricted else place.location,
            # Without this, the provider sends null, which the API refuses (terraform-provider-cloudflare #6309).
            read_replication=cloudflare.D1DatabaseReadReplicationArgs(mode="disabled"),
            opts=kept(self, protected=protected),
        )
        self.schema = D1Schema(
            "schema",
            account_id=place.account_id,
            database_id=self.database.uuid,
            migrations=describe(read_d1_migrations()),
            # Migrations cannot be undone, so there is nothing to delete: the tables go with the database.
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self.database),
        )
        self.register_outputs({"id": self.database.uuid})

    def binding(self) -> Binding:
        """Return the binding of the database, available once its tables exist."""
        return Binding(DATABASE, Kind.D1, self.schema.database_id)
