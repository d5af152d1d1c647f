-- SPDX-License-Identifier: ISC
-- What must hold in lotscribe's database. `batchctl check` runs these; each query returns the rows that offend it,
-- the first hundred at most, and none where it holds. Each is one statement, and so sees one committed state.
--
-- A query follows its line "-- name: NAME". NAME begins with the invariant of DESIGN where there is one; with "warning:"
-- for what an operator should know but no code broke; with "booked:" for what was paid and not used, case by case:
-- these are known and counted, hence no failure. :tick_us stands for the configuration's daemon.tick in microseconds.
--
-- Written for a million items: what must look at all of them reads an index alone, in its order.

-- ---- I1: a job ends.

-- name: I1 no job has outlived its deadline
SELECT j.public_id AS job, j.status, j.deadline_at, UTC_TIMESTAMP(6) AS now
FROM job j
WHERE j.status IN ('queued', 'describing', 'translating')
  AND j.visible = 1
  AND j.deadline_at < UTC_TIMESTAMP(6) - INTERVAL :tick_us MICROSECOND
  AND NOT EXISTS (SELECT 1 FROM daemon_lease d WHERE d.no_close_before > UTC_TIMESTAMP(6))
LIMIT 100;

-- One that was opened again has the counts of before until batchd has seen to it.
-- name: I1 a running job has open items
SELECT j.public_id AS job, j.status, SUM(l.n_total) AS items, SUM(l.n_done) AS done, SUM(l.n_failed) AS failed
FROM job j
JOIN job_language l ON l.job_id = j.id
WHERE j.status IN ('queued', 'describing', 'translating')
  AND j.visible = 1
  AND j.reopening = 0
GROUP BY j.id, j.public_id, j.status
HAVING SUM(l.n_total) = SUM(l.n_done) + SUM(l.n_failed) AND SUM(l.n_repeating) = 0
LIMIT 100;

-- name: an ended job has the time of its end, a running one has none
SELECT j.public_id AS job, j.status, j.completed_at
FROM job j
WHERE (j.status IN ('completed', 'failed', 'cancelled')) <> (j.completed_at IS NOT NULL)
LIMIT 100;

-- name: a job is cancelled by a command alone, and only an ended one was ended by a command
SELECT j.public_id AS job, j.status, j.end_code
FROM job j
WHERE (j.status = 'cancelled') <> (j.end_code <=> 'cancelled')
   OR (j.end_code IS NOT NULL AND j.status NOT IN ('completed', 'failed', 'cancelled'))
LIMIT 100;

-- name: a job that is reopening has a request that waits
SELECT j.public_id AS job, j.status
FROM job j
WHERE j.reopening = 1
  AND NOT EXISTS (SELECT 1 FROM request r WHERE r.job_id = j.id AND r.done_at IS NULL
		  AND r.kind IN ('retry', 'languages', 'import'))
LIMIT 100;

-- name: an outcome stands where the status has one, and is full exactly where every item is done
SELECT j.public_id AS job, j.status, j.outcome, SUM(l.n_total) AS items, SUM(l.n_done) AS done
FROM job j
JOIN job_language l ON l.job_id = j.id
WHERE j.visible = 1
GROUP BY j.id, j.public_id, j.status, j.outcome
HAVING (j.status IN ('completed', 'cancelled')) <> (j.outcome IS NOT NULL)
    OR (j.outcome IS NOT NULL AND (j.outcome = 'full') <> (SUM(l.n_done) = SUM(l.n_total)))
LIMIT 100;

-- name: a completed job has a description, a failed one has none
SELECT j.public_id AS job, j.status, l.n_done AS described
FROM job j
JOIN job_language l ON l.job_id = j.id AND l.no = 0
WHERE (j.status = 'completed' AND l.n_done = 0)
   OR (j.status = 'failed' AND l.n_done > 0)
LIMIT 100;

-- ---- I4: counts add up. Jobs.

-- name: I4 a job has one item for each lot and language
SELECT j.public_id AS job, j.lots, l.tag AS language, l.n_total, COALESCE(i.items, 0) AS items
FROM job j
JOIN job_language l ON l.job_id = j.id
LEFT JOIN (SELECT job_id, lang_no, COUNT(*) AS items FROM item GROUP BY job_id, lang_no) i
  ON i.job_id = l.job_id AND i.lang_no = l.no
