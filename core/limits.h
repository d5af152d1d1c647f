/* SPDX-License-Identifier: ISC */
/* limits: every fixed limit, with its reason. What an operator may change is configuration. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#define LIMIT_JSON_DEPTH         16         /* our own documents are 6 deep at most */
#define LIMIT_JSON_KEYS          64         /* of one object: duplicates are found by comparison */
#define LIMIT_NUMBER_CHARS       32         /* json-c clamps longer integers in silence */
#define LIMIT_LINE_BYTES         (8u << 20) /* a result line (DESIGN, Harvest); above: too_large */
#define LIMIT_LINE_HEAD_BYTES    (1u << 20) /* what is kept of a line that cannot be stored */
#define LIMIT_IMAGE_BYTES        (8u << 20) /* one data URL, decoded (DESIGN, Order) */
#define LIMIT_IMAGES_PER_LOT     50
#define LIMIT_URL_BYTES          8192
#define LIMIT_LOT_ID_BYTES       200
#define LIMIT_TITLE_BYTES        2000
#define LIMIT_NOTES_BYTES        32768
#define LIMIT_DESCRIPTION_BYTES  65536 /* a lot's own description */
#define LIMIT_INSTRUCTIONS_BYTES 4096  /* DESIGN, Order */
#define LIMIT_NAME_BYTES         200
#define LIMIT_LANGUAGES          50
#define LIMIT_LANGUAGE_BYTES     35 /* RFC 5646 section 4.4.1 */
#define LIMIT_METADATA_BYTES     8192
#define LIMIT_FAULTS             20          /* faults told in one problem+json answer */
#define LIMIT_STATUS_BYTES       (64u << 10) /* the status object of one job */
#define LIMIT_TARGET_BYTES       4096        /* REQUEST_URI */
#define LIMIT_PROMPT_BYTES       (64u << 10)
#define LIMIT_SCHEMA_BYTES       (128u << 10) /* OpenAI takes 120,000 of names and values */
#define LIMIT_ERROR_BODY_BYTES   (256u << 10) /* what is read of an error answer of the provider */
#define LIMIT_API_BODY_BYTES     (16u << 20)  /* the provider's JSON (100 batches a page) */
#define LIMIT_REMOTE_ID_BYTES    512          /* proxies make ids of hundreds of characters */
#define SLICE_ROWS               1000 /* DESIGN: work is done in slices of 1,000 rows or 200 ms */

#endif
