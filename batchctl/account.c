/* SPDX-License-Identifier: ISC */
/*
 * account: the verbs on accounts, their budgets and their keys. A key's secret is shown once and
 * stored as its hash; batchd heeds another budget with the next item that it sends.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "common/clock.h"
#include "core/apikey.h"

#define ACCOUNT_NAME_BYTES 64 /* account.name */

static const struct table_column account_columns[] = {
	{"id", "id", TABLE_INT},
	{"name", "account", TABLE_TEXT},
	{"created_at", "made", TABLE_TIME},
	{"keys", "valid keys", TABLE_INT},
	{"jobs", "jobs", TABLE_INT},
	{"budget_job", "budget of a job, USD", TABLE_MONEY},
	{"budget_day", "budget of a day, USD", TABLE_MONEY},
	{"spent_today", "spent today, USD", TABLE_MONEY},
	{"reserved_today", "reserved today, USD", TABLE_MONEY},
};

static const struct table_column key_columns[] = {
	{"id", "id", TABLE_TEXT},
	{"account", "account", TABLE_TEXT},
	{"role", "role", TABLE_TEXT},
	{"created_at", "made", TABLE_TIME},
	{"revoked_at", "revoked", TABLE_TIME},
};

static int check_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";

	if (name[0] == '\0' || strlen(name) > ACCOUNT_NAME_BYTES ||
	    name[strspn(name, allowed)] != '\0')
		return ctl_error(
			EX_USAGE,
			"an account's name is 1 to %d letters, digits, dots, dashes, _ and @",
			ACCOUNT_NAME_BYTES);
	return EX_OK;
}

/* Make it where there is none. 0 and its id, or -1. */
static int account_make(struct ctl *ctl, const char *name, int64_t *id, struct err *err)
{
	struct db_rows *rows;

	if (db_exec(ctl->db, STMT_CTL_ACCOUNT_ADD, DB_P(db_text(name)), err) < 0)
		return -1;
	if (db_query(ctl->db, STMT_CTL_ACCOUNT_ID, DB_P(db_text(name)), &rows, err) != 0)
		return -1;
	*id = db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(&rows);
	return 0;
}

/* NULL: it stays; "default": no number of its own. 0 or an exit code. */
static int read_budget(const char *option, const char *text, struct db_val *value)
{
	int64_t micro;

	*value = db_null();
	if (!text || strcmp(text, "default") == 0)
		return EX_OK;
	if (money_parse(text, &micro) != 0)
		return ctl_error(EX_USAGE,
				 "%s is an amount in USD such as 12.50, or default, not \"%.40s\"",
				 option, text);
	*value = db_int(micro);
	return EX_OK;
}

static int store_budgets(struct ctl *ctl, int64_t id, struct db_val job, struct db_val day,
			 struct err *err)
{
	if (!ctl->job && !ctl->budget_day)
		return 0;
	return db_exec(ctl->db, STMT_CTL_ACCOUNT_BUDGETS,
		       DB_P(db_int(ctl->job != NULL), job, db_int(ctl->budget_day != NULL), day,
			    db_int(id)),
		       err) < 0
		       ? -1
		       : 0;
}

int ctl_account(struct ctl *ctl)
{
	const char *name = ctl->operands[0];
	struct db_val job, day;
	struct table *record;
	struct err err;
	int64_t id;
	int bad = check_name(name);

	if (!bad)
		bad = read_budget("--job", ctl->job, &job);
	if (!bad)
		bad = read_budget("--day", ctl->budget_day, &day);
	if (bad)
		return bad;
	if (account_make(ctl, name, &id, &err) != 0 ||
	    store_budgets(ctl, id, job, day, &err) != 0 ||
	    ctl_table(ctl, STMT_CTL_ACCOUNT,
		      DB_P(db_int(ctl->config->budget.job), db_int(ctl->config->budget.day),
			   db_int(id)),
		      CTL_COLUMNS(account_columns), &record, &err) != 0)
		return ctl_fail(&err);
	return ctl_print_record(ctl, &record, NULL, 0);
}

static int check_role(const char *role)
{
	if (strcmp(role, "submit") == 0 || strcmp(role, "read") == 0 || strcmp(role, "admin") == 0)
		return EX_OK;
	return ctl_error(EX_USAGE, "a role is submit, read or admin, not \"%s\"", role);
}

static int key_store(struct ctl *ctl, int64_t account, const char *role, const struct apikey *key,
		     struct err *err)
{
	unsigned char hash[32];

	if (EVP_Digest(key->secret, strlen(key->secret), hash, NULL, EVP_sha256(), NULL) != 1)
		return err_set(err, ERR_BUG, 0, "SHA-256 is not available");
	return db_exec(ctl->db, STMT_CTL_KEY_ADD,
		       DB_P(db_text(key->id), db_int(account), db_text(role),
			    db_bytes(hash, sizeof(hash))),
		       err) < 0
		       ? -1
		       : 0;
}

static void key_print(const struct ctl *ctl, const char *role, const struct apikey *key,
		      const char *text)
{
	if (ctl->json) {
		printf("{\"id\":\"%s\",\"account\":\"%s\",\"role\":\"%s\",\"key\":\"%s\"}\n",
		       key->id, ctl->operands[0], role, text);
		return;
	}
	printf("Key %s of account %s, role %s. It is shown this once:\n%s\n", key->id,
	       ctl->operands[0], role, text);
}

int ctl_key_add(struct ctl *ctl)
{
	const char *role = ctl->role ? ctl->role : "submit";
	uint8_t random[APIKEY_RANDOM_BYTES];
	char text[APIKEY_TEXT_SIZE];
	struct apikey key;
	struct err err;
	int64_t account;
	int bad = check_name(ctl->operands[0]);

	if (!bad)
		bad = check_role(role);
	if (bad)
		return bad;
	clock_random(random, sizeof(random));
	apikey_make(random, text);
	if (apikey_parse(text, strlen(text), &key) != 0)
		return ctl_error(EX_SOFTWARE, "the key that was made is not of the form of keys");
	if (account_make(ctl, ctl->operands[0], &account, &err) != 0 ||
	    key_store(ctl, account, role, &key, &err) != 0)
		return ctl_fail(&err);
	key_print(ctl, role, &key, text);
	return EX_OK;
}

int ctl_key_list(struct ctl *ctl)
{
	return ctl_print_rows(ctl, STMT_CTL_KEYS, DB_NONE, CTL_COLUMNS(key_columns), "No keys.");
}

int ctl_key_revoke(struct ctl *ctl)
{
	const char *id = ctl->operands[0];
	struct err err;
	const int64_t n = db_exec(ctl->db, STMT_CTL_KEY_REVOKE, DB_P(db_text(id)), &err);

	if (n < 0)
		return ctl_fail(&err);
	if (n == 0)
		return ctl_error(EX_NOINPUT,
				 "there is no key \"%.20s\" (its id is the part after lot_)", id);
	if (ctl->json)
		printf("{\"id\":\"%s\",\"revoked\":true}\n", id);
	else
		printf("Key %s is revoked.\n", id);
	return EX_OK;
}