WHERE j.visible = 1
  AND j.reopening = 0
  AND (l.n_total <> j.lots OR COALESCE(i.items, 0) <> j.lots)
LIMIT 100;

-- name: I4 a job has its lots
SELECT j.public_id AS job, j.lots, COALESCE(t.lots, 0) AS lot_rows
FROM job j
LEFT JOIN (SELECT job_id, COUNT(*) AS lots FROM lot GROUP BY job_id) t ON t.job_id = j.id
WHERE j.visible = 1
  AND COALESCE(t.lots, 0) <> j.lots
LIMIT 100;

-- name: I4 every item is of a language of its job
SELECT i.job_id, i.lang_no, i.items
FROM (SELECT job_id, lang_no, COUNT(*) AS items FROM item GROUP BY job_id, lang_no) i
LEFT JOIN job_language l ON l.job_id = i.job_id AND l.no = i.lang_no
WHERE l.job_id IS NULL
LIMIT 100;

-- name: I4 the counts of a job's languages are those of its items
SELECT j.public_id AS job, l.tag AS language, l.n_ready, i.ready, l.n_by_call, i.by_call, l.n_sent, i.sent, l.n_done, i.done,
       l.n_failed, i.failed, l.n_repeating, i.repeating, l.n_to_repeat, i.to_repeat
FROM job_language l
JOIN job j ON j.id = l.job_id AND j.visible = 1
JOIN (SELECT job_id, lang_no, SUM(state = 'ready') AS ready, SUM(state = 'ready' AND by_call = 1) AS by_call, SUM(state = 'sent') AS sent, SUM(state = 'done') AS done,
	     SUM(state = 'failed') AS failed, SUM(repeating = 1) AS repeating, SUM(repeating = 1 AND by_call = 1) AS to_repeat
      FROM item
      GROUP BY job_id, lang_no) i ON i.job_id = l.job_id AND i.lang_no = l.no
WHERE l.n_repeating <> i.repeating OR l.n_to_repeat <> i.to_repeat OR l.n_ready <> i.ready OR l.n_by_call <> i.by_call OR l.n_sent <> i.sent OR l.n_done <> i.done OR l.n_failed <> i.failed
LIMIT 100;

-- name: I4 a poll shows the job's row
SELECT p.job, p.status, p.shown_status, p.outcome, p.shown_outcome
FROM (SELECT j.public_id AS job, j.status, j.outcome,
	     JSON_VALUE(CONCAT(CONVERT(j.status_json USING utf8mb4), '}'), '$.status') AS shown_status,
	     JSON_VALUE(CONCAT(CONVERT(j.status_json USING utf8mb4), '}'), '$.outcome') AS shown_outcome
      FROM job j
      WHERE j.visible = 1) p
WHERE NOT (p.status <=> p.shown_status) OR NOT (p.outcome <=> p.shown_outcome)
LIMIT 100;

-- name: I4 a poll shows the counts of the job's items
SELECT p.job, p.described, p.shown_described, p.translated, p.shown_translated, p.failed, p.shown_failed
FROM (SELECT j.public_id AS job,
	     SUM(IF(l.no = 0, l.n_done, 0)) AS described, SUM(IF(l.no > 0, l.n_done, 0)) AS translated,
	     IF(j.completed_at IS NULL, SUM(l.n_failed), SUM(l.n_total) - SUM(l.n_done)) AS failed,
	     JSON_VALUE(CONCAT(CONVERT(j.status_json USING utf8mb4), '}'), '$.progress.described') AS shown_described,
	     JSON_VALUE(CONCAT(CONVERT(j.status_json USING utf8mb4), '}'), '$.progress.translated') AS shown_translated,
	     JSON_VALUE(CONCAT(CONVERT(j.status_json USING utf8mb4), '}'), '$.progress.failed') AS shown_failed
      FROM job j
      JOIN job_language l ON l.job_id = j.id
      WHERE j.visible = 1
      GROUP BY j.id) p
WHERE NOT (p.described <=> p.shown_described) OR NOT (p.translated <=> p.shown_translated)
   OR NOT (p.failed <=> p.shown_failed)
LIMIT 100;

-- ---- I4: counts add up. Batches.

