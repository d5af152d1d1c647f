/* SPDX-License-Identifier: ISC */
/*
 * result_lines: lines of result files and what they are, the cases of test_result_line.c. Answers
 * are held against a schema of two required keys, "t" (a string) and "p" (a string or null).
 */
#ifndef TESTS_UNIT_RESULT_LINES_H
#define TESTS_UNIT_RESULT_LINES_H

#include "core/result_line.h"

#define LINE(rest) "{\"id\":\"batch_req_1\",\"custom_id\":\"42-3-0123456789abcdef\"," rest "}"
#define RESPONSE(status, body)                                                                   \
	LINE("\"response\":{\"status_code\":" #status ",\"request_id\":\"req_1\",\"body\":" body \
	     "},\"error\":null")
#define CHOICE(reason, message)                                                        \
	"{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"gpt-5-2025-08-07\"," \
	"\"choices\":[{\"index\":0,\"finish_reason\":" reason ",\"message\":" message "}]}"
#define ANSWER(reason, content)      \
	RESPONSE(200, CHOICE(reason, \
			     "{\"role\":\"assistant\",\"content\":" content ",\"refusal\":null}"))
#define PAID(reason, content)                                                                  \
	"{\"choices\":[{\"finish_reason\":" reason ",\"message\":{\"content\":" content "}}]," \
	"\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2000}}"
#define ERROR(code, type, message)                                                      \
	"{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\",\"param\":null," \
	"\"code\":" code "}}"

/* clang-format off */

#define A RESULT_ANSWER
#define F RESULT_FAILURE
#define V RESULT_VOID
#define S RESULT_STRANGER
#define B RESULT_BROKEN
#define D OUTCOME_DONE
#define L OUTCOME_LATER
#define N OUTCOME_NEVER
#define ONE    SCOPE_CALL
#define RECIPE SCOPE_RECIPE
#define ALL    SCOPE_ALL

#define GOOD	  "\"{\\\"t\\\":\\\"\\\",\\\"p\\\":null}\""
#define GOOD_TEXT "{\"t\":\"\",\"p\":null}"
#define GOOD_BODY CHOICE("\"stop\"", "{\"content\":" GOOD "}")

#define VALID(text)		   A, GRADE_VALID, D, ONE, NULL, text, "", NULL
#define MENDED(text, value)	   A, GRADE_VALID, D, ONE, NULL, text, "", value
#define SALVAGED(why, text, value) A, GRADE_SALVAGED, L, ONE, why, text, "", value
#define REFUSED(outcome, why, text) A, GRADE_REFUSED, outcome, ONE, why, text, "", NULL
#define FAILED(outcome, scope, code, message) F, GRADE_NONE, outcome, scope, code, NULL, message, NULL
#define NOT_RUN(scope, code, message) V, GRADE_NONE, L, scope, code, NULL, message, NULL
#define NO_RESULT(kind)		   kind, GRADE_NONE, L, ONE, NULL, NULL, "", NULL

