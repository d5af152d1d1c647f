/* SPDX-License-Identifier: ISC */
/*
 * result_line: see result_line.h. The line is scanned once, strictly, then walked in place: no tree
 * is made of it, so that 8 MiB cost their own size and linear time.
 *
 * The text of an answer is what the line's JSON string says, to the code unit. A lone surrogate
 * (\ud800), which UTF-8 cannot hold and other decoders turn into U+FFFD, is kept in the generalised
 * form of three bytes (WTF-8): reversible, and refused as JSON, since that must be UTF-8. An escape
 * inside the answer's own JSON is plain ASCII here and passes as it is.
 */
#include "core/result_line.h"

#include <json-c/json_object.h>
#include <string.h>

#include "core/ascii.h"
#include "core/json_scan.h"
#include "core/strbuf.h"
#include "core/utf8.h"

#define TOKENS_MAX  UINT32_MAX /* what the database's columns hold */
#define CODE_SIZE   65         /* of the provider's codes; those we know are shorter */
#define PER_MILLION UINT64_C(1000000)

/* An error object of whatever completeness. */
struct told {
	bool present;
	int status; /* some providers give an HTTP status as the code; else 0 */
	char code[CODE_SIZE];
	char type[CODE_SIZE];
	char message[241];
};

static const struct json_span nothing = {"", 0};

/* The member's value where it is of that kind, else nothing. */
static struct json_span value_of(const struct json_member *m, enum json_kind kind)
{
	return m->kind == kind ? m->value : nothing;
}

/*
 * Text for a column and a log: cut at its size between characters, without control characters.
 * False where nothing is left. The value may be nothing.
 */
static bool copy_text(struct json_span string, char *out, size_t size)
{
	size_t at = 0, len = 0, n;
	char c[4];

	while ((n = json_string_next(string, &at, c)) != 0 && len + n < size) {
		if (n == 1 && ((unsigned char)c[0] < 0x20 || c[0] == 0x7f))
			c[0] = ' ';
		memcpy(out + len, c, n);
		len += n;
	}
	len = utf8_whole(out, len);
	out[len] = '\0';
	return len > 0;
}

/* A whole number that is not negative, or a string of its digits; -1 for anything else. */
static int64_t whole_number(const struct json_member *m)
{
	struct json_span digits = m->value;
	int64_t v = 0;
	size_t n;

	if (m->kind == JSON_KIND_STRING)
		digits = (struct json_span){digits.p + 1, digits.n - 2};
	for (n = 0; n < digits.n && ascii_is_digit(digits.p[n]); n++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digits.p[n] - '0', &v))
			return -1;
	return n > 0 && n == digits.n ? v : -1;
}

/* An HTTP status that can be, else 0. */
static int http_status(const struct json_member *m)
{
	const int64_t v = whole_number(m);

	return v >= 100 && v <= 599 ? (int)v : 0;
}

static int64_t token_count(const struct json_member *m)
{
	const int64_t v = whole_number(m);

	return v < 0 ? 0 : v > (int64_t)TOKENS_MAX ? (int64_t)TOKENS_MAX : v;
}

/* null, "", {} and an object of only such values are no error. */
static void read_error(const struct json_member *error, struct told *e)
{
	static const char *const keys[] = {"code", "type", "message"};
	struct json_member parts[3], part;
	struct json_walk w;

	memset(e, 0, sizeof(*e));
	if (error->kind == JSON_KIND_STRING)
		e->present = copy_text(error->value, e->message, sizeof(e->message));
	if (error->kind != JSON_KIND_OBJECT)
		return;
	json_walk_begin(&w, error->value);
	while (json_walk_next(&w, &part))
		e->present |= part.kind != JSON_KIND_NULL &&
			      !(part.kind == JSON_KIND_STRING && part.value.n == 2);
	json_find_each(error->value, keys, 3, parts);
	e->status = http_status(&parts[0]);
	copy_text(value_of(&parts[0], JSON_KIND_STRING), e->code, sizeof(e->code));
	copy_text(value_of(&parts[1], JSON_KIND_STRING), e->type, sizeof(e->type));
	copy_text(value_of(&parts[2], JSON_KIND_STRING), e->message, sizeof(e->message));
}

static void fail(struct result *out, int status, const struct told *e)
{
	const struct line_outcome o = line_classify(status, e->code, e->type, e->message);

	out->kind = o.is_void ? RESULT_VOID : RESULT_FAILURE;
	out->code = o.code;
	out->outcome = o.outcome;
	out->scope = o.scope;
	memcpy(out->message, e->message, sizeof(out->message));
}