-- name: I4 in a closed batch every item is answered, failed or void
SELECT b.id AS batch, b.reason, b.n_items, b.n_answered, b.n_failed, b.n_void
FROM batch b
WHERE b.phase = 'closed'
  AND b.n_items <> b.n_answered + b.n_failed + b.n_void
LIMIT 100;

-- name: I4 the counts of a batch are those of its attempts
SELECT b.id AS batch, b.phase, b.n_items, COALESCE(a.attempts, 0) AS attempts, b.n_answered, COALESCE(a.answered, 0) AS answered,
       b.n_failed, COALESCE(a.failed, 0) AS failed, b.n_void, COALESCE(a.void, 0) AS void
FROM batch b
LEFT JOIN (SELECT batch_id, COUNT(*) AS attempts, SUM(outcome <=> 'answered') AS answered, SUM(outcome <=> 'failed') AS failed,
		  SUM(outcome <=> 'void') AS void
	   FROM attempt
	   WHERE batch_id IS NOT NULL
	   GROUP BY batch_id) a ON a.batch_id = b.id
WHERE b.n_items <> COALESCE(a.attempts, 0) OR b.n_answered <> COALESCE(a.answered, 0) OR b.n_failed <> COALESCE(a.failed, 0)
   OR b.n_void <> COALESCE(a.void, 0)
LIMIT 100;

-- name: I4 no attempt is open in a closed batch
SELECT b.id AS batch, b.reason, COUNT(*) AS open_attempts, MIN(a.item_id) AS first_item
FROM batch b
JOIN attempt a ON a.batch_id = b.id AND a.outcome IS NULL
WHERE b.phase = 'closed'
GROUP BY b.id, b.reason
LIMIT 100;

-- name: I4 the jobs of a batch share its items
SELECT b.id AS batch, b.n_items, COALESCE(x.items, 0) AS items_of_jobs
FROM batch b
LEFT JOIN (SELECT batch_id, SUM(n_items) AS items FROM batch_job GROUP BY batch_id) x ON x.batch_id = b.id
WHERE b.adopted = 0
  AND b.n_items <> COALESCE(x.items, 0)
LIMIT 100;

-- name: an attempt in a batch goes by batch, any other goes alone
SELECT a.item_id AS item, a.no AS attempt, a.way, a.batch_id AS batch
FROM attempt a
LEFT JOIN batch b ON b.id = a.batch_id
WHERE (a.way = 'batch') <> (b.id IS NOT NULL)
LIMIT 100;

-- ---- Items and their attempts.

-- name: a sent item has one open attempt, its newest, in the batch that it names or by a call
SELECT i.id AS item, i.batch_id AS batch, i.attempts, a.batch_id AS attempt_batch, a.outcome, a.left_at
FROM item i
LEFT JOIN attempt a ON a.item_id = i.id AND a.no = i.attempts
WHERE i.state = 'sent'
  AND (a.item_id IS NULL OR NOT (a.batch_id <=> i.batch_id) OR a.outcome IS NOT NULL OR a.left_at IS NOT NULL)
LIMIT 100;

-- name: an item that names a batch is sent
SELECT i.id AS item, i.state, i.batch_id AS batch
FROM item i
WHERE i.batch_id IS NOT NULL
  AND i.state <> 'sent'
LIMIT 100;

-- name: an open attempt that did not leave is of a sent item, or of one that an earlier sending answered
SELECT a.item_id AS item, a.no AS attempt, a.batch_id AS batch, i.state, i.batch_id AS item_batch
FROM attempt a
LEFT JOIN item i ON i.id = a.item_id
WHERE a.outcome IS NULL
  AND a.left_at IS NULL
  AND NOT (i.id IS NOT NULL AND i.state = 'sent' AND i.batch_id <=> a.batch_id AND i.attempts = a.no)
  AND NOT (i.id IS NOT NULL AND i.state = 'done' AND i.answer_no < a.no)
LIMIT 100;

-- A restored backup whose batch was adopted may lack attempts between.
-- name: an item counts to its newest attempt
SELECT i.id AS item, i.attempts, COALESCE(a.newest, 0) AS newest
FROM item i
LEFT JOIN (SELECT item_id, MAX(no) AS newest FROM attempt GROUP BY item_id) a ON a.item_id = i.id
WHERE i.attempts <> COALESCE(a.newest, 0)
LIMIT 100;

