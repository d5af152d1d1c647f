# SPDX-License-Identifier: ISC
"""conf/monitoring, what it hands to Prometheus and Grafana: sound by promtool, and of metrics that are served; and the manual,
which names each of them."""
import json
import re

import pytest

import metrics
from front_end import installation, mariadb, order  # noqa: F401
from harness.stack import TOP

pytestmark = pytest.mark.front_end

FOLDER = TOP / "conf" / "monitoring"
RULES = FOLDER / "lotscribe-alerts.yml"
CASES = TOP / "tests" / "e2e" / "lotscribe-alerts.test.yml"
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [(f"{panel['title']} {target['refId']}", target["expr"]) for panel in PANELS for target in panel["targets"]]


@pytest.fixture(scope="module")
def served(mariadb):  # noqa: F811
    """The text of a scrape in which every family has its samples."""
    with installation("monitoring", mariadb, memory=True, overrides={"http": {"metrics_public": True}}) as made:
        made.take(order(1))
        made.sql("UPDATE daemon_lease SET stop_code = 'x', stop_key = 'k', stop_at = UTC_TIMESTAMP(6), call_us = 5,"
                 " renewed_at = UTC_TIMESTAMP(6)")
        yield metrics.ask(made.socket).body.decode()


def expressions_of_rules():
    found = re.findall(r"^        expr: (.*(?:\n          .*)*)", RULES.read_text(), re.M)
    assert len(found) == RULES.read_text().count("- alert:")
    return "\n".join(found)


def names_in(text):
    return set(re.findall(r"\blotscribe_\w+", text))


def unknown(text, served):
    return names_in(text) - metrics.series_names(served)


def labels_in(text):
    """(metric, label) of every selector."""
    return {(name, label) for name, selector in re.findall(r"(lotscribe_\w+)\{(.*?)\}(?=[\[)\s]|$)", text)
            for label in re.findall(r"(\w+)=", re.sub(r'"[^"]*"', "", selector))} - {(n, "job") for n in names_in(text)}


def test_promtool_finds_the_rules_and_the_example_sound():
    said = metrics.promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert "SUCCESS" in said and "FAILED" not in said
    assert "SUCCESS" in metrics.promtool("check", "config", "--syntax-only", str(FOLDER / "prometheus.yml"))


def test_the_rules_say_what_they_should(tmp_path):
    assert "SUCCESS" in metrics.promtool("test", "rules", str(CASES))
    rules, cases = RULES.read_text(), CASES.read_text()
    (tmp_path / "rules.yml").write_text(rules.replace("(lotscribe_overdue) > 0", "(lotscribe_overdue) > 3"))
    (tmp_path / "cases.yml").write_text(cases.replace("../../conf/monitoring/lotscribe-alerts.yml", "rules.yml"))
    assert "FAILED" in metrics.promtool("test", "rules", str(tmp_path / "cases.yml"))


def test_each_rule_has_a_case_in_which_it_speaks_and_one_in_which_it_is_silent():
    cases = CASES.read_text()
    for name in re.findall(r"- alert: (\w+)", RULES.read_text()):
        assert re.search(rf"alertname: {name}\n        exp_alerts:", cases), name
        assert f"alertname: {name}}}" in cases, name


def test_rules_and_dashboard_are_of_metrics_that_are_served(served):
    for text in (expressions_of_rules(), *(expr for _, expr in EXPRESSIONS)):
        assert names_in(text)
        assert unknown(text, served) == set()
        for name, label in labels_in(text):
            assert re.search(rf'^{name}\{{(?:.*,)?{label}="', served, re.M), (name, label)
    assert unknown("rate(lotscribe_http_request_total[5m])", served) == {"lotscribe_http_request_total"}
    assert ("lotscribe_alerts", "severity") in labels_in(expressions_of_rules())
    templated = json.dumps(DASHBOARD["templating"])
    assert names_in(templated) and unknown(templated, served) == set()


def test_each_metric_is_in_the_manual_and_each_in_the_manual_is_served(served):
    page = (TOP / "man" / "lotscribe.fcgi.8").read_text()
    assert names_in(page) == metrics.families(served)
    assert all(name.startswith("lotscribe_") for name in metrics.families(served))


def test_each_metric_but_these_is_on_the_dashboard_or_in_a_rule(served):
    text = "\n".join([expressions_of_rules(), *(expr for _, expr in EXPRESSIONS)])
    used = {re.sub("_(bucket|sum|count)$", "", name) for name in names_in(text)}
    assert metrics.families(served) - used == {"lotscribe_counting_start_time_seconds", "lotscribe_lease_epoch",
                                               "lotscribe_schema_version"}


def test_the_dashboards_expressions_are_promql(tmp_path):
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for number, (_, expr) in enumerate(EXPRESSIONS):
        assert "$datasource" not in expr
        query = expr.replace("$__rate_interval", "5m").replace("$job", "lotscribe")
        assert "$" not in query
        lines += [f"      - record: dashboard:{number}", f"        expr: {json.dumps(query)}"]
    (tmp_path / "rules.yml").write_text("\n".join(lines) + "\n")
    said = metrics.promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert f"SUCCESS: {len(EXPRESSIONS)} rules found" in said, said


def test_the_dashboards_panels_stand_beside_each_other():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["title"] and panel["datasource"]["uid"] == "${datasource}"
        assert [t["refId"] for t in panel["targets"]] == list("ABCDEFGH")[:len(panel["targets"])]
