/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The addresses of lo: see loopback.h, rtnetlink(7). */
#include "lb4/ctl/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LO "lo"

static size_t
bytes_of(int family)
{
	return family == AF_INET ? 4 : 16;
}

bool
loopback_parse(const char *text, struct loopback_address *address)
{
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN];

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return false;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	address->family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
	return inet_pton(address->family, host, address->bytes) == 1 &&
	    strcmp(slash, address->family == AF_INET ? "/32" : "/128") == 0;
}

const char *
loopback_format(const struct loopback_address *address,
    char buf[LOOPBACK_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];

	(void)inet_ntop(address->family, address->bytes, host, sizeof(host));
	(void)snprintf(buf, LOOPBACK_TEXT_MAX, "%s/%zu", host,
	    8 * bytes_of(address->family));
	return buf;
}

int
loopback_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* ---- one address --------------------------------------------------------- */

struct request {
	struct nlmsghdr header;
	struct ifaddrmsg message;
	char attributes[2 * RTA_SPACE(16)];
};

static void
add_attribute(struct request *request, unsigned short type,
    const struct loopback_address *address)
{
	const size_t len = bytes_of(address->family);
	struct rtattr *attribute = (void *)((char *)request +
	    NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), address->bytes, len);
	request->header.nlmsg_len =
	    (unsigned)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_SPACE(len));
}

static ssize_t
receive(int fd, void *buf, size_t size)
{
	ssize_t len;

	do {
		len = recv(fd, buf, size, 0);
	} while (len < 0 && errno == EINTR);
	return len < 0 ? -errno : len;
}

/* Sends the request and waits for the kernel's answer, which comes at once.  0
 * or -errno. */
static int
ask(int fd, const struct request *request)
{
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} answer;
	const struct nlmsgerr *result = NLMSG_DATA(&answer.header);
	ssize_t len;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	len = receive(fd, &answer, sizeof(answer));
	if (len < 0)
		return (int)len;
	if (!NLMSG_OK(&answer.header, (size_t)len) ||
	    answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return result->error;
}

int
loopback_set(int fd, const struct loopback_address *address, bool present)
{
	struct request request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.message)),
		    .nlmsg_type = present ? RTM_NEWADDR : RTM_DELADDR,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
			(present ? NLM_F_CREATE | NLM_F_EXCL : 0) },
		.message = { .ifa_family = (unsigned char)address->family,
		    .ifa_prefixlen = (unsigned char)(8 *
			bytes_of(address->family)),
		    .ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
		    .ifa_index = if_nametoindex(LO) },
	};
	int error;

	add_attribute(&request, IFA_LOCAL, address);
	add_attribute(&request, IFA_ADDRESS, address);
	error = ask(fd, &request);
	if ((present && error == -EEXIST) ||
	    (!present && error == -EADDRNOTAVAIL))
		error = 0;
	return error;
}

/* ---- all of them --------------------------------------------------------- */

/* The addresses that are looked for. */
struct look {
	const struct loopback_address *address;
	size_t count;
	bool *present;
	unsigned index; /* of lo */
};

/* An IPv4 address is its IFA_LOCAL, an IPv6 address its IFA_ADDRESS.  lo has no
 * peer, so if both are present, they are equal. */
static void
note_address(const struct look *look, const struct nlmsghdr *header)
{
	const struct ifaddrmsg *message = NLMSG_DATA(header);
	const struct rtattr *attribute = IFA_RTA(message);
	size_t left = IFA_PAYLOAD(header);
	const size_t len = bytes_of(message->ifa_family);

	if (header->nlmsg_type != RTM_NEWADDR ||
	    message->ifa_index != look->index ||
	    message->ifa_prefixlen != 8 * len)
		return;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type != IFA_ADDRESS ||
		    RTA_PAYLOAD(attribute) != len)
			continue;
		for (size_t i = 0; i < look->count; i++)
			look->present[i] |= look->address[i].family ==
				message->ifa_family &&
			    memcmp(look->address[i].bytes, RTA_DATA(attribute),
				len) == 0;
	}
}

/* Reads one datagram of the dump.  1: there are more; 0 or -errno: this was the
 * end, or the rest is useless. */
static int
take_part(const struct look *look, const struct nlmsghdr *header, size_t len)
{
	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		const struct nlmsgerr *result = NLMSG_DATA(header);

		if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
			return -EAGAIN;
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return result->error != 0 ? result->error : -EPROTO;
		note_address(look, header);
	}
	return 1;
}

int
loopback_look(int fd, const struct loopback_address *address, size_t count,
    bool *present)
{
	/* the kernel fills at most 32 KiB at a time */
	const size_t room = 32768;
	const struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
		    .nlmsg_type = RTM_GETADDR,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	const struct look look = { address, count, present,
		if_nametoindex(LO) };
	struct nlmsghdr *part = malloc(room);
	ssize_t len;
	int more = 1;

	memset(present, 0, count * sizeof(*present));
	if (part == NULL)
		return -ENOMEM;
	if (send(fd, &request, sizeof(request), 0) < 0)
		more = -errno;
	while (more > 0) {
		len = receive(fd, part, room);
		more = len < 0 ? (int)len : take_part(&look, part, (size_t)len);
	}
	free(part);
	return more;
}

/* ---- events -------------------------------------------------------------- */

int
loopback_events_open(void)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) == 0)
		return fd;
	error = -errno;
	(void)close(fd);
	return error;
}

/* ENOBUFS, the loss of events, is an event too. */
void
loopback_events_take(int fd)
{
	char event[1024];

	while (recv(fd, event, sizeof(event), 0) >= 0 || errno == ENOBUFS ||
	    errno == EINTR)
		continue;
}
