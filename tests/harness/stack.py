# SPDX-License-Identifier: ISC
"""lotscribe as a whole: database, stand-in, front end, web server and batchd, with real programs.

Owns: one installation below a work folder. `Stack(build, work)` used as a context manager starts all but
batchd; `add_batchd()` starts one or several of these.
Promises: everything started is stopped at the end, in order, by its pid.
Does not: contain assertions; tests make them.

    with Stack(build, work) as stack:
        stack.add_batchd()
        job = stack.order({"lots": [{"id": "1", "title": "Teapot"}]})
        status = stack.wait_ended(job["job_id"])
"""
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Type

from . import config as conf
from .process import HarnessError, Process, connects, free_port, run, socket_path, wait_until
from .servers import Lighttpd, MariaDB, StandIn, path_of

__all__ = ["Answer", "Batchd", "FrontEnd", "HarnessError", "Lighttpd", "MariaDB", "Process", "Stack", "StandIn",
           "find_program", "run", "wait_until"]

TOP = Path(__file__).resolve().parents[2]
ENDED = ("completed", "failed", "cancelled")

# What differs from the programs' defaults so that a job of some lots takes seconds. Policy clocks stay at their
# defaults, and nothing is sent by synchronous calls: a test that wants other clocks, or the fallback, says so.
FAST: conf.Config = {
    "http": {"workers": 8},
    "daemon": {"lease": "5s", "tick": "100ms", "stop_grace": "5s"},
    "batch": {"linger": "200ms", "poll_interval": "200ms", "settle": "1s"},
    "fallback": {"tiers": []},
    "job": {"min_deadline": "1s"},
    "describe": {"model": "gpt-5.5"},
    "translate": {"model": "gpt-5.5"},
    "model": {"gpt-5.5": {"max_output_tokens": 2000, "max_output_tokens_retry": 4000,
                          "enqueued_tokens": 50000000, "price_input": "1.25", "price_cached": "0.125",
                          "price_output": "10.00", "batch_factor": 0.5}},
}


@dataclass
class Answer:
    """An HTTP answer. Header names are lower case."""
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


CONNECTED = "03"  # a state in /proc/net/unix

# Configurations of the front ends behind sockets.
_configs: Dict[str, Path] = {}


def base_path_of(socket: str) -> str:
    """http.base_path of the front end that listens on this socket."""
    found = re.search(r'base_path = "(.*)"', _configs[socket].read_text()) if socket in _configs else None
    return found.group(1) if found else ""


class FrontEnd(Process):
    """lotscribe.fcgi behind a Unix socket, or HOST:PORT."""

    def __init__(self, program: Path, config: Path, socket: str, log: Path,
                 env: Optional[Dict[str, str]] = None) -> None:
        self.config = config
        self.socket = socket
        _configs[socket] = config
        super().__init__("lotscribe.fcgi", [program, "-c", config, "-l", socket], log, env)

    def start(self) -> "FrontEnd":
        super().start()
        wait_until(lambda: connects(self.socket), 30, "the front end's socket", alive=[self])
        return self

    def connections(self) -> int:
        """How many requests it has taken and not finished. Those that still wait in its Unix socket have no inode."""
        rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
        return sum(row[7:] == [self.socket] and row[5] == CONNECTED and row[6] != "0" for row in rows)


class ActivatedFrontEnd(FrontEnd):
    """lotscribe.fcgi on a socket that is held for it, as systemd does: the harness listens, the program gets the
    socket as descriptor 3. While it does not run, connections wait."""

    SHELL = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&0 </dev/null'

    def __init__(self, program: Path, config: Path, socket: str, log: Path,
                 env: Optional[Dict[str, str]] = None) -> None:
        super().__init__(program, config, socket, log, env)
        self.argv = ["/bin/sh", "-c", self.SHELL, "sh", str(program), "-c", str(config)]

    def start(self) -> "ActivatedFrontEnd":
        if not isinstance(self.stdin, Socket):
            self.stdin = Socket(AF_UNIX)
            self.stdin.bind(self.socket)
            self.stdin.listen(4096)
        Process.start(self)
        return self


