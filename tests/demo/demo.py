# SPDX-License-Identifier: ISC
"""The demonstration: a sale from order to download, with all programs on this machine.

Starts a private MariaDB, lighttpd, the stand-in for OpenAI, the front end and batchd below the work folder, orders the
lots over HTTP, shows the progress that a client sees, and then some lots in all languages. Everything is stopped at the end.

With OPENAI_API_KEY in the environment the requests go to OpenAI and cost money. `--drill stuck-translation` always uses the
stand-in: its translation batches never move (drill.py), and two jobs end all the same, one in full by single calls, one at
its deadline.
"""
import argparse
import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, NoReturn, Optional

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import drill  # noqa: E402
import lots  # noqa: E402
import show  # noqa: E402
from harness.process import port_is_free  # noqa: E402
from harness.stack import TOP, HarnessError, Stack, find_program  # noqa: E402

PORT = 5000
SHOWN_LOTS = 3

QUICK: Dict[str, Any] = {"batch": {"linger": "200ms", "poll_interval": "200ms"}}
AT_OPENAI: Dict[str, Any] = {"batch": {"linger": "2s", "poll_interval": "10s", "settle": "2m"},
                             "daemon": {"lease": "30s", "tick": "1s"}}


def client() -> Any:
    """The polling client as a module: its display, its download and its view of how a job ended."""
    spec = importlib.util.spec_from_file_location("poll_job_v2", TOP / "client" / "poll_job_v2.py")
    if spec is None or spec.loader is None:
        raise HarnessError("client/poll_job_v2.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLIENT = client()


def say(text: str = "") -> None:
    print(text, flush=True)


@contextlib.contextmanager
def alone(work: Path) -> Iterator[None]:
    """The work folder for this run only."""
    work.mkdir(parents=True, exist_ok=True)
    with open(work / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HarnessError(f"a demonstration is already running in {work}") from None
        shutil.rmtree(work / "run", ignore_errors=True)
        yield


def near(path: Path) -> str:
    """A path as short as it can be said from here."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


class Demo:
    """One run: the order, its way, and what is shown of it."""

    def __init__(self, stack: Stack, order: Dict[str, Any], work: Path, act: Optional[drill.Act] = None) -> None:
        self.stack = stack
        self.order = order
        self.work = work
        self.act = act
        self.display = CLIENT.Display(sys.stdout)
        self.job = ""
        self._told: List[str] = []

    def run(self) -> bool:
        """Order, wait, show; True where the job ended as it should."""
        started = time.monotonic()
        self.job = self.stack.order(self.order)["job_id"]
        say(f"Ordered:  POST {self.stack.url}/api/v1/jobs, job {self.job}")
        if self.act:
            say(f"Its deadline is in {drill.SECONDS} s. {self.act.told}")
        status = self._follow()
        took = time.monotonic() - started
        saved = self.work / f"{self.job}.json"
        target = CLIENT.Target(str(saved), self.job)
        length = target.fetch(CLIENT.Server(self.stack.url, self.job, None), time.monotonic() + 60)
        result = CLIENT.json.loads(saved.read_bytes())
        self._show_lots(result)
        say(f"Ended:    {status['status']}, {status['outcome'] or 'without a result'}: {CLIENT.counts_words(status)}")
        say(f"Cost:     USD {status['cost']['amount']}, of it wasted {status['cost']['wasted']}"
            + ("" if not self.stack.standin else " (by the example prices; the stand-in bills nothing)"))
        say(f"Poll URL: {self.stack.url}/api/v1/jobs/{self.job}/status")
        say(f"          curl {self.stack.url}/api/v1/jobs/{self.job}/status")
        say(f"Result:   {near(saved)} ({length} bytes)")
        say(f"Time:     {took:.1f} s from the order to the end")
        return self._check_act(self.act, status) if self.act else self._check_full(status)

    def _follow(self) -> Dict[str, Any]:
        """Poll until the job has ended, as a client does, with If-None-Match."""
        etag = ""
        while True:
            answer = self.stack.get(f"/api/v1/jobs/{self.job}/status",
                                    headers={"If-None-Match": etag} if etag else {})
            if answer.status == 200:
                etag = answer.headers.get("etag", "")
                status = answer.json()
                self.display.status(status, CLIENT.server_now(answer.headers))
                if self.act:
                    self._tell(drill.sentences(status))
                if status["status"] in CLIENT.ENDED:
                    self.display.end()
                    return status
            elif answer.status not in (304, 503):
                raise HarnessError(f"poll: {answer.status} {answer.body[:500]!r}")
            self._all_alive()
            time.sleep(0.1 if self.stack.standin else 2)

    def _all_alive(self) -> None:
        for part in (*self.stack.front_ends, *self.stack.batchds):
            if not part.running:
                raise HarnessError(f"{part.name} ended with {part.returncode}\n{part.log_tail()}")

    # -- the drill ------------------------------------------------------------------------------------

    def _tell(self, texts: List[str]) -> None:
        """Say each of them once."""
        columns = max(40, shutil.get_terminal_size().columns - 16)
        for text in texts:
            if text not in self._told:
                self._told.append(text)
                for line in show.wrap(text, columns):
                    self.display.line(f"  | {line}")

    def _check_act(self, act: drill.Act, status: Dict[str, Any]) -> bool:
        """The drill's promise; each thing that is not so is named."""
        deadline, completed = (CLIENT.parse_time(status[key]) for key in ("deadline_at", "completed_at"))
        paid_twice = self.stack.standin.call("GET", "/_standin/ledger?summary=1")["items_executed_more_than_once"]
        claims = drill.claims(act, status, deadline, completed, paid_twice)
        self._show_events()
        for text, held in claims:
            say(f"  {'ok    ' if held else 'NOT SO'}  {text}")
        return all(held for _, held in claims)

    def _show_events(self) -> None:
        answer = self.stack.get(f"/api/v1/jobs/{self.job}/events")
        events = answer.json().get("events", []) if answer.status == 200 else []
        if events:
            say("Timeline:")
        for event in events:
            when = CLIENT.parse_time(event.get("at"))
            clock = when.astimezone().strftime("%H:%M:%S") if isinstance(when, datetime) else "?"
            say(f"  {clock}  {CLIENT.clean(event.get('message') or event.get('kind'))}")

    # -- the plain run --------------------------------------------------------------------------------

    def _check_full(self, status: Dict[str, Any]) -> bool:
        full = CLIENT.exit_code(status) == CLIENT.EXIT_FULL
        if not full:
            say("The job did not end with everything answered; the reasons stand with its lots.")
        return full

    def _show_lots(self, result: Dict[str, Any]) -> None:
        columns = min(200, max(20, shutil.get_terminal_size().columns))
        say()
        for lot in result["lots"][:SHOWN_LOTS]:
            for line in show.lot_lines(lot, ["en", *self.order.get("languages", [])], columns):
                say(line)
            say()


def keep(stack: Stack) -> None:
    """Leave it running until a signal comes."""
    say()
    say("Running until Ctrl-C:")
    say(f"  API        {stack.url}/api/v1/jobs   (health: {stack.url}/readyz)")
    say(f"  key        {stack.key}")
    say(f"  order      curl -H 'Authorization: Bearer {stack.key}' -H 'Content-Type: application/json' \\")
    say(f"                  --data @tests/data/sale-20.json {stack.url}/api/v1/jobs")
    if stack.standin:
        say(f"  stand-in   {stack.standin.base_url}   (ledger: curl "
            f"http://127.0.0.1:{stack.standin.port}/_standin/ledger?summary=1)")
    say(f"  database   mariadb --no-defaults -u root -S {stack.mariadb.socket} {stack.database}")
    say(f"  operator   {near(find_program(stack.build, 'batchctl'))} -c {near(stack.work / 'conf' / 'admin.conf')} jobs")
    say(f"  logs       {near(stack.logs)}/")
    while True:
        signal.pause()


def run_drill(stack: Stack, order: Dict[str, Any], work: Path) -> bool:
    """All acts, one after the other; True where each kept its promise."""
    good = []
    for number, act in enumerate(drill.ACTS, 1):
        say(f"\nAct {number} of {len(drill.ACTS)}")
        stack.standin.call("POST", "/_standin/faults", list(act.rules))
        good.append(Demo(stack, order, work, act).run())
    return all(good)


def stack_for(arguments: argparse.Namespace) -> Stack:
    """The installation that this run needs."""
    port = PORT if port_is_free(PORT) else 0
    if not port:
        say(f"Port {PORT} is taken; another one is used.")
    key = None if arguments.drill else os.environ.get("OPENAI_API_KEY")
    overrides = AT_OPENAI if key else {**QUICK, **drill.SETTINGS} if arguments.drill else QUICK
    stack = Stack(arguments.build, arguments.work / "run", standin=not key, overrides=overrides, port=port,
                  standin_step=0.3, database="lotscribe", openai_key=key)
    stack.overrides = {**overrides, "http": {"public_url": stack.url}}
    return stack


def demonstrate(arguments: argparse.Namespace) -> int:
    """The whole run; returns the exit code."""
    order = lots.load(arguments.lots, arguments.languages)
    if arguments.drill:
        order["deadline"] = f"PT{drill.SECONDS}S"
    requests = len(order["lots"]) * (1 + len(order.get("languages", [])))
    stack = stack_for(arguments)
    say(f"lotscribe: {len(order['lots'])} lots, English{''.join(', ' + tag for tag in order.get('languages', []))}: "
        f"{requests} requests")
    if not stack.standin:
        say(f"OPENAI_API_KEY is set: these {requests} requests go to OpenAI and COST MONEY, at half price as batches; "
            "it may take hours.\nCtrl-C ends the programs here, and not the batches at OpenAI.")
    started = time.monotonic()
    try:
        stack.start()
        stack.add_batchd()
        parts = f"MariaDB, lighttpd (port {stack.port}), front end, batchd"
        say(f"Started:  {parts}{', stand-in for OpenAI' if stack.standin else ''} in {time.monotonic() - started:.1f} s")
        good = run_drill(stack, order, arguments.work) if arguments.drill else Demo(stack, order, arguments.work).run()
        if arguments.keep:
            keep(stack)
        return 0 if good else 1
    finally:
        # A second Ctrl-C must not cut the stopping short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stack.stop()


def arguments_of(argv: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--lots", type=Path, default=TOP / "tests" / "data" / "sale-20.json", metavar="FILE",
                        help="an order document, or JSON lines as in tests/data/lots.jsonl (default: 20 lots)")
    parser.add_argument("--languages", type=lambda text: [tag for tag in text.split(",") if tag],
                        metavar="fr,de", help="languages beside English (default: those of the order)")
    parser.add_argument("--drill", choices=drill.NAMES, help="what goes wrong on purpose")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    arguments = parser.parse_args(argv)
    arguments.build, arguments.work = arguments.build.resolve(), arguments.work.resolve()
    return arguments


def terminate(number: int, _frame: Any) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> int:
    arguments = arguments_of(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    try:
        with alone(arguments.work):
            return demonstrate(arguments)
    except KeyboardInterrupt:
        return 130
    except (HarnessError, lots.LotsError, CLIENT.Final, CLIENT.Trouble, OSError) as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
