/* SPDX-License-Identifier: ISC */
/* url: see url.h. */
#include "core/url.h"

#include <string.h>

#include "core/ascii.h"
#include "core/limits.h"
#include "core/utf8.h"

/* How many bytes of s the scheme and "://" take; 0 where it is another. */
static size_t scheme_length(const char *s, size_t n, bool https_only)
{
	static const char https[] = "https://";
	static const char http[] = "http://";
	size_t same_https = 0;
	size_t same_http = 0;

	while (same_https < n && same_https < 8 && ascii_lower(s[same_https]) == https[same_https])
		same_https++;
	while (same_http < n && same_http < 7 && ascii_lower(s[same_http]) == http[same_http])
		same_http++;
	if (same_https == 8)
		return 8;
	return same_http == 7 && !https_only ? 7 : 0;
}

static const char *character_fault(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_sequence(s + i, n - i);

		if (len == 0)
			return "is not UTF-8";
		if (ascii_is_control(s[i]) || (len == 1 && strchr(" \"<>\\", s[i]) != NULL))
			return "has a character that must be percent-encoded";
		i += len;
	}
	return NULL;
}

static bool is_port(const char *s, size_t n)
{
	unsigned int port = 0;

	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_digit(s[i]) || i == 5)
			return false;
		port = port * 10 + (unsigned int)(s[i] - '0');
	}
	return port > 0 && port < 65536;
}

/* How many bytes the host takes: [IPv6] or a name, other letters than ASCII's too. 0: none. */
static size_t host_length(const char *s, size_t n)
{
	const char *bracket;
	size_t len = 0;

	if (n > 0 && s[0] == '[') {
		bracket = memchr(s, ']', n);
		for (len = 1;
		     len < n && (ascii_hex(s[len]) >= 0 || s[len] == ':' || s[len] == '.');)
			len++;
		return bracket == s + len && len > 2 ? len + 1 : 0;
	}
	while (len < n && (ascii_is_alnum(s[len]) || (unsigned char)s[len] >= 0x80 ||
			   s[len] == '-' || s[len] == '.' || s[len] == '_'))
		len++;
	return len > 0 && s[0] != '.' ? len : 0;
}

const char *url_fault(const char *s, size_t n, bool https_only)
{
	size_t scheme = scheme_length(s, n, https_only);
	size_t authority = 0;
	size_t host;
	const char *fault;

	if (n > LIMIT_URL_BYTES)
		return "is too long";
	if (scheme == 0)
		return https_only ? "does not begin with https://"
				  : "does not begin with http:// or https://";
	fault = character_fault(s, n);
	if (fault != NULL)
		return fault;
	s += scheme;
	n -= scheme;
	while (authority < n && strchr("/?#", s[authority]) == NULL)
		authority++;
	if (memchr(s, '@', authority) != NULL)
		return "has a user name in it";
	host = host_length(s, authority);
	if (host == 0)
		return "has no host";
	if (host == authority)
		return NULL;
	if (s[host] != ':')
		return "has a host that is not well-formed";
	return is_port(s + host + 1, authority - host - 1) ? NULL : "has a port that is none";
}
