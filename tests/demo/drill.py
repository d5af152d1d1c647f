# SPDX-License-Identifier: ISC
"""The drill of the demonstration: the accident that this project began with, in two acts.

20 lots are described, and the batch of their 40 translations stands still at 0. First the fallback is there: the batch is
cancelled, sent again, and what that one does not answer goes by single calls. Then every such call is refused too.

Owns: the configuration with shortened thresholds, what goes wrong in each act, what is said meanwhile, and what must be so
in the end. tests/e2e/test_fault_story.py replays the same acts.
"""
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List, Optional, Sequence, Tuple

NAMES = ("stuck-translation",)
SECONDS = 16    # from order to deadline
# A job is closed in the tick after its deadline; this is far above the demo's tick, and far below the drill's length.
LATE_SECONDS = 3.0

STUCK: Dict[str, Any] = {"match": {"task": "translate"}, "do": "stuck"}
REFUSED: Dict[str, Any] = {"match": {"route": "POST /v1/chat/completions"}, "do": "status", "code": 503,
                           "error": {"code": "overloaded", "type": "server_error", "message": "Overloaded, try later."}}

SETTINGS: Dict[str, Any] = {
    "fallback": {"tiers": ["flex", "default"], "concurrency": 8, "estimate": "500ms", "reserve": "1s",
                 "flex_timeout": "2s"},
    "policy": {"small": {"max_requests": 100, "alert_after": "4s", "stall_after": "1500ms", "cancel_after": "2500ms",
                         "cancel_grace": "2s", "batch_retries": 1, "validating_after": "60s",
                         "finalizing_after": "60s"}},
}


@dataclass(frozen=True)
class Act:
    """One job: what goes wrong at the provider, and how the job must end."""
    name: str
    told: str
    rules: Sequence[Dict[str, Any]]
    outcome: str


ACTS = (
    Act("saved", "The provider will never move the translation batches. Single calls are allowed.", (STUCK,), "full"),
    Act("deadline", "The provider will never move the translation batches, and refuses every single call too.",
        (STUCK, REFUSED), "partial"),
)

SENTENCES: Dict[str, str] = {
    "described": "All {lots} lots are described in English. Their {translations} translations went into one batch, and "
                 "there it stands: in_progress, 0 completed. The client that started this project polled such a job for "
                 "over seven hours.",
    "stalled": "lotscribe has noticed, warns in every poll, and says what it will do and when.",
    "calls": "Batches had their chance: what is open goes by single calls now.",
    "full": "Everything is there, before the deadline. Nobody polls for ever.",
    "partial": "The deadline has come: the job ends with what was paid for. Nobody polls for ever.",
}


def sentences(status: Dict[str, Any]) -> List[str]:
    """What is to be said at this status."""
    progress, keys = status["progress"], []
    if progress["described"] == progress["lots"]:
        keys.append("described")
    if any(warning.get("code") == "batch_stalled" for warning in status.get("warnings") or []):
        keys.append("stalled")
    if (status.get("waiting_for") or {}).get("what") == "calls":
        keys.append("calls")
    if status.get("outcome") in SENTENCES:
        keys.append(status["outcome"])
    return [SENTENCES[key].format(**progress) for key in keys]


def claims(act: Act, status: Dict[str, Any], deadline: Optional[datetime], completed: Optional[datetime],
           paid_twice: int) -> List[Tuple[str, bool]]:
    """The promise of an act, sentence by sentence, and whether each holds."""
    progress = status["progress"]
    late = (completed - deadline).total_seconds() if deadline and completed else None
    full = act.outcome == "full"
    return [
        ("the job is completed", status["status"] == "completed"),
        (f"its outcome is {act.outcome}", status["outcome"] == act.outcome),
        (f"all {progress['lots']} English descriptions are there", progress["described"] == progress["lots"]),
        ("all translations are there" if full else "no translation is claimed",
         progress["translated"] == (progress["translations"] if full else 0)),
        ("it ended before its deadline" if full else "it ended at its deadline",
         late is not None and (late < 0 if full else 0 <= late <= LATE_SECONDS)),
        ("nothing was paid twice", paid_twice == 0),
    ]
