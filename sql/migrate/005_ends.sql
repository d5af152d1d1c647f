-- SPDX-License-Identifier: ISC
-- Version 5: what makes that a job always ends well.

-- What holds up a recipe: a whole batch of it failed with a code of its model, schema or parameters. Writes: batchd.
ALTER TABLE recipe
	ADD COLUMN hold VARCHAR(7) CHARACTER SET ascii COLLATE ascii_bin NULL
		COMMENT 'doubted: only one call of an item goes with it, to see; held: nothing, until it is resumed; cleared: that call was answered'
		CHECK (hold IN ('doubted', 'held', 'cleared')),
	ADD COLUMN held_code VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
	ADD COLUMN held_at DATETIME(6) NULL,
	ADD COLUMN proven_at DATETIME(6) NULL COMMENT 'an item was answered with it',
	ADD KEY by_hold (hold),
	ADD CONSTRAINT held_for CHECK ((hold IS NULL) = (held_code IS NULL) AND (hold IS NULL) = (held_at IS NULL));

UPDATE recipe r
SET r.proven_at = UTC_TIMESTAMP(6)
WHERE EXISTS (SELECT 1 FROM batch b WHERE b.recipe_id = r.id AND b.n_answered > 0);

-- What stops all sending. Writes: batchd.
ALTER TABLE daemon_lease
	MODIFY COLUMN resume_at DATETIME(6) NULL COMMENT 'an operator asked to send again; NULL once that is done',
	ADD COLUMN stop_code VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'nothing is sent for that' AFTER resume_at,
	ADD COLUMN stop_message VARCHAR(240) NULL AFTER stop_code,
	ADD COLUMN stop_key CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'fingerprint of the key that it happened with' AFTER stop_message,
	ADD COLUMN stop_at DATETIME(6) NULL AFTER stop_key,
	ADD COLUMN stop_probe_at DATETIME(6) NULL COMMENT 'when one call may try; NULL: never' AFTER stop_at,
	ADD CONSTRAINT stop_whole CHECK ((stop_code IS NULL) = (stop_at IS NULL) AND (stop_code IS NULL) = (stop_key IS NULL)
		AND (stop_probe_at IS NULL OR stop_code IS NOT NULL));