static const struct line_case {
	const char *what, *line;
	enum result_kind kind;
	enum grade grade;
	enum outcome outcome;
	enum outcome_scope scope;
	const char *code, *text, *message;
	const char *value; /* of an answer that is not refused; NULL: the text itself */
} lines[] = {
	{ "a valid answer", ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"Bowl\\\",\\\"p\\\":null}\""),
	  VALID("{\"t\":\"Bowl\",\"p\":null}") },
	{ "white space around and within is kept",
	  ANSWER("\"stop\"", "\" {\\n\\\"t\\\" : \\\"\\\",\\\"p\\\":\\\"\\\"} \\n\""),
	  VALID(" {\n\"t\" : \"\",\"p\":\"\"} \n") },
	{ "escapes within the answer are its own",
	  ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"\\\\u00e9 \\\\ud800 \\u00e9\\\",\\\"p\\\":null}\""),
	  VALID("{\"t\":\"\\u00e9 \\ud800 \xc3\xa9\",\"p\":null}") },
	{ "no reason told", ANSWER("null", "\"{\\\"t\\\":\\\"Bowl\\\",\\\"p\\\":null}\""),
	  VALID("{\"t\":\"Bowl\",\"p\":null}") },
	{ "keys in another order, error absent",
	  "{\"response\":{\"body\":{\"choices\":[{\"message\":{\"content\":"
	  "\"{\\\"p\\\":null,\\\"t\\\":\\\"x\\\"}\"}}]},\"status_code\":200},"
	  "\"custom_id\":\"42-3-0123456789abcdef\"}",
	  VALID("{\"p\":null,\"t\":\"x\"}") },
	{ "a byte order mark, and a carriage return behind",
	  "\xef\xbb\xbf" ANSWER("\"stop\"", GOOD) "\r", VALID(GOOD_TEXT) },
	{ "a status as text", RESPONSE("200", GOOD_BODY), VALID(GOOD_TEXT) },
	{ "no status, but an answer", RESPONSE(null, GOOD_BODY), VALID(GOOD_TEXT) },
	{ "an error without anything in it is none",
	  LINE("\"response\":{\"status_code\":200,\"body\":" GOOD_BODY
	       "},\"error\":{\"code\":null,\"message\":\"\"}"),
	  VALID(GOOD_TEXT) },

	/* Text that is no JSON, or does not fit. */
	{ "prose", ANSWER("\"stop\"", "\"Sorry, a bowl.\""),
	  REFUSED(L, "invalid_json", "Sorry, a bowl.") },
	{ "a fence", ANSWER("\"stop\"", "\"```json\\n{}\\n```\""),
	  REFUSED(L, "schema_mismatch", "```json\n{}\n```") },
	{ "a fence around a description",
	  ANSWER("\"stop\"", "\"```json\\n{\\\"t\\\": \\\"Bowl\\\", \\\"p\\\": null}\\n```\""),
	  MENDED("```json\n{\"t\": \"Bowl\", \"p\": null}\n```", "{\"t\": \"Bowl\", \"p\": null}") },
	{ "white space alone", ANSWER("\"stop\"", "\" \""), REFUSED(L, "invalid_json", " ") },
	{ "Python's repr", ANSWER("\"stop\"", "\"{'t': 'Bowl', 'p': None}\""),
	  MENDED("{'t': 'Bowl', 'p': None}", "{\"t\":\"Bowl\",\"p\":null}") },
	{ "Python's repr that fits in part", ANSWER("\"stop\"", "\"{'t': None, 'p': None}\""),
	  SALVAGED("schema_mismatch", "{'t': None, 'p': None}", "{\"p\":null}") },
	{ "NaN", ANSWER("\"stop\"", "\"{\\\"t\\\":NaN}\""),
	  REFUSED(L, "schema_mismatch", "{\"t\":NaN}") },
	{ "two documents", ANSWER("\"stop\"", "\"{}{}\""), REFUSED(L, "invalid_json", "{}{}") },
	{ "a trailing comma", ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"\\\",\\\"p\\\":null,}\""),
	  MENDED("{\"t\":\"\",\"p\":null,}", "{\"t\":\"\",\"p\":null}") },
	{ "a raw control character",
	  ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"\\n\\\",\\\"p\\\":null}\""),
	  MENDED("{\"t\":\"\n\",\"p\":null}", "{\"t\":\"\\n\",\"p\":null}") },
	{ "not an object", ANSWER("\"stop\"", "\"[]\""), REFUSED(L, "schema_mismatch", "[]") },
	{ "null", ANSWER("\"stop\"", "\"null\""), REFUSED(L, "schema_mismatch", "null") },
	{ "JSON encoded twice", ANSWER("\"stop\"", "\"\\\"{}\\\"\""),
	  REFUSED(L, "schema_mismatch", "\"{}\"") },
	{ "a description encoded twice",
	  ANSWER("\"stop\"", "\"\\\"{\\\\\\\"t\\\\\\\":\\\\\\\"\\\\\\\",\\\\\\\"p\\\\\\\":null}\\\"\""),
	  MENDED("\"{\\\"t\\\":\\\"\\\",\\\"p\\\":null}\"", "{\"t\":\"\",\"p\":null}") },
	{ "a key is missing", ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"Bowl\\\"}\""),
	  SALVAGED("schema_mismatch", "{\"t\":\"Bowl\"}", "{\"t\":\"Bowl\"}") },
	{ "a key too many",
	  ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"\\\",\\\"p\\\":null,\\\"q\\\":1}\""),
	  SALVAGED("schema_mismatch", "{\"t\":\"\",\"p\":null,\"q\":1}", "{\"t\":\"\",\"p\":null}") },

	/* In this order: refused, filtered, empty, cut off. */
	{ "a refusal",
	  RESPONSE(200, CHOICE("\"stop\"", "{\"content\":null,\"refusal\":\"I can't.\"}")),
	  REFUSED(N, "refused", "I can't.") },
	{ "a refusal wins over all else",
	  RESPONSE(200, CHOICE("\"length\"", "{\"content\":\"{\",\"refusal\":\"No.\"}")),
	  REFUSED(N, "refused", "No.") },
	{ "an empty refusal is none",
	  RESPONSE(200, CHOICE("\"stop\"", "{\"content\":\"{\",\"refusal\":\"\"}")),
	  REFUSED(L, "invalid_json", "{") },
	{ "cut off", ANSWER("\"length\"", "\"{\\\"t\\\":\\\"Bo\""),
	  REFUSED(L, "cut_off", "{\"t\":\"Bo") },
	{ "cut off behind what is whole", ANSWER("\"length\"", "\"{\\\"t\\\":\\\"Bowl\\\",\\\"p\\\":\\\"19\""),
	  SALVAGED("cut_off", "{\"t\":\"Bowl\",\"p\":\"19", "{\"t\":\"Bowl\"}") },
	{ "cut off, and the provider does not say so", ANSWER("\"stop\"", "\"{'t': 'Bowl', 'p': No\""),
	  SALVAGED("cut_off", "{'t': 'Bowl', 'p': No", "{\"t\":\"Bowl\"}") },
	{ "as long as it may be, and whole", ANSWER("\"length\"", GOOD), VALID(GOOD_TEXT) },
	{ "cut off before the first word", ANSWER("\"length\"", "\"\""),
	  FAILED(L, ONE, "cut_off", "") },
	{ "filtered", ANSWER("\"content_filter\"", "\"{\\\"t\""),
	  REFUSED(N, "content_filter", "{\"t") },
	{ "filtered, without text", ANSWER("\"content_filter\"", "null"),
	  FAILED(N, ONE, "content_filter", "") },
	{ "no content", ANSWER("\"stop\"", "null"), FAILED(L, ONE, "empty", "") },
	{ "empty content", ANSWER("\"stop\"", "\"\""), FAILED(L, ONE, "empty", "") },
	{ "content that is no text", ANSWER("\"stop\"", "[1]"), FAILED(L, ONE, "empty", "") },
	{ "a tool call", ANSWER("\"tool_calls\"", "null"), FAILED(L, ONE, "empty", "") },
	{ "no message", RESPONSE(200, "{\"choices\":[{\"finish_reason\":\"stop\"}]}"),
	  FAILED(L, ONE, "empty", "") },
	{ "a choice that is none", RESPONSE(200, "{\"choices\":[7]}"),
	  FAILED(L, ONE, "empty", "") },
	{ "no choice", RESPONSE(200, "{\"choices\":[]}"), FAILED(L, ONE, "empty", "") },
	{ "no choices", RESPONSE(200, "{}"), FAILED(L, ONE, "empty", "") },
	{ "no body", RESPONSE(200, "null"), FAILED(L, ONE, "empty", "") },
	{ "a body that is text", RESPONSE(200, "\"upstream error\""), FAILED(L, ONE, "empty", "") },
	{ "nothing, but paid for", RESPONSE(200, PAID("\"length\"", "\"\"")),
	  REFUSED(L, "cut_off", "") },
	{ "nothing, filtered, but paid for", RESPONSE(200, PAID("\"content_filter\"", "null")),
	  REFUSED(N, "content_filter", "") },
	{ "no choices, but paid for",
	  RESPONSE(200, "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}"), REFUSED(L, "empty", "") },

	/* HTTP errors: the line's own error is null. */
	{ "their fault",
	  RESPONSE(500, ERROR("\"server_error\"", "server_error", "An error occurred")),
	  FAILED(L, ONE, "server_error", "An error occurred") },
	{ "their fault, without a word", RESPONSE(502, "{}"), FAILED(L, ONE, "server_error", "") },
	{ "a bad image",
	  RESPONSE(400, ERROR("\"invalid_image_format\"", "invalid_request_error", "You uploaded")),
	  FAILED(N, ONE, "bad_image", "You uploaded") },
	{ "a dead URL",
	  RESPONSE(400, ERROR("\"invalid_value\"", "invalid_request_error",
			      "Error while downloading https://a.")),
	  FAILED(L, ONE, "image_download_failed", "Error while downloading https://a.") },
	{ "a bad schema",
	  RESPONSE(400, ERROR("null", "invalid_request_error",
			      "Invalid schema for response_format 'x'")),
	  FAILED(N, RECIPE, "bad_schema", "Invalid schema for response_format 'x'") },
	{ "turned away", RESPONSE(429, ERROR("\"rate_limit_exceeded\"", "requests", "Rate limit")),
	  NOT_RUN(ONE, "rate_limited", "Rate limit") },
	{ "no money",
	  RESPONSE(429, ERROR("\"insufficient_quota\"", "insufficient_quota", "You exceeded")),
	  NOT_RUN(ALL, "insufficient_quota", "You exceeded") },
	{ "an error that is text", RESPONSE(400, "{\"error\":\"Error while downloading x\"}"),
	  FAILED(L, ONE, "image_download_failed", "Error while downloading x") },
	{ "an error without a case around it",
	  RESPONSE(400, "{\"object\":\"error\",\"message\":\"bad\",\"type\":\"t\","
			"\"code\":\"invalid_image\"}"),
	  FAILED(N, ONE, "bad_image", "bad") },
	{ "told twice: by the line too",
	  LINE("\"response\":{\"status_code\":400,\"body\":{}},"
	       "\"error\":{\"code\":\"invalid_image\",\"message\":\"bad\"}"),
	  FAILED(N, ONE, "bad_image", "bad") },
	{ "a status of success with an error",
	  LINE("\"response\":{\"status_code\":200,\"body\":" GOOD_BODY
	       "},\"error\":{\"code\":\"server_error\"}"),
	  FAILED(L, ONE, "server_error", "") },
	{ "a body of status 200 that is an error",
	  RESPONSE(200, ERROR("\"server_error\"", "x", "oh")),
	  FAILED(L, ONE, "server_error", "oh") },
	{ "a status that is none", RESPONSE(204, "{}"), FAILED(L, ONE, "bad_status", "") },

	/* Never ran. */
	{ "expired",
	  LINE("\"response\":null,\"error\":{\"code\":\"batch_expired\","
	       "\"message\":\"This request could not\"}"),
	  NOT_RUN(ONE, "batch_expired", "This request could not") },
	{ "cancelled",
	  LINE("\"response\":null,\"error\":{\"code\":\"batch_cancelled\",\"message\":\"x\"}"),
	  NOT_RUN(ONE, "batch_cancelled", "x") },
	{ "an unknown error without an answer",
	  LINE("\"response\":null,\"error\":{\"code\":\"new\",\"message\":\"y\"}"),
	  NOT_RUN(ONE, "void", "y") },
	{ "a code that is a status",
	  LINE("\"response\":null,\"error\":{\"code\":422,\"message\":\"x\"}"),
	  FAILED(N, ONE, "bad_request", "x") },
	{ "a code that is some number", LINE("\"response\":null,\"error\":{\"code\":5}"),
	  NOT_RUN(ONE, "void", "") },
	{ "no answer and no error", LINE("\"response\":null,\"error\":null"),
	  NOT_RUN(ONE, "void", "") },
	{ "an error alone", LINE("\"error\":{\"code\":\"batch_expired\"}"),
	  NOT_RUN(ONE, "batch_expired", "") },
	{ "the void form",
	  LINE("\"response\":{\"status_code\":0,\"request_id\":\"\",\"body\":{}},\"error\":null"),
	  NOT_RUN(ONE, "void", "") },
	{ "an empty response", LINE("\"response\":{}"), NOT_RUN(ONE, "void", "") },
	{ "an impossible status", RESPONSE(99999999999999999999, "{}"), NOT_RUN(ONE, "void", "") },

	/* Not ours, or nothing at all. */
	{ "another's custom_id", "{\"custom_id\":\"request-1\",\"response\":null,\"error\":null}",
	  NO_RESULT(S) },
	{ "no custom_id", "{\"response\":null,\"error\":null}", NO_RESULT(S) },
	{ "a custom_id that is no text", "{\"custom_id\":42,\"response\":null}", NO_RESULT(S) },
	{ "a custom_id with a NUL behind",
	  "{\"custom_id\":\"42-3-0123456789abcdef\\u0000\",\"response\":null}", NO_RESULT(S) },
	{ "a custom_id that begins as ours",
	  "{\"custom_id\":\"42-3-0123456789abcdef-0123456789-0123456789-0123456789-0123456789\"}",
	  NO_RESULT(S) },
	{ "ours, without any known shape", LINE("\"answer\":1"), NO_RESULT(B) },
	{ "an empty line", "", NO_RESULT(B) },
	{ "a blank line", " \r", NO_RESULT(B) },
	{ "an array", "[1]", NO_RESULT(B) },
	{ "a page of HTML", "<html>502</html>", NO_RESULT(B) },
	{ "two lines in one", RESPONSE(500, "{}") RESPONSE(500, "{}"), NO_RESULT(B) },
	{ "bytes that are no UTF-8", ANSWER("\"stop\"", "\"\xff\""), NO_RESULT(B) },
};

/* clang-format on */

#endif
