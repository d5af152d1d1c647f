-- SPDX-License-Identifier: ISC
-- Version 2: result files that the provider names after their batch was closed; what was paid and not used, line by line.

ALTER TABLE batch
	ADD COLUMN late_files TINYINT UNSIGNED NOT NULL DEFAULT 0
		COMMENT 'named after it was closed and not read yet: 1 output, 2 errors',
	ADD KEY by_closed (closed_at);

ALTER TABLE batch_line
	ADD COLUMN input_tokens INT UNSIGNED NOT NULL DEFAULT 0 AFTER code,
	ADD COLUMN output_tokens INT UNSIGNED NOT NULL DEFAULT 0 AFTER input_tokens,
	ADD COLUMN cost BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'micro-dollars, wasted by the job of its item' AFTER output_tokens,
	ADD KEY by_cost (cost, item_id);

ALTER TABLE answer
	ADD COLUMN unused TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'one as good was there when it came: its cost is wasted'
		AFTER cost;

-- Until now an answer was valid or refused, and the first valid one its item's own.
UPDATE answer a
JOIN item i ON i.id = a.item_id
JOIN answer own ON own.item_id = i.id AND own.attempt_no = i.answer_no AND own.grade = 'valid'
SET a.unused = 1
WHERE a.attempt_no <> i.answer_no
  AND (a.grade = 'valid' OR a.created_at > own.created_at);
