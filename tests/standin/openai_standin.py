#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A stand-in for OpenAI on loopback: Files, Batches and Chat Completions in the real wire
format, with faults by script and a ledger of what was executed and would be billed."""
import argparse
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import faults  # noqa: E402
import wire  # noqa: E402
from engine import Engine  # noqa: E402
from store import World  # noqa: E402

EPILOG = """\
examples:
  openai_standin.py --port 8089 --dir /tmp/standin
      a rehearsal: point openai.base_url at http://127.0.0.1:8089/v1, key sk-standin
  openai_standin.py --port 8089 --dir /tmp/standin --faults stuck.json
      stuck.json: [{"match": {"task": "translate"}, "do": "stuck"}]
  curl -s 'http://127.0.0.1:8089/_standin/ledger?summary=1'
      what was executed and would be billed

actions about a call:   %s
actions about a batch:  %s
actions about lines:    %s
README.md beside this program explains each, and the control calls under /_standin/.
""" % (" ".join({**faults.EARLY, **faults.CALL}), " ".join(faults.BATCH), " ".join(faults.LINES))


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: a free port (the default)")
    parser.add_argument("--dir", required=True, help="state directory, kept over restarts")
    parser.add_argument("--port-file", help="file to which the port is written, atomically")
    parser.add_argument("--ready-fd", type=int, help="descriptor that gets a line when ready")
    parser.add_argument("--key", action="append", metavar="KEY[@PROJECT]",
                        help="accepted API key (sk-standin); keys of one project see the same "
                        "objects; may be given several times")
    parser.add_argument("--step", type=float, default=0.2,
                        help="seconds that each state of a batch lasts (0.2)")
    parser.add_argument("--faults", help="JSON file with a list of fault rules")
    parser.add_argument("--seed", type=int, help="makes ids and the order of lines repeatable")
    parser.add_argument("--limit", action="append", default=[], metavar="MODEL=TOKENS",
                        help="limit of enqueued prompt tokens of a model")
    return parser.parse_args(argv)


def keys_of(given):
    """Key -> project; a key without a project has one of its own."""
    return {key.partition("@")[0]: key.partition("@")[2] or key
            for key in given or ["sk-standin"]}


def write_port(path, port):
    with open(path + ".tmp", "w", encoding="ascii") as f:
        f.write("%d\n" % port)
    os.replace(path + ".tmp", path)


def main(argv=None):
    options = parse_arguments(argv)
    sys.setswitchinterval(0.002)
    os.makedirs(options.dir, exist_ok=True)
    world = World(os.path.abspath(options.dir), options.step, options.seed, keys_of(options.key))
    for limit in options.limit:
        model, _, tokens = limit.partition("=")
        world.limits[model] = int(tokens)
    if options.faults:
        with open(options.faults, encoding="utf-8") as f:
            try:
                world.faults.replace(json.load(f))
            except (faults.BadRule, ValueError) as bad:
                sys.exit("openai_standin.py: %s: %s" % (options.faults, bad))
    world.engine = Engine(world)
    world.engine.start()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = wire.serve(world, options.port)
    port = server.server_address[1]
    if options.port_file:
        write_port(options.port_file, port)
    print("http://127.0.0.1:%d/v1" % port, flush=True)
    if options.ready_fd is not None:
        os.write(options.ready_fd, b"ready\n")
        os.close(options.ready_fd)
    stop.wait()
    server.shutdown()
    world.engine.stop()


if __name__ == "__main__":
    main()
