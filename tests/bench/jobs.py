# SPDX-License-Identifier: ISC
"""Many jobs, made by SQL from two that really ran: one that ended and one that waits for its translations.

Owns: the rows, and the files of ids that wrk reads. Result pages come from jobs that have lots, items and answers.
"""
import json
from pathlib import Path
from typing import Tuple

from harness.stack import TOP, Stack

RESULT_NAME = "Sale with a result"
POLL_NAME = "Sale 1204"
MOST_IDS = 100000
CHUNK = 100000

JOB_COLUMNS = ("account_id, visible, status, outcome, lots, describe_recipe, translate_recipe, instructions, metadata,"
               " callback_url, created_at, opened_at, updated_at, deadline_at, completed_at, cost, wasted, input_tokens,"
               " output_tokens, wait_what, wait_since, wait_progress_at, wait_action, wait_action_at, warnings")
UUID_OF_HASH = ("CONCAT(SUBSTR(h, 1, 8), '-', SUBSTR(h, 9, 4), '-4', SUBSTR(h, 14, 3), '-8', SUBSTR(h, 18, 3), '-',"
                " SUBSTR(h, 21, 12))")


def make_templates(stack: Stack) -> Tuple[str, str]:
    """Two real jobs of 20 lots in three languages: the ids of the ended and of the running one."""
    sale = json.loads((TOP / "tests/data/sale-20.json").read_text(encoding="utf-8"))
    sale["deadline"] = "PT24H"
    batchd = stack.add_batchd()
    ended = stack.order(sale)["job_id"]
    stack.wait_ended(ended)
    stack.standin.fault({"match": {"task": "translate"}, "do": "stuck"})
    running = stack.order({**sale, "name": "Sale that runs"})["job_id"]
    stack.wait_status(running, "translating")
    batchd.stop()
    return ended, running


def copy_jobs(stack: Stack, template: str, count: int, name: str, database: str) -> None:
    """`count` jobs like the template, into `database`, which may be another than the template's.

    They are of a minute ago: the front end keeps no answers while it is told of many changes at once.
    """
    for first in range(1, count + 1, CHUNK):
        copy_chunk(stack, template, first, min(count, first + CHUNK - 1), name, database)


def copy_chunk(stack: Stack, template: str, first: int, last: int, name: str, database: str) -> None:
    stack.sql(f"""
        INSERT INTO `{database}`.job (public_id, version, name, status_json, changed_at, {JOB_COLUMNS})
        SELECT s.id, 1 + s.seq MOD 40, %s,
            REPLACE(REPLACE(t.status_json, t.public_id, s.id), '"percent":33', CONCAT('"percent":', s.seq MOD 100)),
            t.changed_at - INTERVAL 1 MINUTE, {JOB_COLUMNS}
        FROM (SELECT seq, {UUID_OF_HASH} AS id
              FROM (SELECT seq, MD5(CONCAT(%s, seq)) AS h FROM seq_{first}_to_{last}) numbered) s
        JOIN job t ON t.public_id = %s""", (name, name, template))


def copy_results(stack: Stack, template: str, database: str) -> None:
    """Give the jobs of RESULT_NAME what the template has: lots, languages, items and answers."""
    stack.sql(f"""
        INSERT INTO `{database}`.job_language (job_id, no, tag, n_total, n_ready, n_sent, n_done, n_failed)
        SELECT j.id, l.no, l.tag, l.n_total, l.n_ready, l.n_sent, l.n_done, l.n_failed
        FROM `{database}`.job j, job_language l JOIN job t ON t.id = l.job_id
        WHERE t.public_id = %s AND j.name = %s""", (template, RESULT_NAME))
    stack.sql(f"""
        INSERT INTO `{database}`.lot (job_id, seq, ref, title, notes)
        SELECT j.id, l.seq, l.ref, l.title, l.notes FROM `{database}`.job j, lot l JOIN job t ON t.id = l.job_id
        WHERE t.public_id = %s AND j.name = %s ORDER BY j.id, l.seq""", (template, RESULT_NAME))
    stack.sql(f"""
        INSERT INTO `{database}`.item (job_id, lot_seq, lang_no, state, attempts, burned, answer_no, est_bytes, est_tokens)
        SELECT j.id, i.lot_seq, i.lang_no, i.state, i.attempts, i.burned, i.answer_no, i.est_bytes, i.est_tokens
        FROM `{database}`.job j, item i JOIN job t ON t.id = i.job_id
        WHERE t.public_id = %s AND j.name = %s ORDER BY j.id, i.id""", (template, RESULT_NAME))
    stack.sql(f"""
        INSERT INTO `{database}`.answer (item_id, attempt_no, job_id, grade, raw, source, model, request_id, input_tokens,
            cached_tokens, output_tokens, cost, created_at)
        SELECT n.id, a.attempt_no, n.job_id, a.grade, a.raw, a.source, a.model, a.request_id, a.input_tokens,
            a.cached_tokens, a.output_tokens, a.cost, a.created_at
        FROM `{database}`.job j JOIN `{database}`.item n ON n.job_id = j.id, job t JOIN item i ON i.job_id = t.id
            JOIN answer a ON a.item_id = i.id
        WHERE t.public_id = %s AND j.name = %s AND n.lot_seq = i.lot_seq AND n.lang_no = i.lang_no
        ORDER BY n.id""", (template, RESULT_NAME))


def fill(stack: Stack, ended: str, running: str, count: int, results: int, database: str) -> None:
    """All rows of one database: `count` running jobs to poll and `results` ended ones with a result."""
    copy_jobs(stack, running, count, POLL_NAME, database)
    copy_jobs(stack, ended, results, RESULT_NAME, database)
    copy_results(stack, ended, database)
    stack.sql(f"ANALYZE TABLE `{database}`.job, `{database}`.item, `{database}`.answer")


def write_ids(stack: Stack, name: str, database: str, path: Path) -> None:
    """A file of lines "ID ETAG" of the jobs with this name, at most MOST_IDS of them."""
    rows = stack.sql(f"SELECT public_id AS id, version FROM `{database}`.job WHERE name = %s"
                     f" ORDER BY public_id LIMIT {MOST_IDS}", (name,))
    path.write_text("".join(f'{r["id"]} "{r["id"][:8]}-{r["version"]}"\n' for r in rows), encoding="ascii")
