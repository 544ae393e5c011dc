"""Options of resources: made anew for each, since what is merged into children leaks aliases and protection."""

from collections.abc import Sequence

import pulumi


def inside(parent: pulumi.Resource, *, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
    """Return the options of a resource that can be made again."""
    return pulumi.ResourceOptions(parent=parent, depends_on=list(after))


def replaced_in_place(parent: pulumi.Resource, *, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
    """Return the options of a resource whose name can be given once: it is deleted before its successor is created."""
    return pulumi.ResourceOptions(parent=parent, depends_on=list(after), delete_before_replace=True)


def kept(parent: pulumi.Resource, *, protected: bool) -> pulumi.ResourceOptions:
    """Return the options of a resource that holds data.

    A protected one is neither deleted nor replaced, and stays where it is even when the stack goes. To lift this:
    `pulumi config set leadminer:protectData false`, `pulumi up`, and only then what would have been refused.
    """
    return pulumi.ResourceOptions(parent=parent, protect=protected, retain_on_delete=protected)
