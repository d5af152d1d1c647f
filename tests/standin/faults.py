# SPDX-License-Identifier: ISC
"""Faults by script: which rule applies to which call, and how rules are checked.

A rule is {"match": {...}, "do": "action", ...parameters}.  Rules about a call act on the
wire (wire.py); rules about a batch are handed to the batch when it is created and act in
its life (engine.py), on its lines (lines.py) or on how it is shown (api.py).
"""
import threading

# Actions and the parameters that each takes.
#
# Applied while the request's body comes in.
EARLY = {"drop_upload": ("bytes", "reset")}
# Applied to one call.
CALL = {
    "status": ("code", "error", "body", "headers"), "html_502": (),
    "hang": ("seconds",), "hang_after": ("seconds",), "slow": ("seconds", "headers"),
    "drop_before": ("reset",), "drop_after": ("reset",), "delay": ("seconds",),
    "truncate": ("bytes", "part", "content_length"), "drip": ("seconds",),
}
# Handed to a batch at its creation.
BATCH = {
    "stuck": ("status", "done", "expires"), "expire": ("done",),
    "fail": ("code", "line", "error"), "cannot_find_file": ("code", "error"),
    "all_failed": ("code", "error", "body", "billed"), "cancel_slow": ("seconds",),
    "error_file_empty_string": (), "vanish": ("reads", "status"),
    "hide_from_list": ("reads",), "counts_lie": ("counts",), "null_counts": (),
    "uppercase_status": (), "iso_times": (), "no_file_yet": ("reads", "file"), "file_404": ("reads",),
}
# Handed to a batch and applied to some of its lines, or to a single call.
WHICH = ("n", "all", "skip", "lines", "custom_id", "contains")
LINES = {
    "void_lines": WHICH + ("file", "billed"),
    "http_error_lines": WHICH + ("code", "error", "body", "billed"),
    "missing_lines": WHICH + ("billed",), "duplicate_lines": WHICH, "broken_lines": WHICH,
    "foreign_lines": ("n", "custom_id"), "huge_line": WHICH + ("bytes",),
    "refusal_lines": WHICH, "cut_lines": WHICH + ("keep",), "filtered_lines": WHICH,
    "empty_lines": WHICH, "not_json_lines": WHICH, "python_literal_lines": WHICH,
    "fenced_lines": WHICH, "other_tier_lines": WHICH + ("tier",),
}
# The line actions that spoil an answer, which a single call may have too.
ANSWERS = ("http_error_lines", "huge_line", "refusal_lines", "cut_lines", "filtered_lines",
           "empty_lines", "not_json_lines", "python_literal_lines", "fenced_lines", "other_tier_lines")
ACTIONS = {**EARLY, **CALL, **BATCH, **LINES}

MATCH_KEYS = ("route", "nth", "from", "every", "times", "model", "task", "batch_nth", "tier",
              "id", "filename", "metadata", "purpose", "body")

CREATE = "POST /v1/batches"
CHAT = "POST /v1/chat/completions"


class BadRule(ValueError):
    """A rule that could never do anything is an error, not a silent no-op."""


def check_rule(rule):
    if not isinstance(rule, dict) or not isinstance(rule.get("match", {}), dict):
        raise BadRule("a rule is an object with an object \"match\": %r" % (rule,))
    action = rule.get("do")
    if action not in ACTIONS:
        raise BadRule("unknown action %r; known: %s" % (action, " ".join(ACTIONS)))
    for key in rule:
        if key not in ACTIONS[action] + ("match", "do", "note"):
            raise BadRule("%s takes no %r; it takes: %s"
                          % (action, key, " ".join(ACTIONS[action]) or "nothing"))
    for key in rule.get("match", {}):
        if key not in MATCH_KEYS:
            raise BadRule("unknown match key %r; known: %s" % (key, " ".join(MATCH_KEYS)))


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []

    def replace(self, rules):
        if not isinstance(rules, list):
            raise BadRule("the rules are a list")
        for rule in rules:
            check_rule(rule)
        with self.lock:
            self.rules = [dict(rule, seen=0, applied=0) for rule in rules]

    def add(self, rule):
        check_rule(rule)
        with self.lock:
            self.rules.append(dict(rule, seen=0, applied=0))

    def shown(self):
        with self.lock:
            return [dict(rule) for rule in self.rules]

    def early(self, facts):
        return self._first(EARLY, facts)

    def for_call(self, facts):
        """The first rule that applies to this call, or None.  Every rule that matches counts
        the call, whether another rule was chosen or not."""
        actions = list(CALL)
        if facts["route"] == CHAT:
            actions += ANSWERS
        return self._first(actions, facts)

    def for_batch(self, facts):
        """All batch and line actions for a batch that is being created."""
        with self.lock:
            return [self._taken(rule) for rule in self.rules
                    if (rule["do"] in BATCH or rule["do"] in LINES)
                    and self._hit(rule, facts, CREATE)]

    def _first(self, actions, facts):
        chosen = None
        with self.lock:
            for rule in self.rules:
                if rule["do"] in actions and self._hit(rule, facts) and not chosen:
                    chosen = self._taken(rule)
        return chosen

    @staticmethod
    def _taken(rule):
        rule["applied"] += 1
        return {k: v for k, v in rule.items() if k not in ("seen", "applied")}

    @staticmethod
    def _hit(rule, facts, default_route=None):
        """Whether the rule applies; counts the call for the rule.  A rule about lines is about
        batches unless it names the route of single calls."""
        match = rule.get("match", {})
        if rule["do"] in LINES:
            default_route = CREATE
        route = match.get("route", default_route)
        if route is not None and route != facts["route"]:
            return False
        for key in ("model", "task", "tier", "id", "purpose", "batch_nth"):
            if key in match and match[key] != facts.get(key):
                return False
        for key in ("filename", "body"):
            if key in match and match[key] not in (facts.get(key) or ""):
                return False
        for key, value in match.get("metadata", {}).items():
            if (facts.get("metadata") or {}).get(key) != value:
                return False
        rule["seen"] += 1
        if "nth" in match and rule["seen"] != match["nth"]:
            return False
        if "from" in match and rule["seen"] < match["from"]:
            return False
        if "every" in match and rule["seen"] % match["every"]:
            return False
        return "times" not in match or rule["applied"] < match["times"]
