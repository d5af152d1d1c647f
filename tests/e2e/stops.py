# SPDX-License-Identifier: ISC
"""What the tests of stops and holds share: refusals of the provider, the row of the stop, a probe that is due now."""
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import Sales, wait_until  # noqa: E402

STOPPED, RESUMED = "sending stopped code=", "sending resumed code="
NO_MONEY = {"do": "status", "code": 429, "error": {
    "code": "insufficient_quota", "type": "insufficient_quota", "message": "You exceeded your current quota"}}
NO_KEY = {"do": "status", "code": 401, "error": {"code": "invalid_api_key", "message": "Incorrect API key provided"}}
NO_MODEL = {"code": "model_not_found", "message": "The model does not exist or you do not have access to it."}


def refuse(refusal: Dict[str, Any], *routes: str, **match: Any) -> List[Dict[str, Any]]:
    """Rules: these calls are refused so."""
    return [{"match": {"route": route, **match}, **refusal} for route in routes]


def stop_row(site: Sales) -> Dict[str, Any]:
    return site.sql("SELECT stop_code, stop_at, stop_probe_at, resume_at,"
                    " TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), stop_probe_at) AS probe_in FROM daemon_lease")[0]


def wait_stopped(site: Sales, code: str = "insufficient_quota") -> None:
    wait_until(lambda: stop_row(site)["stop_code"] == code, 30, f"sending to be stopped for {code}")


def wait_open(site: Sales) -> None:
    wait_until(lambda: stop_row(site)["stop_code"] is None, 30, "sending to be open again")


def wait_ready(site: Sales, n: int) -> None:
    """So many items wait, and none is anywhere else; no sending counted against them."""
    wait_until(lambda: site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'ready'")[0]["n"] == n, 30,
               f"{n} items to be ready")
    assert site.sql("SELECT COUNT(*) AS n FROM item WHERE state = 'sent' OR (state = 'ready' AND burned > 0)")[0]["n"] == 0


def probe_now(site: Sales) -> None:
    """Ten minutes are over."""
    site.sql("UPDATE daemon_lease SET stop_probe_at = UTC_TIMESTAMP(6) WHERE stop_code IS NOT NULL")


def wait_alert(site: Sales, kind: Optional[str]) -> None:
    """This alert and no other of stops and holds is open; None: none is."""
    wait_until(lambda: [r["kind"] for r in site.sql(
        "SELECT kind FROM alert WHERE is_open = 1 AND kind IN ('quota', 'key_refused', 'wrong_project', 'recipe_held')"
    )] == ([kind] if kind else []), 20, f"the alert {kind}")


def wait_told(site: Sales, job: str, what: str, warning: str) -> None:
    """The job says what it waits for, and has this warning alone."""
    def told() -> bool:
        status = site.stack.status(job)
        return status["waiting_for"]["what"] == what and [w["code"] for w in status["warnings"]] == [warning]
    wait_until(told, 20, f"the job to wait for {what} with {warning}")


def held(site: Sales) -> List[Dict[str, Any]]:
    return site.sql("SELECT id, task, hold, held_code FROM recipe WHERE hold IS NOT NULL ORDER BY id")


def wait_hold(site: Sales, state: Optional[str]) -> None:
    wait_until(lambda: [r["hold"] for r in held(site)] == ([state] if state else []), 30, f"a recipe to be {state}")


def described(site: Sales) -> str:
    """An order whose lots bring their descriptions: it is only translated."""
    value = {key: "a" for key in ("title", "description", "category", "period", "condition")}
    return site.stack.order({"languages": ["fr"], "lots": [
        {"id": "1", "description": {**value, "materials": ["silver"], "keywords": ["teapot"]}}]})["job_id"]
