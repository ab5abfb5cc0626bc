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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int
read_tcp(int fd, struct backlog *backlog)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

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

/* What asks for one unix socket, by its inode. */
struct question {
	struct nlmsghdr head;
	struct unix_diag_req body;
};

static int
ask(int netlink, uint32_t inode)
{
	struct question question = {
		.head = { .nlmsg_len = sizeof(question),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST },
		.body = { .sdiag_family = AF_UNIX,
		    .udiag_ino = inode,
		    .udiag_states = UINT32_MAX,
		    .udiag_show = UDIAG_SHOW_RQLEN,
		    .udiag_cookie = { UINT32_MAX, UINT32_MAX } },
	};

	return send(netlink, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

/* Finds the attribute with the queue's length in the answer. */
static int
find_length(struct nlmsghdr *head, struct backlog *backlog)
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
		*backlog = (struct backlog){
			.waiting = queue.udiag_rqueue,
			.limit = queue.udiag_wqueue,
		};
		return 0;
	}
	return -ENODATA;
}

/* The kernel has answered when ask() returns. */
static int
hear(int netlink, struct backlog *backlog)
{
	union {
		struct nlmsghdr head;
		char room[1024];
	} answer;
	const ssize_t len = recv(netlink, &answer, sizeof(answer),
	    MSG_DONTWAIT);
	const struct nlmsgerr *error = NLMSG_DATA(&answer.head);

	if (len < 0)
		return -errno;
	if (!NLMSG_OK(&answer.head, (size_t)len))
		return -EBADMSG;
	if (answer.head.nlmsg_type == NLMSG_ERROR &&
	    answer.head.nlmsg_len >= NLMSG_LENGTH(sizeof(*error)))
		return error->error < 0 ? error->error : -EBADMSG;
	if (answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -EBADMSG;
	return find_length(&answer.head, backlog);
}

static int
read_unix(int fd, struct backlog *backlog)
{
	struct stat st;
	int netlink, error;

	if (fstat(fd, &st) < 0)
		return -errno;
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return -errno;
	error = ask(netlink, (uint32_t)st.st_ino);
	if (error == 0)
		error = hear(netlink, backlog);
	(void)close(netlink);
	return error;
}

int
backlog_read(int fd, bool tcp, struct backlog *backlog)
{
	*backlog = (struct backlog){ 0 };
	return tcp ? read_tcp(fd, backlog) : read_unix(fd, backlog);
}
