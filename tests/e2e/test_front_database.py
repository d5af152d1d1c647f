# SPDX-License-Identifier: ISC
"""The database away, hung, restarted, of another schema, under narrow grants, or losing the answer to a COMMIT."""
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

import fcgi_client
from db_proxy import DatabaseProxy
from front_end import DESCRIPTION, UNKNOWN, front, installation, mariadb, order, own, breakable  # noqa: F401
from harness.process import run, wait_until
from harness.stack import TOP, find_program

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
PROMISED_S = 2.0
EX_CONFIG = 78


def calls(job):
    return [("GET", f"{JOBS}/{job}/status", None), ("GET", f"{JOBS}/{job}", None),
            ("GET", f"{JOBS}/{job}/events", None), ("GET", f"{JOBS}/{UNKNOWN}/status", None),
            ("GET", "/readyz", None), ("POST", JOBS + "?again=1", order())]


def unavailable(answer):
    assert answer.status == 503, answer
    assert answer.complete and int(answer.headers["retry-after"]) > 0
    assert (answer.json()["code"], answer.headers["cache-control"]) == ("database_unavailable", "no-store")


def all_answer_503(front, job):  # noqa: F811
    """Every call, alone and many at once, within the time that DESIGN promises."""
    for method, uri, body in calls(job):
        began = time.monotonic()
        unavailable(front.raw(method, uri, body, front.key))
        assert time.monotonic() - began < PROMISED_S, uri
    took = []

    def poll():
        began = time.monotonic()
        unavailable(front.get(f"{JOBS}/{job}/status"))
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=poll) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == 40 and max(took) < PROMISED_S
    assert front.get("/healthz").status == 200


def recovers(front, job):  # noqa: F811
    pid = front.stack.front_end.pid
    wait_until(lambda: front.get(f"{JOBS}/{job}/status").status == 200, 30, "the front end to recover")
    assert front.get("/readyz").status == 200
    assert front.stack.front_end.running and front.stack.front_end.pid == pid
    wait_until(lambda: all(front.get(f"{JOBS}/{job}/status").status == 200 for _ in range(16)), 30, "all workers")
    front.take(order())


def test_a_stopped_database_is_a_quick_503_and_comes_back_without_a_restart(own):
    job = own.take(order())
    own.stack.mariadb.stop()
    all_answer_503(own, job)
    own.stack.mariadb.start()
    recovers(own, job)


def test_a_killed_database_is_a_quick_503_and_comes_back_without_a_restart(own):
    job = own.take(order())
    own.stack.mariadb.kill()
    all_answer_503(own, job)
    own.stack.mariadb.start()
    recovers(own, job)


def test_a_hung_database_is_a_quick_503_and_comes_back_without_a_restart(own):
    job = own.take(order())
    own.stack.mariadb.pause()
    try:
        all_answer_503(own, job)
    finally:
        own.stack.mariadb.resume()
    recovers(own, job)


def test_a_hung_database_met_by_a_new_process_is_a_quick_503(own):
    job = own.take(order())
    own.stack.mariadb.pause()
    try:
        own.stack.front_end.restart()
        all_answer_503(own, job)
    finally:
        own.stack.mariadb.resume()
    recovers(own, job)


def test_a_restart_of_the_database_between_two_calls_goes_unnoticed(own):
    job = own.take(order())
    for _ in range(16):
        own.status(job)
    own.stack.mariadb.restart()
    for _ in range(16):
        own.status(job)
    own.take(order())


def test_the_web_server_passes_the_503_on(own):
    job = own.take(order())
    own.stack.mariadb.stop()
    answer = own.stack.get(f"{JOBS}/{job}/status")
    unavailable(fcgi_client.Answer(answer.status, answer.headers, answer.body, True))


def test_a_download_that_loses_the_database_does_not_look_complete(own):
    """Neither on the socket nor, without the last chunk, through the web server."""
    document = order(8000, [])
    for lot in document["lots"]:
        lot["title"] = "x" * 1500
    uri = f"{JOBS}/{own.take(document)}?download=1"
    raw = fcgi_client.Connection(own.socket).begin(fcgi_client.params_of("GET", uri)).send(b"")
    web = http.client.HTTPConnection("127.0.0.1", own.stack.lighttpd.port, timeout=30)
    # Not read yet: both streams stand still when the buffers between are full.
    web.sock = socket.socket()
    web.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    web.sock.connect(("127.0.0.1", own.stack.lighttpd.port))
    web.request("GET", uri)
    through = web.getresponse()
    assert through.status == 200 and through.read(100).startswith(b'{"job_id"')
    assert raw.socket.recv(100, socket.MSG_WAITALL | socket.MSG_PEEK)
    own.stack.mariadb.kill()
    answer = raw.answer()
    assert answer.status == 200 and not answer.complete
    with pytest.raises(ValueError):
        json.loads(answer.body)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while through.read(65536):
            pass
    assert own.get("/healthz").status == 200


