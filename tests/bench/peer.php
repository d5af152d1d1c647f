<?php
// SPDX-License-Identifier: ISC
// The two reads of a job as PHP-FPM and mysqli do them, for comparison: the same answers, headers and entity tags
// as the front end's, one persistent connection a process, stored JSON passed through as it is.
declare(strict_types=1);

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

const MESSAGES = ['deadline' => 'no usable answer before the deadline'];

function json(?string $text): string
{
    return json_encode($text, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
}

function not_found(): never
{
    http_response_code(404);
    header('Content-Type: application/problem+json');
    exit('{"type":"about:blank","title":"Not Found","status":404}');
}

/** Seconds until another look makes sense; 0 for an ended job. */
function retry_after(array $job): int
{
    if (in_array($job['status'], ['completed', 'failed', 'cancelled'], true)) {
        return 0;
    }
    return max(1, min(30, intdiv((int)$job['unchanged_s'], 10), (int)$job['left_s']));
}

/** The lots of one page with their descriptions. */
function lots(mysqli $db, string $job): string
{
    $tags = [];
    foreach ($db->execute_query('SELECT no, tag FROM job_language WHERE job_id = ?', [$job]) as $row) {
        $tags[(int)$row['no']] = $row['tag'];
    }
    $lots = $items = [];
    $answers = $db->execute_query(
        'SELECT i.lot_seq, i.lang_no, i.code, a.grade, a.source, a.repaired, COALESCE(a.value, a.raw) AS value
         FROM item i LEFT JOIN answer a ON a.item_id = i.id AND a.attempt_no = i.answer_no
         AND a.grade IN ("valid", "salvaged")
         WHERE i.job_id = ? AND i.lot_seq < 1000 ORDER BY i.lot_seq, i.lang_no', [$job]);
    foreach ($answers as $row) {
        $items[(int)$row['lot_seq']][] = $row;
    }
    $rows = $db->execute_query('SELECT seq, ref, title FROM lot WHERE job_id = ? ORDER BY seq LIMIT 1000', [$job]);
    foreach ($rows as $lot) {
        $descriptions = $errors = [];
        foreach ($items[(int)$lot['seq']] ?? [] as $item) {
            $tag = json($tags[(int)$item['lang_no']]);
            if ($item['grade'] !== null) {
                $descriptions[] = $tag . ':{"value":' . $item['value'] . ',"source":' . json($item['source'])
                    . ',"repaired":' . json($item['repaired'])
                    . ($item['grade'] === 'salvaged' ? ',"salvaged":true}' : '}');
                continue;
            }
            $descriptions[] = $tag . ':null';
            if ($item['code'] !== null) {
                $errors[] = '{"language":' . $tag . ',"code":' . json($item['code'])
                    . ',"message":' . json(MESSAGES[$item['code']] ?? 'failed') . '}';
            }
        }
        $lots[] = '{"id":' . json($lot['ref']) . ',"title":' . json($lot['title'])
            . ',"descriptions":{' . implode(',', $descriptions) . '},"errors":[' . implode(',', $errors) . ']}';
    }
    return implode(',', $lots);
}

function links(string $id): string
{
    $self = '/api/v1/jobs/' . $id;
    return ',"links":{"self":' . json($self) . ',"status":' . json("$self/status")
        . ',"events":' . json("$self/events") . '}}';
}

function status(array $job, string $id): void
{
    $etag = '"' . substr($id, 0, 8) . '-' . $job['version'] . '"';
    header('ETag: ' . $etag);
    if (in_array($etag, array_map('trim', explode(',', $_SERVER['HTTP_IF_NONE_MATCH'] ?? '')), true)) {
        http_response_code(304);
        return;
    }
    $body = $job['status_json'] . links($id);
    header('Content-Length: ' . strlen($body));
    echo $body;
}

function main(): void
{
    if (!preg_match('~/jobs/([0-9a-f-]{36})(/status)?$~', $_SERVER['REQUEST_URI'], $found)) {
        not_found();
    }
    $id = $found[1];
    $db = mysqli_init();
    $db->options(MYSQLI_SET_CHARSET_NAME, 'utf8mb4');
    $db->real_connect('p:localhost', getenv('BENCH_USER'), getenv('BENCH_PASSWORD'), getenv('BENCH_DATABASE'), 0,
        getenv('BENCH_SOCKET'));
    $job = $db->execute_query(
        'SELECT id, version, status, status_json, TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP(6)) AS unchanged_s,
         TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), deadline_at) AS left_s
         FROM job WHERE public_id = ? AND visible = 1', [$id])->fetch_assoc();
    if (!$job) {
        not_found();
    }
    header('Content-Type: application/json');
    header('Cache-Control: private, no-cache');
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: no-referrer');
    header('X-Robots-Tag: noindex');
    $wait = retry_after($job);
    if ($wait > 0) {
        header("Retry-After: $wait");
    }
    if (isset($found[2])) {
        status($job, $id);
        return;
    }
    $body = $job['status_json'] . ',"lots":[' . lots($db, (string)$job['id']) . '],"next":null' . links($id);
    header('Content-Length: ' . strlen($body));
    echo $body;
}

main();
