/* SPDX-License-Identifier: ISC */
#include "batchd/alert_watch.h"

#include "batchd/alert.h"

void alert_heed_batch(struct daemon *d, const struct batch_row *b, unsigned warnings)
{
	const struct alert_subject subject = alert_subject_batch(b->id);

	for (unsigned w = WARN_OLD; *warning_code((enum warning)w); w *= 2) {
		const int kind = alert_kind_find(warning_code((enum warning)w));

		if (kind < 0)
			continue;
		if (warnings & w)
			alert_raise(d, (enum alert_kind)kind, subject.text,
				    "%lld of %lld requests done, %s", (long long)b->remote_done,
				    (long long)b->n_items,
				    b->remote_status[0] ? b->remote_status : "not seen yet");
		else
			alert_clear(d, (enum alert_kind)kind, subject.text);
	}
}
