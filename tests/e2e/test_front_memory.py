# SPDX-License-Identifier: ISC
"""Answers from memory (I7): what is unchanged costs the database nothing, and a change is told within a second; never back."""
import threading

import pytest

from front_end import breakable, installation, mariadb, order  # noqa: F401
from harness.process import wait_until

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def front(mariadb):  # noqa: F811
    with installation("front-memory", mariadb, memory=True) as made:
        yield made


def status(front, job, **how):
    return front.get(f"{JOBS}/{job}/status", **how)


def rename(front, job, name):
    """A move of the job, as the programs make them: another text, another version."""
    front.sql("UPDATE job SET status_json = REPLACE(status_json, %s, %s), version = version + 1 WHERE public_id = %s",
              '"name":"' + status(front, job).json()["name"] + '"', f'"name":"{name}"', job)


def reads(front):
    rows = front.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")
    return int(rows[0]["Value"])


def test_I7_unchanged_jobs_are_answered_from_memory(breakable):  # noqa: F811
    """Of a hundred polls hardly one reads: only the follower's own looks, and what they are is counted apart."""
    with installation("front-memory-reads", breakable, memory=True) as front:
        job = front.take(order(2))
        assert status(front, job).status == 200
        before = reads(front)
        for _ in range(400):
            assert status(front, job).status == 200
        assert reads(front) - before < 200


def test_a_result_is_answered_from_memory_and_follows_its_job(breakable):  # noqa: F811
    with installation("front-memory-result", breakable, memory=True) as front:
        job = front.take(order(20, ["fr", "de"], name="before"))
        first = front.get(f"{JOBS}/{job}")
        before = reads(front)
        for _ in range(200):
            assert front.get(f"{JOBS}/{job}").body == first.body
        assert reads(front) - before < 100
        assert [lot["id"] for lot in front.result(job, "?limit=3")["lots"]] == ["1", "2", "3"]
        assert len(front.result(job)["lots"]) == 20
        rename(front, job, "after")
        wait_until(lambda: front.result(job)["name"] == "after", 10, "the change to be told")


def test_a_change_is_told(front):
    job = front.take(order(2, name="before"))
    assert status(front, job).json()["name"] == "before"
    tag = status(front, job).headers["etag"]
    rename(front, job, "after")
    wait_until(lambda: status(front, job).json()["name"] == "after", 10, "the change to be told")
    assert status(front, job).headers["etag"] != tag
    assert status(front, job, headers={"If-None-Match": tag}).status == 200


def test_polls_never_go_back_to_an_older_version(front):
    job = front.take(order(1, name="0"))
    seen = [[] for _ in range(4)]
    stop = threading.Event()

    def poll(mine):
        while not stop.is_set():
            mine.append(int(status(front, job).json()["name"]))

    threads = [threading.Thread(target=poll, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    try:
        for n in range(1, 6):
            front.sql("UPDATE job SET status_json = REPLACE(status_json, %s, %s), version = version + 1"
                      " WHERE public_id = %s", f'"name":"{n - 1}"', f'"name":"{n}"', job)
            wait_until(lambda n=n: all(mine and mine[-1] >= n for mine in seen), 10, f"version {n} to be seen by all")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for mine in seen:
        assert mine == sorted(mine)


def test_a_hidden_job_is_gone(front):
    job = front.take(order(1))
    assert status(front, job).status == 200
    front.sql("UPDATE job SET visible = 0, version = version + 1 WHERE public_id = %s", job)
    wait_until(lambda: status(front, job).status == 404, 10, "the job to be gone")


def test_another_accounts_job_is_not_told_from_memory(mariadb):  # noqa: F811
    with installation("front-memory-private", mariadb, memory=True,
                      overrides={"http": {"public_read": False}}) as private:
        job = private.take(order(1))
        assert status(private, job, key=private.key).status == 200
        other = private.stack.new_key("another")
        assert status(private, job, key=other).status == 404
        assert status(private, job).status == 401


def test_polls_go_on_without_a_database(breakable):  # noqa: F811
    """DESIGN: without a database every call is a 503 but for polls that the process can answer from what it holds."""
    with installation("front-memory-away", breakable, memory=True) as front:
        held, unknown = front.take(order(2)), front.take(order(2))
        assert status(front, held).status == 200
        breakable.stop()
        try:
            for _ in range(5):
                assert status(front, held).status == 200
            assert status(front, unknown).status == 503
            assert front.raw("POST", JOBS, order(1), front.key).status == 503
        finally:
            breakable.start()
        wait_until(lambda: status(front, unknown).status == 200, 30, "the database to be found again")


def test_I1_an_overdue_job_is_not_told_as_running_from_memory(mariadb):  # noqa: F811
    with installation("front-memory-overdue", mariadb, memory=True) as front:
        job = front.take(order(1, [], deadline="PT1S"))
        assert status(front, job).json()["completed_at"] is None
        assert front.wait_ended(job)["status"] == "failed"


def test_what_is_more_than_the_memory_is_read(mariadb):  # noqa: F811
    with installation("front-memory-small", mariadb, memory=True, overrides={"http": {"cache": 65536}}) as front:
        jobs = [front.take(order(1, [], name=str(i))) for i in range(100)]
        for _ in range(2):
            assert [status(front, job).json()["name"] for job in jobs] == [str(i) for i in range(100)]
