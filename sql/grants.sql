-- SPDX-License-Identifier: ISC
-- What the two programs may do: each what its statements in common/statements*.def need, and no more. Applied by
-- `batchctl migrate --grants FRONT DAEMON`, which puts the accounts in; they must exist. Safe to repeat.

-- Without this a GRANT to a mistyped name would make an account without a password.
SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_CREATE_USER');

-- ---- The front end, lotscribe.fcgi. It inserts orders and requests, reads, and moves job rows; it deletes nothing.
GRANT SELECT ON schema_version TO :front_user;
GRANT SELECT ON api_key TO :front_user;
GRANT SELECT ON daemon_lease TO :front_user;
GRANT SELECT, INSERT ON recipe TO :front_user;
GRANT SELECT, INSERT,
	UPDATE (visible, status, outcome, version, opened_at, updated_at, deadline_at, completed_at, end_code, reopening,
		cost, wasted, input_tokens, output_tokens, wait_what, wait_since, wait_progress_at, wait_action, wait_action_at, warnings, status_json)
	ON job TO :front_user;
GRANT SELECT, INSERT ON job_language TO :front_user;
GRANT SELECT, INSERT ON lot TO :front_user;
GRANT SELECT (sha256), INSERT ON image TO :front_user;
GRANT SELECT, INSERT ON lot_image TO :front_user;
GRANT SELECT, INSERT ON item TO :front_user;
GRANT SELECT, INSERT ON answer TO :front_user;
GRANT SELECT, INSERT ON event TO :front_user;
GRANT SELECT ON batch_job TO :front_user;
GRANT SELECT (kind, created_at, done_at), INSERT ON request TO :front_user;
GRANT SELECT, INSERT, UPDATE (body_sha256, public_id, progress_at, created_at) ON idempotency TO :front_user;
GRANT SELECT, UPDATE (n) ON wake TO :front_user;
-- For /metrics.
GRANT SELECT (id, budget_day) ON account TO :front_user;
GRANT SELECT (account_id, day, cost, reserved, presumed) ON spending TO :front_user;
GRANT SELECT (id, phase, created_at, next_at) ON batch TO :front_user;
GRANT SELECT (kind, is_open, settled) ON alert TO :front_user;

-- ---- The daemon, batchd. It reads all but the keys and asks for what batchctl asks, so that batchctl can show, check,
-- cancel, finish, retry and ask for retention under its account too. It deletes orders that were never finished and what jobs that are
-- deleted had; accounts, keys and tables are for the operator's own account.
GRANT SELECT ON schema_version TO :daemon_user;
GRANT SELECT, UPDATE (keep_next, files_swept_at) ON installation TO :daemon_user;
GRANT SELECT ON account TO :daemon_user;
GRANT SELECT, INSERT, UPDATE (place, done_at), DELETE ON request TO :daemon_user;
GRANT SELECT, DELETE ON idempotency TO :daemon_user;
GRANT SELECT, UPDATE (hold, held_code, held_at, proven_at) ON recipe TO :daemon_user;
GRANT SELECT, UPDATE, DELETE ON job TO :daemon_user;
GRANT SELECT, UPDATE, DELETE ON job_language TO :daemon_user;
GRANT SELECT, DELETE ON lot TO :daemon_user;
GRANT SELECT, DELETE ON image TO :daemon_user;
GRANT SELECT, DELETE ON lot_image TO :daemon_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON item TO :daemon_user;
GRANT SELECT, INSERT, UPDATE ON attempt TO :daemon_user;
GRANT SELECT, INSERT, UPDATE (raw, value, grade, code, repaired, report, was, undone_at), DELETE ON answer TO :daemon_user;
GRANT SELECT, INSERT, DELETE ON call_answer TO :daemon_user;
GRANT SELECT, INSERT, UPDATE ON spending TO :daemon_user;
GRANT SELECT, INSERT, UPDATE ON batch TO :daemon_user;
GRANT SELECT, INSERT, UPDATE ON batch_job TO :daemon_user;
GRANT SELECT, INSERT, UPDATE (head) ON batch_line TO :daemon_user;
GRANT SELECT, INSERT, DELETE ON event TO :daemon_user;
GRANT SELECT, INSERT, UPDATE ON orphan TO :daemon_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON alert TO :daemon_user;
GRANT SELECT, INSERT, UPDATE ON alert_told TO :daemon_user;
GRANT SELECT, UPDATE ON wake TO :daemon_user;
GRANT SELECT, UPDATE ON daemon_lease TO :daemon_user;
