# SPDX-License-Identifier: ISC
"""How fast broken JSON is mended: core/repair beside ast.literal_eval, jsonrepair and json-c's parser.

Text comes in, JSON text goes out (json-c makes its objects), each in its own runtime, and no start of a process is in it.
All read the same files of entries, made of the sample's lots; nobody may refuse one.
"""
import json
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

from harness import npm
from harness.stack import TOP

HERE = Path(__file__).resolve().parent
Entry = Dict[str, Any]


def entries() -> List[Entry]:
    """What a model would say of each lot, as long as catalogue entries are."""
    made = []
    for line in (TOP / "tests/data/lots.jsonl").open(encoding="utf-8"):
        lot = json.loads(line)
        medium = lot["medium"] or "medium not known"
        made.append({
            "title": f"{lot['artist']}, {lot['title']}",
            "description": f"{lot['title']}, by {lot['artist']} ({lot['date']}). {medium}.\n\nInscribed \"{lot['inscription']}\"."
                           f" It measures {lot['dimensions']}.\nThe sitter's name isn't known.",
            "category": "Works on paper" if "paper" in medium else "Paintings",
            "period": None if lot["date"] == "date not known" else lot["date"],
            "materials": [part.strip().lower() for part in medium.split(",")],
            "condition": None, "framed": len(made) % 2 == 0, "keywords": lot["subjects"] or []})
    return made


def lines(entry: Entry) -> str:
    return json.dumps(entry, ensure_ascii=False, indent=2)


def single_quotes(entry: Entry) -> str:
    text = json.dumps(entry).replace("'", "\\'").replace('\\"', "\0")
    return text.replace('"', "'").replace("\0", '\\"')


def bare_keys(entry: Entry) -> str:
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in entry.items()) + "}"


KINDS: List[Callable[[Entry], str]] = [
    json.dumps,
    repr,
    single_quotes,
    bare_keys,
    lambda entry: f"```json\n{lines(entry)}\n```",
    lambda entry: lines(entry)[:-2] + ",\n}",
    lambda entry: "{ // the entry" + lines(entry)[1:],
    lambda entry: lines(entry).replace(",\n", "\n"),                # no commas
    lambda entry: json.dumps(entry).replace("\\n", "\n"),           # line ends in strings
    lambda entry: json.dumps(entry).replace(" null", " None"),
    lambda entry: json.dumps(entry)[:-40],
]


def write(path: Path, texts: List[str]) -> Path:
    path.write_bytes(b"".join(text.encode() + b"\0" for text in texts))
    return path


def rate(*command: Any) -> float:
    """MB/s, as the program says."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"bench: {command[0]}: {ran.stderr}")
    read, seconds, refused = ran.stdout.split()
    if int(refused) > 0:
        raise SystemExit(f"bench: {refused} texts are refused: {command}")
    return int(read) / float(seconds) / 1e6


def run(bench: Any, report: Any) -> None:
    work = bench.work / "repair"
    work.mkdir(parents=True)
    made = entries()
    literals = write(work / "literals", [repr(entry) for entry in made])
    mixed = write(work / "mixed", [KINDS[i % len(KINDS)](entry) for i, entry in enumerate(made)])
    valid = write(work / "valid", [json.dumps(entry, ensure_ascii=i % 2 == 0) for i, entry in enumerate(made)])
    mend, folder = bench.build / "tests/bench/mend", npm.install()
    rounds: Dict[str, List[List[float]]] = {"literals": [], "mixed": [], "valid": []}
    for _ in range(bench.rounds):
        rounds["literals"].append([rate(mend, "repair", literals, bench.seconds),
                                   rate("/usr/bin/python3", HERE / "mend_peer.py", literals, bench.seconds)])
        rounds["mixed"].append([rate(mend, "repair", mixed, bench.seconds),
                                rate("node", HERE / "mend.mjs", folder, mixed, bench.seconds)])
        rounds["valid"].append([rate(mend, "repair", valid, bench.seconds),
                                rate(mend, "json-c", valid, bench.seconds)])
    report.add("Python literals: time of ast.literal_eval with json.dumps / ours",
               [ours / theirs for ours, theirs in rounds["literals"]], at_least=10)
    report.add(f"{len(KINDS)} kinds of broken JSON: time of jsonrepair / ours",
               [ours / theirs for ours, theirs in rounds["mixed"]], at_least=5)
    report.add("valid JSON: our time / that of json-c's parser",
               [theirs / ours for ours, theirs in rounds["valid"]], at_most=1.5)
    for name, peer in (("literals", "ast.literal_eval"), ("mixed", "jsonrepair"), ("valid", "json-c")):
        for i, who in enumerate(("ours", peer)):
            report.add(f"{name}: {who}", [both[i] for both in rounds[name]], "MB/s")
