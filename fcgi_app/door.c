/* SPDX-License-Identifier: ISC */
/*
 * door: see door.h. A Unix socket loses its name. A TCP port cannot be closed without those who
 * wait: it is made deaf to new connections (SYN) by a filter, and they try again until the port is
 * gone or another process has it.
 */
#include "fcgi_app/door.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define TCP_FLAGS_AT 13
#define TCP_SYN      0x02

static void ignore_syn(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TCP_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		log_warning("port stays open until the end errno=%d", errno);
}

void door_close(const char *where, int listen_fd)
{
	struct stat st;

	if (where[0] != '/')
		ignore_syn(listen_fd);
	else if (lstat(where, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(where);
}
