# SPDX-License-Identifier: ISC
"""Python's own readers as tests/bench/mend.c runs core/repair: json.loads(), else ast.literal_eval(), and json.dumps().

    mend_peer.py FILE SECONDS
"""
import ast
import json
import sys
import time
import warnings
from pathlib import Path
from typing import List, Optional


def mend(text: str) -> Optional[str]:
    """JSON, or None where the text is refused."""
    try:
        try:
            value = json.loads(text)
        except ValueError:
            value = ast.literal_eval(text)
        return json.dumps(value, allow_nan=False)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def literal(text: str) -> Optional[str]:
    """Only Python's, without a vain attempt before it."""
    return json.dumps(ast.literal_eval(text))


def run(texts: List[str]) -> int:
    """How many were refused."""
    return sum(literal(text) is None for text in texts)


def main() -> None:
    corpus = Path(sys.argv[1]).read_bytes()
    texts = corpus.decode().split("\0")[:-1]
    refused = run(texts)
    read, started = 0, time.monotonic()
    while True:
        run(texts)
        read += len(corpus)
        seconds = time.monotonic() - started
        if seconds >= float(sys.argv[2]):
            break
    print(read, f"{seconds:.6f}", refused)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
