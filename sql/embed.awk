# SPDX-License-Identifier: ISC
# Turns SQL files into the C table sql_texts[] (common/sql_text.h).
# Use: LC_ALL=C awk -f embed.awk NAME=FILE... ; NAME is what the program knows the file by.

function c_string(line)
{
	gsub(/[\\"]/, "\\\\&", line) # the one way to write a backslash that all awks agree on
	return "\"" line "\\n\""
}

BEGIN {
	print "/* SPDX-License-Identifier: ISC */"
	print "/* Made by sql/embed.awk; do not edit. */"
	print "#include <stddef.h>"
	print "#include \"common/sql_text.h\""
	print ""
	print "/* A compiler need not take strings this long; those we build with do. */"
	print "#pragma GCC diagnostic ignored \"-Woverlength-strings\""
	print ""
	print "const struct sql_text sql_texts[] = {"
	for (i = 1; i < ARGC; i++) {
		cut = index(ARGV[i], "=")
		name = substr(ARGV[i], 1, cut - 1)
		file = substr(ARGV[i], cut + 1)
		print "\t{\"" name "\","
		lines = 0
		while ((got = (getline line < file)) > 0) {
			print "\t " c_string(line)
			lines++
		}
		if (got < 0 || lines == 0) {
			print "embed.awk: cannot read " file > "/dev/stderr"
			exit 1
		}
		close(file)
		print "\t},"
	}
	print "\t{NULL, NULL},"
	print "};"
	exit 0
}
