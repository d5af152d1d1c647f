-- SPDX-License-Identifier: ISC
-- Version 7: retention. What it removes is found by its age, and asked for by requests; deletions do not hold up what
-- clients wait for.

ALTER TABLE job
	ADD KEY by_end (visible, completed_at);

ALTER TABLE batch
	ADD COLUMN emptied_at DATETIME(6) NULL COMMENT 'retention took its timeline and the texts of its lines; the row stays, or the remote batch would be an unknown one',
	ADD KEY by_emptied (emptied_at, closed_at);

-- Deletes, from now on: batchd, what is done a month after. Those of jobs that were deleted stay: what came after them is
-- booked by them.
ALTER TABLE request
	MODIFY COLUMN kind VARCHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
		CHECK (kind IN ('cancel', 'finish', 'retry', 'languages', 'delete', 'import', 'repair', 'undo', 'images', 'batches')),
	ADD COLUMN before_at DATETIME(6) NULL COMMENT 'images: of jobs that ended before; batches: those closed before, once their jobs are deleted'
		AFTER item_id,
	DROP CONSTRAINT of_one,
	ADD CONSTRAINT of_one CHECK ((job_id IS NOT NULL) + (batch_id IS NOT NULL) + (before_at IS NOT NULL) = 1),
	ADD CONSTRAINT of_age CHECK ((before_at IS NOT NULL) = (kind IN ('images', 'batches'))),
	DROP KEY by_done,
	ADD KEY by_kind (kind, done_at, id);
