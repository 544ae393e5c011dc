"""Resource options: created for each resource, since options merged into children leak aliases and protection."""

from collections.abc import Sequence

import pulumi


def inside(parent: pulumi.Resource, *, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
    """Return the options of a resource that can be recreated."""
    return pulumi.ResourceOptions(parent=parent, depends_on=list(after))


def replaced_in_place(parent: pulumi.Resource, *, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
    """Return the options of a resource whose name can be given once: it is deleted before its successor is created."""
    return pulumi.ResourceOptions(parent=parent, depends_on=list(after), delete_before_replace=True)


def kept(parent: pulumi.Resource, *, protected: bool) -> pulumi.ResourceOptions:
    """Return the options of a resource that holds data.

    A protected resource is neither deleted nor replaced, and stays even if the stack is destroyed. To lift the
    protection, run `pulumi config set leadminer:protectData false` and `pulumi up` first.
    """
    return pulumi.ResourceOptions(parent=parent, protect=protected, retain_on_delete=protected)