# -- a server that hangs in the middle, is slow, or loses the answer to a COMMIT -------------------------


@contextlib.contextmanager
def behind_a_proxy(mariadb, folder):  # noqa: F811
    """A front end of one worker whose connection goes through a proxy that can lose a COMMIT, hang and be slow."""
    with installation("front-proxy", mariadb) as made:
        proxy = DatabaseProxy(mariadb.socket, str(folder / "p.sock"))
        other = made.stack.add_front_end({"database": {"socket": proxy.path}, "http": {"workers": 1}})
        made.stack.front_ends.reverse()
        assert made.stack.front_end is other
        yield made, proxy
        made.stack.front_ends.reverse()
        other.stop()
        proxy.stop()


@pytest.fixture
def proxied(mariadb, tmp_path):  # noqa: F811
    with behind_a_proxy(mariadb, tmp_path) as both:
        yield both


@pytest.fixture(scope="module")
def hanging(mariadb, tmp_path_factory):  # noqa: F811
    """The same for tests that leave it as they found it."""
    with behind_a_proxy(mariadb, tmp_path_factory.mktemp("hanging")) as both:
        yield both


def hang_and_recover(front, proxy, ask, **where):  # noqa: F811
    """What `ask` was answered by a server that hung meanwhile. The one worker is free again while it still hangs."""
    job = front.take(order())
    proxy.hang(**where)
    answer = ask()
    assert proxy.hung_at and time.monotonic() - proxy.hung_at < PROMISED_S
    assert front.get("/healthz").status == 200
    unavailable(front.get(f"{JOBS}/{job}/status"))
    proxy.release()
    wait_until(lambda: front.get(f"{JOBS}/{job}/status").status == 200, 30, "the front end to recover")
    return answer


@pytest.mark.parametrize("after", [0, 3, 9])
@pytest.mark.parametrize("lots", [2, 1200])
def test_a_server_that_hangs_within_an_order_is_a_quick_503(hanging, lots, after):
    """At the key, and in a transaction."""
    front, proxy = hanging  # noqa: F811
    before = shown(front)
    unavailable(hang_and_recover(front, proxy, lambda: front.raw("POST", JOBS + "?again=1", order(lots), front.key), after=after))
    assert len(shown(front)) == len(before) + 1  # the one of hang_and_recover()


def test_a_server_that_hangs_far_in_a_large_order_is_a_quick_503(hanging):
    front, proxy = hanging  # noqa: F811
    before = shown(front)
    unavailable(hang_and_recover(front, proxy, lambda: front.raw("POST", JOBS + "?again=1", order(3000), front.key),
                                 after=8, commit=True))
    assert len(shown(front)) == len(before) + 1


@pytest.mark.parametrize("lots", [2, 1200])
def test_a_server_that_hangs_at_the_commit_is_a_quick_503_that_tells_the_doubt(hanging, lots):
    front, proxy = hanging  # noqa: F811
    before = proxy.seen
    front.take(order(lots))
    commits = proxy.seen - before
    answer = hang_and_recover(front, proxy, lambda: front.raw("POST", JOBS + "?again=1", order(lots), front.key),
                              after=commits - 1, commit=True)
    unavailable(answer)
    job = shown(front)[-1]  # the COMMIT was under way, and is carried out after all
    assert "may have been stored" in answer.json()["detail"] and job in answer.json()["detail"]
    front.check()


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_server_that_hangs_while_an_overdue_job_is_closed_is_a_quick_503(hanging, after):
    front, proxy = hanging  # noqa: F811
    job = front.take(order())
    front.sql("UPDATE job SET created_at = created_at - INTERVAL 2 DAY,"
              " deadline_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR WHERE public_id = %s", job)
    unavailable(hang_and_recover(front, proxy, lambda: front.get(f"{JOBS}/{job}/status"), after=after))
    assert front.status(job)["status"] == "failed"
    front.check()


@pytest.mark.parametrize("after", [4, 9])
def test_a_download_from_a_server_that_hangs_is_broken_off(hanging, after):
    front, proxy = hanging  # noqa: F811
    job = front.take(order(1500))
    answer = hang_and_recover(front, proxy, lambda: front.get(f"{JOBS}/{job}?download=1"), after=after)
    assert answer.status == 200 and not answer.complete


