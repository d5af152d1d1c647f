# SPDX-License-Identifier: ISC
# Turns api/openapi.json into the C texts before and after its "servers" (fcgi_app/api_text.h), in whose place the
# program writes where it is served.
# Use: LC_ALL=C awk -f embed.awk FILE

function c_string(line)
{
	gsub(/[\\"]/, "\\\\&", line) # the one way to write a backslash that all awks agree on
	return "\"" line "\\n\""
}

BEGIN {
	print "/* SPDX-License-Identifier: ISC */"
	print "/* Made by api/embed.awk; do not edit. */"
	print "#include \"fcgi_app/api_text.h\""
	print ""
	print "/* A compiler need not take strings this long; those we build with do. */"
	print "#pragma GCC diagnostic ignored \"-Woverlength-strings\""
	print ""
	print "const char api_text_head[] ="
}

/^  "servers": \[$/ && part == 0 {
	part = 1
	next
}

part == 1 {
	if ($0 == "  ],") {
		part = 2
		print "\t;"
		print ""
		print "const char api_text_tail[] ="
	}
	next
}

{
	print "\t" c_string($0)
}

END {
	if (part != 2) {
		print "embed.awk: no servers found" > "/dev/stderr"
		exit 1
	}
	print "\t;"
}
