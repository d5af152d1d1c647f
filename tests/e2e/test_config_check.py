# SPDX-License-Identifier: ISC
"""`-t` of batchd and of the front end: every fault with its line, exit code 78; else what is in force, without secrets."""
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.stack import TOP, default_build, find_program, run  # noqa: E402

EX_CONFIG = 78
PROGRAMS = ("batchd", "lotscribe.fcgi")
GOOD = """\
model "m" { price_input = "1" price_output = "2" }
describe { model = "m" }
translate { model = "m" }
openai { api_key_file = "openai.key" }
"""


@pytest.fixture
def house(tmp_path):
    """A configuration's folder, with all that it needs."""
    for name in ("describe.prompt", "translate.prompt", "lot-description.schema.json"):
        shutil.copy(TOP / "conf" / name, tmp_path)
    secret(tmp_path / "openai.key", "sk-of-this-house-12345678\n")
    return tmp_path


def secret(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def checked(house, program, text, **env):
    path = house / "lotscribe.conf"
    path.write_text(text)
    return run([find_program(default_build(), program), "-c", path, "-t"], env=env, check=False)


def faults(house, program, text):
    """Its lines of standard error after the file's name, as (line, text)."""
    done = checked(house, program, text)
    assert done.returncode == EX_CONFIG and done.stdout == "", done
    told = []
    for line in done.stderr.splitlines():
        assert line.startswith(f"{house}/lotscribe.conf:"), line
        number, what = line[len(f"{house}/lotscribe.conf:"):].split(": ", 1)
        told.append((int(number), what.replace(f"{house}/", "")))
    return told


@pytest.mark.parametrize("program", PROGRAMS)
def test_all_faults_are_told_at_once_with_their_lines(house, program):
    (house / "translate.prompt").unlink()
    (house / "lot-description.schema.json").write_text('{"type": "object"')
    told = faults(house, program, GOOD + "http { workers = 0\n worker = 1 }\nhttps { x = 1 }\n"
                  'database { host = "db.example" password_file = "password"\n tls_ca = "ca.pem" }\n')
    assert [number for number, _ in told] == [2, 3, 5, 6, 7, 8, 9]
    for (_, said), begins in zip(told, ("describe.schema_file: lot-description.schema.json: ",
                                        "translate.prompt_file: translate.prompt: No such file",
                                        "http.workers: 0 is out of range", 'unknown key "worker"',
                                        'unknown section "https"', "database.password_file: password: No such file",
                                        "database.tls_ca: ca.pem: No such file")):
        assert said.startswith(begins), (said, begins)


@pytest.mark.parametrize("program", PROGRAMS)
def test_files_with_secrets_are_looked_at(house, program):
    login = 'database { host = "db.example" password_file = "password"\n tls_ca = "ca.pem" }\n'
    secret(house / "password", "of-the-database\n")
    (house / "password").chmod(0o640)
    (house / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    told = faults(house, program, GOOD + login)
    assert told == [(5, "database.password_file: password: others can read it (mode 0640; chmod 600)"),
                    (6, "database.tls_ca: ca.pem: has no certificate (PEM)")]
    (house / "password").chmod(0o600)
    (house / "password").write_text("two\nlines\n")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=ca", "-keyout", house / "ca.key", "-out", house / "ca.pem"])
    told = faults(house, program, GOOD + login)
    assert told == [(5, "database.password_file: password: not one line of at most 4096 bytes")]


def test_the_key_is_looked_at_where_it_is_used(house):
    (house / "openai.key").chmod(0o644)
    assert faults(house, "batchd", GOOD) == [
        (4, "openai.api_key_file: openai.key: others can read it (mode 0644; chmod 600)")]
    (house / "openai.key").unlink()
    assert faults(house, "batchd", GOOD) == [(4, "openai.api_key_file: openai.key: No such file or directory")]
    no_socket = 'database { socket = "/nonexistent/socket" }\n'
    assert checked(house, "lotscribe.fcgi", GOOD + no_socket).returncode == 69  # no database; the key is not its own
    credentials = house / "credentials"
    credentials.mkdir()
    secret(credentials / "openai_api_key", "sk-of-systemd-12345678\n")
    assert checked(house, "batchd", GOOD, CREDENTIALS_DIRECTORY=str(credentials)).returncode == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_in_force_is_printed_without_secrets_and_reads_as_the_same(house, program):
    secret(house / "password", "of-the-database\n")
    text = GOOD + """\
database { socket = "/nonexistent/socket" password_file = "password" }
http { workers = 3 rate = 1200 }
alert { mail_to = "a@b.example" smtp_url = "smtps://me:pa55word@mail.example:465" repeat = "1h"
	webhook_url = "https://hooks.example/T0/s3cret?token=s3cret" command = "curl -H 'Authorization: Bearer s3cret'" }
"""
    first = checked(house, program, text)
    for word in ("pa55word", "s3cret", "of-the-database", "sk-of-this-house"):
        assert word not in first.stdout + first.stderr
    for line in ("workers = 3", "rate = 1200 # default", 'repeat = "1h"', 'smtp_url = "smtps://*@mail.example:465" # hidden',
                 'webhook_url = "https://hooks.example/*" # hidden', 'socket = "/nonexistent/socket"',
                 f'password_file = "{house}/password"', 'alert_after = "2h" # default'):
        assert f"\t{line}\n" in first.stdout
    second = checked(house, program, first.stdout)
    assert second.stdout.replace(" # hidden", "") == first.stdout.replace(" # hidden", "")
    assert first.returncode == second.returncode == {"batchd": 0, "lotscribe.fcgi": 69}[program]
