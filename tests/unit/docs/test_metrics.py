"""The dashboard, the alert rules and the document know the metrics that there are, and no others."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fetcher.service.metrics import Metrics as ServiceMetrics
from processor.adapters.container.metrics import ENDINGS
from processor.adapters.container.metrics import Metrics as ProcessorMetrics
from tests.unit.docs.pages import CHECKOUT, bare, read_page, table

PAGE = read_page("docs/operations.md")
BOARD = CHECKOUT / "infra/monitoring/dashboard.json"
RULES = CHECKOUT / "infra/monitoring/alerts.yaml"
NAME = re.compile(r"\bleadminer_[a-z_]+")
PARTS = ("_bucket", "_count", "_sum")
"""What the samples of a histogram are called besides its own name."""


def named(registry: CollectorRegistry) -> set[str]:
    """Return the names of a registry's metrics, as queries write them."""
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in registry.collect()}


KNOWN = {"service": named(ServiceMetrics().registry), "processor": named(ProcessorMetrics().registry)}
ALL = KNOWN["service"] | KNOWN["processor"]


def asked(text: str) -> set[str]:
    """Return the metrics that a text names, a histogram by its own name."""
    return {
        next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name) for name in NAME.findall(text)
    }


def expressions() -> Iterator[str]:
    """Yield the queries of the dashboard's panels."""
    board: dict[str, Any] = json.loads(BOARD.read_text("utf-8"))
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])


def rules() -> dict[str, str]:
    """Return the alert rules by name, with their text."""
    parts = re.split(r"^ +- alert: (\w+)$", RULES.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_metric_is_explained() -> None:
    """The table has each metric once, and says who has it."""
    rows = [(bare(name), of) for name, of, _ in table(PAGE, "metric")]

    assert sorted(rows) == sorted((name, of) for of, names in KNOWN.items() for name in names)


def test_the_dashboard_shows_every_metric() -> None:
    """Each metric is on the dashboard, and each panel shows one that there is."""
    assert {name for expression in expressions() for name in asked(expression)} == ALL


def test_alerts_are_about_metrics_that_there_are() -> None:
    """Each rule asks for metrics that there are: one that asks for another name never fires."""
    asking = {rule: asked(text) for rule, text in rules().items()}

    assert len(asking) >= 5
    assert [rule for rule, names in asking.items() if not names or names - ALL] == []


def test_every_alert_is_explained() -> None:
    """The table of rules says what to do about each of them."""
    assert {bare(rule) for rule, _ in table(PAGE, "rule")} == set(rules())


@pytest.mark.parametrize("text", [PAGE, RULES.read_text("utf-8")], ids=["document", "rules"])
def test_states_are_those_of_the_code(text: str) -> None:
    """A rule about a state of ended minings names one that there is."""
    assert set(re.findall(r'minings_ended_total\{state="(\w+)"\}', text)) <= set(ENDINGS.values())


def test_a_wrong_name_is_noticed() -> None:
    """The check can fail: it finds a metric that does not exist."""
    assert asked("rate(leadminer_no_such_thing_total[5m])") - ALL == {"leadminer_no_such_thing_total"}
