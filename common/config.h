/* SPDX-License-Identifier: ISC */
/*
 * config: lotscribe.conf read into a struct of plain copied values (DESIGN section 6).
 * Knows every key, its default and its range; tells faults with file and line. Keeps no
 * secret but names their files.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"
#include "core/result_line.h"

struct config_list {
	char **texts;
	size_t n;
};

struct config_model {
	char *name;
	int64_t max_output_tokens, max_output_tokens_retry;
	int64_t enqueued_tokens; /* limit of the provider for waiting batches; 0 = none known */
	int64_t price_input, price_cached, price_output; /* micro-dollars per 1,000,000 tokens */
	int64_t batch_factor_ppm;                        /* 0.5 -> 500000 */
};

struct config_policy {
	char *name;
	int64_t max_requests; /* INT64_MAX for the section without any */
	int64_t alert_after, stall_after, cancel_after, cancel_grace, validating_after,
		finalizing_after; /* us */
	int64_t batch_retries;
};

struct config_task { /* describe, translate */
	char *model;
	char *prompt_file,
		*schema_file; /* absolute, or relative to the configuration file's folder */
	char *prompt,
		*schema; /* their contents, read by config_load; translate has no schema_file */
};

struct config {
	char *path;
	struct {
		char *base_path, *public_url;
		bool public_read;
		int64_t wait_max;
		int64_t workers, max_waiting;
		int64_t rate; /* requests of an account a minute; 0 = no limit */
		struct config_list cors_origins;
		int64_t cache; /* bytes */
		bool metrics_public;
		char *metrics_file; /* "" = each process counts by itself */
	} http;
	struct {
		char *host, *socket, *name, *user, *password_file, *tls_ca;
		int64_t port;
	} database;
	struct {
		int64_t lease, tick, stop_grace;
		char *state_dir;
	} daemon;
	struct {
		char *base_url, *api_key_file;
	} openai;
	struct config_task describe, translate;
	struct config_model *models;
	size_t n_models;
	struct {
		int64_t linger, poll_interval, settle;
		int64_t max_requests, max_bytes;
	} batch;
	struct config_policy *policies; /* by max_requests, smallest first */
	size_t n_policies;
	struct {
		struct config_list tiers;
		int64_t concurrency, max_attempts;
		int64_t request_timeout, flex_timeout, estimate, reserve;
	} fallback;
	struct {
		int64_t job, day; /* micro-dollars */
	} budget;
	struct {
		int64_t deadline, min_deadline, max_deadline, retention, image_retention;
		int64_t max_lots, max_items, max_body;
	} job;
	struct {
		char *webhook_url, *command, *mail_to, *smtp_url;
		int64_t repeat;
	} alert;
	struct {
		char *level; /* as log_level_find() knows it */
	} log;
};

/* What a program needs beyond the common part. */
enum config_need {
	CONFIG_NEED_TASKS = 1, /* describe and translate: prompts and schema are read and checked */
	/* For a check alone (-t): can they be read, and are they what they are to be? */
	CONFIG_CHECK_LOGIN = 2, /* the password and the authority of the database */
	CONFIG_CHECK_KEY = 4,   /* the provider's key */
};

/*
 * Read and check a file. 0 and a new *config (free with config_free), or -1: err->text is
 * "FILE:LINE: what is wrong" of the first fault; all of them, by line, are told
 * to `faults` (may be NULL).
 */
int config_load(const char *path, unsigned needs, FILE *faults, struct config **config,
		struct err *err);
void config_free(struct config **config);

/* The model section of that name, or NULL. */
const struct config_model *config_model_find(const struct config *config, const char *name);
/* What its tokens cost, at the full price or at that of batches and flex; of NULL nothing. */
struct prices config_model_prices(const struct config_model *model, bool is_full);
/*
 * The policy section for a batch of that many requests; never NULL (built-in
 * defaults where none fits).
 */
const struct config_policy *config_policy_for(const struct config *config, int64_t n_requests);
/*
 * Print every effective value, in the file's own syntax, with a comment behind those that are as
 * they are by default. The file names of secrets are printed, never contents; what is secret in a
 * value is put out by a *, and a comment says so.
 */
void config_print(const struct config *config, FILE *out);

/* "12.345678" -> micro units; at most 6 decimals. 0 or -1. */
int money_parse(const char *s, int64_t *micro);

/* Is that host, as it stands in a URL, this machine by itself: localhost, 127.0.0.0/8, [::1]? */
bool host_is_loopback(const char *host, size_t n);

#endif
