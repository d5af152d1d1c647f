# SPDX-License-Identifier: ISC
"""Whole jobs through the web servers, from the order to the download, and lotscribe below a path of the host."""
import json

import pytest

from front_end import order
from harness.process import run, wait_until
from harness.stack import TOP
from kills import QUICK
from web import JOBS, content, house

pytestmark = pytest.mark.web

BASE = "/lotscribe"


@pytest.fixture(scope="module", params=["", BASE], ids=["at-the-top", "below-a-path"])
def webs(request):
    """All web servers of an installation whose jobs get done."""
    with house("web-job", {"http": {"base_path": request.param}}, overrides=QUICK) as made:
        made.stack.add_batchd()
        yield made.all()
        assert made.stack.batchd.stop() == 0


def poll_to_the_end(web, job):
    """As a client does it, with the tag of the last answer; how often there was nothing new."""
    tag, seen = {}, []

    def ended():
        answer = web.get(f"{JOBS}/{job}/status", Accept_Encoding="gzip", **tag)
        seen.append(answer.status)
        if answer.status == 304:
            return None
        assert answer.status == 200, answer
        tag["If_None_Match"] = answer.headers["etag"]
        status = json.loads(content(answer))
        return status if status["completed_at"] else None

    status = wait_until(ended, 60, f"job {job} to end", alive=[web.server])
    return status, seen.count(304)


def seen_by_all(webs, what):
    """The different answers, which there may be for the second by which a process may be late."""
    return {content(web.get(f"{JOBS}/{what}", Accept_Encoding=coding)) for web in webs
            for coding in ("identity", "gzip")}


def test_a_job_through_each_and_its_result_through_all(webs):
    jobs = {web: web.take(order(6, name=f"Sale at {web.name}")) for web in webs}
    unchanged = 0
    for web, job in jobs.items():
        status, same = poll_to_the_end(web, job)
        unchanged += same
        assert (status["outcome"], status["progress"]["translated"]) == ("full", 12)
        assert status["links"]["status"] == f"{web.base}{JOBS}/{job}/status"
    assert unchanged > 0
    for job in jobs.values():
        for target in ("", "?download=1", "?format=csv", "?format=ndjson", "?language=fr", "/status", "/events"):
            wait_until(lambda: len(seen_by_all(webs, job + target)) == 1, 10, f"{job}{target} to be the same everywhere")


def test_the_customers_program_works_through_each(webs):
    jobs = {web: web.take(order(2, name=f"Client at {web.name}")) for web in webs}
    for web, job in jobs.items():
        web.stack.wait_ended(job)
        file = web.stack.work / f"{web.name}.json"
        run(["/usr/bin/python3", TOP / "client" / "poll_job_v2.py", job, "--url",
             f"http://localhost:{web.server.port}{web.base}", "--download", file])
        assert json.loads(file.read_text())["outcome"] == "full"


def test_the_host_keeps_its_own_site(webs):
    for web in webs:
        base, web.base = web.base, ""
        try:
            assert web.get("/page.txt").body.startswith(b"A page")
            if base:
                assert web.get("/healthz").status == 404
                assert web.get(f"{JOBS}/x").status == 404
                assert web.get(f"{base}/page.txt").status == 404
                assert web.get(f"{base}x/healthz").status == 404
                assert web.get(f"{base}/healthz").status == 200
        finally:
            web.base = base