@pytest.mark.parametrize("after", [3, 9])
def test_a_page_from_a_server_that_hangs_is_a_quick_503(hanging, after):
    front, proxy = hanging  # noqa: F811
    job = front.take(order(1500))
    unavailable(hang_and_recover(front, proxy, lambda: front.get(f"{JOBS}/{job}"), after=after))


def test_a_slow_server_is_a_quick_503(hanging):
    """Each of its answers comes within the time that all of them have together."""
    front, proxy = hanging  # noqa: F811
    job = front.take(order())
    before = shown(front)
    proxy.delay(0.4)
    for _ in range(2):  # on a connection that is there, then on a new one
        began = time.monotonic()
        unavailable(front.raw("POST", JOBS + "?again=1", order(), front.key))
        assert time.monotonic() - began < PROMISED_S
        proxy.cut()
    proxy.delay(0)
    recovers(front, job)
    assert len(shown(front)) == len(before) + 1  # the one of recovers()


def test_a_large_order_may_take_long_while_it_gets_on(hanging):
    front, proxy = hanging  # noqa: F811
    front.take(order())
    proxy.delay(0.05)
    began = time.monotonic()
    front.take(order(1200))
    assert time.monotonic() - began > PROMISED_S


def shown(front):  # noqa: F811
    return [row["public_id"] for row in front.sql("SELECT public_id FROM job WHERE visible = 1 ORDER BY id")]


@pytest.mark.parametrize("lots", [2, 1200])
@pytest.mark.parametrize("lose", ["answer", "request"])
def test_a_lost_commit_leaves_one_job_and_its_answer_is_202(proxied, lots, lose):
    """The COMMIT that shows the job: the only one of a small order, the last of a large one."""
    front, proxy = proxied  # noqa: F811
    first = front.take(order(lots))
    commits = proxy.seen
    assert commits == 1 if lots == 2 else commits > 3
    proxy.lose(lose, skip=commits - 1)
    second = front.take(order(lots))
    assert proxy.lost == 1
    assert shown(front) == [first, second]
    assert front.status(second)["progress"]["lots"] == lots
    assert len(front.result(second)["lots"]) == min(lots, 1000)
    front.check()


@pytest.mark.parametrize("lose", ["answer", "request"])
def test_a_commit_lost_on_the_way_of_a_large_order_leaves_no_job(proxied, lose):
    front, proxy = proxied  # noqa: F811
    proxy.lose(lose, skip=1)
    unavailable(front.raw("POST", JOBS + "?again=1", order(1200), front.key))
    assert (proxy.lost, shown(front)) == (1, [])
    assert front.sql("SELECT n FROM wake") == [{"n": 0}]


def test_where_every_commit_is_lost_the_answer_names_the_job_in_doubt(proxied):
    front, proxy = proxied  # noqa: F811
    proxy.lose("request", None)
    answer = front.raw("POST", JOBS + "?again=1", order(), front.key)
    unavailable(answer)
    assert proxy.lost > 1 and shown(front) == []


# -- schema and grants -----------------------------------------------------------------------------------


def front_program(front, *args):  # noqa: F811
    return [str(find_program(front.stack.build, "lotscribe.fcgi")), "-c", str(front.stack.front_end.config), *args]


@pytest.fixture
def schema(front):  # noqa: F811
    """Lets a test change what the database says of its schema; put right afterwards."""
    before = front.sql("SELECT * FROM schema_version ORDER BY version")
    yield lambda text, *args: front.sql(text, *args)
    front.sql("DELETE FROM schema_version")
    for row in before:
        front.sql("INSERT INTO schema_version VALUES (%s, %s, %s, %s, %s)", *row.values())


@pytest.mark.parametrize("change, says", [
    ("DELETE FROM schema_version WHERE version > 1", "migrate"),
    ("UPDATE schema_version SET version = 99, min_program = 99 ORDER BY version DESC LIMIT 1", "upgrade")])
@pytest.mark.parametrize("option", ["-t", "-l"])
def test_a_wrong_schema_ends_the_program_with_78_where_someone_looks(front, schema, tmp_path, change, says, option):
    schema(change)
    args = ["-t"] if option == "-t" else ["-l", str(tmp_path / "s.sock")]
    done = run(front_program(front, *args), check=False)
    assert done.returncode == EX_CONFIG
    assert says in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_a_newer_schema_that_allows_this_program_is_taken(front, schema):
    schema("UPDATE schema_version SET version = 99, min_program = 1 ORDER BY version DESC LIMIT 1")
    assert run(front_program(front, "-t"), check=False).returncode == 0