class Batchd(Process):
    """One batchd with a state directory of its own."""

    def __init__(self, program: Path, config: Path, state_dir: Path, log: Path,
                 env: Optional[Dict[str, str]] = None, options: Sequence[str] = ()) -> None:
        self.config = config
        self.state_dir = state_dir
        state_dir.mkdir(parents=True, exist_ok=True)
        super().__init__("batchd", [program, "-c", config, *options], log, env)

    def reload(self) -> None:
        self.signal(signal.SIGHUP)

    def once(self, timeout: float = 60) -> Any:
        """One pass (-1) in the foreground; returns the finished process, which may have failed."""
        return run([*self.argv, "-1"], timeout, self.env, check=False)


def find_program(build: Path, name: str) -> Path:
    """The program in a build folder, which may lie at its top, in the component's folder or in bin/."""
    for folder in ("", "fcgi_app", "batchd", "batchctl", "bin", "sbin", "libexec"):
        path = build / folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise HarnessError(f"no {name} in {build}")


class Stack:
    """One installation of lotscribe with real programs.

    build    folder with the built programs
    work     folder of this installation; configurations, sockets, logs, state (created)
    mariadb  a running server to share; without one, an own server is started and stopped
    standin  True: start one; False: none (then `overrides` sets openai.base_url)
    overrides  configuration laid over the harness's own, see config.merged()
    """

    # Told of every answer; the tests set it (tests/conftest.py). The demo needs no more than Python's own library.
    observe: Optional[Callable[..., None]] = None

    def __init__(self, build: Path, work: Path, mariadb: Optional[MariaDB] = None, standin: bool = True,
                 overrides: Optional[conf.Config] = None, port: int = 0, standin_step: float = 0.1,
                 database: Optional[str] = None, openai_key: Optional[str] = None,
                 standin_options: Sequence[str] = ()) -> None:
        self.build = Path(build).resolve()
        self.work = Path(work).resolve()
        self.logs = self.work / "log"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._own_mariadb = mariadb is None
        self.mariadb = mariadb or MariaDB(self.work / "mariadb")
        self.database = database or f"lotscribe_{secrets.token_hex(4)}"
        self.standin = StandIn(self.work / "standin", step=standin_step,
                               options=standin_options) if standin else None
        self._openai_key = openai_key or (self.standin.key if self.standin else "sk-none")
        self.overrides = overrides or {}
        self.front_ends: List[FrontEnd] = []
        self.batchds: List[Batchd] = []
        self.port = port or free_port()
        self.lighttpd: Optional[Lighttpd] = None
        self.key = ""

    # -- life -----------------------------------------------------------------------------------------

    def start(self, front_ends: int = 1) -> "Stack":
        """Database, migration, accounts, stand-in, front ends, web server and a key; no batchd."""
        try:
            if self._own_mariadb:
                self.mariadb.start()
            self.mariadb.create_database(self.database)
            if self.standin:
                self.standin.start()
            self.write_configs()
            self._create_accounts()
            self.batchctl("migrate", "--grants", self._user("web"), self._user("daemon"))
            self.key = self.new_key("demo")
            for _ in range(front_ends):
                self.add_front_end()
            self.lighttpd = Lighttpd(self._folder("web"), [f.socket for f in self.front_ends], self.port,
                                     self.logs / "lighttpd.log").start()
            wait_until(lambda: self.get("/readyz").status == 200, 30, "/readyz to be 200",
                       alive=self.front_ends)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all parts, those that write before those that they write to; drop a shared server's database."""
        parts: List[Optional[Process]] = [self.lighttpd, *self.front_ends, *self.batchds, self.standin]
        for part in parts:
            if part:
                part.stop(20)
        if self._own_mariadb:
            self.mariadb.stop(60)
        elif self.mariadb.running:
            self.mariadb.drop_database(self.database)
            for user in (self._user("web"), self._user("daemon")):
                self.mariadb.sql(f"DROP USER IF EXISTS '{user}'@'localhost'")

    def __enter__(self) -> "Stack":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def add_front_end(self, overrides: Optional[conf.Config] = None, env: Optional[Dict[str, str]] = None,
                      kind: Type[FrontEnd] = FrontEnd) -> FrontEnd:
        """Start one more front end; lighttpd serves those started before itself."""
        name = f"web{len(self.front_ends) + 1}"
        config = self.web_config(name, overrides or {})
        front = kind(find_program(self.build, "lotscribe.fcgi"), config,
                         socket_path(self._folder("run"), f"{name}.sock"), self.logs / f"{name}.log", env)
        self.front_ends.append(front)
        front.start()
        return front

    def add_batchd(self, overrides: Optional[conf.Config] = None, env: Optional[Dict[str, str]] = None,
                   start: bool = True, options: Sequence[str] = (), stranger: bool = False) -> Batchd:
        """Prepare and start a batchd; each one has a state directory and a configuration of its own.

        The directory bears the mark of the installation, as after `batchctl installation keep`, unless it is a
        stranger's.
        """
        name = f"batchd{len(self.batchds) + 1}"
        state = self._folder(f"state/{name}")
        for mark in [] if stranger else [b.state_dir / "installation" for b in self.batchds]:
            if mark.exists():
                shutil.copy(mark, state)
        own: conf.Config = {"daemon": {"state_dir": str(state)}}
        config = conf.write(self._folder("conf") / f"{name}.conf",
                            conf.merged(self.config("daemon"), own, overrides or {}))
        batchd = Batchd(find_program(self.build, "batchd"), config, state, self.logs / f"{name}.log", env,
                        options)
        self.batchds.append(batchd)
        if start:
            batchd.start()
        return batchd

    @property
    def batchd(self) -> Batchd:
        """The first batchd."""
        return self.batchds[0]

    @property
    def front_end(self) -> FrontEnd:
        """The first front end."""
        return self.front_ends[0]

    @property
    def url(self) -> str:
        """Where the API is, as a client on this machine writes it."""
        return f"http://localhost:{self.port}"

    # -- configuration and accounts -------------------------------------------------------------------

    def config(self, part: str) -> conf.Config:
        """The configuration of "admin" (batchctl), "web" (front ends) or "daemon" (batchd)."""
        secret = self._folder("secret")
        user = "root" if part == "admin" else self._user(part)
        base: conf.Config = {
            "database": {"socket": self.mariadb.socket, "name": self.database, "user": user,
                         "password_file": "" if part == "admin" else str(secret / f"{part}.password")},
            "daemon": {"state_dir": str(self._folder("state") / part)},
            "openai": {"api_key_file": str(secret / "openai.key")},
            "describe": {"prompt_file": str(TOP / "conf" / "describe.prompt"),
                         "schema_file": str(TOP / "conf" / "lot-description.schema.json")},
            "translate": {"prompt_file": str(TOP / "conf" / "translate.prompt")},
        }
        if self.standin:
            base["openai"]["base_url"] = self.standin.base_url
        return conf.merged(base, FAST, self.overrides)

    def web_config(self, name: str, overrides: conf.Config) -> Path:
        """The file of a front end's configuration, written."""
        return conf.write(self._folder("conf") / f"{name}.conf", conf.merged(self.config("web"), overrides))

    def write_configs(self) -> None:
        """The secrets and the operator's configuration (conf/admin.conf)."""
        _secret(self._folder("secret") / "openai.key", self._openai_key)
        for part in ("web", "daemon"):
            _secret(self._folder("secret") / f"{part}.password", secrets.token_hex(12))
        (self._folder("state") / "admin").mkdir(exist_ok=True)
        conf.write(self._admin_config, self.config("admin"))

    def _create_accounts(self) -> None:
        for part in ("web", "daemon"):
            password = (self._folder("secret") / f"{part}.password").read_text().strip()
            self.mariadb.sql(f"CREATE OR REPLACE USER '{self._user(part)}'@'localhost' IDENTIFIED BY '{password}'")

    def _user(self, part: str) -> str:
        return f"{self.database}_{part}"

    def _folder(self, name: str) -> Path:
        folder = self.work / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def _admin_config(self) -> Path:
        return self._folder("conf") / "admin.conf"

    # -- use ------------------------------------------------------------------------------------------

    def batchctl(self, *args: str, check: bool = True, timeout: float = 60) -> Any:
        """Run batchctl as the operator; returns the finished process with its output as text."""
        return run([find_program(self.build, "batchctl"), "-c", self._admin_config, *args], timeout, check=check)

    def batchctl_json(self, *args: str) -> Any:
        return json.loads(self.batchctl("-j", *args).stdout)

    def new_key(self, account: str, role: str = "submit") -> str:
        """A new API key: the last line that `batchctl key add` prints."""
        return self.batchctl("key", "add", account, "--role", role).stdout.split("\n")[-2].strip()

    def request(self, method: str, target: str, body: Any = None, headers: Optional[Dict[str, str]] = None,
                key: Optional[str] = None, timeout: float = 60) -> Answer:
        """One HTTP request through the web server. A body that is not bytes is sent as JSON. What the front end
        answers is checked against the API's description."""
        sent = dict(headers or {})
        if key:
            sent.setdefault("Authorization", f"Bearer {key}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path_of(target), body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()
        if self.observe:
            self.observe(method, path_of(target), body, answer.status, answer.headers, answer.body,
                         base_path_of(self.front_end.socket) if self.front_ends else "")
        return answer

    def get(self, target: str, **kwargs: Any) -> Answer:
        return self.request("GET", target, **kwargs)

    def order(self, document: Any, headers: Optional[Dict[str, str]] = None, key: Optional[str] = None) -> Any:
        """Order a job and return its status object; anything but 202 is an error."""
        answer = self.request("POST", "/api/v1/jobs?again=1", document, headers, key or self.key)
        if answer.status != 202:
            raise HarnessError(f"order: {answer.status} {answer.body[:2000].decode(errors='replace')}")
        return answer.json()

    def status(self, job: str) -> Any:
        return self.get(f"/api/v1/jobs/{job}/status").json()

    def result(self, job: str) -> Any:
        return self.get(f"/api/v1/jobs/{job}").json()

    def wait_status(self, job: str, *wanted: str, timeout: float = 60) -> Any:
        """Wait until the job has one of these statuses and return the status object."""
        def reached() -> Any:
            status = self.status(job)
            return status if status["status"] in wanted else None
        return wait_until(reached, timeout, f"job {job} to be {' or '.join(wanted)}", alive=self.front_ends)

    def wait_ended(self, job: str, timeout: float = 60) -> Any:
        return self.wait_status(job, *ENDED, timeout=timeout)

    def sql(self, statement: str, args: Any = None) -> List[Dict[str, Any]]:
        """Run one statement in this installation's database and return its rows as dictionaries."""
        return self.mariadb.sql(statement, args, self.database)


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(text + "\n")


def default_build() -> Path:
    """The build folder: LOTSCRIBE_BUILD, else .dev/build of this checkout."""
    return Path(os.environ.get("LOTSCRIBE_BUILD", TOP / ".dev" / "build"))


def is_instrumented() -> bool:
    """Whether sanitizers' own memory is part of the programs'."""
    return default_build().name.endswith(("-asan", "-tsan"))


# The folders of temporary_work() that go once the tests that made them have passed (tests/conftest.py).
temporary_folders: List[Path] = []


def temporary_work(name: str, shared: bool = False) -> Path:
    """A new work folder below LOTSCRIBE_TMP (else .dev/tmp). shared: for more than one file of tests."""
    parent = Path(os.environ.get("LOTSCRIBE_TMP", TOP / ".dev" / "tmp"))
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
    if not shared:
        temporary_folders.append(folder)
    return folder
