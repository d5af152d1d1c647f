#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Wait for a lotscribe job and download its result.

Polls GET BASE/api/v1/jobs/JOB/status until the job has ended, shows how far it is and what it waits for, and with
--download saves the whole result. Needs Python 3.8 or later and nothing else: the file may be copied anywhere.

It always ends: when the job has, or at the time-out. Outages of the server, proxies that answer HTML and connections
that break are waited out until then. The download appears under its name complete and checked, or not at all.

Exit codes:
   0  the job has ended, everything was answered
   1  the job failed, or was cancelled, and there is no result
   2  timed out: the job (or the server, or the download) was not ready in time; the job itself goes on
   3  the job has ended, some parts were not answered (the rest is there)
  64  wrong arguments
  66  there is no such job
  73  the download cannot be written (no such folder, disk full, no permission)
  76  the server refuses the request or answers what this client does not understand
  77  the server wants a key, or another one
 130  interrupted (143 by SIGTERM)
"""
import argparse
import email.utils
import http.client
import io
import json
import math
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from email.message import Message
from typing import Any, Dict, IO, List, Mapping, NoReturn, Optional, Tuple, Union

EXIT_FULL, EXIT_FAILED, EXIT_TIMEOUT, EXIT_PARTIAL = 0, 1, 2, 3
EX_USAGE, EX_NOINPUT, EX_CANTCREAT, EX_PROTOCOL, EX_NOPERM = 64, 66, 73, 76, 77

DEFAULT_URL = "http://localhost:5000"
DEFAULT_INTERVAL = 10.0         # seconds
UNKNOWN_DEADLINE = 20 * 60.0    # seconds to wait for a first answer when no --timeout is given
AFTER_DEADLINE = 10 * 60.0      # and this long past the job's deadline
BACK_OFF_MAX = 60.0             # seconds between attempts during an outage
REQUEST_TIMEOUT = 30.0          # seconds without a byte
STATUS_MAX = 4 << 20            # bytes; a status object is a few hundred
CHUNK = 1 << 16

Headers = Union[Mapping[str, str], Message]

ENDED = ("completed", "failed", "cancelled")
STATUS_WORDS = {
    "open": "still being put together, not started",
    "queued": "queued",
    "describing": "describing the lots",
    "translating": "translating",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class Trouble(Exception):
    """Something that may pass: try again. `retry_after` is what the server asked for, in seconds."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Final(Exception):
    """Something that will not pass by waiting. Carries the exit code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


# -- small helpers ---------------------------------------------------------------------------------------------------


def parse_time(text: Any) -> Optional[datetime]:
    """An RFC 3339 time as an aware datetime, or None. (fromisoformat of Python 3.8 does not take `Z`.)"""
    match = re.match(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)$", str(text or ""))
    if not match:
        return None
    zone = "+00:00" if match.group(3) in "Zz" else match.group(3)
    try:
        return datetime.fromisoformat(f"{match.group(1)}T{match.group(2)}{zone}")
    except ValueError:
        return None


def http_date(text: Optional[str]) -> Optional[datetime]:
    """An HTTP date as an aware datetime, or None."""
    try:
        date = email.utils.parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def server_now(headers: Headers) -> datetime:
    """The server's idea of now, so that a wrong clock on this side does no harm."""
    return http_date(headers.get("Date")) or datetime.now(timezone.utc)


def retry_after(headers: Headers) -> float:
    """Retry-After in seconds, from a number or a date; 0 where there is none."""
    text = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    date = http_date(text) if text else None
    return max(0.0, (date - server_now(headers)).total_seconds()) if date else 0.0


def back_off(failures: int, interval: float, asked: float) -> float:
    """Seconds until the next attempt after so many failures in a row: doubling, capped, jittered."""
    base = min(BACK_OFF_MAX, interval * 2.0 ** min(failures - 1, 16))
    return max(base * random.uniform(0.5, 1.0), interval, asked)


def clean(text: Any) -> str:
    """Text from the server as one line that cannot steer the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def part(value: Dict[str, Any], key: str) -> Dict[str, Any]:
    """The object under this key; empty where there is none."""
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def span(seconds: float) -> str:
    """A duration in words: "45 s", "12 min", "7 h 05 min"."""
    seconds = max(0, int(seconds))
    if seconds < 100:
        return f"{seconds} s"
    minutes = (seconds + 30) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def clock(when: datetime, now: datetime) -> str:
    """A time of day in the user's zone, with the date where it is not today."""
    local = when.astimezone()
    return local.strftime("%H:%M:%S" if local.date() == now.astimezone().date() else "%Y-%m-%d %H:%M")


