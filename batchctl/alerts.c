/* SPDX-License-Identifier: ISC */
/* alerts: the verb that shows alerts. It only reads. */
#include "batchctl/ctl.h"

#define ALERTS_DEFAULT_LIMIT 1000

static const struct table_column alert_columns[] = {
	{"kind", "alert", TABLE_TEXT},        {"subject", "of", TABLE_TEXT},
	{"severity", "severity", TABLE_TEXT}, {"first_at", "since", TABLE_AGE},
	{"last_at", "last found", TABLE_AGE}, {"times", "times", TABLE_INT},
	{"told", "told to", TABLE_TEXT},      {"told_at", "last told", TABLE_AGE},
	{"repeated", "repeated", TABLE_INT},  {"cleared_at", "over", TABLE_AGE},
	{"message", "what", TABLE_TEXT},
};

int ctl_alerts(struct ctl *ctl)
{
	const enum stmt s = ctl->all ? STMT_CTL_ALERTS_ALL : STMT_CTL_ALERTS;
	const int64_t limit = ctl->limit ? ctl->limit : ALERTS_DEFAULT_LIMIT;

	return ctl_print_rows(ctl, s, DB_P(db_int(limit)), CTL_COLUMNS(alert_columns),
			      ctl->all ? "No alerts." : "No open alerts.");
}
