-- SPDX-License-Identifier: ISC
-- Version 4: synchronous calls. An item that is sent by a call is in no batch; jobs leave a batch one by one.

ALTER TABLE item
	DROP CONSTRAINT CONSTRAINT_1,
	ADD CONSTRAINT in_batch CHECK (batch_id IS NULL OR state = 'sent');

ALTER TABLE job
	ADD COLUMN calls_from DATETIME(6) NULL COMMENT 'its open items have been sent by calls since; of this span where not before opened_at'
		AFTER reopening;

ALTER TABLE batch_job
	ADD COLUMN left_at DATETIME(6) NULL COMMENT 'its open items left at its latest start, to be sent by calls';
