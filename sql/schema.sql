-- SPDX-License-Identifier: ISC
-- lotscribe's database, version 1. Applied by `batchctl migrate` (never by hand: it records the version).
-- Times are UTC. States are text, guarded by CHECK; their names are those of core/model.c.
-- Provider text is LONGBLOB, never JSON: MariaDB refuses some valid JSON and takes some that is not.
-- Each table says who writes it, who reads it, who deletes from it.

-- One row a version that was applied. Writes: batchctl migrate. Reads: all, at start. Deletes: nobody.
CREATE TABLE schema_version (
	version		INT UNSIGNED NOT NULL PRIMARY KEY,
	name		VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	checksum	CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the text applied',
	min_program	INT UNSIGNED NOT NULL COMMENT 'oldest program schema version that can work with it',
	applied_at	DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Who this database is, towards the provider: marks every file and batch. Writes: first migration, batchctl; batchd
-- (keep_next, files_swept_at).
CREATE TABLE installation (
	id		TINYINT UNSIGNED NOT NULL PRIMARY KEY DEFAULT 1 CHECK (id = 1),
	mark		CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	created_at	DATETIME(6) NOT NULL,
	keep_next	TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the next batchd whose state directory differs takes the mark',
	renewed_at	DATETIME(6) NULL COMMENT 'batches from before bear another mark: closed as lost',
	files_swept_at	DATETIME(6) NOT NULL COMMENT 'when files that nothing names were last deleted'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Writes: batchctl. Reads: front end, batchd. Deletes: nobody.
CREATE TABLE account (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name		VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
	created_at	DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Keys of accounts; only a hash of the secret. Writes: batchctl. Reads: front end.
CREATE TABLE api_key (
	id		CHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	account_id	BIGINT UNSIGNED NOT NULL,
	role		VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (role IN ('submit', 'read', 'admin')),
	secret_hash	BINARY(32) NOT NULL COMMENT 'SHA-256 of the secret',
	created_at	DATETIME(6) NOT NULL,
	revoked_at	DATETIME(6) NULL,
	FOREIGN KEY (account_id) REFERENCES account (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What is asked of the model, by content hash; jobs are pinned to theirs. Writes: front end (insert), batchd (hold).
CREATE TABLE recipe (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	hash		CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
	task		VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (task IN ('describe', 'translate')),
	model		VARCHAR(128) NOT NULL,
	prompt		MEDIUMTEXT NOT NULL,
	answer_schema	MEDIUMTEXT NOT NULL,
	max_output_tokens	INT UNSIGNED NOT NULL,
	max_output_tokens_retry	INT UNSIGNED NOT NULL,
	created_at	DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One row a job. Inserted by the front end; moved by batchd, closed by either (compare-and-set on version).
-- status_json is the whole answer of a poll but for its links.
CREATE TABLE job (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	public_id	UUID NOT NULL UNIQUE,
	account_id	BIGINT UNSIGNED NOT NULL,
	visible		TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 while a large order is being written',
	status		VARCHAR(11) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (status IN ('queued', 'describing', 'translating', 'completed', 'failed', 'cancelled')),
	outcome		VARCHAR(7) CHARACTER SET ascii COLLATE ascii_bin NULL CHECK (outcome IN ('full', 'partial')),
	version		INT UNSIGNED NOT NULL DEFAULT 1,
	name		VARCHAR(200) NOT NULL,
	lots		INT UNSIGNED NOT NULL,
	describe_recipe	BIGINT UNSIGNED NOT NULL,
	translate_recipe BIGINT UNSIGNED NOT NULL,
	instructions	TEXT NULL,
	metadata	TEXT NULL COMMENT 'JSON object of strings, as ordered',
	callback_url	VARCHAR(2048) NULL,
	created_at	DATETIME(6) NOT NULL,
	updated_at	DATETIME(6) NOT NULL,
	deadline_at	DATETIME(6) NOT NULL,
	completed_at	DATETIME(6) NULL,
	cost		BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'micro-dollars',
	wasted		BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'micro-dollars',
	input_tokens	BIGINT UNSIGNED NOT NULL DEFAULT 0,
	output_tokens	BIGINT UNSIGNED NOT NULL DEFAULT 0,
	wait_what	VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
	wait_since	DATETIME(6) NULL,
	wait_progress_at DATETIME(6) NULL,
	wait_action	VARCHAR(64) NULL,
	wait_action_at	DATETIME(6) NULL,
	warnings	TEXT NOT NULL DEFAULT '' COMMENT 'JSON objects, comma-separated',
	status_json	MEDIUMBLOB NOT NULL DEFAULT '' COMMENT 'ready-made; without its links',
	CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
	KEY by_status (status, visible, deadline_at),
	KEY by_account (account_id, id),
	FOREIGN KEY (account_id) REFERENCES account (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A job's languages with the counts of their items; no 0 is the description. Written with the items, in one transaction.
-- blocked = n_total - (n_ready + n_sent + n_done + n_failed).
CREATE TABLE job_language (
	job_id		BIGINT UNSIGNED NOT NULL,
	no		SMALLINT UNSIGNED NOT NULL,
	tag		VARCHAR(35) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	n_total		INT UNSIGNED NOT NULL,
	n_ready		INT UNSIGNED NOT NULL DEFAULT 0,
	n_sent		INT UNSIGNED NOT NULL DEFAULT 0,
	n_done		INT UNSIGNED NOT NULL DEFAULT 0,
	n_failed	INT UNSIGNED NOT NULL DEFAULT 0,
	ready_since	DATETIME(6) NULL COMMENT 'since when some item has been ready; starts the linger window',
	PRIMARY KEY (job_id, no),
	CHECK (n_ready + n_sent + n_done + n_failed <= n_total)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Writes: front end. Reads: front end (result), batchd (requests). Deletes: with the job.
CREATE TABLE lot (
	job_id		BIGINT UNSIGNED NOT NULL,
	seq		INT UNSIGNED NOT NULL COMMENT 'place in the order, from 0',
	ref		VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'the id that the client gave',
	title		TEXT NULL,
	notes		MEDIUMTEXT NULL,
	PRIMARY KEY (job_id, seq),
	UNIQUE KEY by_ref (job_id, ref)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Photographs sent as data URLs, once by content. Writes: front end. Reads: batchd. Deletes: retention.
CREATE TABLE image (
	sha256		BINARY(32) NOT NULL PRIMARY KEY,
	media_type	VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	bytes		LONGBLOB NOT NULL,
	created_at	DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE lot_image (
	job_id		BIGINT UNSIGNED NOT NULL,
	lot_seq		INT UNSIGNED NOT NULL,
	no		SMALLINT UNSIGNED NOT NULL,
	url		VARCHAR(8192) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
	sha256		BINARY(32) NULL,
	PRIMARY KEY (job_id, lot_seq, no),
	KEY by_image (sha256),
	CHECK ((url IS NULL) <> (sha256 IS NULL))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The narrow heart: one paid request each. Inserted by the front end, moved by batchd alone.
-- lang_no 0 = describe the lot; from 1 = translate into that language of the job.
CREATE TABLE item (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	job_id		BIGINT UNSIGNED NOT NULL,
	lot_seq		INT UNSIGNED NOT NULL,
	lang_no		SMALLINT UNSIGNED NOT NULL,
	state		VARCHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (state IN ('blocked', 'ready', 'sent', 'done', 'failed')),
	code		VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'why it failed, or last did',
	attempts	SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sendings so far, the number of the newest',
	burned		SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sendings that count towards max_attempts',
	repeats		TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sendings that buy a better answer',
	batch_id	BIGINT UNSIGNED NULL COMMENT 'where it is sent',
	answer_no	SMALLINT UNSIGNED NULL COMMENT 'attempt of the best answer so far',
	est_bytes	INT UNSIGNED NOT NULL COMMENT 'upper bound of its request line',
	est_tokens	INT UNSIGNED NOT NULL,
	UNIQUE KEY by_place (job_id, lot_seq, lang_no),
	KEY by_state (job_id, state, lang_no, lot_seq),
	KEY by_batch (batch_id),
	CHECK ((state = 'sent') = (batch_id IS NOT NULL)),
	CHECK (state <> 'failed' OR code IS NOT NULL),
	CHECK (state <> 'done' OR answer_no IS NOT NULL)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One sending of an item: inserted with its batch, closed once by its outcome. custom_id = item-no-mark of the job.
CREATE TABLE attempt (
	item_id		BIGINT UNSIGNED NOT NULL,
	no		SMALLINT UNSIGNED NOT NULL,
	batch_id	BIGINT UNSIGNED NULL,
	way		VARCHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (way IN ('batch', 'flex', 'default')),
	is_repeat	TINYINT UNSIGNED NOT NULL DEFAULT 0,
	made_from	SMALLINT UNSIGNED NULL COMMENT 'translation: the answer of its description that it is made from',
	outcome		VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'NULL while open; void: never ran, burns nothing'
			CHECK (outcome IN ('answered', 'failed', 'void')),
	code		VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
	left_at		DATETIME(6) NULL COMMENT 'its item left the batch before the end',
	PRIMARY KEY (item_id, no),
	KEY by_batch (batch_id, outcome)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What came back, as it came. attempt_no 0: the description that the client gave with the order.
-- value is NULL where raw itself is the JSON value (valid passes byte for byte). Inserted by batchd, never updated but for repair.
CREATE TABLE answer (
	item_id		BIGINT UNSIGNED NOT NULL,
	attempt_no	SMALLINT UNSIGNED NOT NULL,
	job_id		BIGINT UNSIGNED NOT NULL,
	grade		VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (grade IN ('valid', 'salvaged', 'refused')),
	code		VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'why it was refused',
	raw		LONGBLOB NOT NULL,
	value		LONGBLOB NULL,
	repaired	VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
	source		VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL CHECK (source IN ('batch', 'flex', 'default', 'order')),
	model		VARCHAR(128) NOT NULL,
	request_id	VARCHAR(128) NOT NULL DEFAULT '',
	input_tokens	INT UNSIGNED NOT NULL DEFAULT 0,
	cached_tokens	INT UNSIGNED NOT NULL DEFAULT 0,
	output_tokens	INT UNSIGNED NOT NULL DEFAULT 0,
	cost		BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'micro-dollars',
	created_at	DATETIME(6) NOT NULL,
	PRIMARY KEY (item_id, attempt_no),
	KEY by_job (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One provider batch. Written by batchd alone, under its epoch; version counts the moves.
CREATE TABLE batch (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	batch_key	CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE COMMENT 'in the metadata and the file names',
	recipe_id	BIGINT UNSIGNED NOT NULL,
	twin_of		BIGINT UNSIGNED NULL COMMENT 'a second remote batch with the key of that one',
	adopted		TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'made from the provider''s list: attempts are made from its lines',
	phase		VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (phase IN ('filling', 'sealed', 'uploading', 'uploaded', 'creating', 'unknown', 'fencing',
					 'fenced', 'running', 'harvesting', 'closed')),
	reason		VARCHAR(13) CHARACTER SET ascii COLLATE ascii_bin NULL
			CHECK (reason IN ('harvested', 'failed', 'never_created', 'lost')),
	version		INT UNSIGNED NOT NULL DEFAULT 1,
	model		VARCHAR(128) NOT NULL,
	base_url	VARCHAR(255) NOT NULL DEFAULT '',
	key_fingerprint	CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
	n_items		INT UNSIGNED NOT NULL DEFAULT 0,
	n_answered	INT UNSIGNED NOT NULL DEFAULT 0,
	n_failed	INT UNSIGNED NOT NULL DEFAULT 0,
	n_void		INT UNSIGNED NOT NULL DEFAULT 0,
	est_tokens	BIGINT UNSIGNED NOT NULL DEFAULT 0,
	input_bytes	BIGINT UNSIGNED NOT NULL DEFAULT 0,
	uploads		INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'uploads begun: each has a file name of its own',
	tries		INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the present step, for the back-off',
	input_file_id	VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
	remote_id	VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
	output_file_id	VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
	error_file_id	VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
	remote_status	VARCHAR(32) NULL COMMENT 'as last seen',
	remote_total	INT UNSIGNED NOT NULL DEFAULT 0,
	remote_done	INT UNSIGNED NOT NULL DEFAULT 0,
	remote_failed	INT UNSIGNED NOT NULL DEFAULT 0,
	remote_code	VARCHAR(64) NULL COMMENT 'first validation error',
	observed_at	DATETIME(6) NULL COMMENT 'start of the newest observation that was stored',
	missing_since	DATETIME(6) NULL COMMENT 'the provider answers 404',
	created_at	DATETIME(6) NOT NULL,
	phase_at	DATETIME(6) NOT NULL,
	submitted_at	DATETIME(6) NULL,
	progress_at	DATETIME(6) NULL COMMENT 'last change of status or counts',
	expires_at	DATETIME(6) NULL,
	cancel_at	DATETIME(6) NULL COMMENT 'a cancel was decided',
	left_at		DATETIME(6) NULL COMMENT 'its open items left to be sent elsewhere',
	ended_at	DATETIME(6) NULL COMMENT 'first seen in a final status',
	closed_at	DATETIME(6) NULL,
	next_at		DATETIME(6) NOT NULL COMMENT 'when to look again',
	harvest_file	TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 output, 1 errors, 2 the rest',
	harvest_offset	BIGINT UNSIGNED NOT NULL DEFAULT 0,
	keep_files	TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'a line could not be stored: the remote file stays',
	swept_at	DATETIME(6) NULL COMMENT 'its remote files are deleted',
	last_error	VARCHAR(240) NULL,
	UNIQUE KEY by_remote (remote_id),
	KEY by_phase (phase, next_at),
	KEY by_sweep (swept_at, phase),
	CHECK ((phase = 'closed') = (reason IS NOT NULL)),
	CHECK ((phase = 'closed') = (closed_at IS NOT NULL))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Which jobs have items in a batch, for views and warnings. Writes: batchd, with the membership.
CREATE TABLE batch_job (
	batch_id	BIGINT UNSIGNED NOT NULL,
	job_id		BIGINT UNSIGNED NOT NULL,
	n_items		INT UNSIGNED NOT NULL,
	PRIMARY KEY (batch_id, job_id),
	KEY by_job (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Lines of result files that are no answer: what they were and how they began. Writes: batchd.
CREATE TABLE batch_line (
	batch_id	BIGINT UNSIGNED NOT NULL,
	file_no		TINYINT UNSIGNED NOT NULL COMMENT '0 output, 1 errors',
	offset_bytes	BIGINT UNSIGNED NOT NULL,
	kind		VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (kind IN ('failure', 'void', 'duplicate', 'stranger', 'broken', 'unstorable', 'too_large')),
	item_id		BIGINT UNSIGNED NULL,
	attempt_no	SMALLINT UNSIGNED NULL,
	code		VARCHAR(64) NULL,
	size_bytes	BIGINT UNSIGNED NOT NULL,
	head		MEDIUMBLOB NOT NULL,
	PRIMARY KEY (batch_id, file_no, offset_bytes)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The timeline of jobs and batches. Writes: whoever moves them, in the same transaction.
CREATE TABLE event (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	job_id		BIGINT UNSIGNED NULL,
	batch_id	BIGINT UNSIGNED NULL,
	at		DATETIME(6) NOT NULL,
	kind		VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	message		VARCHAR(500) NOT NULL,
	n		INT UNSIGNED NULL,
	KEY by_job (job_id, id),
	KEY by_batch (batch_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Remote batches that bear our mark and have no row: they hold submission with their recipe until adopted.
CREATE TABLE orphan (
	remote_id	VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
	batch_key	CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	recipe_hash	CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	remote_status	VARCHAR(32) NOT NULL,
	seen_at		DATETIME(6) NOT NULL,
	adopt_at	DATETIME(6) NULL COMMENT 'an operator asked for it',
	adopted_at	DATETIME(6) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Incremented with every order; batchd reads it each tick. Writes: front end, batchctl.
CREATE TABLE wake (
	id		TINYINT UNSIGNED NOT NULL PRIMARY KEY DEFAULT 1 CHECK (id = 1),
	n		BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The claim of the one active batchd; its epoch fences the moves of a late one. Writes: batchd; resume_at: batchctl.
-- Reads: front end.
CREATE TABLE daemon_lease (
	id		TINYINT UNSIGNED NOT NULL PRIMARY KEY DEFAULT 1 CHECK (id = 1),
	owner		VARCHAR(128) NOT NULL DEFAULT '',
	epoch		BIGINT UNSIGNED NOT NULL DEFAULT 0,
	expires_at	DATETIME(6) NULL,
	renewed_at	DATETIME(6) NULL,
	no_close_before	DATETIME(6) NULL COMMENT 'after a jump of the clock nothing is closed before this',
	resume_at	DATETIME(6) NULL COMMENT 'an operator reopened sending after a stop',
	unit		BIGINT UNSIGNED NULL COMMENT 'the batch whose work is in hand',
	unit_deaths	INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'epochs in a row that died under it'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO wake (id, n) VALUES (1, 0);
INSERT INTO daemon_lease (id) VALUES (1);
INSERT INTO installation (id, mark, created_at, files_swept_at)
	VALUES (1, LOWER(HEX(RANDOM_BYTES(16))), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6));
