# SPDX-License-Identifier: ISC
# What "batchctl -h" says there is: a line for each verb, "verb --option", and the options of all.

function tell(left, n, words, i, name) {
	n = split(left, words, /[ ,]+/)
	for (i = 1; i <= n; i++)
		if (words[i] ~ /^-/)
			print (verb == "" ? "" : verb " ") words[i]
		else if (left !~ /^-/ && words[i] ~ /^[a-z]+$/)
			name = name (name == "" ? "" : " ") words[i]
	return name
}
function left_column() {sub(/^ +/, ""); sub(/  .*/, ""); return $0}
/^  [a-z]/ {verb = tell(left_column()); print verb}
/^  -/ {verb = ""}
/^(  |      )-/ {tell(left_column())}
