# SPDX-License-Identifier: ISC
"""Receivers of alerts on loopback: a web server that is POSTed to, and a mail server.

Owns: threads of this process; what came in, in order, as lists.
Promises: every one ends with its `with` block, also with clients that hang.
Does not: know what lotscribe sends.
"""
import base64
import email
import email.policy
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional

__all__ = ["MailServer", "Webhook"]


class _Receiver:
    """What both have: a server in a thread, and a gate that those who hang wait at."""

    server: socketserver.BaseServer

    def __init__(self) -> None:
        self.messages: List[Dict[str, Any]] = []
        self.begun = 0                  # messages that came in, also those that hang
        self.hangs = False              # from now on: they wait for release()
        self.gate = threading.Event()

    def release(self) -> None:
        self.hangs = False
        self.gate.set()

    def wait_at_gate(self) -> None:
        self.begun += 1
        if self.hangs:
            self.gate.wait(60)

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    def __enter__(self) -> Any:
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.release()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(20)


class Webhook(_Receiver):
    """Takes POSTs: `messages` are {"path", "headers", "json"}. `status` is what it answers, and 400 to what has `ill` in it."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.ill: Optional[bytes] = None
        self.refused = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.wait_at_gate()
                status = 400 if outer.ill and outer.ill in body else outer.status
                outer.refused += status != 200
                if status == 200:
                    outer.messages.append({"path": self.path, "headers": dict(self.headers), "json": json.loads(body)})
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{outer.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class MailServer(_Receiver):
    """Speaks SMTP: `messages` are {"from", "to", "text", "mail"}. With `login` it asks for AUTH PLAIN.

    `hang_at`: a command ("EHLO", "DATA", "QUIT", ...) whose answer it keeps back until release().
    """

    def __init__(self, login: Optional[str] = None) -> None:
        super().__init__()
        self.hang_at: Optional[str] = None
        self.refuses = False
        self.quits = 0
        self.login = login
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.serve(self.rfile.readline, self.say)

            def say(self, line: str) -> None:
                self.wfile.write(line.encode() + b"\r\n")

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def serve(self, read: Callable[[], bytes], say: Callable[[str], None]) -> None:
        known, sender, to = self.login is None, "", []
        say("220 test")
        for line in iter(read, b""):
            text = line.decode().strip()
            verb = text.split()[0].upper() if text else ""
            if verb == self.hang_at:
                self.begun += 1
                self.gate.wait(60)
            if verb == "EHLO":
                say("250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME" if self.login else "250 test")
            elif verb == "AUTH":
                if len(text.split()) == 2:
                    say("334 ")
                    text = read().decode()
                known = base64.b64decode(text.split()[-1]).decode() == f"\0{self.login}".replace(":", "\0", 1)
                say("235 welcome" if known else "535 no")
            elif not known:
                say("530 who are you")
            elif verb == "MAIL":
                sender = text
                say("250 ok" if not self.refuses else "451 not now")
            elif verb == "RCPT":
                to.append(text)
                say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                lines = []
                while (one := read()) != b".\r\n":
                    if not one:
                        return      # it left in the middle
                    lines.append(one)
                raw = b"".join(one[1:] if one.startswith(b".") else one for one in lines)
                self.wait_at_gate()
                mail = email.message_from_bytes(raw, policy=email.policy.default)
                self.messages.append({"from": sender, "to": to, "raw": raw, "mail": mail, "text": mail.get_content()})
                say("250 taken")
            elif verb == "QUIT":
                self.quits += 1
                say("221 bye")
                return
            else:
                say("502 what")

    def url(self) -> str:
        login = self.login.replace("@", "%40") + "@" if self.login else ""
        return f"smtp://{login}127.0.0.1:{self.port}"
