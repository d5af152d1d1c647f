# SPDX-License-Identifier: ISC
"""Each fault of the stand-in does what its README says, and only that."""
import contextlib
import http.client
import socket
import threading
import time

import pytest

from openai_api import CHAT, body, ids, jsonl, lines, translation

CREATE = "POST /v1/batches"
LOST = (http.client.HTTPException, ConnectionError)


def both_files(api, batch):
    return [api.results(batch[k]) if batch[k] else [] for k in ("output_file_id", "error_file_id")]


# --- one call

def test_status_with_error_and_headers(api):
    api.faults({"match": {"route": f"POST {CHAT}", "nth": 1}, "do": "status", "code": 429,
                "error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"},
                "headers": {"retry-after-ms": 50, "x-should-retry": "true"}})
    answer = api.chat()
    assert answer.status == 429 and answer.error["code"] == "rate_limit_exceeded"
    assert answer.headers["retry-after-ms"] == "50" and answer.headers["x-should-retry"] == "true"
    assert api.chat().status == 200
    assert api.summary()["executed"] == 1


def test_status_with_a_body_that_is_no_json(api):
    api.faults({"match": {"route": f"POST {CHAT}"}, "do": "status", "code": 503, "body": ""})
    answer = api.chat()
    assert (answer.status, answer.body) == (503, b"")


def test_html_502(api):
    api.faults({"match": {"route": "GET /v1/batches"}, "do": "html_502"})
    answer = api.call("GET", "/v1/batches")
    assert answer.status == 502 and answer.headers["content-type"] == "text/html"
    assert answer.body.startswith(b"<html>")


@pytest.mark.parametrize("reset", [False, True])
def test_drop_before_executes_nothing(api, reset):
    file_id = api.upload(lines(1))
    api.faults({"match": {"route": CREATE, "nth": 1}, "do": "drop_before", "reset": reset})
    with pytest.raises(ConnectionResetError if reset else http.client.RemoteDisconnected) as lost:
        api.create_raw(file_id)
    assert isinstance(lost.value, http.client.RemoteDisconnected) != reset
    assert api.ok("GET", "/v1/batches")["data"] == []
    assert api.create_raw(file_id).status == 200


@pytest.mark.parametrize("route, count", [(CREATE, "batches"), ("POST /v1/files", "uploads"),
                                          (f"POST {CHAT}", "executed")])
def test_drop_after_executes_and_loses_the_reply(api, route, count):
    file_id = api.upload(lines(1))
    before = api.summary()[count]
    api.faults({"match": {"route": route, "nth": 1}, "do": "drop_after"})
    with pytest.raises(LOST):
        {CREATE: lambda: api.create_raw(file_id), "POST /v1/files": lambda: api.upload(lines(1)),
         f"POST {CHAT}": api.chat}[route]()
    assert api.summary()[count] == before + 1
    fault = api.control("ledger")["calls"][-1]
    assert (fault["route"], fault["fault"], fault["phase"], fault["status"]) == (route, "drop_after", "dropped", 200)


def test_drop_upload_in_the_middle(api):
    api.faults({"match": {"route": "POST /v1/files", "nth": 1}, "do": "drop_upload", "bytes": 5000})
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as sock:
        sock.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-standin\r\n"
                     b"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 5000000\r\n\r\n" + bytes(9000))
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert api.ok("GET", "/v1/files")["data"] == []
    assert api.upload_raw(jsonl(lines(1))).status == 200


def in_background(action):
    """Runs action in a thread; returns what it raised or returned, once joined."""
    result = []

    def run():
        try:
            result.append(action())
        except LOST + (TimeoutError,) as exc:
            result.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


@pytest.mark.parametrize("action, executed", [("hang", 0), ("hang_after", 1)])
def test_hang_until_released(api, action, executed):
    api.faults({"match": {"route": f"POST {CHAT}"}, "do": action})
    thread, result = in_background(api.chat)
    api.wait(route=f"POST {CHAT}", phase="executed" if executed else "received")
    assert thread.is_alive()
    api.control("release", {})
    thread.join(10)
    assert isinstance(result[0], LOST)
    assert api.summary()["executed"] == executed


def test_hang_until_the_client_leaves(api):
    api.faults({"match": {"route": f"POST {CHAT}"}, "do": "hang"})
    with pytest.raises(TimeoutError):
        api.chat(timeout=0.2)
    api.wait(route=f"POST {CHAT}", phase="ended")