static void fail_without_text(struct result *out, const char *code, enum outcome outcome)
{
	out->kind = RESULT_FAILURE;
	out->code = code;
	out->outcome = outcome;
	out->is_cost_untold = outcome == OUTCOME_LATER;
}

/* Decode a string to the code unit; out's limit is not below the span. */
static int decode_exactly(struct json_span string, struct strbuf *out)
{
	size_t at = 1;

	while (at + 1 < string.n) {
		const size_t left = string.n - 1 - at;
		const char *p = string.p + at;
		const char *slash = memchr(p, '\\', left);
		const size_t run = slash == NULL ? left : (size_t)(slash - p);
		char c[4];
		size_t n;

		strbuf_add(out, p, run);
		at += run;
		if (slash == NULL)
			break;
		n = json_string_next(string, &at, c);
		/* U+FFFD from an escape \uD...: the first byte of what it stands for is ED */
		if (n == 3 && memcmp(c, "\xef\xbf\xbd", 3) == 0 && ascii_hex(slash[2]) == 0xd) {
			c[0] = '\xed';
			c[1] = (char)(0x80 | ascii_hex(slash[3]) << 2 | ascii_hex(slash[4]) >> 2);
			c[2] = (char)(0x80 | (ascii_hex(slash[4]) & 3) << 4 | ascii_hex(slash[5]));
		}
		strbuf_add(out, c, n);
	}
	return strbuf_failed(out) ? -1 : 0;
}

/* The text becomes an answer's, owned by its doc. Without memory: false, and a broken line. */
static bool take_text(struct result *out, struct json_span string)
{
	struct strbuf text;

	strbuf_init(&text, string.n);
	if (decode_exactly(string, &text) == 0 && text.len <= INT32_MAX)
		out->doc = json_object_new_string_len(text.data, (int)text.len);
	strbuf_clear(&text);
	if (out->doc == NULL)
		return false;
	out->kind = RESULT_ANSWER;
	out->text = json_object_get_string(out->doc);
	out->text_n = (size_t)json_object_get_string_len(out->doc);
	return true;
}

static void grade(struct result *out, enum grade grade, const char *code, enum outcome outcome)
{
	out->grade = grade;
	out->code = code;
	out->outcome = outcome;
}

/*
 * Nothing was written. Where it was paid for all the same, it is an answer, so
 * that its cost is counted.
 */
static void read_nothing(struct result *out, const char *code, enum outcome outcome)
{
	static const struct json_span no_text = {"\"\"", 2};

	if (out->input_tokens + out->output_tokens > 0 && take_text(out, no_text))
		grade(out, GRADE_REFUSED, code, outcome);
	else
		fail_without_text(out, code, outcome);
}

enum grade repaired_grade(const struct repaired *r, bool is_cut, const char **code)
{
	const bool lacks = is_cut || r->report.of[REPAIR_CUT].count > 0;

	*code = NULL;
	if (r->verdict == REPAIR_UNCHANGED || r->verdict == REPAIR_MENDED)
		return GRADE_VALID;
	if (lacks)
		*code = "cut_off";
	else if (r->is_misfit || r->verdict == REPAIR_SALVAGED)
		*code = "schema_mismatch";
	else
		*code = "invalid_json";
	return r->verdict == REPAIR_SALVAGED ? GRADE_SALVAGED : GRADE_REFUSED;
}

static void grade_text(struct result *out, const struct json_object *schema, bool is_cut)
{
	const struct repair_rules rules = {.object = true, .schema = schema};
	const char *code;
	enum grade g;

	repair_text(out->text, out->text_n, &rules, &out->repaired);
	out->is_graded = true;
	g = repaired_grade(&out->repaired, is_cut, &code);
	grade(out, g, code, g == GRADE_VALID ? OUTCOME_DONE : OUTCOME_LATER);
}

/* In this order: a refusal, filtered, empty; what is left is graded as JSON. */
static void read_choice(struct json_span choice, const struct json_object *schema,
			struct result *out)
{
	static const char *const of_choice[] = {"message", "finish_reason"};
	static const char *const of_message[] = {"refusal", "content"};
	struct json_span refusal, content, reason;
	struct json_member m[2];
	bool cut, filtered;
	const char *code;

	json_find_each(choice, of_choice, 2, m);
	reason = value_of(&m[1], JSON_KIND_STRING);
	json_find_each(value_of(&m[0], JSON_KIND_OBJECT), of_message, 2, m);
	refusal = value_of(&m[0], JSON_KIND_STRING);
	content = value_of(&m[1], JSON_KIND_STRING);
	cut = json_string_equals(reason, "length", 6);
	filtered = json_string_equals(reason, "content_filter", 14);
	code = cut ? "cut_off" : filtered ? "content_filter" : "empty";