# -- HTTP ------------------------------------------------------------------------------------------------------------


class SameHostRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host only: the key must not travel to another one, nor lose TLS."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if old.hostname != new.hostname or (old.scheme == "https" and new.scheme != "https"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Server:
    """The API of one installation, for one job. Raises Trouble or Final; never waits."""

    def __init__(self, base: str, job: str, key: Optional[str]) -> None:
        self.job_url = f"{base}/api/v1/jobs/{job}"
        self._job = job
        self._base = base
        self._key = key
        self._etag: Optional[str] = None
        self._seen = False
        handlers: List[Any] = [SameHostRedirects()]
        if (urllib.parse.urlsplit(base).hostname or "") in ("localhost", "127.0.0.1", "::1"):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def status(self, timeout: float) -> Tuple[Optional[Dict[str, Any]], Headers]:
        """The status object, None where it has not changed since the last call, and the headers."""
        wanted = {"If-None-Match": self._etag} if self._etag else {}
        answer = self._get(self.job_url + "/status", wanted, timeout)
        with answer:
            if answer.code == 304:
                return None, answer.headers
            body = self._read(answer, STATUS_MAX, time.monotonic() + min(REQUEST_TIMEOUT, timeout))
            status = self._json(body)
            if not isinstance(status.get("status"), str):
                raise Trouble("the answer is not a job's status")
            self._etag = answer.headers.get("ETag")
            self._seen = True
            return status, answer.headers

    def download(self, target: IO[bytes], end: float) -> int:
        """Write the whole result to `target`, check it, and return its length in bytes."""
        with self._get(self.job_url + "?download=1", {}, max(1.0, end - time.monotonic())) as answer:
            expected = answer.length
            length = 0
            while True:
                chunk = self._chunk(answer)
                if not chunk:
                    break
                target.write(chunk)
                length += len(chunk)
                if time.monotonic() > end:
                    raise Trouble("the download takes too long")
            if expected is not None and length != expected:
                raise Trouble(f"the download was cut off: {length} of {expected} bytes")
        target.flush()
        target.seek(0)
        result = self._json(target.read())
        if not isinstance(result.get("lots"), list) or result.get("job_id") != self._job:
            raise Trouble("the download is not the result of this job")
        if result.get("next"):
            raise Final("the server sent only the first page of the result", EX_PROTOCOL)
        return length

    def _get(self, url: str, headers: Dict[str, str], timeout: float) -> Any:
        """The answer of a GET: an HTTPResponse, or for 304 urllib's HTTPError, which reads alike."""
        headers = {"Accept": "application/json", "User-Agent": "poll_job_v2", **headers}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(url, headers=headers)
        try:
            return self._opener.open(request, timeout=max(1.0, min(REQUEST_TIMEOUT, timeout)))
        except urllib.error.HTTPError as exc:
            if exc.code == 304 and "If-None-Match" in headers:
                return exc
            with exc:
                self._refused(exc)
        except urllib.error.URLError as exc:
            raise Trouble(f"no connection: {clean(exc.reason)}") from exc
        except (OSError, http.client.HTTPException) as exc:
            raise Trouble(f"the connection broke: {clean(exc) or type(exc).__name__}") from exc

    def _refused(self, answer: urllib.error.HTTPError) -> NoReturn:
        """Sort an answer that is no success into what may pass and what will not."""
        problem = self._problem(answer)
        text = f"{answer.code} {clean(problem.get('detail') or problem.get('title') or answer.reason or '')}".strip()
        if answer.code in (404, 410):
            # A proxy in the middle of a restart may say 404 about a job that was there a moment ago.
            if self._seen and not problem:
                raise Trouble(f"the server answered {text}")
            hint = "" if problem else f" (is {self._base} the address of lotscribe? see --url)"
            raise Final(f"there is no job {self._job}{hint}", EX_NOINPUT)
        if answer.code in (401, 403, 407):
            raise Final(f"the server wants a key: {text} (--key or LOTSCRIBE_KEY)", EX_NOPERM)
        if answer.code in (304, 408, 421, 425, 429) or answer.code >= 500:
            raise Trouble(f"the server answered {text}", retry_after(answer.headers))
        if 300 <= answer.code < 400:
            text += f", redirects to {clean(answer.headers.get('Location'))}"
        raise Final(f"the server answered {text}", EX_PROTOCOL)

    def _problem(self, answer: urllib.error.HTTPError) -> Dict[str, Any]:
        """The problem+json object of an error; empty where the answer is something else."""
        if not (answer.headers.get_content_type() or "").endswith("json"):
            return {}
        try:
            value = json.loads(answer.read(STATUS_MAX))
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def _read(self, answer: http.client.HTTPResponse, limit: int, end: float) -> bytes:
        body = b""
        while True:
            chunk = self._chunk(answer)
            if not chunk:
                return body
            body += chunk
            if len(body) > limit:
                raise Trouble("the answer is too large for a status")
            if time.monotonic() > end:
                raise Trouble("the answer takes too long")

    @staticmethod
    def _chunk(answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as exc:
            raise Trouble(f"the connection broke: {clean(exc) or type(exc).__name__}") from exc

    @staticmethod
    def _json(body: bytes) -> Dict[str, Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise Trouble("the answer is not JSON, or was cut off") from exc
        if not isinstance(value, dict):
            raise Trouble("the answer is not a JSON object")
        return value


# -- what is shown ---------------------------------------------------------------------------------------------------


def waiting_words(status: Dict[str, Any], now: datetime) -> str:
    """What the job waits for and what comes next, in words; empty where the server says nothing."""
    waiting = part(status, "waiting_for")
    if not waiting.get("what"):
        return ""
    text = f"waiting for: {clean(waiting['what']).replace('_', ' ')}"
    since, progress = parse_time(waiting.get("since")), parse_time(waiting.get("last_progress_at"))
    if since:
        text += f" since {clock(since, now)}"
    if progress:
        text += f", last progress {clock(progress, now)}"
    if waiting.get("next_action"):
        text += f"; next: {clean(waiting['next_action'])}"
        when = parse_time(waiting.get("next_action_at"))
        if when:
            text += f" at {clock(when, now)}"
    return text


def counts_words(status: Dict[str, Any]) -> str:
    """The counts: "described 20/20, fr 3/20, de 0/20, 1 failed"."""
    progress = part(status, "progress")
    parts = [f"described {number(progress.get('described'))}/{number(progress.get('lots'))}"]
    for tag, count in part(status, "languages").items():
        if tag != "en" and isinstance(count, dict):
            parts.append(f"{clean(tag)} {number(count.get('done'))}/{number(count.get('total'))}")
    if number(progress.get("failed")):
        parts.append(f"{number(progress.get('failed'))} failed")
    return ", ".join(parts)


def percent(status: Dict[str, Any]) -> int:
    return max(0, min(100, number(part(status, "progress").get("percent"))))


def warnings_of(status: Dict[str, Any]) -> List[str]:
    """The warnings as lines."""
    warnings = status.get("warnings")
    return [clean(w.get("message") or w.get("code") or "") for w in warnings if isinstance(w, dict)] \
        if isinstance(warnings, list) else []


class Display:
    """Prints what changed: lines with the time, and on a terminal below them a bar and what is waited for."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._terminal = out.isatty() and os.environ.get("TERM") != "dumb"
        self._shown: Tuple[Any, ...] = ()
        self._warned: List[str] = []
        self._block: List[str] = []

    def line(self, text: str) -> None:
        """A line that stays."""
        block = self._block
        self._redraw([], f"{time.strftime('%H:%M:%S')}  {text}\n")
        self._redraw(block)

    def status(self, status: Dict[str, Any], now: datetime) -> None:
        """Show a status: on a terminal in the block at its end, elsewhere as a line where something changed."""
        for warning in warnings_of(status):
            if warning and warning not in self._warned:
                self._warned.append(warning)
                self.line(f"warning: {warning}")
        state = clean(status.get("status"))
        words = STATUS_WORDS.get(state, state)
        counts, waiting = counts_words(status), waiting_words(status, now)
        shown = (words, counts, waiting, percent(status))
        if shown == self._shown:
            return
        self._shown = shown
        if self._terminal:
            self._redraw([self._bar(percent(status), words, counts)] + ([waiting] if waiting else []))
        else:
            self.line("  ".join(part_ for part_ in (f"{percent(status):3d} %", words, counts, waiting) if part_))

    def end(self) -> None:
        """Leave the bar as it last was, above the cursor."""
        if self._block:
            self._redraw([], self._block[0] + "\n")

    @staticmethod
    def _bar(done: int, words: str, counts: str) -> str:
        width = min(30, shutil.get_terminal_size().columns // 3)
        full = width * done // 100
        return f"[{'#' * full}{'-' * (width - full)}] {done:3d} %  {words}  {counts}"

    def _redraw(self, block: List[str], before: str = "") -> None:
        """Replace the block by a line that stays and a new block; a line of it never wraps."""
        columns = max(20, shutil.get_terminal_size().columns)
        erase = "\r\x1b[K" + "\x1b[1A\x1b[K" * (len(self._block) - 1) if self._block else ""
        self._block = [line[:columns - 1] for line in block]
        self._out.write(erase + before + "\n".join(self._block))
        self._out.flush()


# -- the download ----------------------------------------------------------------------------------------------------


class Target:
    """The file of the download. Complete and checked under its name, or not there."""

    def __init__(self, name: str, job: str) -> None:
        path = os.path.join(name, f"{job}.json") if name == "" or os.path.isdir(name) else name
        self.path = path
        self._folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(self._folder):
            raise Final(f"there is no folder {self._folder}", EX_CANTCREAT)
        if not os.access(self._folder, os.W_OK):
            raise Final(f"the folder {self._folder} cannot be written to", EX_CANTCREAT)

    def fetch(self, server: Server, end: float) -> int:
        """One attempt: into a temporary file beside the target, to the disk, then renamed."""
        temporary = ""
        try:
            descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=self._folder)
            with os.fdopen(descriptor, "w+b") as file:
                length = server.download(file, end)
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
            temporary = ""
            self._sync_folder()
        except OSError as exc:
            raise Final(f"cannot write {self.path}: {exc.strerror or exc}", EX_CANTCREAT) from exc
        finally:
            if temporary:
                os.unlink(temporary)
        return length

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# -- the flow --------------------------------------------------------------------------------------------------------


class Poller:
    """Follows one job to its end or to the time-out."""

    def __init__(self, server: Server, display: Display, interval: float, timeout: Optional[float]) -> None:
        self._server = server
        self._display = display
        self._interval = interval
        self._fixed = timeout is not None
        self.end = time.monotonic() + (timeout if timeout is not None else UNKNOWN_DEADLINE)
        self._failures = 0

    def wait_ended(self) -> Optional[Dict[str, Any]]:
        """The status of the ended job, or None at the time-out."""
        while True:
            delay = self._interval
            try:
                status, headers = self._server.status(max(1.0, self.end - time.monotonic()))
                self._recovered()
                delay = max(delay, retry_after(headers))
                if status is not None:
                    self._display.status(status, server_now(headers))
                    if status["status"] in ENDED:
                        return status
                    self._extend(status, headers)
            except Trouble as trouble:
                delay = self._failed(trouble)
            if not self._pause(delay):
                return None

    def download(self, target: Target) -> Optional[int]:
        """The length of the saved result in bytes, or None at the time-out."""
        self._failures = 0
        while True:
            try:
                return target.fetch(self._server, max(self.end, time.monotonic() + REQUEST_TIMEOUT))
            except Trouble as trouble:
                delay = self._failed(trouble)
            if not self._pause(delay):
                return None

    def _extend(self, status: Dict[str, Any], headers: Headers) -> None:
        """Without --timeout: wait for the job's deadline, by which it ends, and a little longer."""
        deadline = parse_time(status.get("deadline_at"))
        if deadline and not self._fixed:
            left = (deadline - server_now(headers)).total_seconds()
            self.end = time.monotonic() + max(0.0, left) + AFTER_DEADLINE
            # The first answer settles it; a job whose deadline moves is not waited for again and again.
            self._fixed = True

    def _pause(self, delay: float) -> bool:
        """Sleep before the next attempt; False when the time is up."""
        left = self.end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(delay, left))
        return True

    def _failed(self, trouble: Trouble) -> float:
        self._failures += 1
        if self._failures == 1:
            until = datetime.now() + timedelta(seconds=max(0.0, self.end - time.monotonic()))
            self._display.line(f"{trouble}; trying again until {until:%H:%M:%S}")
        return back_off(self._failures, self._interval, trouble.retry_after)

    def _recovered(self) -> None:
        if self._failures:
            self._display.line(f"the server is back (after {self._failures} failed attempts)")
        self._failures = 0


def exit_code(status: Dict[str, Any]) -> int:
    """The exit code for an ended job."""
    progress = part(status, "progress")
    answered = number(progress.get("described")) + number(progress.get("translated"))
    if status["status"] == "failed" or (status["status"] == "cancelled" and not answered):
        return EXIT_FAILED
    if status.get("outcome") == "full":
        return EXIT_FULL
    if status.get("outcome") == "partial" or number(progress.get("failed")) or status["status"] == "cancelled":
        return EXIT_PARTIAL
    return EXIT_FULL


def summary(status: Dict[str, Any]) -> str:
    """One line about how the job ended and what it cost."""
    text = clean(status["status"])
    if status.get("outcome"):
        text += f" ({clean(status['outcome'])})"
    text += f": {counts_words(status)}"
    cost = part(status, "cost")
    if cost.get("amount") is not None:
        text += f"; cost {clean(cost.get('currency', 'USD'))} {clean(cost['amount'])}"
    started, ended = parse_time(status.get("created_at")), parse_time(status.get("completed_at"))
    if started and ended:
        text += f"; took {span((ended - started).total_seconds())}"
    return text


def follow(arguments: argparse.Namespace, display: Display) -> int:
    """The whole run; returns the exit code."""
    server = Server(arguments.url, arguments.job, arguments.key)
    target = Target(arguments.download, arguments.job) if arguments.download is not None else None
    timeout = None if arguments.timeout is None else arguments.timeout * 60.0
    poller = Poller(server, display, arguments.interval, timeout)
    status = poller.wait_ended()
    display.end()
    if status is None:
        display.line(f"timed out; the job goes on: {server.job_url}/status")
        return EXIT_TIMEOUT
    display.line(summary(status))
    code = exit_code(status)
    if target and code == EXIT_FAILED:
        display.line("nothing to download")
    elif target:
        length = poller.download(target)
        if length is None:
            display.line(f"timed out: the result could not be downloaded: {server.job_url}?download=1")
            return EXIT_TIMEOUT
        display.line(f"saved {target.path} ({length} bytes)")
    return code


class Parser(argparse.ArgumentParser):
    """argparse ends with 2 on wrong arguments, which here means timed out."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def arguments_of(argv: List[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """The checked arguments."""
    description, _, codes = (__doc__ or "").partition("\n\nExit codes:\n")
    parser = Parser(prog="poll_job_v2.py", description=description, epilog="exit codes:\n" + codes,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", metavar="JOB", nargs="?", help="the job's id, as the answer to the order gave it")
    parser.add_argument("--url", metavar="BASE", default=environ.get("LOTSCRIBE_URL") or DEFAULT_URL,
                        help=f"where lotscribe is (default: LOTSCRIBE_URL, else {DEFAULT_URL})")
    parser.add_argument("--interval", metavar="SECONDS", type=float, default=DEFAULT_INTERVAL,
                        help="least time between two polls (default: 10); the server may ask for longer")
    parser.add_argument("--timeout", metavar="MINUTES", type=float,
                        help="give up after so long (default: 10 minutes after the job's deadline)")
    parser.add_argument("--download", metavar="FILE", nargs="?", const="",
                        help="save the result (default: JOB.json in the current folder)")
    parser.add_argument("--key", default=environ.get("LOTSCRIBE_KEY") or None,
                        help="API key, where the installation asks for one (better: LOTSCRIBE_KEY)")
    arguments = parser.parse_args(argv)
    if arguments.job is None and arguments.download:
        # "--download JOB": the option took the id.
        arguments.job, arguments.download = arguments.download, ""
    if arguments.job is None:
        parser.error("JOB is missing")
    try:
        arguments.job = str(uuid.UUID(arguments.job))
    except ValueError:
        parser.error(f"{arguments.job!r} is not a job id (such as 365a09ce-0f2b-4d64-9d3a-0c7d1f7a6f10)")
    if not (math.isfinite(arguments.interval) and arguments.interval > 0):
        parser.error("--interval must be a number of seconds above 0")
    if arguments.timeout is not None and not (math.isfinite(arguments.timeout) and arguments.timeout >= 0):
        parser.error("--timeout must be a number of minutes, 0 or more")
    if not _is_base(arguments.url):
        parser.error(f"{arguments.url!r} is not an address such as {DEFAULT_URL}")
    arguments.url = arguments.url.rstrip("/")
    if arguments.key is not None and not re.fullmatch(r"[\x21-\x7e]+", arguments.key):
        parser.error("the key holds characters that no key has")
    return arguments


def _is_base(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return bool(parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
                    and not parts.query and not parts.fragment and re.fullmatch(r"[\x21-\x7e]+", url))
    except ValueError:
        return False


def _terminate(number_: int, _frame: Any) -> NoReturn:
    raise SystemExit(128 + number_)


def main() -> int:
    arguments = arguments_of(sys.argv[1:], os.environ)
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    display = Display(sys.stdout)
    try:
        return follow(arguments, display)
    except Final as final:
        display.end()
        print(f"poll_job_v2.py: {final}", file=sys.stderr)
        return final.code
    except KeyboardInterrupt:
        display.end()
        print("poll_job_v2.py: interrupted; the job goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; nobody is told, and the interpreter must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


if __name__ == "__main__":
    sys.exit(main())
