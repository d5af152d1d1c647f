# SPDX-License-Identifier: ISC
"""The polling client as a program, against a scripted server."""
import importlib.util
import json
import os
import pty
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fake_server import DOWNLOAD, JOB, RESULT, STATUS, FakeServer, Reply, job_status, reply  # noqa: E402

CLIENT = Path(__file__).resolve().parents[2] / "client" / "poll_job_v2.py"
RUNNING = reply(job_status())
FULL = reply(job_status("completed", "full", translated=2))
PARTIAL = reply(job_status("completed", "partial", failed=2))
DOCUMENT = reply(RESULT)
HTML = Reply(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})
NO_JOB = reply({"title": "Not Found", "status": 404}, 404)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LOTSCRIBE_URL", "LOTSCRIBE_KEY"):
        monkeypatch.delenv(name, raising=False)


def module() -> Any:
    spec = importlib.util.spec_from_file_location("poll_job_v2", CLIENT)
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def command(server: Optional[FakeServer], *args: str) -> List[str]:
    url = ["--url", server.url] if server else []
    return [sys.executable, str(CLIENT), JOB, "--interval", "0.01", *url, *args]


def poll(server: FakeServer, *args: str, env: Optional[Dict[str, str]] = None) -> subprocess.CompletedProcess:
    return subprocess.run(command(server, *args), env={**os.environ, **(env or {})}, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


# -- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status,code", [
    (job_status("completed", "full", translated=2), 0),
    (job_status("completed", "partial", failed=2), 3),
    (job_status("cancelled", "full", translated=2), 0),
    (job_status("cancelled", "partial", translated=1), 3),
    (job_status("cancelled", "partial", described=0, failed=4), 1),
    (job_status("cancelled", None, described=0), 1),
    (job_status("failed", None, described=0, failed=4), 1),
])
def test_exit_code_tells_how_the_job_ended(status: Dict[str, Any], code: int) -> None:
    with FakeServer(status=[RUNNING, reply(status)]) as server:
        done = poll(server)
    assert done.returncode == code, done
    assert status["status"] in done.stdout.splitlines()[-1]


def test_a_status_that_is_not_known_is_not_an_end() -> None:
    with FakeServer(status=[reply(job_status("resting")), FULL]) as server:
        done = poll(server)
    assert done.returncode == 0
    assert "resting" in done.stdout


def test_timed_out_is_2_and_looks_once_more_at_the_end() -> None:
    with FakeServer(status=[reply(job_status(), Retry_After="3600")]) as server:
        done = poll(server, "--timeout", "0.02")
        assert server.count(STATUS) == 2
    assert done.returncode == 2
    assert "timed out" in done.stdout


def test_timeout_0_looks_once() -> None:
    with FakeServer(status=[RUNNING]) as server:
        assert poll(server, "--timeout", "0").returncode == 2
        assert server.count(STATUS) == 1


@pytest.mark.parametrize("answer", [NO_JOB, Reply(404, b"<html>", {"Content-Type": "text/html"}),
                                    reply({"title": "Gone"}, 410)])
def test_a_wrong_id_is_final(answer: Reply) -> None:
    with FakeServer(status=[answer]) as server:
        done = poll(server)
        assert server.count(STATUS) == 1
    assert done.returncode == 66
    assert JOB in done.stderr


def test_a_404_that_is_not_ours_hints_at_the_address() -> None:
    with FakeServer(status=[Reply(404, b"<html>", {"Content-Type": "text/html"})]) as server:
        assert "--url" in poll(server).stderr


def test_a_job_that_was_there_survives_the_404_of_a_proxy_and_not_ours() -> None:
    with FakeServer(status=[RUNNING, Reply(404, b"<html>"), FULL]) as server:
        assert poll(server).returncode == 0
    with FakeServer(status=[RUNNING, NO_JOB, FULL]) as server:
        assert poll(server).returncode == 66


@pytest.mark.parametrize("code,wanted", [(401, 77), (403, 77), (400, 76), (405, 76)])
def test_a_refusal_is_final(code: int, wanted: int) -> None:
    with FakeServer(status=[reply({"title": "No", "detail": "not like this"}, code)]) as server:
        done = poll(server)
        assert server.count(STATUS) == 1
    assert done.returncode == wanted
    assert "not like this" in done.stderr


