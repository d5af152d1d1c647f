# SPDX-License-Identifier: ISC
"""Orders of 64 MiB, one at a time: what the front end needs for them, and what others get meanwhile.

Peak memory is that of the process (VmHWM) with all it holds, at most three times the body. The figures are printed with
-s and kept in large.txt in the folder of temporary files.
"""
import base64
import json
import os
import random
import select
from pathlib import Path

import pytest

import fcgi_client
from front_end import JSON, PNG, installation, mariadb, order  # noqa: F401
from harness.stack import TOP

pytestmark = pytest.mark.front_end

JOBS = "/api/v1/jobs"
MIB = 1 << 20
INSTRUMENTED = os.environ.get("LOTSCRIBE_BUILD", "").endswith(("-asan", "-tsan"))
MOST = (16 if INSTRUMENTED else 64) * MIB     # job.max_body
DESCRIPTION = {"title": "Teapot", "description": "", "category": "Silver", "period": None, "materials": [],
               "condition": None, "keywords": []}
RANDOM = random.Random(3).randbytes(8 * MIB)


def photograph(number, size):
    """A data URL of so many bytes, decoded, that is like no other."""
    content = PNG + number.to_bytes(4, "big") + RANDOM
    return "data:image/png;base64," + base64.b64encode(content[:size]).decode()


def filled_with(make):
    """An order of lots 0, 1, ... as make(i) gives them, as large as an order may be."""
    parts, size = [], len('{"lots":[]}')
    while True:
        part = json.dumps(make(len(parts)), ensure_ascii=False).encode()
        if size + len(part) + 1 > MOST:
            break
        parts.append(part)
        size += len(part) + 1
    return (b'{"lots":[' + b",".join(parts) + b"]}").ljust(MOST)


def lot(i, **more):
    return {"id": str(i), **more}


TEXT = "x" * 32768
ORDERS = {
    "photographs of 8 MiB": lambda i: lot(i, images=[photograph(i, 8 * MIB)]),
    "photographs of 7 MiB in one lot": lambda i: lot(i, images=[photograph(n, 7 * MIB) for n in range(MOST // (10 * MIB))])
    if i == 0 else lot(i, title="x" * 2000),
    "photographs of 100 KiB": lambda i: lot(i, images=[photograph(i, 100 << 10)]),
    "50 photographs of 1 KiB a lot": lambda i: lot(i, images=[photograph(i * 50 + n, 1024) for n in range(50)]),
    "50 addresses a lot": lambda i: lot(i, images=[f"https://example.com/{i}/{n}/" + "x" * 300 for n in range(50)]),
    "small lots": lambda i: lot(i, title=f"Lot {i}", notes="x" * 1300),
    "long notes": lambda i: lot(i, notes=TEXT),
    "descriptions": lambda i: lot(i, description={**DESCRIPTION, "description": TEXT}),
}


def reset_peak(process):
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def keep(lines):
    Path(os.environ.get("LOTSCRIBE_TMP", TOP / ".dev" / "tmp"), "large.txt").write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))


@pytest.fixture(scope="module")
def front(mariadb):  # noqa: F811
    with installation("front-large", mariadb, memory=True, overrides={"http": {"rate": 0}, "job": {"max_body": MOST}}) as made:
        yield made
        made.check()


def forget_photographs(front):
    front.sql("DELETE FROM lot_image")
    front.sql("DELETE FROM image")


@pytest.mark.slow
def test_64_MiB_take_three_times_as_much_at_most(front):
    """One order after the other, with and without Content-Length: what a worker had it gives back."""
    process, figures = front.stack.front_end, {}
    begun = process.peak_memory()
    for i, name in enumerate([*ORDERS, *list(ORDERS)[:1]]):
        body = filled_with(ORDERS[name])
        assert len(body) == MOST
        reset_peak(process)
        answer = front.raw("POST", f"{JOBS}?again=1", body, front.key, JSON, announce=None if i % 2 else "", timeout=120)
        assert answer.status == 202, (name, answer)
        figures[f"{name}, {'without' if i % 2 else 'with'} its length"] = process.peak_memory()
        forget_photographs(front)
    keep([f"front end: {begun / MIB:.1f} MiB before; peak for an order of {MOST / MIB:.0f} MiB of"] +
         [f"  {name}: {peak / MIB:.1f} MiB, {peak / MOST:.2f} times" for name, peak in figures.items()])
    if not INSTRUMENTED:
        assert max(figures.values()) <= 3 * MOST


def begin(front, size, announce=True):
    params = fcgi_client.params_of("POST", f"{JOBS}?again=1", None, {"Authorization": f"Bearer {front.key}", **JSON},
                                   str(size) if announce else None)
    return fcgi_client.Connection(front.socket, 120).begin(params)


def small_requests_go_on(front, job, n=20):
    for i in range(n):
        assert front.take(order(1, [], name=str(i)))
        assert front.get(f"{JOBS}/{job}/status").status == 200
    assert front.raw("POST", f"{JOBS}?again=1", json.dumps(order(1)).encode().ljust(2 * MIB), front.key, JSON).status == 202


@pytest.mark.parametrize("announce", [True, False], ids=["announced", "without length"])
def test_large_bodies_come_one_at_a_time(front, announce):
    """Others are told to come again, at once or as soon as they are large; small requests go on all the while."""
    job = front.take(order(1))
    body = filled_with(ORDERS["photographs of 8 MiB"])
    first = begin(front, MOST, announce).send(body[:9 * MIB], end=False)
    others = [begin(front, size) for size in (MOST, 8 * MIB + 1)] + [begin(front, MOST, announce=False)]
    try:
        others[-1].send(body[:9 * MIB], end=False)
    except BrokenPipeError:
        pass            # it was refused within
    for other in others:
        refused = other.answer()
        assert (refused.status, refused.json()["code"]) == (503, "busy") and int(refused.headers["retry-after"]) > 0
    small_requests_go_on(front, job)
    first.send(body[9 * MIB:])
    rounds = 0
    while not select.select([first.socket], [], [], 0)[0]:
        small_requests_go_on(front, job, 1)
        rounds += 1
    assert first.answer().status == 202 and rounds > 0
    assert begin(front, MOST).send(filled_with(ORDERS["long notes"])).answer().status == 202
    forget_photographs(front)
