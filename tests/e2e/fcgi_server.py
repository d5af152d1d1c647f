#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A FastCGI program that answers as no good one does: what do web servers make of it?

Owns: the framing of a request a connection on the listening socket that is descriptor 0; the answers below.
Does not: know lotscribe; look at its arguments.

The last segment of the path chooses: `variables` gives what the web server sent, `cut` breaks off in the middle of
an answer, `held` waits in the middle until the file of the header X-Wait-For is there, `orders` has headers that
web servers may take for orders.
"""
import json
import os
import random
import socket
import sys
import threading
import time
from typing import Dict, Iterator, Tuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fcgi_client import END, PARAMS, STDIN, STDOUT, record, stream  # noqa: E402

# It hardly compresses, so that a compressor has something to pass on.
HALF = random.Random(1).randbytes(1 << 19).hex().encode()


def received(connection: socket.socket) -> Tuple[bytes, bytes]:
    """The parameters and the body of a request."""
    file = connection.makefile("rb")
    parts: Dict[int, bytes] = {PARAMS: b"", STDIN: b""}
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise EOFError
        content = file.read(int.from_bytes(head[4:6], "big"))
        file.read(head[6])
        if head[1] in parts:
            parts[head[1]] += content
        if head[1] == STDIN and not content:
            return parts[PARAMS], parts[STDIN]


def decoded(block: bytes) -> Iterator[Tuple[str, str]]:
    at = 0

    def length() -> int:
        nonlocal at
        size = 4 if block[at] & 0x80 else 1
        at += size
        return int.from_bytes(block[at - size:at], "big") & 0x7fffffff

    while at < len(block):
        name, value = length(), length()
        yield block[at:at + name].decode(), block[at + name:at + name + value].decode("utf-8", "surrogateescape")
        at += name + value


def serve(connection: socket.socket) -> None:
    block, body = received(connection)
    variables = dict(decoded(block))

    def send(*headers: str) -> None:
        connection.sendall(stream(STDOUT, "\r\n".join([*headers, "", ""]).encode(), end=False))

    def write(part: bytes) -> None:
        connection.sendall(stream(STDOUT, part, end=False))

    def end() -> None:
        connection.sendall(record(STDOUT, b"") + record(END, bytes(8)))

    what = variables["REQUEST_URI"].partition("?")[0].rpartition("/")[2]
    if what == "cut":
        send("Status: 200 OK", "Content-Type: application/json")
        write(HALF)
    elif what == "cut-announced":
        send("Status: 200 OK", "Content-Type: application/json", f"Content-Length: {2 * len(HALF)}")
        write(HALF)
    elif what == "held":
        send("Status: 200 OK", "Content-Type: application/json")
        write(HALF)
        while not os.path.exists(variables["HTTP_X_WAIT_FOR"]):
            time.sleep(0.01)
        write(HALF)
        end()
    elif what == "orders":
        send("Status: 200 OK", "Content-Type: text/plain", "X-Sendfile: /etc/hostname",
             "X-LIGHTTPD-send-file: /etc/hostname", "X-Sendfile2: /etc/hostname 0-", "X-Accel-Redirect: /page.txt",
             "X-Accel-Limit-Rate: 1")
        write(b"the program's own")
        end()
    else:
        text = json.dumps({**variables, "body": len(body)}).encode()
        send("Status: 200 OK", "Content-Type: application/json", f"Content-Length: {len(text)}")
        write(text)
        end()


def attend(connection: socket.socket) -> None:
    with connection:
        try:
            serve(connection)
        except (OSError, EOFError):
            pass


def main() -> None:
    with socket.socket(fileno=0) as listening:
        while True:
            threading.Thread(target=attend, args=(listening.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