def test_redirects_to_another_host_are_not_followed() -> None:
    with FakeServer(status=[Reply(302, b"", {"Location": "http://other.invalid/"})]) as server:
        done = poll(server)
    assert done.returncode == 76
    assert "other.invalid" in done.stderr


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["../../etc/passwd"], [JOB, "--interval", "0"], [JOB, "--interval", "-1"],
    [JOB, "--interval", "nan"], [JOB, "--interval", "soon"], [JOB, "--timeout", "-1"], [JOB, "--timeout", "inf"],
    [JOB, "--url", "ftp://x"], [JOB, "--url", "localhost:5000"], [JOB, "--url", "http://x:y"],
    [JOB, "--url", "http://x/?a=b"], [JOB, "--key", "a\nb"], [JOB, "--what"], [JOB, JOB],
])
def test_bad_arguments_are_64(args: List[str]) -> None:
    done = subprocess.run([sys.executable, str(CLIENT), *args], text=True, timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 64, done
    assert done.stderr.startswith("usage:")
    assert done.stdout == ""


# -- where and how it asks -------------------------------------------------------------------------------------------


def test_address_and_key_come_from_the_environment() -> None:
    with FakeServer(status=[FULL]) as server:
        done = subprocess.run(command(None), env={**os.environ, "LOTSCRIBE_URL": server.url + "/",
                                                  "LOTSCRIBE_KEY": "lot_x"}, timeout=60, check=False)
        assert server.seen[0][1]["authorization"] == "Bearer lot_x"
    assert done.returncode == 0


def test_without_a_key_none_is_sent() -> None:
    with FakeServer(status=[FULL]) as server:
        poll(server)
        assert "authorization" not in server.seen[0][1]


def test_the_default_address_is_port_5000_of_this_machine() -> None:
    assert module().arguments_of([JOB], {}).url == "http://localhost:5000"


def test_a_proxy_of_the_environment_does_not_stand_before_this_machine() -> None:
    with FakeServer(status=[FULL]) as server:
        assert poll(server, env={"http_proxy": "http://127.0.0.1:9"}).returncode == 0


def test_an_unchanged_status_is_asked_for_by_etag() -> None:
    def second(headers: Dict[str, str]) -> Reply:
        return Reply(304) if headers.get("if-none-match") == '"7"' else Reply(500)

    with FakeServer(status=[reply(job_status(), ETag='"7"'), second, second,
                            reply(job_status("completed", "full", translated=2), ETag='"8"')]) as server:
        done = poll(server)
        asked = [headers.get("if-none-match") for _, headers in server.seen]
    assert done.returncode == 0
    assert asked == [None, '"7"', '"7"', '"7"']
    assert "failed attempts" not in done.stdout


def test_retry_after_is_read_as_number_and_as_date_by_the_servers_clock() -> None:
    client = module()
    assert client.retry_after({"Retry-After": "17"}) == 17
    assert client.retry_after({"Retry-After": "Sun, 01 Mar 2026 10:01:30 GMT",
                               "Date": "Sun, 01 Mar 2026 10:00:00 GMT"}) == 90
    assert client.retry_after({"Retry-After": "Sun, 01 Mar 2026 09:00:00 GMT",
                               "Date": "Sun, 01 Mar 2026 10:00:00 GMT"}) == 0
    for nothing in ({}, {"Retry-After": ""}, {"Retry-After": "soon"}, {"Retry-After": "-3"}):
        assert client.retry_after(nothing) == 0


def test_back_off_doubles_is_capped_and_never_below_what_was_asked() -> None:
    client = module()
    for failures in range(1, 100):
        wait = client.back_off(failures, 10.0, 0.0)
        assert 10.0 <= wait <= 60.0
    assert 20.0 <= client.back_off(3, 10.0, 0.0)
    assert client.back_off(1, 10.0, 45.0) == 45.0
    assert client.back_off(50, 90.0, 0.0) == 90.0
    assert len({client.back_off(5, 10.0, 0.0) for _ in range(20)}) > 1


def test_without_timeout_it_waits_for_the_jobs_deadline_by_the_servers_clock() -> None:
    client = module()
    poller = client.Poller(None, None, 1.0, None)
    start = poller.end - client.UNKNOWN_DEADLINE
    poller._extend(job_status(), {"Date": "Sun, 01 Mar 2026 15:00:00 GMT"})
    assert 3600 + client.AFTER_DEADLINE <= poller.end - start < 3600 + client.AFTER_DEADLINE + 60
    fixed = client.Poller(None, None, 1.0, 60.0)
    end = fixed.end
    fixed._extend(job_status(), {"Date": "Sun, 01 Mar 2026 15:00:00 GMT"})
    assert fixed.end == end


# -- outages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [
    HTML,
    Reply(503, b"", {"Retry-After": "0"}),
    Reply(500),
    Reply(429, b"{}", {"Content-Type": "application/json"}),
    Reply(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}),
    Reply(200, RUNNING.body[:100], {"Content-Type": "application/json"}, declared=len(RUNNING.body)),
    Reply(200, b"[]"),
    Reply(200, b"{}"),
    Reply(200, b""),
    Reply(200, b"[" * 100000),
    Reply(304),
], ids=range(11))
def test_what_is_broken_for_a_while_is_waited_out(broken: Reply) -> None:
    with FakeServer(status=[broken, RUNNING, broken, broken, FULL]) as server:
        done = poll(server)
        assert server.count(STATUS) == 5
    assert done.returncode == 0, done
    assert done.stdout.count("trying again") == 2
    assert "back (after 2 failed attempts)" in done.stdout