-- name: a repeat that was sent is the open, newest attempt of an item that is done
SELECT i.id AS item, i.state, i.attempts, a.batch_id AS batch, a.outcome
FROM item i
LEFT JOIN attempt a ON a.item_id = i.id AND a.no = i.attempts
WHERE i.repeating = 1
  AND i.by_call = 0
  AND NOT (i.state = 'done' AND a.item_id IS NOT NULL AND a.outcome IS NULL)
LIMIT 100;

-- name: a failed item says why
SELECT i.id AS item, i.job_id, i.state
FROM item i
WHERE i.state = 'failed'
  AND i.code IS NULL
LIMIT 100;

-- name: only a translation waits for a description
SELECT i.id AS item, i.job_id
FROM item i
WHERE i.state = 'blocked'
  AND i.lang_no = 0
LIMIT 100;

-- But for those that were imported without one, or whose description's repair was undone later.
-- name: no translation goes before its description is done
SELECT t.id AS item, t.job_id, t.lot_seq, t.lang_no, t.state, d.state AS description
FROM item t
LEFT JOIN item d ON d.job_id = t.job_id AND d.lot_seq = t.lot_seq AND d.lang_no = 0
WHERE t.lang_no > 0
  AND t.state IN ('ready', 'sent', 'done')
  AND NOT (d.state <=> 'done')
  AND NOT (d.code <=> 'undone')
  AND NOT EXISTS (SELECT 1 FROM answer a WHERE a.item_id = t.id AND a.attempt_no = t.answer_no AND a.source = 'import')
LIMIT 100;

-- ---- I2, I5: answers.

-- name: I2 a done item has the answer that it names, of use
SELECT i.id AS item, i.job_id, i.answer_no, a.grade
FROM item i
LEFT JOIN answer a ON a.job_id = i.job_id AND a.item_id = i.id AND a.attempt_no = i.answer_no
WHERE i.state = 'done'
  AND (a.grade IS NULL OR a.grade NOT IN ('valid', 'salvaged'))
LIMIT 100;

-- name: I2 an item with an answer of use is done, once its attempt is closed
SELECT i.id AS item, i.job_id, i.state, a.attempt_no AS attempt, a.grade
FROM item i
JOIN answer a ON a.job_id = i.job_id AND a.item_id = i.id
LEFT JOIN attempt t ON t.item_id = a.item_id AND t.no = a.attempt_no
WHERE i.state <> 'done'
  AND a.grade IN ('valid', 'salvaged')
  AND (a.attempt_no = 0 OR t.outcome IS NOT NULL)
LIMIT 100;

-- name: I5 what was made of an answer has its report
SELECT a.item_id AS item, a.attempt_no AS attempt, a.grade, a.repaired
FROM answer a
WHERE (a.value IS NOT NULL OR a.repaired IS NOT NULL)
  AND a.report IS NULL
LIMIT 100;

-- name: I2 an answered attempt has its answer
SELECT t.item_id AS item, t.no AS attempt, t.batch_id AS batch
FROM attempt t
JOIN item i ON i.id = t.item_id
LEFT JOIN answer a ON a.job_id = i.job_id AND a.item_id = t.item_id AND a.attempt_no = t.no
WHERE t.outcome = 'answered'
  AND a.item_id IS NULL
LIMIT 100;

-- A better description that came after a translation was made from the first one replaces nothing.
-- name: of an item's answers the best is its own
SELECT i.id AS item, i.job_id, i.answer_no, own.grade, a.attempt_no AS better_no, a.grade AS better
FROM (SELECT job_id, item_id FROM answer GROUP BY job_id, item_id HAVING COUNT(*) > 1) several
JOIN item i ON i.id = several.item_id
JOIN answer own ON own.job_id = i.job_id AND own.item_id = i.id AND own.attempt_no = i.answer_no
JOIN answer a ON a.job_id = i.job_id AND a.item_id = i.id
LEFT JOIN attempt t ON t.item_id = a.item_id AND t.no = a.attempt_no
WHERE FIELD(a.grade, 'refused', 'salvaged', 'valid') > FIELD(own.grade, 'refused', 'salvaged', 'valid')
  AND (a.attempt_no = 0 OR t.outcome IS NOT NULL)
  AND NOT (i.lang_no = 0 AND EXISTS (SELECT 1 FROM item tr WHERE tr.job_id = i.job_id AND tr.lot_seq = i.lot_seq
				     AND tr.lang_no > 0 AND tr.state IN ('sent', 'done')))
