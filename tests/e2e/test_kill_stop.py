# SPDX-License-Identifier: ISC
"""SIGTERM drains, a second one cuts, SIGHUP reads the configuration again, -1 is one pass: none of them loses anything
or pays twice."""
import signal

import pytest

from kills import CONTENT, CREATE, GET_FILE, LIST, UPLOAD, sites, wait_log
from harness import config as conf
from harness.process import wait_until


@pytest.fixture(scope="module")
def clean():
    with sites("kill-stop") as made:
        yield made


@pytest.fixture
def quick(clean):
    return clean()


def held(quick, route, task="describe", overrides=None):
    """A job in work; this call was executed and its answer waits for a release."""
    quick.standin.call("POST", "/_standin/reset")
    quick.rules({"match": {"route": route, **({"task": task} if task else {}), "nth": 1}, "do": "slow", "seconds": 600})
    batchd = quick.batchd(overrides)
    job = quick.take()
    quick.wait_bitten("slow", False, alive=[batchd])
    return batchd, job


def goes_on(quick, batchd, job, batches=2):
    """After a restart the job ends full, and all is proved."""
    batchd.start()
    quick.wait_full(job)
    quick.wait_swept()
    quick.prove(batches)
    assert batchd.stop() == 0


@pytest.mark.parametrize("route", [UPLOAD, CREATE, GET_FILE, CONTENT])
def test_sigterm_stores_the_answer_in_flight_and_makes_no_new_call(quick, route):
    batchd, job = held(quick, route)
    batchd.signal(signal.SIGTERM)
    wait_log(batchd, "stopping")
    assert quick.lease()["live"] == 1
    last = quick.last_call()
    quick.release()
    assert batchd.wait() == 0
    # What began before the signal was seen is one that batchd had in flight.
    assert quick.calls(after=last) == []
    assert quick.lease()["live"] == 0
    batch = quick.sql("SELECT * FROM batch ORDER BY id DESC LIMIT 1")[0]
    if route == UPLOAD:
        assert (batch["phase"], bool(batch["input_file_id"])) == ("uploaded", True)
    elif route == CREATE:
        assert (batch["phase"], bool(batch["remote_id"])) == ("running", True)
    elif route == CONTENT:
        assert quick.sql("SELECT COUNT(*) AS n FROM answer a JOIN job j ON j.id = a.job_id WHERE j.public_id = %s",
                         job)[0]["n"] == 3
    goes_on(quick, batchd, job)


def test_sigterm_while_idle_ends_at_once_and_gives_the_lease_back(quick):
    quick.standin.call("POST", "/_standin/reset")
    batchd = quick.batchd()
    wait_log(batchd, "lease taken")
    batchd.signal(signal.SIGTERM)
    assert batchd.wait() == 0
    assert quick.lease()["live"] == 0


@pytest.mark.parametrize("route", [UPLOAD, CREATE, LIST])
def test_I3_a_second_sigterm_cuts(quick, route):
    batchd, job = held(quick, route, task=None if route == LIST else "describe")
    batchd.signal(signal.SIGTERM)
    wait_log(batchd, "stopping")
    batchd.signal(signal.SIGTERM)
    assert batchd.wait() == 0
    quick.release()
    if route == CREATE:
        assert quick.sql("SELECT phase FROM batch ORDER BY id DESC LIMIT 1")[0]["phase"] in ("creating", "unknown")
    goes_on(quick, batchd, job)


def test_I3_the_grace_is_over_and_cuts(quick):
    batchd, job = held(quick, CREATE, overrides={"daemon": {"stop_grace": "300ms"}})
    batchd.signal(signal.SIGTERM)
    assert batchd.wait() == 0
    quick.release()
    goes_on(quick, batchd, job)


def test_sighup_reads_the_configuration_again_and_keeps_it_on_an_error(quick):
    quick.standin.call("POST", "/_standin/reset")
    quick.rules()
    batchd = quick.batchd({"batch": {"linger": "1h"}})
    wait_log(batchd, "lease taken")
    job = quick.take()
    good = batchd.config.read_text()
    for broken in ("batch { linger = \"1ms\" nonsense = 1 }\n", good + "openai { base_url = \"\" }\n",
                   good.replace("openai.key", "no.key"), ""):
        errors = batchd.log_text().count("configuration kept")
        batchd.config.write_text(broken)
        batchd.reload()
        wait_until(lambda: batchd.log_text().count("configuration kept") > errors, 30, "the configuration to be kept",
                   alive=[batchd])
    assert quick.calls(UPLOAD) == []
    own = {"daemon": {"state_dir": str(batchd.state_dir)}}
    conf.write(batchd.config, conf.merged(quick.stack.config("daemon"), own))
    batchd.reload()
    wait_log(batchd, "configuration read again")
    quick.wait_full(job)
    quick.wait_swept()
    quick.prove(2)
    assert batchd.stop() == 0


def test_sighup_in_the_middle_disturbs_nothing(quick):
    batchd, job = held(quick, CREATE, "translate")
    batchd.reload()
    wait_log(batchd, "configuration read again")
    quick.release()
    quick.wait_full(job)
    quick.wait_swept()
    quick.prove(2)
    assert batchd.stop() == 0


def test_one_pass_after_the_other_brings_a_job_to_its_end(quick):
    quick.standin.call("POST", "/_standin/reset")
    quick.rules()
    batchd = quick.batchd(start=False)
    job = quick.take()
    for passes in range(1, 60):
        done = batchd.once()
        assert done.returncode == 0, done.stderr
        assert quick.lease()["live"] == 0
        if quick.stack.status(job)["completed_at"]:
            break
    assert passes > 1, "a pass does what is due and does not wait for the provider"
    quick.wait_full(job)
    quick.prove(2)


def test_one_pass_beside_an_active_batchd_ends_and_touches_nothing(quick):
    batchd, job = held(quick, CREATE)
    epoch = quick.lease()["epoch"]
    assert quick.batchd(start=False).once().returncode == 0
    assert quick.lease()["epoch"] == epoch
    quick.release()
    quick.wait_full(job)
    quick.wait_swept()
    quick.prove(2)
    assert batchd.stop() == 0
