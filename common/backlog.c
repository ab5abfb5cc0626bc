/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Reads the queues of listening sockets: see backlog.h. */
#include "common/backlog.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int
backlog_read_tcp(int fd, struct backlog *backlog)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	*backlog = (struct backlog){ 0 };
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -errno;
	len = sizeof(memory);
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0)
		return -errno;
	backlog->waiting = info.tcpi_unacked;
	backlog->limit = info.tcpi_sacked;
	backlog->drops = memory[SK_MEMINFO_DROPS];
	return 0;
}

/* ---- unix ---------------------------------------------------------------- */

#define LISTENING 10 /* TCP_LISTEN of the kernel's enum; also of unix sockets */
#define ROOM 32768   /* more than the kernel puts into one answer */

struct backlog_unix_one {
	uint32_t inode;
	uint32_t waiting, limit;
};

/* What asks for all that listen. */
struct question {
	struct nlmsghdr head;
	struct unix_diag_req body;
};

static int
ask(int netlink)
{
	struct question question = {
		.head = { .nlmsg_len = sizeof(question),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = AF_UNIX,
		    .udiag_states = 1U << LISTENING,
		    .udiag_show = UDIAG_SHOW_RQLEN },
	};

	return send(netlink, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

/* Adds a socket.  0 or -ENOMEM. */
static int
add(struct backlog_unix *all, const struct backlog_unix_one *one)
{
	struct backlog_unix_one *grown;

	/* full at each power of two */
	if ((all->count & (all->count - 1)) == 0) {
		grown = reallocarray(all->one,
		    all->count == 0 ? 1 : 2 * all->count, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		all->one = grown;
	}
	all->one[all->count++] = *one;
	return 0;
}

/* Takes the socket of one message.  0 or -ENOMEM. */
static int
take(struct backlog_unix *all, struct nlmsghdr *head)
{
	struct unix_diag_rqlen queue;
	struct unix_diag_msg *message = NLMSG_DATA(head);
	int left = (int)head->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*message));
	struct rtattr *attribute = (struct rtattr *)(message + 1);

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type != UNIX_DIAG_RQLEN ||
		    RTA_PAYLOAD(attribute) < sizeof(queue))
			continue;
		memcpy(&queue, RTA_DATA(attribute), sizeof(queue));
		return add(all,
		    &(struct backlog_unix_one){
			.inode = message->udiag_ino,
			.waiting = queue.udiag_rqueue,
			.limit = queue.udiag_wqueue,
		    });
	}
	return 0;
}

/* Takes the messages of one answer.  Returns 1 for more to come, 0 after the
 * last one, or -errno. */
static int
take_all(struct backlog_unix *all, struct nlmsghdr *head, size_t len)
{
	const struct nlmsgerr *error;
	int result;

	for (; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
		switch (head->nlmsg_type) {
		case NLMSG_DONE:
			return 0;
		case NLMSG_ERROR:
			error = NLMSG_DATA(head);
			return head->nlmsg_len >=
				    NLMSG_LENGTH(sizeof(*error)) &&
				error->error < 0
			    ? error->error
			    : -EBADMSG;
		case SOCK_DIAG_BY_FAMILY:
			result = take(all, head);
			if (result < 0)
				return result;
			break;
		default:
			break;
		}
	}
	return 1;
}

/* The kernel has an answer ready when we ask, and the next one whenever one was
 * taken. */
static int
hear(struct backlog_unix *all, int netlink)
{
	union {
		struct nlmsghdr head;
		char room[ROOM];
	} answer;
	ssize_t len;
	int more;

	do {
		len = recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
		if (len < 0)
			return -errno;
		more = take_all(all, &answer.head, (size_t)len);
	} while (more > 0);
	return more;
}

static int
by_inode(const void *a, const void *b)
{
	const struct backlog_unix_one *one = a, *other = b;

	return (one->inode > other->inode) - (one->inode < other->inode);
}

int
backlog_unix_read(struct backlog_unix *all)
{
	const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	int error;

	*all = (struct backlog_unix){ .one = NULL };
	if (netlink < 0)
		return -errno;
	error = ask(netlink);
	if (error == 0)
		error = hear(all, netlink);
	(void)close(netlink);
	if (error < 0)
		backlog_unix_free(all);
	else if (all->count > 0)
		qsort(all->one, all->count, sizeof(*all->one), by_inode);
	return error;
}

void
backlog_unix_free(struct backlog_unix *all)
{
	free(all->one);
	*all = (struct backlog_unix){ .one = NULL };
}

int
backlog_unix_find(const struct backlog_unix *all, int fd,
    struct backlog *backlog)
{
	const struct backlog_unix_one *one;
	struct backlog_unix_one key;
	struct stat st;

	*backlog = (struct backlog){ 0 };
	if (fstat(fd, &st) < 0)
		return -errno;
	if (all->count == 0)
		return -ENOENT;
	key.inode = (uint32_t)st.st_ino;
	one = bsearch(&key, all->one, all->count, sizeof(key), by_inode);
	if (one == NULL)
		return -ENOENT;
	backlog->waiting = one->waiting;
	backlog->limit = one->limit;
	return 0;
}
