/* SPDX-License-Identifier: ISC */
/*
 * bare: the least that a FastCGI program can do, for comparison: libfcgi, threads and two bodies that are read
 * once. It answers .../status with the first and all else with the second, with the headers of the front end,
 * and 304 to whoever sends If-None-Match. It asks no database and looks at no id.
 *
 *     bare SOCKET THREADS STATUS-FILE RESULT-FILE
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG     1024
#define MAX_THREADS 64

struct answer {
	char *head, *unchanged; /* of a 200 and of a 304 */
	char *body;
	int n;
};

static struct answer status, result;
static int listener;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *read_file(const char *path, int *n)
{
	FILE *f = fopen(path, "rb");
	long size;
	char *text;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		die(path);
	rewind(f);
	text = malloc((size_t)size + 1);
	if (!text || fread(text, 1, (size_t)size, f) != (size_t)size)
		die(path);
	fclose(f);
	*n = (int)size;
	return text;
}

/* Result pages have no entity tag, as the front end's have none. */
static void prepare(struct answer *a, const char *path, const char *etag)
{
	static const char rest[] = "Cache-Control: private, no-cache\r\n"
				   "X-Content-Type-Options: nosniff\r\n"
				   "Referrer-Policy: no-referrer\r\n"
				   "X-Robots-Tag: noindex\r\n";

	a->body = read_file(path, &a->n);
	if (asprintf(&a->head,
		     "Status: 200 OK\r\nContent-Type: application/json\r\n"
		     "Content-Length: %d\r\n%s%s\r\n",
		     a->n, rest, etag) < 0 ||
	    asprintf(&a->unchanged, "Status: 304 Not Modified\r\n%s%s\r\n", rest, etag) < 0)
		abort();
}

static void serve(FCGX_Request *r)
{
	const char *path = FCGX_GetParam("REQUEST_URI", r->envp);
	const size_t n = path ? strlen(path) : 0;
	const struct answer *a = n > 7 && strcmp(path + n - 7, "/status") == 0 ? &status : &result;

	if (FCGX_GetParam("HTTP_IF_NONE_MATCH", r->envp)) {
		FCGX_PutS(a->unchanged, r->out);
		return;
	}
	FCGX_PutS(a->head, r->out);
	FCGX_PutStr(a->body, a->n, r->out);
}

static void *run(void *unused)
{
	FCGX_Request r;

	FCGX_InitRequest(&r, listener, 0);
	while (FCGX_Accept_r(&r) == 0) {
		serve(&r);
		FCGX_Finish_r(&r);
	}
	return unused;
}

static void open_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		die("the socket's path is too long");
	strcpy(address.sun_path, path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, BACKLOG) != 0)
		die(path);
}

int main(int argc, char **argv)
{
	const int n = argc == 5 ? atoi(argv[2]) : 0;
	pthread_t threads[MAX_THREADS];

	if (n < 1 || n > MAX_THREADS) {
		fputs("Usage: bare SOCKET THREADS STATUS-FILE RESULT-FILE\n", stderr);
		return 64;
	}
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "100", 0);
	prepare(&status, argv[3], "ETag: \"00000000-1\"\r\nRetry-After: 30\r\n");
	prepare(&result, argv[4], "");
	open_listener(argv[1]);
	FCGX_Init();
	signal(SIGTERM, SIG_DFL);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, run, NULL) != 0)
			die("pthread_create");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
