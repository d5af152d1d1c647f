/* SPDX-License-Identifier: ISC */
#include "batchctl/ids.h"

#include <stddef.h>
#include <string.h>

static int parse_uuid(const char *text, struct id *id)
{
	if (!uuid_is_valid(text, strlen(text)))
		return -1;
	id->kind = ID_JOB;
	for (size_t i = 0; i < UUID_TEXT_SIZE; i++)
		id->uuid[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
	return 0;
}

static int parse_number(const char *text, enum id_kind kind, struct id *id)
{
	int64_t no = 0;
	const size_t n = strlen(text);

	if (n == 0 || n > 18)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		no = 10 * no + (text[i] - '0');
	}
	id->kind = kind;
	id->no = no;
	return 0;
}

int id_parse(const char *text, unsigned allowed, struct id *id, struct err *err)
{
	struct id found = {0};
	int ret = -1;

	if (strncmp(text, "job:", 4) == 0)
		ret = parse_uuid(text + 4, &found);
	else if (strncmp(text, "batch:", 6) == 0)
		ret = parse_number(text + 6, ID_BATCH, &found);
	else if (strncmp(text, "item:", 5) == 0)
		ret = parse_number(text + 5, ID_ITEM, &found);
	else if (allowed & ID_JOB)
		ret = parse_uuid(text, &found);
	if (ret != 0 && allowed == ID_BATCH)
		ret = parse_number(text, ID_BATCH, &found);
	if (ret != 0 || !(found.kind & allowed))
		return err_set(err, ERR_NEVER, 0, "\"%.60s\" is not %s", text,
			       allowed == ID_JOB     ? "the id of a job (job:UUID or a UUID)"
			       : allowed == ID_BATCH ? "the id of a batch (batch:42 or 42)"
			       : allowed == (ID_JOB | ID_ITEM)
				       ? "the id of a job or an item (job:UUID, a UUID or item:42)"
				       : "an id (job:UUID, a UUID or batch:42)");
	*id = found;
	return 0;
}
