# SPDX-License-Identifier: ISC
"""batchctl while the programs work: what must hold holds between any two of their transactions."""
import json
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).resolve().parent)]

from ctl_database import ctl_server  # noqa: E402,F401
from harness.process import wait_until  # noqa: E402
from harness.stack import ENDED, Stack, default_build  # noqa: E402

DAMAGE = [
    {"do": "void_lines", "n": 2}, {"do": "http_error_lines", "n": 2, "skip": 2, "code": 400},
    {"do": "missing_lines", "n": 1, "skip": 4}, {"do": "broken_lines", "n": 2, "skip": 5},
    {"do": "cut_lines", "n": 2, "skip": 7}, {"do": "refusal_lines", "n": 1, "skip": 9},
    {"do": "duplicate_lines", "n": 3, "skip": 10}, {"do": "foreign_lines", "n": 2},
    {"match": {"route": "POST /v1/batches", "nth": 1}, "do": "drop_after"},
    {"match": {"nth": 2}, "do": "expire", "done": 15},
]


def order(lots):
    return {"name": f"{lots} lots", "languages": ["fr", "de"], "deadline": "PT8S",
            "lots": [{"id": str(no), "title": f"Teapot {no} of {lots}"} for no in range(lots)]}


def failed(stack):
    """The rules that fail now."""
    report = json.loads(stack.batchctl("-j", "check", check=False).stdout)
    return {c["name"]: c["rows"] for c in report["checks"] if c["kind"] == "rule" and not c["holds"]}


@pytest.fixture
def stack(ctl_server, tmp_path):
    with Stack(default_build(), tmp_path, ctl_server) as stack:
        yield stack


def test_what_must_hold_holds_at_every_moment(stack):
    """I1, I2, I4: with damaged results, a lost reply and an expired batch, from the order to the end."""
    stack.standin.fault(*DAMAGE)
    stack.add_batchd()
    jobs = [stack.order(order(lots))["job_id"] for lots in (20, 21, 22)]
    looks = []

    def all_ended():
        ended = all(stack.status(job)["status"] in ENDED for job in jobs)
        looks.append(failed(stack))
        return ended

    wait_until(all_ended, 60, "all jobs to end", alive=stack.batchds)
    assert len(looks) >= 3
    assert [look for look in looks if look] == []
    for job in jobs:
        shown, polled = stack.batchctl_json("job", job), stack.status(job)
        assert (shown["status"], shown["outcome"]) == (polled["status"], polled["outcome"])
        assert shown["cost"] == polled["cost"]["amount"]
        assert {lang["language"]: {"done": lang["done"], "total": lang["total"]}
                for lang in shown["languages"]} == polled["languages"]
        assert stack.batchctl_json("events", job)[0]["kind"] == "ordered"
    lines = {line["kind"] for batch in stack.batchctl_json("batches", "--limit", "100")
             for line in stack.batchctl_json("batch", str(batch["batch"]))["lines"]}
    assert {"duplicate", "broken", "stranger", "failure", "void"} <= lines


def test_a_revoked_key_orders_no_more(stack):
    key = stack.new_key("demo")
    assert stack.request("POST", "/api/v1/jobs", order(1), key=key).status == 202
    stack.batchctl("key", "revoke", key.split("_")[1])
    assert stack.request("POST", "/api/v1/jobs", order(2), key=key).status == 401
    reader = stack.new_key("demo", "read")
    assert stack.request("POST", "/api/v1/jobs", order(3), key=reader).status == 403


def test_the_programs_run_under_the_grants(ctl_server, tmp_path):
    """With what `migrate --grants` gives and no more, a job goes from the order to the end."""
    with Stack(default_build(), tmp_path, ctl_server) as stack:
        users = [stack._user(part) for part in ("web", "daemon")]
        for user in users:
            stack.mariadb.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{user}'@'localhost'")
        stack.batchctl("migrate", "--grants", *users)
        for front_end in stack.front_ends:
            front_end.restart()
        stack.add_batchd()
        assert stack.wait_ended(stack.order(order(3))["job_id"])["outcome"] == "full"
        assert failed(stack) == {}
