/* SPDX-License-Identifier: ISC */
/* service: see service.h. */
#include "common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#if HAVE_SYSTEMD
#	include <systemd/sd-daemon.h>
#endif

#define LISTEN_BACKLOG 4096 /* requests wait here while all workers are busy, or none runs */
#define SECRET_SIZE    4096 /* longer is no key and no password */
#define SYSTEMD_FD     3

int service_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	/* who ignores SIGCHLD, or was started by one who does, has no children to wait for */
	if (sigprocmask(SIG_BLOCK, &set, NULL) || sigaction(SIGPIPE, &ignore, NULL) ||
	    sigaction(SIGCHLD, &usual, NULL))
		abort();
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

int service_signal_next(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

#if HAVE_SYSTEMD
void service_notify(const char *state)
{
	sd_notify(0, state);
}
#else
void service_notify(const char *state)
{
	(void)state;
}
#endif

static int fail(struct err *err, const char *what)
{
	int code = errno;

	return err_set(err, ERR_NEVER, code, "%s: %s", what, strerror(code));
}

/* Ours is a listening stream socket. */
static bool is_listening(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

static bool systemd_gave_socket(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	bool ours =
		pid && fds && strtol(pid, NULL, 10) == (long)getpid() && strtol(fds, NULL, 10) >= 1;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return ours && is_listening(SYSTEMD_FD);
}

/* A socket file that nobody answers on is left over from a killed process. */
static bool is_answered(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answered;

	if (fd < 0)
		return false;
	answered = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN;
	close(fd);
	return answered;
}

static int remove_stale(const struct sockaddr_un *a, struct err *err)
{
	struct stat st;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0 : fail(err, a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_NEVER, EEXIST, "%s: is there and is no socket",
			       a->sun_path);
	if (is_answered(a))
		return err_set(err, ERR_NEVER, EADDRINUSE, "%s: another process listens there",
			       a->sun_path);
	return unlink(a->sun_path) ? fail(err, a->sun_path) : 0;
}

/* Mode 0660 from the first moment: who can connect commands the parameters. */
static int bind_unix(int fd, const struct sockaddr_un *a)
{
	mode_t old = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)a, sizeof(*a));

	umask(old);
	return rc;
}

static int listen_unix(const char *path, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(err, ERR_NEVER, ENAMETOOLONG, "%s: too long for a socket", path);
	strcpy(a.sun_path, path);
	if (remove_stale(&a, err))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(err, path);
	if (bind_unix(fd, &a) || listen(fd, LISTEN_BACKLOG)) {
		fail(err, path);
		close(fd);
		return -1;
	}
	return fd;
}

static int listen_address(const struct addrinfo *a)
{
	int on = 1;
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, LISTEN_BACKLOG)) {
		int code = errno;

		close(fd);
		errno = code;
		return -1;
	}
	return fd;
}

/*
 * "127.0.0.1:9000", "[::1]:9000", "localhost:9000": the host is needed, so that none
 * listens to all by accident.
 */
static int split_host_port(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= size || !colon[1])
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	*port = colon + 1;
	return 0;
}

static int listen_tcp(const char *text, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL;
	const char *port;
	char host[256];
	int rc, fd = -1;

	if (split_host_port(text, host, sizeof(host), &port))
		return err_set(err, ERR_NEVER, 0, "%s: neither /path nor HOST:PORT", text);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return err_set(err, ERR_NEVER, 0, "%s: %s", text, gai_strerror(rc));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = listen_address(a);
	if (fd < 0)
		fail(err, text);
	freeaddrinfo(list);
	return fd;
}

int service_listen(const char *listen_at, struct err *err)
{
	int fd;

	if (systemd_gave_socket())
		fd = SYSTEMD_FD;
	else if (listen_at && *listen_at)
		fd = *listen_at == '/' ? listen_unix(listen_at, err) : listen_tcp(listen_at, err);
	else if (is_listening(STDIN_FILENO))
		fd = STDIN_FILENO;
	else
		return err_set(err, ERR_NEVER, 0,
			       "no listening socket: neither from systemd, nor -l, nor on fd 0");
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return fail(err, "listening socket");
	return fd;
}

/* The file's one line, of an open descriptor. */
static int read_line(int fd, const char *path, char **out, struct err *err)
{
	char buf[SECRET_SIZE + 2];
	size_t n = 0;
	ssize_t got;
	int rc = -1;

	while (n < sizeof(buf) - 1 && (got = read(fd, buf + n, sizeof(buf) - 1 - n)) != 0) {
		if (got < 0 && errno != EINTR)
			return fail(err, path);
		if (got > 0)
			n += (size_t)got;
	}
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	if (n > 0 && buf[n - 1] == '\r')
		n--;
	buf[n] = '\0';
	if (n == 0 || n > SECRET_SIZE || strcspn(buf, "\r\n") != n) {
		err_set(err, ERR_NEVER, 0, "%s: not one line of at most %d bytes", path,
			SECRET_SIZE);
	} else {
		*out = strdup(buf);
		if (!*out)
			abort();
		rc = 0;
	}
	explicit_bzero(buf, sizeof(buf));
	return rc;
}

/* systemd keeps credentials for us alone; their mode may be wider inside. */
static bool is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir ? strlen(dir) : 0;

	return n && strncmp(path, dir, n) == 0 && path[n] == '/' && !strstr(path + n, "/../");
}

static int read_secret_file(const char *path, char **out, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc = -1;

	if (fd < 0)
		return fail(err, path);
	if (fstat(fd, &st))
		fail(err, path);
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_NEVER, 0, "%s: is no file", path);
	else if ((st.st_mode & 077) && !is_credential(path))
		err_set(err, ERR_NEVER, 0, "%s: others can read it (mode %04o; chmod 600)", path,
			(unsigned)(st.st_mode & 07777));
	else
		rc = read_line(fd, path, out, err);
	close(fd);
	return rc;
}

int secret_read(const char *credential, const char *path, char **out, struct err *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char file[4096];
	int n;

	if (dir && *dir && credential && *credential) {
		n = snprintf(file, sizeof(file), "%s/%s", dir, credential);
		if (n > 0 && (size_t)n < sizeof(file) && access(file, F_OK) == 0)
			return read_secret_file(file, out, err);
	}
	return read_secret_file(path, out, err);
}

void secret_free(char **secret)
{
	if (!*secret)
		return;
	explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}
