# SPDX-License-Identifier: ISC
"""The peers of the front end: a bare libfcgi program, PHP-FPM, Flask under gunicorn, and the lighttpd before them.

Owns: their configuration, start and stop, below a folder. All read the same database by the front end's account.
"""
import http.client
import os
import shutil
from pathlib import Path
from typing import Dict, List, Tuple

from harness.process import Process, connects, free_port, socket_path, wait_until
from harness.servers import Lighttpd
from harness.stack import Stack

HERE = Path(__file__).resolve().parent
WORKERS = 8  # threads of the bare program, processes of PHP-FPM; the front end's own, see harness.stack.FAST
FLASK_PROCESSES = 2
FLASK_THREADS = 4


def database_env(stack: Stack) -> Dict[str, str]:
    """What the peers are told of the database."""
    database = stack.config("web")["database"]
    return {"BENCH_SOCKET": database["socket"], "BENCH_DATABASE": database["name"], "BENCH_USER": database["user"],
            "BENCH_PASSWORD": Path(database["password_file"]).read_text(encoding="ascii").strip()}


class Bare(Process):
    """The bare libfcgi program, answering with these two bodies."""

    def __init__(self, program: Path, work: Path, status: bytes, result: bytes) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.socket = socket_path(work, "bare.sock")
        bodies = [work / "status.json", work / "result.json"]
        for path, body in zip(bodies, (status, result)):
            path.write_bytes(body)
        super().__init__("bare", [program, self.socket, str(WORKERS), *bodies], work / "bare.log")

    def start(self) -> "Bare":
        super().start()
        wait_until(lambda: connects(self.socket), 10, "the bare program's socket", alive=[self])
        return self


class PhpFpm(Process):
    """PHP-FPM with as many processes as the front end has workers, opcache on."""

    def __init__(self, stack: Stack, work: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.socket = socket_path(work, "php.sock")
        program = next(p for p in (shutil.which("php-fpm8.2", path="/usr/sbin"), shutil.which("php-fpm"),
                                   shutil.which("php-fpm", path="/usr/sbin")) if p)
        config = work / "php-fpm.conf"
        env = "".join(f'env[{name}] = "{value}"\n' for name, value in database_env(stack).items())
        config.touch(mode=0o600)
        config.write_text(f"""\
[global]
error_log = {work}/php-fpm.log
daemonize = no
[bench]
{"user = root" if os.geteuid() == 0 else ""}
listen = {self.socket}
listen.backlog = 1024
pm = static
pm.max_children = {WORKERS}
php_flag[expose_php] = off
php_flag[display_errors] = off
php_flag[log_errors] = on
catch_workers_output = yes
php_admin_value[opcache.enable] = 1
php_admin_value[opcache.validate_timestamps] = 0
{env}""", encoding="utf-8")
        root = ["-R"] if os.geteuid() == 0 else []
        super().__init__("php-fpm", [program, "-F", *root, "-y", config], work / "php.log")

    def start(self) -> "PhpFpm":
        super().start()
        wait_until(lambda: connects(self.socket), 10, "PHP-FPM's socket", alive=[self])
        return self


class Flask(Process):
    """Flask under gunicorn, on a port of its own; connections are kept. `app` is a module beside this one."""

    def __init__(self, stack: Stack, work: Path, app: str = "peer:app") -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        super().__init__("gunicorn", [
            "/usr/bin/gunicorn", "--workers", str(FLASK_PROCESSES), "--worker-class", "gthread",
            "--threads", str(FLASK_THREADS), "--bind", f"127.0.0.1:{self.port}", "--chdir", str(HERE),
            "--keep-alive", "60", "--log-level", "warning", "--timeout", "300", app], work / "gunicorn.log",
            {**database_env(stack), "PYTHONDONTWRITEBYTECODE": "1"})

    def start(self) -> "Flask":
        super().start()
        wait_until(lambda: _answers(self.port), 20, "gunicorn to answer", alive=[self])
        return self


class Web(Lighttpd):
    """One lighttpd before many FastCGI programs: path prefix -> socket; the first that fits serves."""

    def __init__(self, work: Path, backends: List[Tuple[str, str]]) -> None:
        work.mkdir(parents=True, exist_ok=True)
        super().__init__(work, [socket for _, socket in backends])
        self.backends = backends

    def start(self) -> "Web":
        entries = ",\n".join(f'\t"{prefix}" => (( "socket" => "{socket}", "check-local" => "disable",\n'
                             f'\t  "disable-time" => 0, "docroot" => "{HERE}" ))' for prefix, socket in self.backends)
        self.config.write_text(f"""\
server.modules = ( "mod_fastcgi" )
server.document-root = "{self.work}"
server.upload-dirs = ( "{self.work}" )
server.bind = "127.0.0.1"
server.port = {self.port}
server.max-fds = 4096
server.stream-request-body = 0
server.stream-response-body = 1
server.range-requests = "disable"
fastcgi.server = (
{entries}
)
""", encoding="utf-8")
        Process.start(self)
        wait_until(lambda: _answers(self.port), 20, f"lighttpd to listen on port {self.port}", alive=[self])
        return self


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        connection.close()
    except OSError:
        return False
    return True
