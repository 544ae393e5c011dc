"""A crowd costs the service little, and nobody misses the end; `make bench` has the full size."""

from bench import watchers

PER_WATCHER_BYTES = 100 * watchers.MIB // watchers.WATCHERS
"""A thousand of them must not take more than 100 MiB."""
SLACK_BYTES = 20 * watchers.MIB
"""What the first requests take, whatever their number: threads, caches, modules."""


def test_a_crowd_costs_little_and_sees_the_end() -> None:
    """Everyone who watches a mining sees its end, and each costs at most a thousandth of what a thousand may cost."""
    crowd = watchers.measure(watchers=200, waiting=40)

    assert crowd.ended == 200
    assert crowd.grown_bytes < 200 * PER_WATCHER_BYTES + SLACK_BYTES
