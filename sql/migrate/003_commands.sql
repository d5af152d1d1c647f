-- SPDX-License-Identifier: ISC
-- Version 3: what clients and operators ask of a job that is there: cancel, finish, retry, added languages, removal.

ALTER TABLE job
	ADD COLUMN opened_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'ordered, or last opened again: its span begins here' AFTER created_at,
	ADD COLUMN end_code VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NULL
		COMMENT 'a command ended it, and its open items count so; NULL: deadline'
		CHECK (end_code IN ('finished', 'cancelled')) AFTER completed_at,
	ADD COLUMN reopening TINYINT UNSIGNED NOT NULL DEFAULT 0
		COMMENT 'a retry or added languages wait for batchd: the counts do not end it' AFTER end_code,
	ADD COLUMN changed_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
		COMMENT 'of this row; front ends follow it',
	ADD KEY by_change (changed_at, public_id, version, visible),
	ADD KEY by_list (account_id, visible, id),
	ADD KEY by_list_status (account_id, visible, status, id);

UPDATE job
SET opened_at = created_at;

-- Until here an order that a program of version 2 still takes has its moment of opening.
ALTER TABLE job
	ALTER COLUMN opened_at DROP DEFAULT;

-- What was asked of jobs. Writes: front end and batchctl (insert), batchd (carries out, slice by slice, oldest first).
-- Deletes: nobody.
CREATE TABLE request (
	id		BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	job_id		BIGINT UNSIGNED NOT NULL,
	kind		VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
			CHECK (kind IN ('cancel', 'finish', 'retry', 'languages', 'delete')),
	tags		TEXT CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'languages: those to add, comma-separated',
	was		VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NULL
			COMMENT 'what open items counted as when it was asked; NULL: the job was running'
			CHECK (was IN ('deadline', 'finished', 'cancelled')),
	created_at	DATETIME(6) NOT NULL,
	place		INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the lot or part that the next slice begins with',
	done_at		DATETIME(6) NULL,
	KEY by_done (done_at, id),
	KEY by_job (job_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The lines of a job that is deleted are emptied.
ALTER TABLE batch_line
	ADD KEY by_item (item_id);

-- Orders by their Idempotency-Key, or by their body where they came without one. Writes: front end. Deletes: batchd, a day
-- after at the earliest, when the job is gone.
CREATE TABLE idempotency (
	account_id	BIGINT UNSIGNED NOT NULL,
	name		VARBINARY(260) NOT NULL COMMENT '''k:'' and the key, or ''b:'' and the SHA-256 of the body in hex',
	body_sha256	BINARY(32) NOT NULL,
	public_id	UUID NOT NULL COMMENT 'the job that it makes',
	progress_at	DATETIME(6) NOT NULL COMMENT 'of the process that writes the order',
	created_at	DATETIME(6) NOT NULL,
	PRIMARY KEY (account_id, name),
	KEY by_age (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
