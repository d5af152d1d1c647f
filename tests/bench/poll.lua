-- SPDX-License-Identifier: ISC
-- wrk's script: random ids from a file of lines "ID ETAG", the figures of the run as one line of JSON at its end.
--
--     wrk ... -s poll.lua URL -- IDS-FILE PREFIX SUFFIX WITH-ETAG(0|1) SEED|walk

local requests = {}
local n = 0
local walk = false
local at = 0

function init(arguments)
	local with_etag = arguments[4] == "1"

	for line in io.lines(arguments[1]) do
		local id, etag = line:match("^(%S+) (%S+)$")
		local headers = with_etag and { ["If-None-Match"] = etag } or {}

		n = n + 1
		requests[n] = wrk.format("GET", arguments[2] .. id .. arguments[3], headers)
	end
	walk = arguments[5] == "walk"
	if not walk then
		math.randomseed(tonumber(arguments[5]))
	end
end

function request()
	if walk then
		at = at % n + 1
		return requests[at]
	end
	return requests[math.random(n)]
end

function done(summary, latency, _)
	local e = summary.errors

	print(string.format('{"requests": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}',
		summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
		latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