	if (refusal.n <= 2 && content.n <= 2)
		read_nothing(out, code, filtered ? OUTCOME_NEVER : OUTCOME_LATER);
	else if (!take_text(out, refusal.n > 2 ? refusal : content))
		return;
	else if (refusal.n > 2)
		grade(out, GRADE_REFUSED, "refused", OUTCOME_NEVER);
	else if (filtered)
		grade(out, GRADE_REFUSED, code, OUTCOME_NEVER);
	else
		grade_text(out, schema, cut);
}

static void read_usage(struct json_span usage, struct result *out)
{
	static const char *const keys[] = {"prompt_tokens", "completion_tokens",
					   "prompt_tokens_details"};
	struct json_member m[3], cached;

	json_find_each(usage, keys, 3, m);
	out->input_tokens = token_count(&m[0]);
	out->output_tokens = token_count(&m[1]);
	if (json_find(value_of(&m[2], JSON_KIND_OBJECT), "cached_tokens", &cached))
		out->cached_tokens = token_count(&cached);
	if (out->cached_tokens > out->input_tokens)
		out->cached_tokens = out->input_tokens;
}

/* What matters in a body: an answer, or an error, whose parts some providers put into it itself. */
enum body_part {
	BODY_MODEL,
	BODY_TIER,
	BODY_USAGE,
	BODY_CHOICES,
	BODY_ERROR,
	BODY_CODE,
	BODY_TYPE,
	BODY_MESSAGE,
	BODY_PARTS
};

static void find_body(struct json_span body, struct json_member *parts)
{
	static const char *const keys[BODY_PARTS] = {
		[BODY_MODEL] = "model",     [BODY_TIER] = "service_tier", [BODY_USAGE] = "usage",
		[BODY_CHOICES] = "choices", [BODY_ERROR] = "error",       [BODY_CODE] = "code",
		[BODY_TYPE] = "type",       [BODY_MESSAGE] = "message",
	};

	json_find_each(body, keys, BODY_PARTS, parts);
}

/* The body of an answer of status 200. */
static void read_body(const struct json_member *body, const struct json_object *schema,
		      struct result *out)
{
	struct json_walk w;
	struct json_member choice;
	struct told e;

	copy_text(value_of(&body[BODY_MODEL], JSON_KIND_STRING), out->model, sizeof(out->model));
	copy_text(value_of(&body[BODY_TIER], JSON_KIND_STRING), out->service_tier,
		  sizeof(out->service_tier));
	read_usage(value_of(&body[BODY_USAGE], JSON_KIND_OBJECT), out);
	read_error(&body[BODY_ERROR], &e);
	if (e.present) {
		fail(out, 200, &e);
		return;
	}
	json_walk_begin(&w, value_of(&body[BODY_CHOICES], JSON_KIND_ARRAY));
	if (json_walk_next(&w, &choice))
		read_choice(choice.value, schema, out);
	else
		read_nothing(out, "empty", OUTCOME_LATER);
}

static void read_body_error(const struct json_member *body, const struct told *line_error,
			    struct told *e)
{
	read_error(&body[BODY_ERROR], e);
	if (e->present)
		return;
	*e = *line_error;
	if (e->present)
		return;
	copy_text(value_of(&body[BODY_CODE], JSON_KIND_STRING), e->code, sizeof(e->code));
	copy_text(value_of(&body[BODY_TYPE], JSON_KIND_STRING), e->type, sizeof(e->type));
	copy_text(value_of(&body[BODY_MESSAGE], JSON_KIND_STRING), e->message, sizeof(e->message));
}

static void read_response(struct json_span response, const struct told *line_error,
			  const struct json_object *schema, struct result *out)
{
	static const char *const keys[] = {"status_code", "request_id", "body"};
	struct json_member m[3], body[BODY_PARTS];
	struct told e;
	int status;

	json_find_each(response, keys, 3, m);
	find_body(value_of(&m[2], JSON_KIND_OBJECT), body);
	status = http_status(&m[0]);
	/* without a status, a body that answers is an answer */
	if (status == 0 && value_of(&body[BODY_CHOICES], JSON_KIND_ARRAY).n > 2)
		status = 200;
	copy_text(value_of(&m[1], JSON_KIND_STRING), out->request_id, sizeof(out->request_id));
	if (status == 200 && !line_error->present) {
		read_body(body, schema, out);
		return;
	}
	read_body_error(body, line_error, &e);
	fail(out, status != 0 ? status : e.status, &e);
}

