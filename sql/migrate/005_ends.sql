-- SPDX-License-Identifier: ISC
-- Version 5: what makes that a job always ends well.

-- A recipe whose whole batch failed with one code of its model, schema or parameters.
ALTER TABLE recipe
	ADD COLUMN held_code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'nothing is sent with it for that',
	ADD COLUMN held_at DATETIME(6) NULL,
	ADD COLUMN proven_at DATETIME(6) NULL COMMENT 'an item was answered with it';