def test_an_absent_schema_ends_the_program_with_78(front):
    database = front.stack.database
    front.sql(f"RENAME TABLE schema_version TO `{database}`.hidden")
    try:
        done = run(front_program(front, "-t"), check=False)
    finally:
        front.sql("RENAME TABLE hidden TO schema_version")
    assert done.returncode == EX_CONFIG and "migrate" in done.stderr


def serve_on_fd(front, tmp_path, fd):  # noqa: F811
    """The program on a listening socket that another process made: fd 0 (web server) or fd 3 (systemd)."""
    path = str(tmp_path / "given.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 </dev/null' if fd == 3 else 'exec "$@"'
    log = open(tmp_path / "log", "wb")
    child = subprocess.Popen(["/bin/sh", "-c", script, "sh", *front_program(front)], stdin=listener, stdout=log,
                             stderr=log)
    listener.close()
    return path, child


@pytest.mark.parametrize("fd", [0, 3])
def test_on_a_socket_of_others_a_wrong_schema_is_answered_503_until_it_is_right(front, schema, tmp_path, fd):
    schema("UPDATE schema_version SET version = version + 100, min_program = 100")
    path, child = serve_on_fd(front, tmp_path, fd)
    try:
        answer = fcgi_client.request(path, "GET", f"{JOBS}/{UNKNOWN}/status")
        assert (answer.status, answer.json()["code"]) == (503, "wrong_schema")
        assert fcgi_client.request(path, "GET", "/readyz").status == 503
        assert fcgi_client.request(path, "GET", "/healthz").status == 200
        schema("UPDATE schema_version SET version = version - 100, min_program = 1")
        wait_until(lambda: fcgi_client.request(path, "GET", "/readyz").status == 200, 30, "the schema to be seen")
        assert child.poll() is None
    finally:
        child.terminate()
        assert child.wait(30) == 0
    assert os.path.exists(path)


def test_the_check_tells_a_database_that_is_away(own):
    own.stack.mariadb.stop()
    done = run(front_program(own, "-t"), check=False)
    assert done.returncode == 69 and done.stderr


def test_the_front_ends_grants_are_enough_and_narrow(front, tmp_path):
    """sql/grants.sql, applied to an account that may do nothing else."""
    user, database = f"{front.stack.database}_n", front.stack.database
    server = front.stack.mariadb
    server.sql(f"CREATE OR REPLACE USER '{user}'@'localhost' IDENTIFIED BY 'narrow'")
    text = re.sub(r"--.*", "", (TOP / "sql" / "grants.sql").read_text())
    for statement in text.split(";"):
        if ":front_user" in statement:
            front.sql(statement.replace(":front_user", f"'{user}'@'localhost'").replace("%", "%%"))
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text("narrow\n")
    other = front.stack.add_front_end({"database": {"user": user, "password_file": str(secret)},
                                       "daemon": {"tick": "100ms"}})

    def ask(method, uri, body=None):
        return fcgi_client.request(other.socket, method, uri, body and json.dumps(body).encode(),
                                   {"Authorization": f"Bearer {front.key}", "Content-Type": "application/json"})

    document = order(2, ["fr"], deadline="PT1S")
    document["lots"][0]["images"] = ["data:image/png;base64,iVBORw0KGgo="]
    document["lots"].append({"id": "own", "description": DESCRIPTION})
    answer = ask("POST", JOBS, document)
    assert answer.status == 202, answer
    job = answer.json()["job_id"]
    wait_until(lambda: ask("GET", f"{JOBS}/{job}/status").json()["completed_at"], 30, "the job to be closed")
    assert ask("GET", f"{JOBS}/{job}").json()["outcome"] == "partial"
    assert ask("GET", f"{JOBS}/{job}/events").status == 200
    connection = server.connect(database, user, "narrow")
    for forbidden in ("DELETE FROM job", "UPDATE api_key SET role = 'admin'", "UPDATE job SET account_id = 1",
                      "UPDATE item SET state = 'ready'", "INSERT INTO api_key (id) VALUES ('x')", "SELECT * FROM batch",
                      "UPDATE daemon_lease SET epoch = 9", "DROP TABLE wake", "DELETE FROM event"):
        with pytest.raises(Exception, match="denied"):
            connection.cursor().execute(forbidden)
    connection.close()
    server.sql(f"DROP USER '{user}'@'localhost'")
