# SPDX-License-Identifier: ISC
"""HTTP/1.1 on loopback: connections, bodies, answers, and the faults of the wire.

Keep-alive, Content-Length and chunked bodies, Expect: 100-continue; one thread for each
connection.  A call goes through four phases that scripts can wait for: begun (headers
read), received (body read), then answered, or dropped where a fault took the reply.
"""
import http.server
import json
import os
import re
import select
import socket
import socketserver
import struct
import threading
import time
import traceback
import urllib.parse

import api
import control
from errors import Answer, Refusal, no_key, no_url, wrong_key
from lines import error_for
from multipart import BadForm, boundary_of, read_form

MAX_BODY = 128 << 20
PIECE = 1 << 18
DROPS = 40  # a dripping body comes in so many pieces
HTML_502 = (b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
            b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n"
            b"</body>\r\n</html>\r\n")


class Gone(Exception):
    """The connection is to be closed now, without a further word."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port, world):
        self.world = world
        self.routes = [(method, name, re.compile("^%s$" % name.replace("{id}", "([^/]+)")), act)
                       for method, name, act in api.ROUTES + control.ROUTES]
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self):
        # Not HTTPServer's: that one asks the resolver for a name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        pass  # a client that went away is no news here


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "standin"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    rbufsize = 1 << 16

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def handle_expect_100(self):
        self.expecting = True  # answered when the body is wanted
        return True

    def parse_request(self):
        self.expecting = False
        return super().parse_request()

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    # --- one call

    def serve(self):
        world = self.server.world
        self.unread = True
        started = time.monotonic()
        split = urllib.parse.urlsplit(self.path)
        call, act = self.route(split)
        if call.path.startswith("/_standin/"):
            self.serve_control(world, call, act)
            return
        with world.lock:
            call.record = world.ledger.call_begun(self.command, self.path, call.route,
                                                  round(world.now(), 3))
            world.changed.notify_all()
        try:
            answer = self.read_body(world, call)
            self.phase(world, call, "received")
            answer = answer or self.authorized(world, call)
            if answer is None:
                answer = self.faulted(world, call, act)
            self.answer(answer, started)
            self.phase(world, call, "answered", answer.status)
        except Gone:
            self.close_connection = True
            self.phase(world, call, "dropped")
        except OSError:
            self.close_connection = True
            call.record["fault"] = call.record["fault"] or "client_left"
            self.phase(world, call, "dropped")
        finally:
            if call.spooled and os.path.exists(call.spooled):
                os.unlink(call.spooled)

    def serve_control(self, world, call, act):
        try:
            self.read_body(world, call)
            answer = self.executed(world, call, act)
            self.answer(answer, time.monotonic())
        except (Gone, OSError):
            self.close_connection = True

    def route(self, split):
        call = api.Call()
        call.method, call.path = self.command, split.path
        call.query = dict(urllib.parse.parse_qsl(split.query))
        call.headers, call.ids, call.project = self.headers, (), None
        call.body, call.form, call.spooled, call.record = b"", None, None, None
        call.route = "%s %s" % (self.command, split.path)
        for method, name, pattern, act in self.server.routes:
            match = pattern.match(split.path) if method == self.command else None
            if match:
                call.route = "%s %s" % (method, name)
                call.ids = [urllib.parse.unquote(g) for g in match.groups()]
                return call, act
        return call, None

    @staticmethod
    def phase(world, call, phase, status=None):
        with world.lock:
            call.record["phase"] = phase
            if status is not None:
                call.record["status"] = status
            if phase in ("answered", "dropped"):
                world.ledger.call_ended(call.record)
            world.changed.notify_all()

    def authorized(self, world, call):
        """Sets the call's project; returns the refusal where the key is wrong."""
        kind, _, key = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not key.strip():
            return no_key().answer()
        if key.strip() not in world.keys:
            return wrong_key(key.strip()).answer()
        call.project = world.keys[key.strip()]
        return None

    def executed(self, world, call, act, action=None):
        if act is None:
            return no_url(call.method, call.path).answer()
        try:
            return act(world, call) if action is None else act(world, call, action)
        except Refusal as refusal:
            return refusal.answer()
        except Exception:
            traceback.print_exc()
            return Answer(500, {"error": {"message": "The stand-in broke, see its output.",
                                          "type": "server_error", "param": None,
                                          "code": "standin_broke"}})

    # --- faults

    def facts(self, world, call):
        """What rules may match on, by what the call is about."""
        facts = {"route": call.route, "id": call.ids[0] if call.ids else None}
        with world.lock:
            if call.route == "POST /v1/batches":
                facts.update(api.create_facts(world, call))
            elif call.route == "POST /v1/chat/completions":
                facts.update(api.chat_facts(call))
            elif call.form is not None:
                facts.update(filename=call.form.get("filename"),
                             purpose=call.form.get("purpose"))
                first = world.first_line(call.spooled).get("body") if call.spooled else None
                if isinstance(first, dict):
                    facts.update(task=api.task_of(first), model=first.get("model"))
            elif call.ids:
                self.facts_of_object(world, call.ids[0], facts)
        return facts

    @staticmethod
    def facts_of_object(world, name, facts):
        record = world.files.get(name)
        if record:
            facts.update(filename=record["filename"], purpose=record["purpose"])
            name = record["batch"]
            first = world.first_line(record["id"]).get("body") if name is None else None
            if isinstance(first, dict):
                facts.update(task=api.task_of(first), model=first.get("model"))
        batch = world.batches.get(name)
        if batch:
            facts.update(task=batch["task"], model=batch["model_asked"],
                         metadata=batch["metadata"], batch_nth=batch["nth"])

    def faulted(self, world, call, act):
        """Executes the call unless a rule says otherwise; returns the answer or raises Gone."""
        rule = world.faults.for_call(self.facts(world, call))
        if rule is None:
            return self.executed(world, call, act)
        do = call.record["fault"] = rule["do"]
        if do == "status":
            status = rule.get("code", 500)
            return self.given(status, rule)
        if do == "html_502":
            return Answer(502, raw=HTML_502, content_type="text/html")
        if do == "drop_before":
            self.drop(rule)
        if do == "hang":
            self.hang(world, rule)
        if do == "delay":
            self.delay(world, call, act, rule)
        if do == "slow":
            self.slow(world, rule)
        answer = self.executed(world, call, act, rule if do.endswith(("_lines", "_line"))
                               else None)
        with world.lock:
            call.record["status"] = answer.status
            world.changed.notify_all()
        if do == "drop_after":
            self.drop(rule)
        if do == "hang_after":
            self.hang(world, rule)
        if do == "truncate":
            self.truncate(answer, rule)
        if do == "slow":
            answer.headers.update(self.headers_of(rule))
        if do == "drip":
            answer.drip = rule
        return answer

    @staticmethod
    def headers_of(rule):
        return {str(k): str(v) for k, v in rule.get("headers", {}).items()}

    @staticmethod
    def given(status, rule):
        """The answer of a rule: its error or body, as JSON, or as text where that is given."""
        headers = Handler.headers_of(rule)
        if isinstance(rule.get("body"), str):
            return Answer(status, raw=rule["body"].encode(), headers=headers,
                          content_type=headers.pop("Content-Type", "text/plain"))
        return Answer(status, error_for(status, rule), headers=headers)

    def drop(self, rule):
        if rule.get("reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            # Taken from Python, which would send a FIN before it closes.
            os.close(self.connection.detach())
        raise Gone()

    def client_left(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def hang(self, world, rule):
        """Holds the connection until a release, the client's leave or the rule's seconds."""
        until = time.monotonic() + rule.get("seconds", float("inf"))
        with world.lock:
            releases = world.releases
            while world.releases == releases and time.monotonic() < until:
                if self.client_left():
                    break
                world.changed.wait(0.05)
        raise Gone()

    def slow(self, world, rule):
        until = time.monotonic() + rule.get("seconds", 5)
        with world.lock:
            releases = world.releases
            while world.releases == releases and time.monotonic() < until:
                world.changed.wait(max(0.0, until - time.monotonic()))

    def delay(self, world, call, act, rule):
        """Drops the connection now; the call is executed later, as if it had been on its way."""
        record, spooled = call.record, call.spooled
        call.spooled = None  # not ours to remove any more

        def late():
            call.spooled = spooled
            answer = self.executed(world, call, act)
            made = answer.value.get("id") if isinstance(answer.value, dict) else None
            with world.lock:
                record["late_status"] = answer.status
                world.ledger.event("late_call", call=record["n"], route=call.route,
                                   status=answer.status, made=made, at=int(world.now()))
                world.changed.notify_all()
            if call.spooled and os.path.exists(call.spooled):
                os.unlink(call.spooled)

        world.engine.delay(rule.get("seconds", float("inf")), late)
        raise Gone()

    @staticmethod
    def truncate(answer, rule):
        """Marks the answer to be cut: at "bytes", or at a "part" of it."""
        answer.cut = {"bytes": rule.get("bytes"), "part": rule.get("part", 0.5),
                      "honest": rule.get("content_length") == "cut"}

    # --- bodies

    def pieces(self):
        """The body's bytes as they come."""
        if self.expecting:
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            yield from self.chunks()
        else:
            left = int(self.headers.get("Content-Length") or 0)
            while left > 0:
                piece = self.rfile.read1(min(PIECE, left))
                if not piece:
                    raise Gone()
                left -= len(piece)
                yield piece
        self.unread = False

    def chunks(self):
        while True:
            left = size = self.chunk_size()
            while left > 0:
                piece = self.rfile.read1(min(PIECE, left))
                if not piece:
                    raise Gone()
                left -= len(piece)
                yield piece
            if size == 0:
                while self.rfile.readline(1024) not in (b"\r\n", b"\n", b""):
                    pass
                return
            self.rfile.readline(8)

    def chunk_size(self):
        try:
            return int(self.rfile.readline(1024).split(b";")[0].strip(), 16)
        except ValueError:
            raise Gone() from None

    def watched(self, world, call):
        """The pieces, cut by a drop_upload rule."""
        rule = world.faults.early({"route": call.route}) if call.record else None
        seen, limit = 0, rule.get("bytes", 1000) if rule else float("inf")
        if rule:
            call.record["fault"] = "drop_upload"
        for piece in self.pieces():
            seen += len(piece)
            if seen >= limit:
                self.drop(rule)
            yield piece
        if rule:
            self.drop(rule)

    def read_body(self, world, call):
        """Takes the body into the call; returns a refusal where it cannot be read."""
        boundary = boundary_of(self.headers.get("Content-Type"))
        stream = self.watched(world, call)
        if call.route == "POST /v1/files" and boundary:
            path = world.path("spool", "upload-%d-%d" % (os.getpid(), call.record["n"]))
            call.spooled = path
            try:
                call.form, found = read_form(stream, boundary, path)
            except BadForm as bad:
                return Refusal(400, "Could not parse multipart form: %s." % bad).answer()
            for _ in stream:
                pass
            if not found:
                call.spooled = None
            return None
        pieces, size = [], 0
        for piece in stream:
            size += len(piece)
            if size > MAX_BODY:
                raise Gone()
            pieces.append(piece)
        call.body = b"".join(pieces)
        return None

    # --- answers

    def answer(self, answer, started):
        request_id = "req_%s" % self.server.world.new_id("")
        headers = {"x-request-id": request_id, "openai-version": "2020-10-01",
                   "openai-organization": "org-standin",
                   "openai-processing-ms": str(int((time.monotonic() - started) * 1000)),
                   "x-ratelimit-limit-requests": "10000",
                   "x-ratelimit-remaining-requests": "9999",
                   "x-ratelimit-reset-requests": "6ms",
                   "x-ratelimit-limit-tokens": "2000000",
                   "x-ratelimit-remaining-tokens": "1999000",
                   "x-ratelimit-reset-tokens": "30ms"}
        headers.update(answer.headers)
        if answer.path is not None:
            self.send_file(answer, headers)
            return
        if answer.raw is None and not hasattr(answer.value, "__next__"):
            answer.raw = json.dumps(answer.value, ensure_ascii=False).encode() + b"\n"
        if answer.raw is None:
            self.send_stream(answer, headers)
            return
        body, length = answer.raw, len(answer.raw)
        cut = self.cut_at(answer, length)
        self.head(answer, headers, cut if cut < length and answer.cut["honest"] else length)
        if self.command != "HEAD":
            self.write(answer, body[:cut])
        self.wfile.flush()
        if cut < length:
            self.close_connection = True

    def write(self, answer, body):
        """The body at once, or drop by drop where a rule says so."""
        rule = getattr(answer, "drip", None)
        size = max(1, -(-len(body) // DROPS)) if rule else max(1, len(body))
        for start in range(0, len(body), size):
            self.wfile.write(body[start:start + size])
            if rule:
                self.wfile.flush()
                time.sleep(rule.get("seconds", 5) / DROPS)
                if self.client_left():
                    raise Gone()

    @staticmethod
    def cut_at(answer, length):
        cut = getattr(answer, "cut", None)
        if cut is None:
            return length
        return min(length, cut["bytes"] if cut["bytes"] is not None
                   else int(length * cut["part"]))

    def head(self, answer, headers, length):
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        if self.unread:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def send_file(self, answer, headers):
        try:
            f = open(answer.path, "rb")
        except OSError:
            raise Gone() from None
        with f:
            length = os.fstat(f.fileno()).st_size
            cut = self.cut_at(answer, length)
            self.head(answer, headers, cut if cut < length and answer.cut["honest"] else length)
            self.wfile.flush()
            if getattr(answer, "drip", None):
                self.write(answer, f.read(cut))
            elif cut:
                self.connection.sendfile(f, 0, cut)
        if cut < length:
            self.close_connection = True

    def send_stream(self, answer, headers):
        self.head(answer, headers, None)
        for piece in answer.value:
            data = piece.encode()
            if data:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def serve(world, port):
    """A running server; its thread ends with the process."""
    server = Server(port, world)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1},
                     name="accept", daemon=True).start()
    return server
