/* SPDX-License-Identifier: ISC */
/* service: signals, listening sockets, secrets. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/service.h"

static char folder[] = "/tmp/lotscribe-service.XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(in_folder("secret"));
	unlink(in_folder("cred"));
	unlink(in_folder("socket"));
	return rmdir(folder);
}

/* ---- */

static void signals_come_by_descriptor(void **state)
{
	int fd = service_signals();

	(void)state;
	assert_int_equal(service_signal_next(fd), 0);
	raise(SIGTERM); /* would end us if it were not blocked */
	raise(SIGHUP);
	raise(SIGPIPE); /* ignored */
	assert_int_equal(service_signal_next(fd) + service_signal_next(fd), SIGTERM + SIGHUP);
	assert_int_equal(service_signal_next(fd), 0);
	close(fd);
}

static bool is_ready_to_accept(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on &&
	       (fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return rc;
}

static void a_unix_socket_is_for_the_group(void **state)
{
	const char *path = in_folder("socket");
	struct err err = {0};
	struct stat st;
	int fd, again;

	(void)state;
	umask(077);
	fd = service_listen(path, &err);
	if (fd < 0)
		fail_msg("%s", err.text);
	assert_true(is_ready_to_accept(fd));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(connect_to(path), 0);
	assert_int_equal(umask(022), 077);                /* left as it was */
	assert_int_equal(service_listen(path, &err), -1); /* it is in use */
	assert_int_equal(err.detail, EADDRINUSE);
	close(fd);
	assert_int_equal(connect_to(path), -1);
	again = service_listen(path, &err); /* left over: taken */
	assert_true(again >= 0);
	assert_int_equal(connect_to(path), 0);
	close(again);
	unlink(path);
}

static void a_file_is_never_removed_for_a_socket(void **state)
{
	struct err err = {0};
	struct stat st;

	(void)state;
	write_file("secret", "x", 0600);
	assert_int_equal(service_listen(in_folder("secret"), &err), -1);
	assert_int_equal(stat(in_folder("secret"), &st), 0);
	assert_int_equal(st.st_size, 1);
}

static void a_tcp_socket_needs_its_host(void **state)
{
	static const char *const bad[] = {"9000",       ":9000", "127.0.0.1",
					  "127.0.0.1:", "[::1]", "127.0.0.1:nonsense"};
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	struct err err = {0};
	int fd = service_listen("127.0.0.1:0", &err);

	(void)state;
	if (fd < 0)
		fail_msg("%s", err.text);
	assert_true(is_ready_to_accept(fd));
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(ntohl(a.sin_addr.s_addr), INADDR_LOOPBACK);
	close(fd);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct err){0};
		assert_int_equal(service_listen(bad[i], &err), -1);
		assert_int_equal(err.class, ERR_NEVER);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

/* In a child, as descriptors 0 and 3 are the parent's. Its exit code: 0 where `fd` was taken. */
static int listen_in_child(int socket_fd, int at, const char *pid_override)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct err err = {0};
		char text[20];
		int fd;

		if (dup2(socket_fd, at) != at)
			_exit(90);
		snprintf(text, sizeof(text), "%ld", (long)getpid());
		setenv("LISTEN_PID", pid_override ? pid_override : text, 1);
		setenv("LISTEN_FDS", "1", 1);
		fd = service_listen(NULL, &err);
		_exit(getenv("LISTEN_PID") ? 91 : fd == at && is_ready_to_accept(fd) ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void sockets_are_inherited(void **state)
{
	struct err err = {0};
	int pipe_fds[2], at, fd = service_listen("127.0.0.1:0", &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pipe(pipe_fds), 0);
	at = fcntl(fd, F_DUPFD, 10);                       /* away from 3 */
	assert_int_equal(listen_in_child(at, 3, NULL), 0); /* systemd */
	assert_int_equal(listen_in_child(at, 0, "1"), 0); /* a web server; LISTEN_* are another's */
	assert_int_equal(listen_in_child(pipe_fds[0], 0, "1"), 1); /* no socket at all */
	close(at);
	close(fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void secrets_are_one_line_of_a_private_file(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		mode_t mode;
		const char *want; /* NULL: refused */
	} cases[] = {
		{"sk-1\n", 0600, "sk-1"}, {"sk-1", 0400, "sk-1"}, {"sk-1\r\n", 0600, "sk-1"}, {" a b \n", 0600, " a b "},
		{"", 0600, NULL}, {"\n", 0600, NULL}, {"a\nb\n", 0600, NULL},
		{"sk-1", 0640, NULL}, {"sk-1", 0604, NULL}, {"sk-1", 0620, NULL},
	};
	/* clang-format on */

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		char *secret = NULL;
		int rc;

		unlink(in_folder("secret"));
		write_file("secret", cases[i].text, cases[i].mode);
		rc = secret_read("cred", in_folder("secret"), &secret, &err);
		if (rc != (cases[i].want ? 0 : -1))
			fail_msg("case %zu: %s", i, err.text);
		if (cases[i].want)
			assert_string_equal(secret, cases[i].want);
		else
			assert_null(strstr(err.text, "sk-1"));
		secret_free(&secret);
		assert_null(secret);
	}
}

static void a_credential_wins_and_may_be_wider(void **state)
{
	struct err err = {0};
	char *secret = NULL;

	(void)state;
	write_file("secret", "from the file\n", 0600);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_int_equal(secret_read("cred", in_folder("secret"), &secret, &err), 0);
	assert_string_equal(secret, "from the file"); /* no such credential */
	secret_free(&secret);
	write_file("cred", "from systemd\n", 0644);
	assert_int_equal(secret_read("cred", in_folder("secret"), &secret, &err), 0);
	assert_string_equal(secret, "from systemd");
	secret_free(&secret);
	assert_int_equal(secret_read(NULL, in_folder("cred"), &secret, &err), 0);
	secret_free(&secret);
	setenv("CREDENTIALS_DIRECTORY", "/tmp/lotscribe-ser",
	       1); /* a prefix of the name is no folder */
	assert_int_equal(secret_read(NULL, in_folder("cred"), &secret, &err), -1);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(secret_read("cred", "/nonexistent", &secret, &err), -1);
	assert_int_equal(err.detail, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_come_by_descriptor),
		cmocka_unit_test(a_unix_socket_is_for_the_group),
		cmocka_unit_test(a_file_is_never_removed_for_a_socket),
		cmocka_unit_test(a_tcp_socket_needs_its_host),
		cmocka_unit_test(sockets_are_inherited),
		cmocka_unit_test(secrets_are_one_line_of_a_private_file),
		cmocka_unit_test(a_credential_wins_and_may_be_wider),
	};

	return cmocka_run_group_tests_name("service", tests, make_folder, remove_folder);
}
