"""What is shipped for other programs asks for metrics, labels and fields that there are, and there is none that nobody looks at."""

from __future__ import annotations

import ast
import json
import logging
import re
from pathlib import Path

import pytest
import yaml

from aver.evidence.telemetry import INSTRUMENTS, LABELS
from aver.server import metrics
from aver.server.http import logs

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
GRAFANA = sorted((DEPLOY / "grafana").glob("*.json"))
RULES = yaml.safe_load((DEPLOY / "prometheus" / "aver.rules.yaml").read_text())
PARTS = ("_bucket", "_sum", "_count")
_METRIC = re.compile(r"(?<![\w$:\"])((?:aver|gen_ai)[_:][a-z0-9_:]+)(?:\{([^}]*)\})?")
_BY = re.compile(r"by \(([^)]*)\)")
_DATADOG = re.compile(r"(sum|count|p95):([a-z0-9_.]+)\{([^}]*)\}(?: by \{([^}]*)\})?(?:\.as_\w+\(\))?")
_OF_OTHERS = {"le", "job", "instance"}


def scraped() -> dict[str, set[str] | None]:
    """Every name on the page that Prometheus reads, with the labels that its series have; ``None`` where the page makes them up."""
    found: dict[str, set[str] | None] = {}
    for each in INSTRUMENTS.values():
        labels = {LABELS[name] for name in ("aver.tenant.name", *each.attributes)}
        parts = PARTS if each.kind == "histogram" else ("",)
        found |= {f"{each.prometheus}{part}": labels for part in parts}
    told = ast.parse(Path(metrics.__file__).read_text())
    named = [node.value for node in ast.walk(told) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {name: None for name in named if re.fullmatch(r"aver_[a-z_]+", name)} | found


def recorded() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}


def expressions() -> list[tuple[str, str]]:
    found = [
        (rule.get("record") or rule["alert"], rule["expr"]) for group in RULES["groups"] for rule in group["rules"]
    ]
    for path in GRAFANA:
        for panel in json.loads(path.read_text())["panels"]:
            found += [(f"{path.stem}: {panel['title']}", target["expr"]) for target in panel["targets"]]
    return found


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_every_name_and_label_exists(where, expression):
    known, rules = scraped(), recorded()
    asked = _METRIC.findall(expression)
    assert asked or expression.startswith("up"), where
    labels: set[str] | None = set()
    for name, matchers in asked:
        assert name in known or name in rules, f"{where}: {name}"
        if name in rules:
            by = _BY.findall(rules[name])
            has = {label.strip() for label in by[0].split(",")}
        else:
            has = known[name]
        matched = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert has is None or matched <= has | _OF_OTHERS, f"{where}: {name} {matched}"
        labels = None if has is None or labels is None else labels | has
    for by in _BY.findall(expression):
        wanted = {label.strip() for label in by.split(",")}
        assert labels is None or wanted <= labels | _OF_OTHERS, f"{where}: by {wanted}"


def test_every_measurement_is_looked_at():
    seen = {name for _, expression in expressions() for name, _ in _METRIC.findall(expression)}
    for each in INSTRUMENTS.values():
        parts = PARTS if each.kind == "histogram" else ("",)
        assert seen & {f"{each.prometheus}{part}" for part in parts}, each.name
        assert f'"{each.name}"' in json.dumps(_of_datadog()), each.name


def _of_datadog() -> list[str]:
    board = json.loads((DEPLOY / "datadog" / "aver.json").read_text())
    asked = [
        query["query"]
        for each in board["widgets"]
        for part in each["definition"]["requests"]
        for query in part["queries"]
    ]
    found = []
    for query in asked:
        way, name, filters, by = _DATADOG.fullmatch(query).groups()
        instrument = INSTRUMENTS[name]
        assert instrument.kind == "histogram" or way == "sum", query
        attributes = {each.lstrip("!").partition(":")[0] for each in filters.split(",") if not each.startswith("$")}
        attributes |= set(by.split(",")) if by else set()
        assert attributes <= set(instrument.attributes), query
        if "$feature" in filters:
            assert "aver.feature.name" in instrument.attributes, query
        found.append(name)
    return found


def test_datadog_asks_for_what_is_sent():
    assert set(_of_datadog()) == set(INSTRUMENTS)
    board = json.loads((DEPLOY / "datadog" / "aver.json").read_text())
    assert {each["prefix"] for each in board["template_variables"]} <= {"aver.tenant.name", "aver.feature.name"}


@pytest.mark.parametrize("path", GRAFANA, ids=lambda path: path.stem)
def test_a_dashboard_is_laid_out(path):
    board = json.loads(path.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in board["panels"]]
    taken = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(taken)) == len(taken), "panels overlap"
    assert max(x for x, _ in taken) < 24
    assert all(panel["description"] for panel in board["panels"])
    variables = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval", "__interval"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(board))) <= variables


def _every_field() -> dict[str, object]:
    known = [*logs._IDS, *logs._TEXTS, *logs._NUMBERS, "ms"]
    record = logging.LogRecord("aver.x", logging.INFO, "x.py", 1, "said", (), None)
    vars(record).update({name: 1 if name in logs._NUMBERS or name == "ms" else "a" for name in known})
    line: dict[str, object] = json.loads(logs._JsonLines("aver").format(record))
    return line


def test_elastic_knows_every_field_of_a_line():
    template = json.loads((DEPLOY / "elastic" / "aver-logs.json").read_text())
    fields: dict[str, str] = {}

    def visit(properties, prefix=""):
        for name, known in properties.items():
            if "properties" in known:
                visit(known["properties"], f"{prefix}{name}.")
            else:
                fields[prefix + name] = known["type"]

    visit(template["template"]["mappings"]["properties"])
    line = _every_field()
    assert line.keys() == fields.keys()
    for name, value in line.items():
        assert (fields[name] == "long") == isinstance(value, int), name
    assert line["ecs.version"] == template["_meta"]["ecs_version"]