def test_an_answer_bears_the_headers_of_its_rule(api):
    api.faults({"match": {"route": f"POST {CHAT}"}, "do": "slow", "seconds": 0,
                "headers": {"x-ratelimit-remaining-requests": 0}})
    answer = api.chat()
    assert answer.status == 200 and answer.headers["x-ratelimit-remaining-requests"] == "0"


def test_slow_answers_in_the_end(api):
    api.faults({"match": {"route": f"POST {CHAT}"}, "do": "slow", "seconds": 60})
    thread, result = in_background(api.chat)
    api.wait(route=f"POST {CHAT}")
    assert api.summary()["executed"] == 0
    api.control("release", {})
    thread.join(10)
    assert result[0].status == 200


def delayed_create(api):
    file_id = api.upload(lines(1))
    api.faults({"match": {"route": CREATE, "nth": 1}, "do": "delay"})
    with pytest.raises(LOST):
        api.create_raw(file_id, metadata={"key": "1"})
    assert api.ok("GET", "/v1/batches")["data"] == []
    return file_id


def test_delayed_create_comes_upon_release(api):
    delayed_create(api)
    api.control("release", {})
    api.wait(event="late_call")
    (batch,) = api.ok("GET", "/v1/batches")["data"]
    assert batch["metadata"] == {"key": "1"}
    api.ended(batch["id"])
    assert api.summary()["executed"] == 1


def test_delayed_create_comes_by_the_clock(api):
    file_id = api.upload(lines(1))
    api.faults({"match": {"route": CREATE}, "do": "delay", "seconds": 3600})
    with pytest.raises(LOST):
        api.create_raw(file_id)
    api.control("clock", {"advance": 3601})
    api.wait(event="late_call")
    assert len(api.ok("GET", "/v1/batches")["data"]) == 1


def test_delayed_create_fails_without_its_file(api):
    file_id = delayed_create(api)
    api.ok("DELETE", f"/v1/files/{file_id}")
    api.control("release", {})
    api.wait(event="late_call")
    assert api.ok("GET", "/v1/batches")["data"] == []
    ledger = api.control("ledger")
    (late,) = [e for e in ledger["events"] if e["kind"] == "late_call"]
    assert late["status"] == 404
    assert [c["late_status"] for c in ledger["calls"] if c["fault"] == "delay"] == [404]


