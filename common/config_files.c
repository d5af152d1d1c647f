/* SPDX-License-Identifier: ISC */
/*
 * config_files: the files that a configuration names. Prompts and schema are read, as parts of it;
 * of those with secrets a check tells whether they could be used.
 */
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config_private.h"
#include "common/service.h"
#include "core/json_schema.h"
#include "core/limits.h"

#define AUTHORITY_BYTES (4u << 20) /* that of all the world has 200 KiB */

static void read_task_file(struct load *l, const char *section, const char *key, const char *path,
			   char **out)
{
	bool is_schema = !strcmp(key, "schema_file");
	size_t n, limit = is_schema ? LIMIT_SCHEMA_BYTES : LIMIT_PROMPT_BYTES;
	struct err err = {0};

	if (config_read_file(path, limit, out, &n, &err) == 0) {
		if (n == 0 || !config_is_text(*out, n))
			err_set(&err, ERR_NEVER, 0, "%s: is empty or no UTF-8 text", path);
		else if (is_schema && json_schema_check(*out, n, &err))
			err_prefix(&err, "%s", path);
	}
	if (err.class != ERR_NONE)
		value_fault(l, key_find(section, key), NULL, err.text);
}

static void read_task(struct load *l, const char *section, struct config_task *t)
{
	if (!config_model_find(l->c, t->model)) {
		const struct key *k = key_find(section, "model");
		char why[200];

		snprintf(why, sizeof(why), "there is no section model \"%.100s\"", t->model);
		value_fault(l, k, NULL, *t->model ? why : "is missing and has no default");
	}
	read_task_file(l, section, "prompt_file", t->prompt_file, &t->prompt);
	if (t->schema_file)
		read_task_file(l, section, "schema_file", t->schema_file, &t->schema);
}

static void check_secret(struct load *l, const struct key *k, const char *credential,
			 const char *path)
{
	struct err err;
	char *secret;

	if (secret_read(credential, path, &secret, &err) == 0)
		secret_free(&secret);
	else
		value_fault(l, k, NULL, err.text);
}

/* As common/db.c does: an empty file is an account without a password. */
static void check_password(struct load *l)
{
	const char *path = l->c->database.password_file;
	struct stat st;

	if (*path && !(stat(path, &st) == 0 && st.st_size == 0))
		check_secret(l, key_find("database", "password_file"), "db_password", path);
}

static bool has_certificate(const char *text, size_t n)
{
	BIO *in = BIO_new_mem_buf(text, (int)n);
	X509 *certificate;

	if (!in)
		abort();
	certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	X509_free(certificate);
	return certificate != NULL;
}

static void check_authority(struct load *l)
{
	const char *path = l->c->database.tls_ca;
	struct err err = {0};
	char *text = NULL;
	size_t n;

	if (!*path)
		return;
	if (config_read_file(path, AUTHORITY_BYTES, &text, &n, &err) == 0 &&
	    !has_certificate(text, n))
		err_set(&err, ERR_NEVER, 0, "%s: has no certificate (PEM)", path);
	free(text);
	if (err.class != ERR_NONE)
		value_fault(l, key_find("database", "tls_ca"), NULL, err.text);
}

void read_files(struct load *l, unsigned needs)
{
	if (needs & CONFIG_NEED_TASKS) {
		read_task(l, "describe", &l->c->describe);
		read_task(l, "translate", &l->c->translate);
	}
	if (needs & CONFIG_CHECK_LOGIN) {
		check_password(l);
		check_authority(l);
	}
	if (needs & CONFIG_CHECK_KEY)
		check_secret(l, key_find("openai", "api_key_file"), "openai_api_key",
			     l->c->openai.api_key_file);
}