def test_a_server_that_is_away_in_the_middle_is_waited_for() -> None:
    with FakeServer(status=[RUNNING]) as server:
        child = subprocess.Popen(command(server), stdout=subprocess.PIPE, text=True)
        assert child.stdout
        child.stdout.readline()
        server.close()
        for line in child.stdout:
            if "trying again" in line:
                break
        server.scripts[STATUS] = [FULL]
        server.listen()
        rest = child.stdout.read()
        assert child.wait(60) == 0
    assert "the server is back" in rest


def test_an_outage_that_does_not_end_is_2() -> None:
    with FakeServer() as server:
        server.close()
        done = poll(server, "--timeout", "0.01")
    assert done.returncode == 2
    assert done.stdout.count("no connection") == 1


def test_a_server_that_never_answers_is_2() -> None:
    with FakeServer(status=[Reply(hang=True)]) as server:
        done = poll(server, "--timeout", "0.01")
    assert done.returncode == 2
    assert "connection" in done.stdout


# -- the download ----------------------------------------------------------------------------------------------------


def test_the_download_is_named_after_the_job_and_is_the_whole_document(tmp_path: Path) -> None:
    with FakeServer(status=[FULL], download=[DOCUMENT]) as server:
        done = poll(server, "--download")
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{JOB}.json"]
    assert (tmp_path / f"{JOB}.json").read_bytes() == DOCUMENT.body
    assert f"saved {JOB}.json ({len(DOCUMENT.body)} bytes)" in done.stdout


def test_the_id_after_download_is_the_job(tmp_path: Path) -> None:
    with FakeServer(status=[FULL], download=[DOCUMENT]) as server:
        done = subprocess.run([sys.executable, str(CLIENT), "--url", server.url, "--download", JOB], timeout=60,
                              check=False)
    assert done.returncode == 0
    assert (tmp_path / f"{JOB}.json").exists()


def test_a_partial_result_is_downloaded_too(tmp_path: Path) -> None:
    with FakeServer(status=[PARTIAL], download=[DOCUMENT]) as server:
        assert poll(server, "--download", "sale.json").returncode == 3
    assert json.loads((tmp_path / "sale.json").read_text())["job_id"] == JOB


