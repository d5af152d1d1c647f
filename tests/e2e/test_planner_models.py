# SPDX-License-Identifier: ISC
"""The provider's queue of one model is full: the items of another go on."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jobs import first_describe, lots, sales, wait_until  # noqa: E402
from harness.stack import FAST  # noqa: E402

MODEL = FAST["model"]["gpt-5.5"]
FULL = {**MODEL, "enqueued_tokens": 3000}
DESCRIPTION = {"title": "Teapot", "description": "A teapot.", "category": "Silver", "period": None, "materials": ["silver"],
               "condition": None, "keywords": ["teapot"]}


def overrides(full, other):
    return {"translate": {"model": "gpt-5.5-mini"}, "model": {"gpt-5.5": full, "gpt-5.5-mini": other}}


@pytest.mark.parametrize("full", ["describe", "translate"])
def test_a_full_queue_of_one_model_does_not_hold_the_other(full):
    """The job that waits is the more urgent one."""
    with sales("planner-models", overrides(*((FULL, MODEL) if full == "describe" else (MODEL, FULL)))) as site:
        site.rules({"match": {"task": full}, "do": "stuck"})
        site.batchd()
        translated = {"languages": ["fr"], "lots": lots(3, description=DESCRIPTION)}
        described = {"lots": lots(3)}
        waits, other = (described, translated) if full == "describe" else (translated, described)
        first = site.stack.order({**waits, "lots": waits["lots"][:1], "deadline": "PT1H"})["job_id"]
        site.wait_remote(full, "in_progress")
        held = site.stack.order({**waits, "name": "held", "deadline": "PT1H"})["job_id"]
        site.wait_full(site.stack.order({**other, "deadline": "PT6H"})["job_id"])
        assert site.sql("SELECT SUM(n_ready) AS n FROM job_language l JOIN job j ON j.id = l.job_id WHERE j.public_id = %s",
                        held)[0]["n"] > 0
        assert site.stack.status(first)["status"] != "completed"
        site.rules()
        for batch in site.remote():
            if batch["task"] == full:
                site.force(batch["id"], "resume")
        site.wait_full(held)
        site.wait_swept()
        site.prove()


def test_a_held_model_is_taken_up_once_there_is_room():
    """Two jobs that wait for the same full queue both get their turn."""
    with sales("planner-models-room", {"model": {"gpt-5.5": FULL}}) as site:
        site.rules(first_describe("stuck"))
        site.batchd()
        jobs = [site.stack.order({"lots": lots(1), "deadline": "PT1H"})["job_id"]]
        site.wait_remote("describe", "in_progress")
        jobs += [site.stack.order({"lots": lots(2), "name": str(n), "deadline": f"PT{n}H"})["job_id"] for n in (1, 6)]
        wait_until(lambda: site.sql("SELECT SUM(n_ready) AS n FROM job_language")[0]["n"] > 0, 20, "items to wait")
        site.force(site.remote()[0]["id"], "resume")
        for job in jobs:
            site.wait_full(job)
        site.wait_swept()
        site.prove()
