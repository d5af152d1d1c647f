# SPDX-License-Identifier: ISC
"""Receivers of alerts: a webhook, a mail server and a command, each real and on loopback; slow and dead ones; what they
are told twice, and what never."""
import json
import os
import sys
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness.receivers import MailServer, Webhook  # noqa: E402
from jobs import sales, wait_until  # noqa: E402
from kills import changed_batchd  # noqa: E402

# Of batches that are none: nothing that batchd finds clears it.
STALLED = ("INSERT INTO alert (kind, subject, severity, message, first_at, last_at)"
           " VALUES ('batch_stalled', %s, 'warning', %s, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))")
OVER = "UPDATE alert SET cleared_at = UTC_TIMESTAMP(6), is_open = NULL WHERE is_open = 1"
NASTY = "<!channel> \"quoted\" & \\ Vente à Genève $(touch /tmp/x) ; 'a'"


@pytest.fixture(scope="module")
def site():
    with sales("alert-receivers") as made:
        yield made


@pytest.fixture
def begin(site):
    """Raise alerts as if a batchd had left them, and start one that knows these receivers."""
    batchds = []

    def begun(*alerts, **receivers):
        site.sql("DELETE FROM alert")
        for subject, message in alerts or [("", "no credit")]:
            site.sql(STALLED, subject, message)
        batchds.append(site.batchd({"alert": receivers}))
        return batchds[-1]
    yield begun
    for batchd in batchds:
        batchd.stop()


@pytest.fixture
def webhook():
    with Webhook() as made:
        yield made


@pytest.fixture
def mail():
    with MailServer() as made:
        yield made


def again(site, batchd, *statements):
    """The next batchd, after what these statements say has happened."""
    site.bury(batchd)
    for statement in statements:
        site.sql(statement)
    batchd.start()


def wait_messages(receiver, n=1):
    wait_until(lambda: len(receiver.messages) >= n, 20, f"{n} messages")
    return receiver.messages


def wait_settled(site):
    wait_until(lambda: not site.sql("SELECT id FROM alert WHERE settled = 0"), 20, "all to be settled")


def told(site, receiver):
    return site.sql("SELECT times, resolved FROM alert_told WHERE receiver = %s", receiver)


# ---- The webhook.

def subjects(webhook):
    return [alert["labels"]["subject"] for message in webhook.messages for alert in message["json"]["alerts"]]


def test_a_webhook_is_told_once_and_of_the_end(site, begin, webhook):
    batchd = begin(("batch:xhouse", NASTY), webhook_url=webhook.url("/hook?token=hidden"))
    message = wait_messages(webhook)[0]
    said = message["json"]
    assert message["path"] == "/hook?token=hidden" and message["headers"]["Content-Type"] == "application/json"
    assert (said["version"], said["status"], said["groupKey"]) == ("4", "firing", '{}:{alertname="batch_stalled"}')
    alert, = said["alerts"]
    assert alert["labels"] == {**said["commonLabels"], "subject": "batch:xhouse"}
    assert alert["annotations"]["description"] == NASTY
    assert "&lt;!channel&gt;" in said["text"] and "<" not in said["text"]
    wait_until(lambda: told(site, "webhook") == [{"times": 1, "resolved": 0}], 20, "it to be a row")
    again(site, batchd, OVER)
    end = wait_messages(webhook, 2)[1]["json"]
    assert (end["status"], end["alerts"][0]["status"]) == ("resolved", "resolved")
    assert end["alerts"][0]["startsAt"] == alert["startsAt"] < end["alerts"][0]["endsAt"]
    assert end["alerts"][0]["fingerprint"] == alert["fingerprint"]
    wait_settled(site)
    assert len(webhook.messages) == 2


def test_the_providers_key_never_goes_to_a_webhook(site, begin, webhook):
    begin(webhook_url=webhook.url())
    message = wait_messages(webhook)[0]
    assert site.standin.key not in repr(message)
    assert "authorization" not in {name.lower() for name in message["headers"]}


def test_many_alerts_of_a_kind_are_one_message(site, begin, webhook):
    begin(*((f"batch:x{n}", "no credit") for n in range(60)), webhook_url=webhook.url())
    messages = wait_messages(webhook, 2)
    assert [len(m["json"]["alerts"]) for m in messages] == [50, 10]
    assert {a["labels"]["subject"] for m in messages for a in m["json"]["alerts"]} == {f"batch:x{n}" for n in range(60)}