-- What an operator is told of (core/alert.h). Writes: batchd, under its lease. Reads: batchd, batchctl. Deletes: batchd, long
-- after.
CREATE TABLE alert (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	kind		VARCHAR(31) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	subject		VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'batch:42, job:UUID, ...; empty: all',
	severity	VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (severity IN ('warning', 'critical')),
	message		VARCHAR(500) NOT NULL,
	first_at	DATETIME(6) NOT NULL,
	last_at		DATETIME(6) NOT NULL COMMENT 'when it was last found so, or its message changed',
	times		INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'found so: once in each life of a batchd, and at each change',
	cleared_at	DATETIME(6) NULL,
	is_open		TINYINT UNSIGNED NULL DEFAULT 1 COMMENT '1, or NULL: cleared',
	settled		TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'cleared, and all who heard of it know',
	UNIQUE KEY one_open (kind, subject, is_open),
	KEY by_settled (settled, cleared_at),
	CONSTRAINT open_or_cleared CHECK ((is_open IS NULL) = (cleared_at IS NOT NULL)),
	CONSTRAINT settled_is_cleared CHECK (settled = 0 OR cleared_at IS NOT NULL)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Who was told of it: a message that arrived is a row, so that a restart loses none and repeats at most those in flight.
-- Writes: batchd. Deletes: with its alert.
CREATE TABLE alert_told (
	alert_id	BIGINT UNSIGNED NOT NULL,
	receiver	VARCHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (receiver IN ('journal', 'webhook', 'mail', 'command')),
	told_at		DATETIME(6) NOT NULL COMMENT 'last',
	times		INT UNSIGNED NOT NULL DEFAULT 1,
	resolved	TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'that it is over, too',
	PRIMARY KEY (alert_id, receiver),
	FOREIGN KEY (alert_id) REFERENCES alert (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What came of synchronous calls to a batchd that had lost its lease, as it came: the one thing that it may store. The
-- active one settles it as it does its own, and deletes it. Writes: batchd, without the lease. Reads, deletes: batchd.
CREATE TABLE call_answer (
	item_id		BIGINT UNSIGNED NOT NULL,
	attempt_no	SMALLINT UNSIGNED NOT NULL,
	mark		CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the job, as in custom_id',
	how		VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (how IN ('answered', 'refused', 'not_sent', 'unsendable', 'lost')),
	http_status	SMALLINT UNSIGNED NOT NULL COMMENT '0: none',
	request_id	VARCHAR(128) NOT NULL,
	body		LONGBLOB NOT NULL,
	created_at	DATETIME(6) NOT NULL,
	PRIMARY KEY (item_id, attempt_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- An operator may cancel or retry one batch, of whatever jobs: a request of it, and what is asked of it in its row, for the
-- policy.
ALTER TABLE request
	MODIFY job_id BIGINT UNSIGNED NULL COMMENT 'NULL: it is of a batch',
	ADD COLUMN batch_id BIGINT UNSIGNED NULL COMMENT 'cancel, retry: of this batch' AFTER job_id,
	ADD KEY by_batch (batch_id, id),
	ADD CONSTRAINT of_one CHECK ((job_id IS NULL) <> (batch_id IS NULL)),
	ADD CONSTRAINT of_batch CHECK (batch_id IS NULL OR kind IN ('cancel', 'retry'));

ALTER TABLE batch
	ADD COLUMN asked VARCHAR(6) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'by an operator; retry: it is left at once'
		CHECK (asked IN ('cancel', 'retry')),
	ADD COLUMN asked_at DATETIME(6) NULL;

-- Items that left a batch, or whose batch ended without an answer: by call, or in a batch again.
ALTER TABLE item
	ADD COLUMN n_left SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sendings in batches that brought it no answer' AFTER repeats,
	ADD COLUMN by_call TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'when it is ready it goes by a call, not in a batch' AFTER n_left,
	DROP KEY by_state,
	ADD KEY by_state (job_id, state, by_call, lang_no, lot_seq);

ALTER TABLE job_language
	ADD COLUMN n_by_call INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the ready ones' AFTER n_ready,
	ADD CONSTRAINT by_call CHECK (n_by_call <= n_ready);

-- A retry forgets what was lost before it.
ALTER TABLE item
	ADD COLUMN retried_at_no SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sendings up to this one were before its last retry'
		AFTER repeats;

-- How long a synchronous call takes, for those who are not batchd.
ALTER TABLE daemon_lease
	ADD COLUMN call_us BIGINT UNSIGNED NULL COMMENT 'microseconds: 95 of 100 measured calls took no longer; NULL: too few were measured';
-- The provider as a whole stands still (core/incident.h).
ALTER TABLE daemon_lease
	ADD COLUMN incident_at DATETIME(6) NULL COMMENT 'many batches have stalled together since; none is begun',
	ADD COLUMN incident_step_at DATETIME(6) NULL,
	ADD COLUMN incident_may_try TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'one may be begun as a trial',
	ADD COLUMN incident_trial BIGINT UNSIGNED NULL COMMENT 'that batch',
	ADD CONSTRAINT incident CHECK ((incident_at IS NULL) = (incident_step_at IS NULL)
		AND (incident_at IS NOT NULL OR (incident_may_try = 0 AND incident_trial IS NULL)));

-- Budgets: what is sent is held against those of its job and of its account's day until its true cost is known.
ALTER TABLE account
	ADD COLUMN budget_job BIGINT UNSIGNED NULL COMMENT 'micro-dollars; NULL: that of the configuration',
	ADD COLUMN budget_day BIGINT UNSIGNED NULL;

ALTER TABLE attempt
	ADD COLUMN held BIGINT UNSIGNED NOT NULL DEFAULT 0
		COMMENT 'micro-dollars: while open, the most that it may cost; closed, what it may have cost, where nothing tells',
	ADD COLUMN sent_on DATE NULL COMMENT 'UTC: the day that pays; NULL: of before version 5';

ALTER TABLE job
	ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0 COMMENT 'held by its open attempts' AFTER wasted,
	ADD COLUMN presumed BIGINT NOT NULL DEFAULT 0 COMMENT 'held by its closed attempts' AFTER reserved,
	ADD COLUMN need_describe BIGINT NOT NULL DEFAULT 0
		COMMENT 'what must be free in its budgets before its next description is looked at; 0: not known' AFTER presumed,
	ADD COLUMN need_translate BIGINT NOT NULL DEFAULT 0 AFTER need_describe,
	ADD COLUMN over_at DATETIME(6) NULL COMMENT 'items failed because they did not fit its budget' AFTER need_translate,
	ADD COLUMN day_over_at DATETIME(6) NULL COMMENT 'since then it waits for another day of its account' AFTER over_at;

-- What an account's attempts of a UTC day have cost and may cost. Writes: batchd. Reads: batchd, batchctl. Deletes: nobody.
CREATE TABLE spending (
	account_id	BIGINT UNSIGNED NOT NULL,
	day		DATE NOT NULL,
	cost		BIGINT NOT NULL DEFAULT 0 COMMENT 'micro-dollars, of answers and lines',
	reserved	BIGINT NOT NULL DEFAULT 0 COMMENT 'held by open attempts',
	presumed	BIGINT NOT NULL DEFAULT 0 COMMENT 'held by closed attempts',
	told_at		DATETIME(6) NULL COMMENT 'since when something has waited for another day: an alert',
	PRIMARY KEY (account_id, day),
	KEY by_told (day, told_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