static bool read_custom_id(const struct json_member *id, struct result *out)
{
	/* what is cut off here is too long to be ours anyway */
	char text[CUSTOM_ID_SIZE];

	copy_text(value_of(id, JSON_KIND_STRING), text, sizeof(text));
	return custom_id_parse(text, &out->item, &out->attempt, out->mark) == 0;
}

/* The JSON object that the whole of s is, after a byte order mark; else nothing. */
static struct json_span object_of(const char *s, size_t n)
{
	struct json_fault fault;
	struct json_span value;

	if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
		s += 3;
		n -= 3;
	}
	if (json_scan(s, n, &json_rules_provider, &fault) != 0)
		return nothing;
	value = json_span_of(s, n);
	return json_kind_of(value) == JSON_KIND_OBJECT ? value : nothing;
}

static void begin(struct result *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = RESULT_BROKEN;
	out->outcome = OUTCOME_LATER;
	out->scope = SCOPE_CALL;
}

void result_line_read(const char *line, size_t n, struct json_object *schema, struct result *out)
{
	static const char *const keys[] = {"custom_id", "response", "error"};
	struct json_member m[3];
	struct json_span object;
	struct told error;

	begin(out);
	object = object_of(line, n);
	if (object.n == 0)
		return;
	json_find_each(object, keys, 3, m);
	if (!read_custom_id(&m[0], out)) {
		out->kind = RESULT_STRANGER;
		return;
	}
	if (m[1].kind == JSON_KIND_COUNT && m[2].kind == JSON_KIND_COUNT)
		return;
	read_error(&m[2], &error);
	read_response(value_of(&m[1], JSON_KIND_OBJECT), &error, schema, out);
}

void result_body_read(const char *body, size_t n, struct json_object *schema, struct result *out)
{
	struct json_member parts[BODY_PARTS];
	struct json_span object;

	begin(out);
	object = object_of(body, n);
	if (object.n == 0)
		return;
	find_body(object, parts);
	read_body(parts, schema, out);
}

void result_clear(struct result *r)
{
	json_object_put(r->doc);
	r->doc = NULL;
	r->text = NULL;
	r->text_n = 0;
	if (r->is_graded)
		repaired_clear(&r->repaired);
	r->is_graded = false;
}

struct json_span result_value(const struct result *r)
{
	const struct strbuf *mended = &r->repaired.text;

	if (r->is_graded && r->repaired.verdict != REPAIR_UNCHANGED)
		return (struct json_span){mended->data, mended->len};
	return (struct json_span){r->text, r->text_n};
}

__extension__ typedef unsigned __int128 uint128;

/* Below 2^126, so that three of them can be added. */
static uint128 charge(int64_t count, int64_t price)
{
	return count > 0 && price > 0 ? (uint128)count * (uint128)price : 0;
}

int64_t result_cost(int64_t input_tokens, int64_t cached_tokens, int64_t output_tokens,
		    const struct prices *p)
{
	const uint64_t divisor = PER_MILLION * PER_MILLION;
	const uint64_t factor = p->factor_ppm > 0 ? (uint64_t)p->factor_ppm : 0;
	uint128 sum;

	if (input_tokens < 0)
		input_tokens = 0;
	if (cached_tokens < 0)
		cached_tokens = 0;
	if (cached_tokens > input_tokens)
		cached_tokens = input_tokens;
	sum = charge(input_tokens - cached_tokens, p->input) + charge(cached_tokens, p->cached) +
	      charge(output_tokens, p->output);
	if (__builtin_mul_overflow(sum, factor, &sum) ||
	    __builtin_add_overflow(sum, divisor / 2, &sum) || sum / divisor > INT64_MAX)
		return INT64_MAX;
	return (int64_t)(sum / divisor);
}

int result_head_find(const char *head, size_t n, uint64_t *item, unsigned *attempt, char mark[17])
{
	static const char key[] = "\"custom_id\"";
	const char *end = head + n, *s = memmem(head, n, key, sizeof(key) - 1);
	const char *close;
	char id[CUSTOM_ID_SIZE];

	if (!s)
		return -1;
	for (s += sizeof(key) - 1; s < end && strchr(" \t:", *s); s++)
		;
	if (s == end || *s++ != '"')
		return -1;
	close = memchr(s, '"', (size_t)(end - s));
	if (!close || (size_t)(close - s) >= sizeof(id))
		return -1;
	memcpy(id, s, (size_t)(close - s));
	id[close - s] = '\0';
	return custom_id_parse(id, item, attempt, mark);
}
