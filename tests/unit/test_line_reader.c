/* SPDX-License-Identifier: ISC */
/*
 * Lines of a file by their offsets: whole, too large, empty, without an end, and from the middle.
 */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/line_reader.h"

#define LIMIT 8
#define HEAD  3
#define BLOCK sizeof(((struct line_reader *)0)->block)

struct expected {
	int64_t offset, size;
	const char *text;
	bool too_large;
};

static char path[] = "line_reader.XXXXXX";
static int64_t file_size;

static void write_file(const char *bytes, size_t n)
{
	FILE *f;
	int fd;

	unlink(path); /* of the test before, where it left one */
	strcpy(path, "line_reader.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	file_size = (int64_t)n;
}

static void expect_lines(int64_t from, const struct expected *e, size_t n)
{
	struct line_reader r;
	struct file_line line;
	struct err err;

	assert_int_equal(line_reader_open(&r, path, from, LIMIT, HEAD, &err), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(line_reader_next(&r, &line, &err), 1);
		assert_int_equal(line.offset, e[i].offset);
		assert_int_equal(line.size, e[i].size);
		assert_int_equal(line.too_large, e[i].too_large);
		assert_int_equal(line.n, strlen(e[i].text));
		assert_string_equal(line.text, e[i].text);
	}
	assert_int_equal(line_reader_next(&r, &line, &err), 0);
	assert_int_equal(line_reader_next(&r, &line, &err), 0);
	assert_int_equal(r.offset, file_size);
	line_reader_close(&r);
	line_reader_close(&r);
}

static void lines_come_with_their_offsets(void **state)
{
	static const struct expected e[] = {{0, 1, "a", false},
					    {2, 2, "bc", false},
					    {5, 3, "def", false}};

	(void)state;
	write_file("a\nbc\ndef\n", 9);
	expect_lines(0, e, 3);
	expect_lines(2, e + 1, 2);
	expect_lines(9, NULL, 0);
	unlink(path);
}

static void a_last_line_needs_no_newline(void **state)
{
	static const struct expected e[] = {{0, 1, "a", false}, {2, 2, "bc", false}};

	(void)state;
	write_file("a\nbc", 4);
	expect_lines(0, e, 2);
	unlink(path);
}

static void empty_lines_are_lines(void **state)
{
	static const struct expected e[] = {{0, 0, "", false},
					    {1, 0, "", false},
					    {2, 1, "x", false}};

	(void)state;
	write_file("\n\nx\n", 4);
	expect_lines(0, e, 3);
	write_file("", 0);
	expect_lines(0, NULL, 0);
	unlink(path);
}

static void a_line_at_the_limit_is_whole_and_one_above_is_its_head(void **state)
{
	static const struct expected e[] = {{0, 8, "12345678", false},
					    {9, 9, "123", true},
					    {19, 30, "abc", true},
					    {50, 1, "z", false}};

	(void)state;
	write_file("12345678\n123456789\nabcdefghijklmnopqrstuvwxyzABCD\nz\n", 52);
	expect_lines(0, e, 4);
	expect_lines(19, e + 2, 2);
	unlink(path);
}

static void a_large_line_without_an_end_is_its_head(void **state)
{
	static const struct expected e[] = {{0, 10, "012", true}};

	(void)state;
	write_file("0123456789", 10);
	expect_lines(0, e, 1);
	unlink(path);
}

static void lines_go_on_over_the_blocks_that_are_read(void **state)
{
	static const size_t sizes[] = {BLOCK - 1, BLOCK, 3 * BLOCK, 0, BLOCK - 3, 2, 5};
	static char text[8 * BLOCK];
	struct line_reader r;
	struct file_line line;
	struct err err;
	size_t n = 0, at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			text[n++] = (char)('a' + (i + k) % 26);
		text[n++] = '\n';
	}
	write_file(text, n - 1);
	assert_int_equal(line_reader_open(&r, path, 0, 2 * BLOCK, HEAD, &err), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(line_reader_next(&r, &line, &err), 1);
		assert_int_equal(line.offset, at);
		assert_int_equal(line.size, sizes[i]);
		assert_int_equal(line.n, line.too_large ? HEAD : sizes[i]);
		assert_memory_equal(line.text, text + at, line.n);
		at += sizes[i] + 1;
	}
	assert_int_equal(line_reader_next(&r, &line, &err), 0);
	line_reader_close(&r);
	unlink(path);
}

static void bytes_pass_as_they_are(void **state)
{
	static const char bytes[] = "\r\0\xff\xfe\r\n\xc3\n";
	struct line_reader r;
	struct file_line line;
	struct err err;

	(void)state;
	write_file(bytes, sizeof(bytes) - 1);
	assert_int_equal(line_reader_open(&r, path, 0, LIMIT, HEAD, &err), 0);
	assert_int_equal(line_reader_next(&r, &line, &err), 1);
	assert_int_equal(line.n, 5);
	assert_memory_equal(line.text, bytes, 5);
	assert_int_equal(line_reader_next(&r, &line, &err), 1);
	assert_int_equal(line.offset, 6);
	assert_string_equal(line.text, "\xc3");
	line_reader_close(&r);
	unlink(path);
}

static void a_file_that_is_not_there_is_tried_later(void **state)
{
	struct line_reader r = {0};
	struct err err;

	(void)state;
	assert_int_equal(line_reader_open(&r, "no/such/file", 0, LIMIT, HEAD, &err), -1);
	assert_int_equal(err.class, ERR_LATER);
}

static int remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_with_their_offsets),
		cmocka_unit_test(a_last_line_needs_no_newline),
		cmocka_unit_test(empty_lines_are_lines),
		cmocka_unit_test(a_line_at_the_limit_is_whole_and_one_above_is_its_head),
		cmocka_unit_test(a_large_line_without_an_end_is_its_head),
		cmocka_unit_test(lines_go_on_over_the_blocks_that_are_read),
		cmocka_unit_test(bytes_pass_as_they_are),
		cmocka_unit_test(a_file_that_is_not_there_is_tried_later),
	};

	return cmocka_run_group_tests(tests, NULL, remove_file);
}