LIMIT 100;

-- ---- Money.

-- A line that is no answer and was paid for is waste, and so is an answer that came when one as good was there.
-- name: I4 a job's cost, waste and tokens are those of its answers and lines
SELECT j.public_id AS job, j.cost, COALESCE(a.cost, 0) AS answers_cost, COALESCE(l.cost, 0) AS lines_cost, j.wasted,
       COALESCE(a.unused, 0) AS unused_cost, j.input_tokens, COALESCE(a.input_tokens, 0) + COALESCE(l.input_tokens, 0) AS input,
       j.output_tokens, COALESCE(a.output_tokens, 0) + COALESCE(l.output_tokens, 0) AS output
FROM job j
LEFT JOIN (SELECT job_id, SUM(cost) AS cost, SUM(IF(unused = 1, cost, 0)) AS unused, SUM(input_tokens) AS input_tokens,
		  SUM(output_tokens) AS output_tokens
	   FROM answer
	   GROUP BY job_id) a ON a.job_id = j.id
LEFT JOIN (SELECT i.job_id, SUM(b.cost) AS cost, SUM(b.input_tokens) AS input_tokens, SUM(b.output_tokens) AS output_tokens
	   FROM batch_line b
	   JOIN item i ON i.id = b.item_id
	   WHERE b.cost > 0
	   GROUP BY i.job_id) l ON l.job_id = j.id
WHERE j.cost <> COALESCE(a.cost, 0) + COALESCE(l.cost, 0) OR j.wasted <> COALESCE(a.unused, 0) + COALESCE(l.cost, 0)
   OR j.input_tokens <> COALESCE(a.input_tokens, 0) + COALESCE(l.input_tokens, 0)
   OR j.output_tokens <> COALESCE(a.output_tokens, 0) + COALESCE(l.output_tokens, 0)
LIMIT 100;

-- name: no job has wasted more than it cost
SELECT j.public_id AS job, j.cost, j.wasted
FROM job j
WHERE j.wasted > j.cost
LIMIT 100;

-- name: I3 what is held against a job's budget is held by its attempts
SELECT j.public_id AS job, j.reserved, COALESCE(h.reserved, 0) AS held_open, j.presumed, COALESCE(h.presumed, 0) AS held_closed
FROM job j
LEFT JOIN (SELECT i.job_id, SUM(IF(t.outcome IS NULL, t.held, 0)) AS reserved, SUM(IF(t.outcome IS NULL, 0, t.held)) AS presumed
	   FROM attempt t
	   JOIN item i ON i.id = t.item_id
	   WHERE t.held > 0
	   GROUP BY i.job_id) h ON h.job_id = j.id
WHERE j.reserved <> COALESCE(h.reserved, 0) OR j.presumed <> COALESCE(h.presumed, 0)
LIMIT 100;

-- name: I3 an account's day adds up from what was sent on it
SELECT x.account_id, x.day, SUM(x.cost) AS cost_too_much, SUM(x.reserved) AS reserved_too_much, SUM(x.presumed) AS presumed_too_much
FROM (SELECT account_id, day, cost, reserved, presumed
      FROM spending
      UNION ALL
      SELECT j.account_id, t.sent_on, 0, -SUM(IF(t.outcome IS NULL, t.held, 0)), -SUM(IF(t.outcome IS NULL, 0, t.held))
      FROM attempt t
      JOIN item i ON i.id = t.item_id
      JOIN job j ON j.id = i.job_id
      WHERE t.held > 0
      GROUP BY j.account_id, t.sent_on
      UNION ALL
      SELECT j.account_id, t.sent_on, -SUM(a.cost), 0, 0
      FROM answer a
      JOIN attempt t ON t.item_id = a.item_id AND t.no = a.attempt_no AND t.sent_on IS NOT NULL
      JOIN job j ON j.id = a.job_id
      GROUP BY j.account_id, t.sent_on
      UNION ALL
      SELECT j.account_id, t.sent_on, -SUM(l.cost), 0, 0
      FROM batch_line l
      JOIN attempt t ON t.item_id = l.item_id AND t.no = l.attempt_no AND t.sent_on IS NOT NULL
      JOIN item i ON i.id = l.item_id
      JOIN job j ON j.id = i.job_id
      WHERE l.cost > 0
      GROUP BY j.account_id, t.sent_on) x