def test_a_folder_as_file_takes_the_usual_name(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with FakeServer(status=[FULL], download=[DOCUMENT]) as server:
        assert poll(server, "--download", "out").returncode == 0
    assert (tmp_path / "out" / f"{JOB}.json").exists()


def test_a_failed_job_has_nothing_to_download(tmp_path: Path) -> None:
    with FakeServer(status=[reply(job_status("failed", described=0, failed=4))], download=[DOCUMENT]) as server:
        assert poll(server, "--download").returncode == 1
        assert server.count(DOWNLOAD) == 0
    assert not list(tmp_path.iterdir())


def test_no_part_of_a_download_is_ever_visible(tmp_path: Path) -> None:
    target = tmp_path / "sale.json"
    target.write_text("the former one")
    half, go = threading.Event(), threading.Event()
    with FakeServer(status=[FULL], download=[Reply(200, DOCUMENT.body, half=half, go=go)]) as server:
        child = subprocess.Popen(command(server, "--download", "sale.json"), stdout=subprocess.DEVNULL)
        assert half.wait(60)
        assert target.read_text() == "the former one"
        assert all(path == target or path.name.startswith(".") for path in tmp_path.iterdir())
        go.set()
        assert child.wait(60) == 0
    assert target.read_bytes() == DOCUMENT.body
    assert [path.name for path in tmp_path.iterdir()] == ["sale.json"]


@pytest.mark.parametrize("broken", [
    Reply(200, DOCUMENT.body[:-40], declared=len(DOCUMENT.body)),
    Reply(200, DOCUMENT.body[:-40]),
    Reply(200, DOCUMENT.body, declared=len(DOCUMENT.body) + 1),
    Reply(200, b"<html>maintenance</html>"),
    reply({**RESULT, "job_id": "00000000-0000-4000-8000-000000000000"}),
    reply(job_status("completed", "full")),
    HTML,
    Reply(503, b"", {"Retry-After": "0"}),
], ids=["cut off", "cut off unseen", "shorter than said", "html", "another job", "no lots", "bad gateway", "busy"])
def test_a_broken_download_is_repeated_and_never_shown(broken: Reply, tmp_path: Path) -> None:
    def checked(_headers: Dict[str, str]) -> Reply:
        assert not (tmp_path / f"{JOB}.json").exists()
        return DOCUMENT

    with FakeServer(status=[FULL], download=[broken, checked]) as server:
        done = poll(server, "--download")
        assert server.count(DOWNLOAD) == 2
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{JOB}.json"]
    assert (tmp_path / f"{JOB}.json").read_bytes() == DOCUMENT.body


def test_a_download_that_never_comes_whole_is_2_and_leaves_nothing(tmp_path: Path) -> None:
    with FakeServer(status=[FULL], download=[Reply(200, b"{", declared=100)]) as server:
        done = poll(server, "--download", "--timeout", "0.01")
        assert server.count(DOWNLOAD) > 1
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


def test_a_first_page_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    with FakeServer(status=[FULL], download=[reply({**RESULT, "next": "/api/v1/x"})]) as server:
        assert poll(server, "--download").returncode == 76
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_told_before_the_wait() -> None:
    with FakeServer(status=[RUNNING]) as server:
        done = poll(server, "--download", "nowhere/sale.json")
        assert server.count(STATUS) == 0
    assert done.returncode == 73
    assert "there is no folder" in done.stderr and "nowhere" in done.stderr


def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    limit = ["/bin/sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh"]
    with FakeServer(status=[FULL], download=[DOCUMENT]) as server:
        # Output goes to a pipe, which the limit on file sizes does not meet.
        done = subprocess.run(limit + command(server, "--download"), text=True, timeout=60,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 73, done
    assert not list(tmp_path.iterdir())


def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    with FakeServer(status=[FULL], download=[DOCUMENT]) as server:
        subprocess.run(["/bin/sh", "-c", 'umask 027; exec "$@"', "sh", *command(server, "--download")], timeout=60,
                       check=True, stdout=subprocess.DEVNULL)
    assert stat.S_IMODE((tmp_path / f"{JOB}.json").stat().st_mode) == 0o640


def test_interrupted_in_a_download_leaves_nothing(tmp_path: Path) -> None:
    half, go = threading.Event(), threading.Event()
    with FakeServer(status=[FULL], download=[Reply(200, DOCUMENT.body, half=half, go=go)]) as server:
        child = subprocess.Popen(command(server, "--download"), stdout=subprocess.DEVNULL)
        assert half.wait(60)
        child.terminate()
        assert child.wait(60) == 143
        go.set()
    assert not list(tmp_path.iterdir())


# -- what is shown ---------------------------------------------------------------------------------------------------

WAITING = job_status(
    waiting_for={"what": "batch", "since": "2026-03-01T10:00:00.123456Z", "last_progress_at": None,
                 "next_action": "cancel and retry", "next_action_at": "2026-03-01T12:00:00Z"},
    warnings=[{"code": "batch_stalled", "message": "batch 42 has stood still for 1 h", "since": "2026-03-01T10:00:00Z"}])


def on_terminal(server: FakeServer, *args: str, columns: int = 80, term: str = "xterm") -> str:
    """What the client writes to a terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen(command(server, *args), stdin=slave, stdout=slave, stderr=slave,
                             env={**os.environ, "COLUMNS": str(columns), "TERM": term})
    os.close(slave)
    text = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # Linux: the other side is closed
            break
        text += chunk
    os.close(master)
    child.wait(60)
    return text.decode()


def screen(text: str) -> List[str]:
    """What stands on the screen after this text, for the few controls that the client uses."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[1A|\x1b\[K|\r|\n|[^\x1b\r\n]+", text):
        if token == "\x1b[1A":
            row -= 1
        elif token == "\x1b[K":
            lines[row] = lines[row][:column]
        elif token == "\r":
            column = 0
        elif token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = lines[row][:column] + token + lines[row][column + len(token):]
            column += len(token)
    return [line for line in lines if line]


def test_without_a_terminal_there_is_a_line_where_something_changed_and_no_control_character() -> None:
    with FakeServer(status=[RUNNING, RUNNING, RUNNING, reply(WAITING), reply(WAITING), FULL]) as server:
        done = poll(server, env={"TZ": "UTC"})
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    assert "50 %  translating  described 2/2, fr 0/2" in lines[0]
    assert "warning: batch 42 has stood still for 1 h" in lines[1]
    assert "waiting for: batch since" in lines[2]
    assert "next: cancel and retry at" in lines[2]
    assert "100 %" in lines[3]
    assert "completed (full)" in lines[4] and "cost USD 0.0123" in lines[4]


def test_on_a_terminal_there_is_a_bar_within_its_width() -> None:
    with FakeServer(status=[RUNNING, reply(WAITING), FULL]) as server:
        text = on_terminal(server, columns=60)
    drawn = [line for line in re.split(r"[\r\n]|\x1b\[1A|\x1b\[K", text) if line]
    assert "[##########----------]  50 %  translating" in text
    assert "[####################] 100 %  completed" in text
    assert all(len(line) < 60 for line in drawn if line[0] == "[" or line.startswith("waiting"))
    assert any(line.startswith("waiting for: batch since") for line in drawn)
    assert any(line.endswith("warning: batch 42 has stood still for 1 h") for line in drawn)
    assert "completed (full)" in drawn[-1]


def test_the_terminal_shows_at_the_end_each_line_once() -> None:
    with FakeServer(status=[RUNNING, reply(WAITING), RUNNING, FULL]) as server:
        lines = screen(on_terminal(server))
    assert len(lines) == 3, lines
    assert lines[0].endswith("warning: batch 42 has stood still for 1 h")
    assert lines[1].startswith("[") and "100 %  completed" in lines[1]
    assert "completed (full)" in lines[2]


def test_on_a_dumb_terminal_there_are_plain_lines() -> None:
    with FakeServer(status=[RUNNING, FULL]) as server:
        assert "\x1b" not in on_terminal(server, term="dumb")


def test_text_from_the_server_cannot_steer_the_terminal() -> None:
    evil = job_status("completed", "full", translated=2,
                      warnings=[{"code": "x", "message": "red \x1b[31m bell \x07 \u202e line\nbreak"}])
    with FakeServer(status=[reply(evil)]) as server:
        done = poll(server)
    assert "red [31m bell line break" in done.stdout
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout


def test_an_outage_is_told_once() -> None:
    with FakeServer(status=[RUNNING, HTML, HTML, HTML, FULL]) as server:
        done = poll(server)
    assert done.stdout.count("502") == 1


def test_a_reader_that_leaves_is_no_traceback() -> None:
    with FakeServer(status=[RUNNING, HTML, RUNNING, HTML, FULL]) as server:
        child = subprocess.Popen(command(server), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdout and child.stderr
        child.stdout.close()
        errors = child.stderr.read()
        child.wait(60)
    assert errors == b""
    assert child.returncode == 141
