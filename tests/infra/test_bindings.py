"""A binding works for a Worker and for a container's environment."""

import pytest

from infra.bindings import Binding, Kind, text


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Kind.TEXT, {"type": "plain_text", "text": "x"}),
        (Kind.SECRET, {"type": "secret_text", "text": "x"}),
        (Kind.D1, {"type": "d1", "id": "x"}),
        (Kind.R2, {"type": "r2_bucket", "bucket_name": "x"}),
        (Kind.QUEUE, {"type": "queue", "queue_name": "x"}),
    ],
)
def test_each_kind_has_its_field(kind: Kind, fields: dict[str, str]) -> None:
    """Each kind of binding has the type and the field that Cloudflare expects."""
    assert Binding("NAME", kind, "x").for_worker() == {"name": "NAME", **fields}


def test_a_jurisdiction_stands_beside_the_bucket() -> None:
    """A bucket's binding has its jurisdiction, without which it is not found."""
    binding = Binding("NAME", Kind.R2, "x", "eu")

    assert binding.for_worker()["jurisdiction"] == "eu"


def test_what_is_no_secret_is_bound_as_it_is() -> None:
    """A plain text is not wrapped as a secret."""
    assert text("NAME", "x") == Binding("NAME", Kind.TEXT, "x")
