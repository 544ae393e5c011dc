"""Resource names, and the suffix that the Worker relies on."""

import ast

from infra.naming import CloudflareNames, DockerNames
from tests.support.stacks import CHECKOUT


def test_names_of_an_environment_end_with_it() -> None:
    """Names end with the environment, except that of the dead-letter queue."""
    names = CloudflareNames("prod")

    assert (names.worker, names.database) == ("mining-workers-prod", "mining-temp-prod")
    assert (names.bucket, names.queue) == ("mining-emails-prod", "mining-queue-prod")
    assert names.dead_queue == "mining-queue-prod-dead"


def test_the_worker_knows_the_dead_letter_queue_by_its_ending() -> None:
    """The suffix in the Worker's code, which is parsed, matches the queue's name."""
    source = (CHECKOUT / "services" / "processor" / "entry_worker.py").read_text("utf-8")
    (ending,) = [
        str(node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "DEAD_QUEUE_SUFFIX"
        and isinstance(node.value, ast.Constant)
    ]

    names = CloudflareNames("staging")

    assert names.dead_queue == f"{names.queue}{ending}"


def test_two_stacks_on_one_server_share_no_name() -> None:
    """Every name starts with the stack's prefix."""
    names = DockerNames("second")

    assert names.network == "second"
    assert names.container("redis") == "second-redis"
    assert names.container("processor", 2) == "second-processor-2"
    assert names.volume("raw") == "second-raw"