GROUP BY x.account_id, x.day
HAVING SUM(x.cost) <> 0 OR SUM(x.reserved) <> 0 OR SUM(x.presumed) <> 0
LIMIT 100;

-- name: an attempt that was answered or never ran holds no money
SELECT t.item_id AS item, t.no AS attempt, t.outcome, t.held
FROM attempt t
WHERE t.held > 0
  AND t.outcome IN ('answered', 'void')
LIMIT 100;

-- ---- Batches: what a phase knows.

-- name: a closed batch has a reason and a time, an open one has neither
SELECT b.id AS batch, b.phase, b.reason, b.closed_at
FROM batch b
WHERE (b.phase = 'closed') <> (b.reason IS NOT NULL)
   OR (b.phase = 'closed') <> (b.closed_at IS NOT NULL)
LIMIT 100;

-- name: a batch that runs or is harvested has its remote id, one that may be created has its input file
SELECT b.id AS batch, b.phase, b.remote_id, b.input_file_id
FROM batch b
WHERE (b.phase IN ('running', 'harvesting') AND b.remote_id IS NULL)
   OR (b.phase IN ('uploaded', 'creating', 'unknown', 'fencing') AND b.input_file_id IS NULL)
   OR (b.phase IN ('filling', 'sealed', 'uploading', 'uploaded') AND b.remote_id IS NOT NULL)
LIMIT 100;

-- Files that were named late are read while the batch is closed.
-- name: a harvest cursor stands at the start before the harvest and past both files after it
SELECT b.id AS batch, b.phase, b.reason, b.harvest_file, b.harvest_offset
FROM batch b
WHERE b.harvest_file > 2
   OR (b.phase NOT IN ('harvesting', 'closed') AND (b.harvest_file <> 0 OR b.harvest_offset <> 0))
   OR (b.phase = 'closed' AND b.reason = 'harvested' AND b.late_files = 0 AND b.harvest_file <> 2)
   OR (b.phase <> 'closed' AND b.late_files <> 0)
LIMIT 100;

-- name: remote files are deleted only after the harvest
SELECT b.id AS batch, b.phase, b.swept_at
FROM batch b
WHERE b.swept_at IS NOT NULL
  AND (b.phase <> 'closed' OR b.late_files <> 0)
LIMIT 100;

-- ---- The rows that are always there.

-- name: installation, wake and lease have their one row
SELECT r.name, r.n
FROM (SELECT 'installation' AS name, COUNT(*) AS n FROM installation
      UNION ALL SELECT 'wake', COUNT(*) FROM wake
      UNION ALL SELECT 'daemon_lease', COUNT(*) FROM daemon_lease) r
WHERE r.n <> 1;

-- name: an alert is open or has the time of its end, and only what is over is settled
SELECT a.id AS alert, a.kind, a.subject, a.is_open, a.cleared_at, a.settled
FROM alert a
WHERE (a.is_open IS NULL) <> (a.cleared_at IS NOT NULL)
   OR (a.settled = 1 AND a.cleared_at IS NULL)
LIMIT 100;

-- ---- Warnings.

-- name: warning: a commit is on disk before it is answered (innodb_flush_log_at_trx_commit = 1)
SELECT 'innodb_flush_log_at_trx_commit' AS variable, @@GLOBAL.innodb_flush_log_at_trx_commit AS value
WHERE @@GLOBAL.innodb_flush_log_at_trx_commit <> 1;

-- name: warning: a batchd is active
SELECT d.owner, d.epoch, d.expires_at
FROM daemon_lease d
WHERE d.expires_at IS NULL
   OR d.expires_at < UTC_TIMESTAMP(6);

-- name: warning: no batch waits for a look that was due a minute ago
SELECT b.id AS batch, b.phase, b.next_at, b.last_error
FROM batch b
WHERE (b.phase <> 'closed' OR b.late_files <> 0)
  AND b.next_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE
LIMIT 100;

-- A job that was deleted waits for its last open attempt, and what is old is removed when there is time.
-- name: warning: no request has waited for a minute
SELECT r.id AS request, r.kind, j.public_id AS job, r.batch_id AS batch, r.created_at
FROM request r
LEFT JOIN job j ON j.id = r.job_id
WHERE r.done_at IS NULL
  AND r.kind IN ('cancel', 'finish', 'retry', 'languages', 'import', 'repair', 'undo')
  AND r.created_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE
LIMIT 100;

-- It came to a batchd that had lost its lease; the active one settles it in its next tick.
-- name: warning: no answer to a call has waited for a minute
SELECT w.item_id AS item, w.attempt_no AS attempt, w.how, w.created_at
FROM call_answer w
WHERE w.created_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE
LIMIT 100;

-- name: warning: no remote batch of ours is without a row
SELECT o.remote_id, o.batch_key, o.remote_status, o.seen_at
FROM orphan o
WHERE o.adopted_at IS NULL
LIMIT 100;

-- name: warning: no alert has waited for a minute to be told in the journal
SELECT a.id AS alert, a.kind, a.subject, a.first_at, a.message
FROM alert a
WHERE a.settled = 0
  AND a.is_open = 1
  AND a.first_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE
  AND NOT EXISTS (SELECT 1 FROM alert_told t WHERE t.alert_id = a.id AND t.receiver = 'journal')
LIMIT 100;

-- ---- What was paid and not used (DESIGN, I3).

-- name: booked: items answered by a batch that they had left, and by another sending
SELECT t.batch_id AS batch, COUNT(*) AS answers, SUM(a.cost) AS micro_usd
FROM attempt t
JOIN item i ON i.id = t.item_id AND i.attempts > 1
JOIN answer a ON a.job_id = i.job_id AND a.item_id = t.item_id AND a.attempt_no = t.no
WHERE t.left_at IS NOT NULL
  AND t.outcome = 'answered'
  AND NOT (i.answer_no <=> t.no)
GROUP BY t.batch_id
LIMIT 100;

-- name: booked: calls whose answer was lost
SELECT i.job_id, COUNT(*) AS calls
FROM attempt t
JOIN item i ON i.id = t.item_id
WHERE t.batch_id IS NULL
  AND t.outcome = 'failed'
  AND t.code = 'call_lost'
GROUP BY i.job_id
LIMIT 100;

-- The one of a call that was taken for lost, or of one whose item a batch answered after all.
-- name: booked: answers to calls whose item another sending answered
SELECT i.job_id, COUNT(*) AS answers, SUM(a.cost) AS micro_usd
FROM attempt t
JOIN item i ON i.id = t.item_id
JOIN answer a ON a.job_id = i.job_id AND a.item_id = t.item_id AND a.attempt_no = t.no
WHERE t.batch_id IS NULL
  AND t.outcome = 'answered'
  AND t.is_repeat = 0
  AND a.unused = 1
GROUP BY i.job_id
LIMIT 100;

-- name: booked: answers bought to better another (repeats)
SELECT t.batch_id AS batch, COUNT(*) AS answers, SUM(a.cost) AS micro_usd
FROM attempt t
JOIN item i ON i.id = t.item_id
JOIN answer a ON a.job_id = i.job_id AND a.item_id = t.item_id AND a.attempt_no = t.no
WHERE t.is_repeat = 1
GROUP BY t.batch_id
LIMIT 100;

-- name: booked: batches that were created twice with one key
SELECT b.id AS batch, b.twin_of, b.remote_id, b.remote_done, b.created_at
FROM batch b
WHERE b.twin_of IS NOT NULL
LIMIT 100;

-- name: booked: batches that vanished
SELECT b.id AS batch, b.remote_id, b.n_items, b.closed_at, b.last_error
FROM batch b
WHERE b.reason = 'lost'
LIMIT 100;

-- name: booked: lines that are a second answer, or none that could be kept
SELECT l.batch_id AS batch, l.kind, COUNT(*) AS result_lines, SUM(l.size_bytes) AS bytes, SUM(l.cost) AS micro_usd
FROM batch_line l
WHERE l.kind IN ('duplicate', 'stranger', 'broken', 'unstorable', 'too_large')
GROUP BY l.batch_id, l.kind
LIMIT 100;

-- name: booked: answers of jobs that had been deleted
SELECT j.public_id AS job, COUNT(*) AS answers, SUM(a.cost) AS micro_usd
FROM request r
JOIN job j ON j.id = r.job_id
JOIN answer a ON a.job_id = r.job_id AND a.unused = 1 AND a.created_at >= r.created_at
WHERE r.kind = 'delete'
GROUP BY j.id, j.public_id
LIMIT 100;