def test_truncated_download(api):
    content = jsonl(lines(300))
    file_id = api.upload_raw(content).json()["id"]
    api.faults({"match": {"route": "GET /v1/files/{id}/content", "nth": 1}, "do": "truncate", "bytes": 1000},
               {"match": {"route": "GET /v1/files/{id}/content", "nth": 2}, "do": "truncate", "part": 0.25,
                "content_length": "cut"})
    with pytest.raises(http.client.IncompleteRead) as cut:
        api.content(file_id)
    assert len(cut.value.partial) == 1000 and cut.value.expected == len(content) - 1000
    assert api.content(file_id) == content[:len(content) // 4]
    assert api.content(file_id) == content


def test_dripping_answers_are_whole(api):
    content = jsonl(lines(30))
    file_id = api.upload_raw(content).json()["id"]
    api.faults({"match": {"route": "GET /v1/files/{id}/content"}, "do": "drip", "seconds": 0.1},
               {"match": {"route": "GET /v1/batches"}, "do": "drip", "seconds": 0.1})
    assert api.content(file_id) == content
    assert api.call("GET", "/v1/batches").json()["data"] == []
    assert [c["fault"] for c in api.control("ledger")["calls"]].count("drip") == 2


# --- which call

@pytest.mark.parametrize("match, hit", [({"nth": 2}, [2]), ({"from": 3}, [3, 4, 5, 6]), ({"every": 3}, [3, 6]),
                                        ({"times": 2}, [1, 2]), ({"from": 2, "times": 1}, [2])])
def test_which_calls_of_a_route(api, match, hit):
    api.faults({"match": {"route": "GET /v1/batches", **match}, "do": "status", "code": 500})
    statuses = [api.call("GET", "/v1/batches").status for _ in range(6)]
    assert [n for n, s in enumerate(statuses, 1) if s == 500] == hit


@pytest.mark.parametrize("match, hit", [
    ({"task": "translate"}, [1]), ({"task": "describe"}, [0, 2]), ({"model": "gpt-5"}, [2]), ({"tier": "flex"}, [2]),
    ({"body": "Vase"}, [0])])
def test_which_requests(api, match, hit):
    api.faults({"match": {"route": f"POST {CHAT}", **match}, "do": "status", "code": 500})
    asked = [body("Title: Vase"), translation({"title": "x"}), body(model="gpt-5", service_tier="flex")]
    assert [n for n, request in enumerate(asked) if api.chat(request).status == 500] == hit


def test_which_batch(api):
    api.faults({"match": {"batch_nth": 2}, "do": "fail"}, {"match": {"task": "translate"}, "do": "expire"},
               {"match": {"metadata": {"k": "v"}}, "do": "stuck"})
    first, second, third = (api.create(lines(1)), api.create(lines(1)), api.create(lines(1, translation({"a": "b"}))))
    fourth = api.create(lines(1), metadata={"k": "v", "x": "y"})
    for batch, status in ((first, "completed"), (second, "failed"), (third, "expired"), (fourth, "in_progress")):
        api.ended(batch, status)


def test_which_download(api):
    describe, translate = api.create(lines(1)), api.create(lines(1, translation({"a": "b"})))
    files = [api.ended(b)["output_file_id"] for b in (describe, translate)]
    api.faults({"match": {"route": "GET /v1/files/{id}/content", "task": "translate"}, "do": "status", "code": 500})
    assert [api.call("GET", f"/v1/files/{f}/content").status for f in files] == [200, 500]


def test_one_rule_more(api):
    api.faults({"match": {"route": "GET /v1/batches", "nth": 1}, "do": "html_502"})
    api.control("faults", {"match": {"route": "GET /v1/files", "nth": 1}, "do": "html_502"})
    assert len(api.control("faults")["rules"]) == 2
    assert api.call("GET", "/v1/batches").status == 502 and api.call("GET", "/v1/files").status == 502


@pytest.mark.parametrize("rule", [{"do": "nothing"}, {"match": {"rout": "x"}, "do": "hang"}, {"match": 1, "do": "hang"},
                                  {}, {"do": "hang", "second": 1}])
def test_rules_that_could_never_work_are_refused(api, rule):
    assert api.call("POST", "/_standin/faults", [rule]).status == 400


# --- the life of a batch

@pytest.mark.parametrize("status, done", [("validating", 0), ("in_progress", 0), ("in_progress", 3),
                                          ("finalizing", 5)])
def test_stuck(api, status, done):
    api.faults({"do": "stuck", "status": status, "done": done})
    batch_id = api.create(lines(5))
    if done:
        api.wait(executed=done)
    batch = api.ended(batch_id, status)
    api.control("clock", {"advance": 100000})
    api.ended(api.create(lines(1)), status)
    assert api.batch(batch_id)["status"] == status
    assert batch["output_file_id"] is None
    assert batch["request_counts"]["completed"] == done


def test_stuck_batch_can_be_cancelled_and_keeps_what_was_done(api):
    api.faults({"do": "stuck", "done": 3})
    batch_id = api.create(lines(5))
    api.wait(executed=3)
    api.ok("POST", f"/v1/batches/{batch_id}/cancel")
    batch = api.ended(batch_id, "cancelled")
    good, bad = both_files(api, batch)
    assert len(good) == 3 and ids(good + bad) == ids(lines(5))
    assert all(r["response"] is None and r["error"]["code"] == "batch_cancelled" for r in bad)
    assert batch["request_counts"] == {"total": 5, "completed": 3, "failed": 0}


def test_cancel_while_validating_leaves_no_files(api):
    api.faults({"do": "stuck", "status": "validating"})
    batch_id = api.create(lines(5))
    api.ok("POST", f"/v1/batches/{batch_id}/cancel")
    batch = api.ended(batch_id, "cancelled")
    assert batch["output_file_id"] is None and batch["error_file_id"] is None


def test_stuck_until_it_expires(api):
    api.faults({"do": "stuck", "done": 1, "expires": True})
    batch_id = api.create(lines(2))
    api.wait(executed=1)
    api.control("clock", {"advance": 86500})
    good, bad = both_files(api, api.ended(batch_id, "expired"))
    assert (len(good), len(bad)) == (1, 1) and bad[0]["error"]["code"] == "batch_expired"


def test_cancelling_for_ever_and_slowly(api):
    api.faults({"do": "stuck", "status": ["in_progress", "cancelling"]})
    batch_id = api.create(lines(1))
    api.wait(status="in_progress")
    api.ok("POST", f"/v1/batches/{batch_id}/cancel")
    api.faults({"do": "stuck"}, {"do": "cancel_slow", "seconds": 3600})
    slow = api.create(lines(1))
    api.wait(status="in_progress")
    api.ok("POST", f"/v1/batches/{slow}/cancel")
    api.control("clock", {"advance": 3601})
    api.ended(slow, "cancelled")
    assert api.batch(batch_id)["status"] == "cancelling"


def test_ended_batches_cannot_be_cancelled(api):
    batch_id = api.create(lines(1))
    api.ended(batch_id)
    answer = api.call("POST", f"/v1/batches/{batch_id}/cancel")
    assert answer.status == 409 and answer.error["message"] == "Cannot cancel a batch with status 'completed'."


def test_expire(api):
    api.faults({"do": "expire", "done": 2})
    batch = api.ended(api.create(lines(5)), "expired")
    good, bad = both_files(api, batch)
    assert len(good) == 2 and ids(good + bad) == ids(lines(5))
    assert bad[0]["error"]["code"] == "batch_expired" and bad[0]["response"] is None
    assert batch["request_counts"] == {"total": 5, "completed": 2, "failed": 0}
    assert api.summary()["executed"] == 2


@pytest.mark.parametrize("rule, code, message", [
    ({"do": "fail", "code": "token_limit_exceeded"}, "token_limit_exceeded", "Enqueued token limit reached for gpt"),
    ({"do": "fail", "code": "billing_hard_limit_reached"}, "billing_hard_limit_reached", "Billing hard limit"),
    ({"do": "fail", "code": "new_code"}, "new_code", "The batch failed with code new_code."),
    ({"do": "cannot_find_file"}, "invalid_request", "Cannot find file file-")])
def test_fail(api, rule, code, message):
    api.faults(rule)
    batch = api.ended(api.create(lines(1)), "failed")
    (error,) = batch["errors"]["data"]
    assert error["code"] == code and error["message"].startswith(message)
    assert api.summary()["executed"] == 0


def test_all_failed(api):
    api.faults({"do": "all_failed", "code": 404})
    batch = api.ended(api.create(lines(3)))
    assert batch["output_file_id"] is None
    assert batch["request_counts"] == {"total": 3, "completed": 0, "failed": 3}
    assert {r["response"]["status_code"] for r in api.results(batch["error_file_id"])} == {404}
    assert api.summary()["not_billed"] == 3


def test_empty_string_for_no_error_file(api):
    api.faults({"do": "error_file_empty_string"})
    assert api.ended(api.create(lines(1)))["error_file_id"] == ""


def test_vanish(api):
    api.faults({"do": "vanish"})
    batch_id = api.create(lines(1))
    assert api.call("GET", f"/v1/batches/{batch_id}").status == 404
    assert api.call("POST", f"/v1/batches/{batch_id}/cancel").status == 404
    assert api.ok("GET", "/v1/batches")["data"] == []
    api.wait(executed=1)


def test_vanish_for_some_reads(api):
    api.faults({"do": "vanish", "reads": 2})
    batch_id = api.create(lines(1))
    assert api.ok("GET", "/v1/batches")["data"] == []
    assert [api.call("GET", f"/v1/batches/{batch_id}").status for _ in range(3)] == [404, 404, 200]
    assert len(api.ok("GET", "/v1/batches")["data"]) == 1


def test_vanish_in_one_state(api):
    api.faults({"do": "vanish", "status": "completed"}, {"do": "stuck", "status": "finalizing"})
    batch_id = api.create(lines(1))
    api.ended(batch_id, "finalizing")
    api.control(f"batches/{batch_id}", {"status": "completed"})
    api.wait(status="completed")
    assert api.call("GET", f"/v1/batches/{batch_id}").status == 404


def test_hide_from_list(api):
    api.faults({"do": "hide_from_list", "reads": 2})
    batch_id = api.create(lines(1))
    assert [len(api.ok("GET", "/v1/batches")["data"]) for _ in range(3)] == [0, 0, 1]
    assert api.batch(batch_id)["id"] == batch_id


def test_counts_that_lie_or_are_missing(api):
    api.faults({"match": {"nth": 1}, "do": "counts_lie"}, {"match": {"nth": 2}, "do": "null_counts"},
               {"match": {"nth": 3}, "do": "counts_lie", "counts": {"completed": 0, "total": 7}},
               {"do": "all_failed"})
    shown = [api.ended(api.create(lines(2)))["request_counts"] for _ in range(3)]
    assert shown == [{"total": 2, "completed": 2, "failed": 0}, None, {"total": 7, "completed": 0, "failed": 0}]


def test_other_spellings(api):
    api.faults({"do": "uppercase_status"}, {"do": "iso_times"})
    batch_id = api.create(lines(1))
    api.wait(status="completed")
    batch = api.batch(batch_id)
    assert batch["status"] == "COMPLETED"
    assert batch["created_at"].endswith("Z") and batch["failed_at"] is None


def test_no_file_yet(api):
    api.faults({"do": "no_file_yet", "reads": 3})
    batch_id = api.create(lines(1))
    api.wait(status="completed")
    shown = [api.batch(batch_id)["output_file_id"] for _ in range(4)]
    assert shown[:3] == [None] * 3 and shown[3]


@pytest.mark.parametrize("late, other", [("output", "error"), ("error", "output")])
def test_one_file_not_yet(api, late, other):
    api.faults({"do": "no_file_yet", "reads": 2, "file": late}, {"do": "expire", "done": 1})
    batch_id = api.create(lines(2))
    api.wait(status="expired")
    shown = [api.batch(batch_id) for _ in range(3)]
    assert [bool(b[late + "_file_id"]) for b in shown] == [False, False, True]
    assert all(b[other + "_file_id"] for b in shown)


def test_result_file_not_there_yet(api):
    api.faults({"do": "file_404", "reads": 2})
    file_id = api.ended(api.create(lines(1)))["output_file_id"]
    assert [api.call("GET", f"/v1/files/{file_id}/content").status for _ in range(3)] == [404, 404, 200]


# --- states forced at run time

@pytest.mark.parametrize("status", ["expired", "cancelled", "completed", "failed"])
def test_forced_end(api, status):
    api.faults({"do": "stuck", "done": 1})
    batch_id = api.create(lines(2))
    api.wait(executed=1)
    api.control(f"batches/{batch_id}", {"status": status})
    batch = api.ended(batch_id, status)
    assert bool(batch["output_file_id"]) == (status != "failed")
    assert api.call("POST", f"/_standin/batches/{batch_id}", {"status": "expired"}).status == 409


def test_forced_stuck_and_resume(api):
    api.control("step", {"seconds": 3600})
    batch_id = api.create(lines(2))
    api.control(f"batches/{batch_id}", {"status": "stuck"})
    api.control("clock", {"advance": 7200})
    api.control("step", {"seconds": 0.05})
    api.ended(api.create(lines(1)))
    assert api.batch(batch_id)["status"] == "validating"
    api.control(f"batches/{batch_id}", {"status": "resume"})
    api.ended(batch_id)


@pytest.mark.parametrize("status", ["in_progress", "finalizing"])
def test_forced_state_is_kept_until_resumed(api, status):
    api.faults({"do": "stuck", "status": "validating"})
    batch_id = api.create(lines(3))
    api.control(f"batches/{batch_id}", {"status": status})
    api.faults()
    api.ended(api.create(lines(1)))
    assert api.batch(batch_id)["status"] == status
    assert api.batch(batch_id)["request_counts"] == {"total": 3, "completed": 0, "failed": 0}
    api.control(f"batches/{batch_id}", {"status": "resume"})
    api.ended(batch_id)


def test_forced_vanish(api):
    batch_id = api.create(lines(1))
    api.control(f"batches/{batch_id}", {"status": "vanish"})
    assert api.call("GET", f"/v1/batches/{batch_id}").status == 404
    api.control(f"batches/{batch_id}", {"status": "appear"})
    assert api.ended(batch_id)["status"] == "completed"


def test_files_that_are_named_at_last(api):
    api.faults({"do": "no_file_yet", "reads": 1000})
    batch_id = api.create(lines(1))
    assert api.ended(batch_id)["output_file_id"] is None
    api.control(f"batches/{batch_id}", {"status": "name_files"})
    assert api.batch(batch_id)["output_file_id"]


def test_waiting_ends_with_408(api):
    started = time.monotonic()
    answer = api.call("GET", "/_standin/wait?route=GET%20/v1/batches&count=1&timeout=0.1")
    assert answer.status == 408 and time.monotonic() - started < 20
    api.call("GET", "/v1/batches")
    reached = api.control("wait?route=GET%20/v1/batches&count=1&phase=answered")
    assert reached["count"] == 1
    later = api.call("GET", f"/_standin/wait?route=GET%20/v1/batches&after={reached['last_call']}&timeout=0.1")
    assert later.status == 408