def test_it_is_told_again_after_its_time(site, begin, webhook):
    batchd = begin(webhook_url=webhook.url(), repeat="1h")
    wait_messages(webhook)
    wait_until(lambda: told(site, "webhook"), 20, "it to be a row")
    again(site, batchd, "UPDATE alert_told SET told_at = told_at - INTERVAL 59 MINUTE")
    site.wait_full(site.take(1, ()))
    assert len(webhook.messages) == 1
    again(site, batchd, "UPDATE alert_told SET told_at = told_at - INTERVAL 1 MINUTE")
    assert wait_messages(webhook, 2)[1]["json"]["alerts"][0]["status"] == "firing"
    wait_until(lambda: told(site, "webhook") == [{"times": 2, "resolved": 0}], 20, "it to be a row")


@pytest.mark.parametrize("status", [500, 404, 302])
def test_what_a_webhook_refuses_is_tried_again(site, begin, webhook, status):
    webhook.status = status
    batchd = begin(webhook_url=webhook.url("/secret-path"))
    wait_until(lambda: f'alerts not told receiver=webhook alerts=1 tries=1 error="HTTP {status}"' in batchd.log_text(), 20,
               "the failure to be told")
    assert told(site, "webhook") == []
    webhook.status = 200
    assert wait_messages(webhook)[0]["path"] == "/secret-path"      # no redirect was followed
    wait_until(lambda: told(site, "webhook"), 20, "it to be a row")
    assert "secret-path" not in batchd.log_text()


def test_what_a_webhook_takes_ill_keeps_no_other_from_it(site, begin, webhook):
    webhook.ill = b"batch:ill"
    batchd = begin(("batch:ill", "no credit"), *((f"batch:x{n}", "no credit") for n in range(3)), webhook_url=webhook.url())
    site.sql(STALLED.replace("batch_stalled", "batch_finalizing"), "batch:y", "no credit")
    wait_until(lambda: len(subjects(webhook)) == 4, 30, "the others to be told", alive=[batchd])
    assert sorted(subjects(webhook)) == ["batch:x0", "batch:x1", "batch:x2", "batch:y"]
    refused = webhook.refused
    wait_until(lambda: webhook.refused > refused, 30, "it to be tried again", alive=[batchd])
    webhook.ill = None
    wait_until(lambda: len(subjects(webhook)) == 5, 30, "it to arrive", alive=[batchd])


def test_a_webhook_that_hangs_delays_nothing(site, begin, webhook):
    """Neither jobs, nor the other receivers, nor the end of batchd; the message comes again with the next one."""
    webhook.hangs = True
    with MailServer() as mail:
        batchd = begin(webhook_url=webhook.url(), mail_to="ops@example.com", smtp_url=mail.url())
        wait_until(lambda: webhook.begun, 20, "the webhook to be called")
        wait_messages(mail)
        site.wait_full(site.take(2))
        assert webhook.messages == []
        begun = time.monotonic()
        assert batchd.stop() == 0
        assert time.monotonic() - begun < 10       # far from the receiver's half minute
    assert told(site, "webhook") == []
    webhook.release()
    batchd.start()
    wait_until(lambda: told(site, "webhook"), 20, "it to be a row")


def test_a_message_in_flight_at_a_kill_is_sent_again(site, begin, webhook):
    """At least once: what arrived and is no row yet comes twice, what is a row does not."""
    webhook.hangs = True
    batchd = begin(webhook_url=webhook.url())
    wait_until(lambda: webhook.begun, 20, "the webhook to be called")
    site.bury(batchd)
    webhook.release()
    batchd.start()
    wait_until(lambda: told(site, "webhook") == [{"times": 1, "resolved": 0}], 20, "it to be a row")
    assert len(webhook.messages) == 2
    again(site, batchd)
    site.wait_full(site.take(1, ()))
    assert len(webhook.messages) == 2


def test_what_is_over_while_it_is_told_has_its_end_told_too(site, begin, webhook):
    webhook.hangs = True
    batchd = begin(webhook_url=webhook.url())
    wait_until(lambda: webhook.begun, 20, "the webhook to be called")
    # Told by batchd itself that it is over: a clock that is trusted again.
    site.sql("UPDATE alert SET kind = 'clock_jump'")
    again(site, batchd)
    wait_until(lambda: site.sql("SELECT cleared_at FROM alert")[0]["cleared_at"], 20, "it to be over", alive=[batchd])
    webhook.release()
    wait_until(lambda: webhook.messages[-1:] and webhook.messages[-1]["json"]["status"] == "resolved", 20, "its end to be told")
    wait_settled(site)


def test_receivers_that_were_added_later_are_told_what_is_open(site, begin, webhook):
    batchd = begin()
    wait_until(lambda: told(site, "journal"), 20, "the journal to be told")
    batchd.config.write_text(batchd.config.read_text().replace("alert {\n", f'alert {{\n\twebhook_url = "{webhook.url()}"\n'))
    batchd.reload()
    wait_messages(webhook)


