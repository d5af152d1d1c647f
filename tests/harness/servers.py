# SPDX-License-Identifier: ISC
"""The servers around the two programs: MariaDB, lighttpd and the stand-in for OpenAI.

Owns: their private folders, configuration, start and stop. All are reachable from this machine alone.
Does not: use or touch the system's own servers, accounts and files.
"""
import http.client
import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence
from urllib.parse import urlsplit

import pymysql
import pymysql.cursors

from .process import HarnessError, Process, connects, free_port, run, socket_path, wait_until

TESTS = Path(__file__).resolve().parent.parent


class MariaDB(Process):
    """A private MariaDB server: own data directory, Unix socket only, administrator `root` without password.

    The folder is closed to other users, which is what protects it. fsync is off
    (innodb_flush_method = nosync) while innodb_flush_log_at_trx_commit stays 1: commits survive kill -9
    of the server, which is what the tests need, not a loss of power.
    """

    def __init__(self, work: Path, options: Sequence[str] = ()) -> None:
        self.work = Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.work.chmod(0o700)
        self.datadir = self.work / "data"
        self.socket = socket_path(self.work, "mariadb.sock")
        # Servers that share a folder of temporary tables delete each other's at start.
        self.tmpdir = self.work / "tmp"
        self.tmpdir.mkdir(exist_ok=True)
        super().__init__("mariadbd", [
            program_path("mariadbd"), *self._options(self.datadir), f"--socket={self.socket}", "--skip-networking",
            f"--pid-file={self.work / 'mariadb.pid'}", "--innodb-buffer-pool-size=128M",
            "--performance-schema=OFF", "--max-connections=300", *options], self.work / "mariadb.log")

    def install(self) -> None:
        """Make a new, empty data directory; what was there is removed."""
        # Under another name until it is whole: start() takes a folder that is there for a good one.
        fresh = self.work / "data.new"
        for folder in (fresh, self.datadir):
            shutil.rmtree(folder, ignore_errors=True)
        run([program_path("mariadb-install-db"), *self._options(fresh), "--auth-root-authentication-method=normal",
             "--skip-test-db"], timeout=120)
        fresh.rename(self.datadir)

    def start(self) -> "MariaDB":
        """Start the server (installing the data directory the first time) and wait until it answers."""
        if not self.datadir.exists():
            self.install()
        super().start()
        wait_until(self._answers, 60, "MariaDB to answer", alive=[self])
        return self

    def _options(self, datadir: Path) -> List[str]:
        """What installation and server must agree on."""
        common = ["--no-defaults", f"--datadir={datadir}", f"--tmpdir={self.tmpdir}",
                  "--innodb-flush-method=nosync",
                  # Small, as there are many of them; tablespaces grow by 64 MB at a time by default.
                  "--innodb-log-file-size=16M", "--innodb-autoextend-increment=1", "--aria-log-file-size=8M"]
        return common + ["--user=root"] if os.geteuid() == 0 else common

    def connect(self, database: Optional[str] = None, user: str = "root",
                password: str = "") -> pymysql.connections.Connection:
        """A connection in autocommit, rows as dictionaries, times in UTC."""
        return pymysql.connect(unix_socket=self.socket, user=user, password=password, database=database,
                               charset="utf8mb4", autocommit=True, connect_timeout=10, read_timeout=60,
                               cursorclass=pymysql.cursors.DictCursor,
                               init_command="SET time_zone='+00:00'")

    def sql(self, statement: str, args: Any = None, database: Optional[str] = None) -> List[Dict[str, Any]]:
        """Run one statement as the administrator and return its rows."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, args)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def create_database(self, name: str) -> None:
        """An empty database; one of that name is dropped before."""
        self.sql(f"DROP DATABASE IF EXISTS `{name}`")
        self.sql(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")

    def drop_database(self, name: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS `{name}`")

    def _answers(self) -> bool:
        if not connects(self.socket):
            return False
        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True


class Lighttpd(Process):
    """lighttpd on a loopback port, handing every request to front ends behind Unix sockets."""

    def __init__(self, work: Path, sockets: Sequence[str], port: int = 0, log: Optional[Path] = None) -> None:
        self.work = Path(work)
        self.sockets = list(sockets)
        self.port = port or free_port()
        self.config = self.work / "lighttpd.conf"
        super().__init__("lighttpd", [program_path("lighttpd"), "-D", "-f", str(self.config)],
                         log or self.work / "lighttpd.log")

    def start(self) -> "Lighttpd":
        root = self.work / "www"
        root.mkdir(parents=True, exist_ok=True)
        hosts = ",\n".join(f'\t( "socket" => "{path}", "check-local" => "disable", "disable-time" => 0,\n'
                           '\t  "connect-timeout" => 5, "read-timeout" => 75, "write-timeout" => 30 )'
                           for path in self.sockets)
        self.config.write_text(f"""\
server.modules = ( "mod_fastcgi" )
server.document-root = "{root}"
server.upload-dirs = ( "{self.work}" )
server.bind = "127.0.0.1"
server.port = {self.port}
server.max-request-size = 131072
server.stream-request-body = 0
server.stream-response-body = 1
server.range-requests = "disable"
fastcgi.server = ( "/" => (
{hosts}
))
""")
        super().start()
        wait_until(lambda: listens(self.port), 20, f"lighttpd to listen on port {self.port}", alive=[self])
        return self


class StandIn(Process):
    """The stand-in for OpenAI. Its port is chosen at the first start and kept over restarts."""

    def __init__(self, work: Path, key: str = "sk-standin", step: float = 0.1,
                 options: Sequence[str] = ()) -> None:
        self.work = Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.key = key
        self.port = 0
        self._step = step
        self._options = list(options)
        self._port_file = self.work / "port"
        super().__init__("standin", [], self.work / "standin.log")

    @property
    def base_url(self) -> str:
        """What goes into openai.base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> "StandIn":
        self._port_file.unlink(missing_ok=True)
        self.argv = ["/usr/bin/python3", str(TESTS / "standin" / "openai_standin.py"), "--port", str(self.port),
                     "--port-file", str(self._port_file), "--dir", str(self.work / "data"), "--key", self.key,
                     "--step", str(self._step), *self._options]
        super().start()
        self.port = int(wait_until(self._read_port, 20, "the stand-in's port file", alive=[self]))
        return self

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call to the stand-in (its control calls lie under /_standin/); JSON in, JSON out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise HarnessError(f"stand-in {method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def fault(self, *rules: Dict[str, Any]) -> Any:
        """Add fault rules, see the stand-in's README."""
        answer = None
        for rule in rules:
            answer = self.call("POST", "/_standin/faults", rule)
        return answer

    def _read_port(self) -> str:
        try:
            return self._port_file.read_text().strip()
        except OSError:
            return ""


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def program_path(name: str) -> str:
    """The path of a server's program; Debian keeps some outside the PATH of ordinary users."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if not found:
        raise HarnessError(f"{name} is not installed")
    return found


def path_of(url: str) -> str:
    """The target (path and query) of an absolute URL."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
