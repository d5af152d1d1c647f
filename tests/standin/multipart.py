# SPDX-License-Identifier: ISC
"""Reads a multipart/form-data body as a stream; the file part goes to disk, never to memory.

Takes an iterator of byte pieces and the boundary.  Small fields are kept, files spooled.
"""
import re

MAX_HEAD = 16384
MAX_FIELD = 65536


class BadForm(ValueError):
    """The body is not the multipart it says it is."""


class _Source:
    """A buffered view of the pieces: read up to a mark without holding the whole."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.buffer = b""

    def more(self):
        piece = next(self.pieces, b"")
        if not piece:
            raise BadForm("the body ends before its last boundary")
        self.buffer += piece

    def until(self, mark):
        """Yields what comes before the mark, then consumes the mark."""
        while True:
            place = self.buffer.find(mark)
            if place >= 0:
                head, self.buffer = self.buffer[:place], self.buffer[place + len(mark):]
                yield head
                return
            keep = len(mark) - 1
            if len(self.buffer) > keep:
                head, self.buffer = self.buffer[:-keep], self.buffer[-keep:]
                yield head
            self.more()

    def small(self, mark, limit):
        data = b""
        for piece in self.until(mark):
            data += piece
            if len(data) > limit:
                raise BadForm("a part is too large")
        return data

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        head, self.buffer = self.buffer[:count], self.buffer[count:]
        return head


def boundary_of(content_type):
    """The boundary of a multipart/form-data Content-Type, or None."""
    kind, _, rest = (content_type or "").partition(";")
    match = re.search(r'boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))', rest)
    if kind.strip().lower() != "multipart/form-data" or not match:
        return None
    return (match[1] or match[2]).encode("latin-1")


def _parameter(head, name):
    match = re.search(r'[; ]%s="((?:[^"\\]|\\.)*)"' % name, head)
    return match[1] if match else None


def read_form(pieces, boundary, spool_path):
    """Returns (fields, spooled): the fields with "filename" among them where a file came, and
    whether the part "file" was written to spool_path."""
    source = _Source(pieces)
    source.small(b"--" + boundary, MAX_HEAD)
    fields, spooled = {}, False
    while source.take(2) == b"\r\n":
        head = source.small(b"\r\n\r\n", MAX_HEAD).decode("utf-8", "replace")
        name, filename = _parameter(head, "name"), _parameter(head, "filename")
        mark = b"\r\n--" + boundary
        if name == "file" and filename is not None:
            with open(spool_path, "wb") as f:
                for piece in source.until(mark):
                    f.write(piece)
            fields["filename"], spooled = filename, True
        else:
            fields[name] = source.small(mark, MAX_FIELD).decode("utf-8", "replace")
    return fields, spooled
