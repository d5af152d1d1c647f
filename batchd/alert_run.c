/* SPDX-License-Identifier: ISC */
/* Messages to a command (batchd/alert_send.h). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batchd/alert_send.h"
#include "common/clock.h"
#include "common/must.h"
#include "core/timemath.h"

#define COMMAND_TIME (30 * T_S)

struct runner {
	pid_t pid; /* also its process group; 0: none runs */
	int64_t kill_at;
	bool is_killed;
};

struct runner *runner_new(void)
{
	return must(calloc(1, sizeof(struct runner)));
}

void runner_free(struct runner **r)
{
	if (!*r)
		return;
	if ((*r)->pid) {
		kill(-(*r)->pid, SIGKILL);
		waitpid((*r)->pid, NULL, 0);
	}
	free(*r);
	*r = NULL;
}

/* A pipe that holds the text; its end for reading, or -1. */
static int pipe_of(const char *text, size_t n, struct err *err)
{
	int ends[2];
	ssize_t written;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, ERR_LATER, errno, "no pipe: %s", strerror(errno));
	written = write(ends[1], text, n);
	close(ends[1]);
	if (written == (ssize_t)n && fcntl(ends[0], F_SETFL, 0) == 0)
		return ends[0];
	close(ends[0]);
	return err_set(err, ERR_LATER, 0, "the pipe does not take the message");
}

/* Signals as a program expects them, in a group of its own. 0 or an error number. */
static int set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(a, &none);
	rc = rc ? rc : posix_spawnattr_setsigdefault(a, &all);
	rc = rc ? rc : posix_spawnattr_setpgroup(a, 0);
	return rc ? rc
		  : posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							POSIX_SPAWN_SETPGROUP);
}

/* Nothing that batchd has open: the message in, nothing out, complaints to the journal. */
static int set_files(posix_spawn_file_actions_t *f, int in)
{
	int rc = posix_spawn_file_actions_adddup2(f, in, STDIN_FILENO);

	rc = rc ? rc : posix_spawn_file_actions_addopen(f, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	return rc ? rc : posix_spawn_file_actions_addclosefrom_np(f, STDERR_FILENO + 1);
}

int runner_start(struct runner *r, const char *command, char *const *environment, const char *text,
		 size_t text_n, struct err *err)
{
	char sh[] = "sh", c[] = "-c";
	char *argv[] = {sh, c, must(strdup(command)), NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	const int in = pipe_of(text, text_n, err);
	int rc;

	if (in < 0) {
		free(argv[2]);
		return -1;
	}
	if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&attributes) != 0)
		abort();
	rc = set_files(&files, in);
	rc = rc ? rc : set_attributes(&attributes);
	rc = rc ? rc : posix_spawn(&r->pid, "/bin/sh", &files, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	close(in);
	free(argv[2]);
	if (rc) {
		r->pid = 0;
		return err_set(err, ERR_LATER, rc, "cannot run it: %s", strerror(rc));
	}
	r->kill_at = t_add(clock_boot(), COMMAND_TIME);
	r->is_killed = false;
	return 0;
}

enum delivery runner_poll(struct runner *r, struct err *err)
{
	int status;
	pid_t pid;

	if (!r->pid)
		return DELIVERY_NONE;
	if (!r->is_killed && clock_boot() >= r->kill_at) {
		kill(-r->pid, SIGKILL);
		r->is_killed = true;
	}
	pid = waitpid(r->pid, &status, WNOHANG);
	if (pid == 0)
		return DELIVERY_ON_ITS_WAY;
	r->pid = 0;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return DELIVERY_DONE;
	if (r->is_killed)
		err_set(err, ERR_LATER, 0, "killed after %d seconds", (int)(COMMAND_TIME / T_S));
	else if (pid > 0 && WIFEXITED(status))
		err_set(err, ERR_LATER, 0, "exit %d", WEXITSTATUS(status));
	else
		err_set(err, ERR_LATER, 0, "it was killed");
	return DELIVERY_FAILED;
}
