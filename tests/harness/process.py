# SPDX-License-Identifier: ISC
"""Child processes and waiting.

Owns: starting a program with its output in a log file, stopping it by its pid, killing and pausing it,
waiting for conditions, free ports, short paths for sockets.
Promises: a child dies with the harness, also when the harness is killed; stop() always ends.
Does not: know what the programs do.
"""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, TypeVar, Union

T = TypeVar("T")
Argument = Union[str, "os.PathLike[str]"]

PR_SET_PDEATHSIG = 1
SUN_PATH_MAX = 107
_libc = ctypes.CDLL(None, use_errno=True)
_short_dirs: Dict[Path, int] = {}


class HarnessError(Exception):
    """A part did not start, did not stop, or a condition did not come true."""


def wait_until(condition: Callable[[], T], timeout: float = 30, what: str = "",
               alive: Sequence["Process"] = (), interval: float = 0.02) -> T:
    """Poll until condition() is true and return what it returned.

    `alive` lists processes that must keep running meanwhile: their death is reported at once, with the end
    of their log, and not as a time-out.
    """
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        for process in alive:
            if not process.running:
                raise HarnessError(f"{process.name} ended with {process.returncode} while waiting for "
                                   f"{what or 'a condition'}\n{process.log_tail()}")
        if time.monotonic() > end:
            raise HarnessError(f"not within {timeout:g} s: {what or 'a condition'}")
        time.sleep(interval)
        interval = min(interval * 1.3, 0.25)


def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def port_is_free(port: int) -> bool:
    """Whether nothing listens on this port, on IPv4 or IPv6 loopback."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, port))
        except OSError:
            if family == socket.AF_INET:
                return False
            with socket.socket(family) as sock:
                if sock.connect_ex((address, port)) == 0:
                    return False
    return True


def socket_path(directory: Path, name: str) -> str:
    """A path for a Unix socket in `directory` that fits sun_path, however deep the checkout lies.

    Where the plain path is too long, the directory is reached through a descriptor of this process
    (/proc/PID/fd/N), which every child and client of the same user can follow while this process lives.
    """
    plain = directory / name
    if len(os.fsencode(plain)) <= SUN_PATH_MAX:
        return str(plain)
    key = directory.resolve()
    if key not in _short_dirs:
        _short_dirs[key] = os.open(key, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/{os.getpid()}/fd/{_short_dirs[key]}/{name}"


def connects(where: str) -> bool:
    """Whether something accepts connections on this Unix socket or HOST:PORT."""
    host, _, port = where.rpartition(":")
    with socket.socket(socket.AF_UNIX if where.startswith("/") else socket.AF_INET) as sock:
        return sock.connect_ex(where if where.startswith("/") else (host, int(port))) == 0


def _die_with_parent() -> None:
    # SIGKILL and not SIGTERM: a paused or draining child must not outlive a harness that was killed.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program. Start it from the main thread: a child dies with the thread that started it."""

    def __init__(self, name: str, argv: Sequence[Argument], log: Path, env: Optional[Dict[str, str]] = None,
                 cwd: Optional[Path] = None) -> None:
        self.name = name
        self.argv: List[str] = [os.fspath(arg) for arg in argv]
        self.log = Path(log)
        self.env = env
        self.cwd = cwd
        # What the program has as descriptor 0; a front end takes a listening socket there.
        self.stdin: Union[int, socket.socket] = subprocess.DEVNULL
        self._child: Optional[subprocess.Popen] = None

    def start(self) -> "Process":
        """Start the program; its output is appended to the log."""
        if self.running:
            raise HarnessError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            try:
                # A session of its own: Ctrl-C on the terminal reaches the harness only, which stops
                # the parts in order.
                self._child = subprocess.Popen(
                    self.argv, stdin=self.stdin, stdout=log, stderr=log, cwd=self.cwd,
                    env={**os.environ, **(self.env or {})}, start_new_session=True,
                    preexec_fn=_die_with_parent)
            except OSError as exc:
                raise HarnessError(f"cannot start {self.name}: {exc}") from exc
        return self

    @property
    def pid(self) -> int:
        if self._child is None:
            raise HarnessError(f"{self.name} was not started")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> Optional[int]:
        """Exit status, negative for a signal; None while it runs or before it was started."""
        return self._child.poll() if self._child else None

    def signal(self, number: int) -> None:
        if self.running:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and reap."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.wait(30)

    def pause(self) -> None:
        """SIGSTOP; returns when the kernel says that it stands still."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self._state() in ("T", None), 10, f"{self.name} to stop at SIGSTOP")

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def wait(self, timeout: float = 30) -> int:
        """Wait for the end and return the exit status (negative: signal)."""
        if self._child is None:
            raise HarnessError(f"{self.name} was not started")
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"{self.name} did not end within {timeout:g} s\n{self.log_tail()}") from None

    def stop(self, timeout: float = 30) -> Optional[int]:
        """SIGTERM, then SIGKILL after `timeout`; returns the exit status. Harmless when not running."""
        if self._child is not None and self.running:
            self.signal(signal.SIGTERM)
            self.resume()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout)
            self.kill()
        return self.returncode

    def restart(self, timeout: float = 30) -> "Process":
        self.stop(timeout)
        return self.start()

    def log_text(self) -> str:
        try:
            return self.log.read_text(errors="replace")
        except OSError:
            return ""

    def log_tail(self, lines: int = 20) -> str:
        tail = self.log_text().splitlines()[-lines:]
        return f"--- end of {self.log}\n" + "\n".join(tail)

    def peak_memory(self) -> int:
        """Peak resident set of the running program in bytes (VmHWM)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise HarnessError(f"no VmHWM for {self.name}")

    def _state(self) -> Optional[str]:
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return None
        return stat.rsplit(")", 1)[1].split()[0]

    def __enter__(self) -> "Process":
        return self if self.running else self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def run(argv: Sequence[Argument], timeout: float = 60, env: Optional[Dict[str, str]] = None,
        check: bool = True, stdin: Optional[str] = None) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end and return it with its output as text; raise on failure if `check`."""
    line = [os.fspath(arg) for arg in argv]
    child = subprocess.Popen(line, env={**os.environ, **(env or {})}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, encoding="utf-8", errors="replace", start_new_session=True,
                             preexec_fn=_die_with_parent)
    try:
        out, err = child.communicate(stdin or "", timeout)
    except BaseException as exc:
        # The whole session: mariadb-install-db is a script whose children would go on.
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        if isinstance(exc, subprocess.TimeoutExpired):
            raise HarnessError(f"{' '.join(line)}: not within {timeout:g} s\n{out}{err}") from None
        raise
    if check and child.returncode != 0:
        raise HarnessError(f"{' '.join(line)}: exit {child.returncode}\n{out}{err}")
    return subprocess.CompletedProcess(line, child.returncode, out, err)
