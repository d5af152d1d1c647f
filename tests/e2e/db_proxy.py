# SPDX-License-Identifier: ISC
"""A Unix socket between a program and MariaDB that can lose a COMMIT on its way there, or its answer, that can
hang at a command, and be slow.

Owns: one thread a connection and direction. Losing means that the client's connection breaks at that moment;
with the answer lost, the server has carried the COMMIT out. Connections that come later pass untouched. Hanging
means that nothing passes on any connection, of old or new, while all of them stay open.
"""
import contextlib
import socket
import threading
import time
from typing import List, Optional

COMMIT = b"\x03COMMIT"  # COM_QUERY


class DatabaseProxy:
    def __init__(self, server: str, path: str) -> None:
        self.path = path
        self.lost = 0
        self.seen = 0
        self._server = server
        self._what = ""
        self._left: Optional[int] = 0
        self._skip = 0
        self._after: Optional[bytes] = None
        self.hung_at: Optional[float] = None
        self._hang_after: Optional[int] = None
        self._hang_at_commit = False
        self._delay = 0.0
        self._flows = threading.Event()
        self._flows.set()
        self._guard = threading.Lock()
        self._sockets: List[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, what: str, times: Optional[int] = 1, skip: int = 0, after: Optional[bytes] = None) -> None:
        """Lose the "request" or the "answer" of the next COMMITs after `skip` others, or "both": cut right behind the
        request, and nobody knows what became of it. times None: of all.

        after: those alone whose transaction sent these bytes, as a statement's parameter."""
        with self._guard:
            self._what, self._left, self._skip, self.lost, self.seen = what, times, skip, 0, 0
            self._after = after

    def hang(self, after: int = 0, commit: bool = False) -> None:
        """Hang at the command, or at the COMMIT, that comes after so many others, until release()."""
        with self._guard:
            self._hang_after, self._hang_at_commit, self.hung_at = after, commit, None

    def release(self) -> None:
        with self._guard:
            self._hang_after = None
        self._flows.set()

    def delay(self, seconds: float) -> None:
        """Let each answer take so long."""
        self._delay = seconds

    def cut(self) -> None:
        """Break all connections that are there."""
        sockets, self._sockets = self._sockets, []
        for sock in sockets:
            _break(sock)

    def stop(self) -> None:
        self.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            self._sockets += [client, server]
            swallow, answered = threading.Event(), threading.Event()
            threading.Thread(target=self._requests, args=(client, server, swallow, answered), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server, swallow, answered), daemon=True).start()

    def _take(self, sent: bool) -> str:
        with self._guard:
            if self._after and not sent:
                return ""
            self.seen += 1
            if self._left == 0 or self.seen <= self._skip:
                return ""
            if self._left is not None:
                self._left -= 1
            self.lost += 1
            return self._what

    def _hang_here(self, part: bytes) -> None:
        """A command begins."""
        with self._guard:
            if self._hang_after is None or (self._hang_at_commit and part[4:] != COMMIT):
                return
            self._hang_after -= 1
            if self._hang_after < 0:
                self._flows.clear()
                self.hung_at, self._hang_after = time.monotonic(), None

    def _requests(self, client: socket.socket, server: socket.socket, swallow: threading.Event,
                  answered: threading.Event) -> None:
        sent = False
        with contextlib.suppress(OSError):
            while True:
                part = client.recv(65536)
                if not part:
                    break
                if answered.is_set():
                    answered.clear()
                    self._hang_here(part)
                self._flows.wait()
                sent |= bool(self._after and self._after in part)
                what = ""
                if part[4:] == COMMIT:
                    what, sent = self._take(sent), False
                if what == "request":
                    break
                if what == "answer":
                    swallow.set()
                server.sendall(part)
                if what == "both":
                    break
        _break(server)
        _break(client)

    def _answers(self, client: socket.socket, server: socket.socket, swallow: threading.Event,
                 answered: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while True:
                part = server.recv(65536)
                if not part or swallow.is_set():
                    break
                self._flows.wait()
                if self._delay and not answered.is_set():
                    time.sleep(self._delay)
                answered.set()
                client.sendall(part)
        _break(client)
        _break(server)


def _break(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
