# SPDX-License-Identifier: ISC
"""/metrics through each web server, whose front ends count together: those of mod_fcgid too, of which Apache starts several."""
import threading

import pytest

import metrics
from front_end import UNKNOWN
from harness import config as conf
from harness.web_servers import WEB_SERVERS
from web import FCGID, JOBS, house

pytestmark = pytest.mark.web

THREADS, EACH = 6, 40


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    def own(name):
        return {"http": {"metrics_file": str(tmp_path_factory.mktemp(name) / "metrics")}}
    with house("web-metrics", own("held"), standin=False) as made:
        made.stack.web_config("fcgid", conf.merged(FCGID, own("fcgid")))    # another user's
        made.admin = made.stack.new_key("housekeeper", "admin")
        yield made


def scrape(shared, web):
    answer = web.get("/metrics", Authorization=f"Bearer {shared.admin}")
    assert (answer.status, answer.headers["content-type"]) == (200, metrics.MEDIA_TYPE), answer
    return metrics.parse(answer.body.decode())


@pytest.mark.parametrize("name", WEB_SERVERS)
def test_each_request_through_it_counts_once(shared, name):
    web = shared.add(name).wait_ready()
    assert web.get("/metrics").status == 401
    route = {"route": JOBS + "/{id}/status", "code": "404"}
    before = metrics.requests(scrape(shared, web), **route)

    def ask():
        for _ in range(EACH):
            assert web.get(f"{JOBS}/{UNKNOWN}/status").status == 404
    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [scrape(shared, web) for _ in range(8)]     # of mod_fcgid's processes any
    assert {metrics.requests(one, **route) - before for one in found} == {THREADS * EACH}
    assert found[0]["lotscribe_front_end_processes"] >= (2 if name == "apache-fcgid" else 1)