def test_one_pass_ends_when_all_were_told(site, webhook):
    site.sql("DELETE FROM alert")
    site.sql(STALLED, "", "x")
    batchd = site.stack.add_batchd({"alert": {"webhook_url": webhook.url()}}, start=False)
    assert batchd.once().returncode == 0
    assert len(webhook.messages) == 1 and told(site, "webhook")


# ---- Mail.

def test_a_mail_says_what_there_is(site, begin, mail):
    batchd = begin(("batch:xé\r\nBcc: <victim@example.com>", NASTY), mail_to="ops@example.com", smtp_url=mail.url())
    message = wait_messages(mail)[0]
    assert message["to"] == ["RCPT TO:<ops@example.com>"] and message["from"].startswith("MAIL FROM:<lotscribe@")
    head = message["mail"]
    assert head["To"] == "<ops@example.com>" or head["To"] == "ops@example.com"
    assert head["From"].startswith("lotscribe <lotscribe@") and head["Bcc"] is None
    assert head["Subject"].startswith("[lotscribe] warning: batch_stalled batch:xé")
    assert (head["Auto-Submitted"], head["MIME-Version"]) == ("auto-generated", "1.0")
    assert head["Date"] and head["Message-ID"].endswith(f"@{os.uname().nodename}>")
    assert NASTY in message["text"] and "What to do: batchctl explain" in message["text"]
    wait_until(lambda: told(site, "mail"), 20, "it to be a row")
    again(site, batchd, OVER)
    assert "over: batch_stalled" in wait_messages(mail, 2)[1]["mail"]["Subject"]
    wait_settled(site)
    wait_until(lambda: mail.quits == 2, 20, "both to end well")


def test_a_mail_server_may_ask_who_we_are_and_the_password_stays_secret(site, begin):
    with MailServer(login="ops@example.com:correct:horse") as mail:
        batchd = begin(mail_to="ops@example.com", smtp_url=mail.url())
        message = wait_messages(mail)[0]
        assert message["from"].startswith("MAIL FROM:<ops@example.com>")
        wait_until(lambda: told(site, "mail"), 20, "it to be a row")
        mail.login = "other:password"
        again(site, batchd, OVER)
        wait_until(lambda: "alerts not told receiver=mail" in batchd.log_text(), 20, "the failure to be told")
        assert "horse" not in batchd.log_text()


@pytest.mark.parametrize("command", ["EHLO", "DATA", "QUIT"])
def test_a_mail_server_that_hangs_delays_nothing(site, begin, mail, command):
    mail.hang_at = command
    batchd = begin(mail_to="ops@example.com", smtp_url=mail.url())
    wait_until(lambda: mail.begun, 20, "the mail server to hang")
    site.wait_full(site.take(2))
    begun = time.monotonic()
    assert batchd.stop() == 0
    assert time.monotonic() - begun < 10


def test_a_mail_that_is_refused_is_sent_again(site, begin, mail):
    mail.refuses = True
    batchd = begin(mail_to="ops@example.com", smtp_url=mail.url())
    wait_until(lambda: "alerts not told receiver=mail alerts=1 tries=1" in batchd.log_text(), 20, "the failure to be told")
    mail.refuses = False
    wait_messages(mail)


# ---- The command.

@pytest.fixture
def command(tmp_path):
    """A program that keeps what it is told, and the folder where."""
    program = tmp_path / "tell.py"
    program.write_text(f"""#!/usr/bin/python3
import json, os, sys
folder = {str(tmp_path)!r}
n = len([f for f in os.listdir(folder) if f.endswith(".json")])
files = os.listdir("/proc/self/fd")
with open(f"{{folder}}/{{n}}.part", "w") as f:
    json.dump({{"environment": dict(os.environ), "json": json.load(sys.stdin), "files": files}}, f)
os.rename(f"{{folder}}/{{n}}.part", f"{{folder}}/{{n}}.json")
""")
    program.chmod(0o755)
    return program, tmp_path


def runs(folder):
    return [json.loads(f.read_text()) for f in sorted(folder.glob("*.json"))]


