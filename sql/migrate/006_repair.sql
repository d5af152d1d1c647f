-- SPDX-License-Identifier: ISC
-- Version 6: answers are repaired, at harvest and in store; results of an earlier system are imported.

ALTER TABLE answer
	MODIFY COLUMN code VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'why it was refused, or what it lacks that was salvaged',
	MODIFY COLUMN value LONGBLOB NULL COMMENT 'what was made of raw; NULL: raw is the value',
	MODIFY COLUMN repaired VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'classes of repairs',
	MODIFY COLUMN source VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
		CHECK (source IN ('batch', 'flex', 'default', 'order', 'import')),
	ADD COLUMN report TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'JSON: what was mended, where, and what is lost; or why nothing could be. NULL: raw is as it should be, or was not looked at'
		AFTER repaired,
	ADD COLUMN was VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'its grade before it was repaired in store: an undo brings that back'
		CHECK (was IN ('valid', 'salvaged', 'refused')) AFTER report,
	ADD COLUMN undone_at DATETIME(6) NULL COMMENT 'an operator undid that: it is repaired again only where one asks' AFTER was;

-- A better answer is asked for beside one in hand that was salvaged.
ALTER TABLE item
	ADD COLUMN repeating TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'so is it; by_call: the call is still to be made' AFTER by_call,
	ADD CONSTRAINT repeats_beside CHECK (repeating = 0 OR state = 'done');

ALTER TABLE job_language
	ADD COLUMN n_repeating INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the done ones' AFTER n_failed,
	ADD COLUMN n_to_repeat INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of these: the call is still to be made' AFTER n_repeating,
	ADD KEY by_repeating (n_repeating),
	ADD CONSTRAINT repeating CHECK (n_to_repeat <= n_repeating AND n_repeating <= n_done);

ALTER TABLE request
	MODIFY COLUMN kind VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
		CHECK (kind IN ('cancel', 'finish', 'retry', 'languages', 'delete', 'import', 'repair', 'undo')),
	ADD COLUMN item_id BIGINT UNSIGNED NULL COMMENT 'repair, undo: of this item alone' AFTER batch_id;