def test_a_command_is_told_each_alert(site, begin, command):
    program, folder = command
    batchd = begin(("batch:xa", NASTY), ("batch:xb", "x"), command=f"{program} \"$LOTSCRIBE_ALERT_KIND\"")
    wait_until(lambda: len(runs(folder)) == 2, 20, "it to be run twice")
    first = runs(folder)[0]
    environment = {name[16:]: value for name, value in first["environment"].items() if name.startswith("LOTSCRIBE_ALERT_")}
    assert (environment["STATUS"], environment["KIND"], environment["SUBJECT"]) == ("firing", "batch_stalled", "batch:xa")
    assert (environment["SEVERITY"], environment["MESSAGE"], environment["UNTIL"]) == ("warning", NASTY, "")
    assert environment["SINCE"].startswith("20") and environment["SUMMARY"]
    assert first["json"]["alerts"][0]["labels"]["subject"] == "batch:xa"
    # Nothing else of batchd's: neither its environment nor what it has open (3 is the folder that is being listed).
    assert {name for name in first["environment"] if not name.startswith("LOTSCRIBE_ALERT_")} <= {
        "PATH", "PWD", "SHLVL", "_", "LC_CTYPE", "OLDPWD"}
    assert sorted(first["files"]) == ["0", "1", "2", "3"]
    wait_until(lambda: len(told(site, "command")) == 2, 20, "both to be rows")
    again(site, batchd, OVER)
    wait_until(lambda: len(runs(folder)) == 4, 20, "the ends to be told")
    assert runs(folder)[2]["environment"]["LOTSCRIBE_ALERT_STATUS"] == "resolved"
    wait_settled(site)


def test_a_command_that_fails_is_run_again_and_leaves_no_zombie(site, begin, tmp_path):
    flag = tmp_path / "flag"
    batchd = begin(command=f"test -e {flag} || exit 3")
    wait_until(lambda: 'receiver=command alerts=1 tries=2 error="exit 3"' in batchd.log_text(), 20, "it to fail twice")
    flag.touch()
    wait_until(lambda: told(site, "command"), 20, "it to be told")
    assert children(batchd) == []


def test_a_command_is_waited_for_where_ends_of_children_were_ignored(site, begin, command):
    """As under a parent that ignores SIGCHLD."""
    site.sql("DELETE FROM alert")
    site.sql(STALLED, "batch:x", "no credit")
    batchd = site.batchd({"alert": {"command": command[0]}}, start=False)
    batchd.argv[:0] = ["env", "--ignore-signal=CHLD"]
    batchd.start()
    wait_until(lambda: told(site, "command"), 20, "it to be told", alive=[batchd])
    assert "alerts not told" not in batchd.log_text()
    assert batchd.stop() == 0


def children(batchd):
    return Path(f"/proc/{batchd.pid}/task/{batchd.pid}/children").read_text().split()


def test_a_command_that_hangs_delays_nothing_and_is_killed_with_its_children(site, begin, tmp_path):
    pid = tmp_path / "pid"
    site.sql("DELETE FROM alert")
    site.sql(STALLED, "", "x")
    batchd = site.stack.add_batchd({"alert": {"command": f"sleep 600 & echo $! >{pid}; wait"}}, start=False)
    batchd.argv[0] = str(changed_batchd("alert-command-build", {
        "batchd/alert_run.c": [("#define COMMAND_TIME (30 * T_S)\n", "#define COMMAND_TIME (2 * T_S)\n")]}))
    batchd.start()
    try:
        wait_until(lambda: pid.exists() and pid.read_text().strip(), 20, "it to run")
        site.wait_full(site.take(1, ()))
        wait_until(lambda: 'error="killed after 2 seconds"' in batchd.log_text(), 20, "it to be killed")
        first = pid.read_text().strip()
        wait_until(lambda: not Path(f"/proc/{first}").exists() or Path(f"/proc/{first}/stat").read_text().split()[2] == "Z",
                   20, "its child to be dead")
        wait_until(lambda: pid.read_text().strip() not in ("", first), 20, "it to be tried again")
        last = pid.read_text().strip()
        assert batchd.stop() == 0
        wait_until(lambda: not Path(f"/proc/{last}").exists() or Path(f"/proc/{last}/stat").read_text().split()[2] == "Z",
                   20, "its child to be dead")
    finally:
        batchd.stop()


# ---- All of them.

def test_a_dead_receiver_is_not_waited_for(site, begin):
    batchd = begin(webhook_url="http://127.0.0.1:9/x", mail_to="a@b.example", smtp_url="smtp://127.0.0.1:9",
                   command="/nonexistent/program")
    for receiver in ("webhook", "mail", "command"):
        wait_until(lambda name=receiver: f"alerts not told receiver={name} alerts=1 tries=2" in batchd.log_text(), 20,
                   f"the {receiver} to fail twice")
    assert site.sql("SELECT receiver FROM alert_told") == [{"receiver": "journal"}]
    site.wait_full(site.take(1, ()))
