/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The track file and the addresses on lo: see drive.h, rtnetlink(7). */
#include "lb4/ctl/drive.h"

#include <arpa/inet.h>
#include <bsd/stdlib.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/escape.h"

/* ---- addresses ----------------------------------------------------------- */

static size_t
bytes_of(int family)
{
	return family == AF_INET ? 4 : 16;
}

bool
drive_add_address(struct drive_list *list, const char *text)
{
	struct drive_address *address = &list->address[list->count];
	const char *slash = strchr(text, '/');
	const char *why = NULL;
	char host[INET6_ADDRSTRLEN];

	if (slash == NULL || list->count == DRIVE_ADDRESSES_MAX ||
	    (size_t)(slash - text) >= sizeof(host))
		return false;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	address->family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(address->family, host, address->bytes) != 1)
		return false;
	address->prefix = (unsigned char)strtonum(slash + 1, 1,
	    (long long)(8 * bytes_of(address->family)), &why);
	if (why != NULL)
		return false;
	list->count++;
	return true;
}

struct request {
	struct nlmsghdr header;
	struct ifaddrmsg message;
	char attributes[2 * RTA_SPACE(16)];
};

static void
add_attribute(struct request *request, unsigned short type,
    const struct drive_address *address)
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

/* Sends it and waits for the kernel's answer, which comes at once.  0 or
 * -errno. */
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
	do {
		len = recv(fd, &answer, sizeof(answer), 0);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if (!NLMSG_OK(&answer.header, (size_t)len) ||
	    answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return result->error;
}

static int
set_address(int fd, const struct drive_address *address, bool present)
{
	struct request request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.message)),
		    .nlmsg_type = present ? RTM_NEWADDR : RTM_DELADDR,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
			(present ? NLM_F_CREATE | NLM_F_EXCL : 0) },
		.message = { .ifa_family = (unsigned char)address->family,
		    .ifa_prefixlen = address->prefix,
		    .ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
		    .ifa_index = if_nametoindex("lo") },
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

static int
set_addresses(const struct drive_list *list, bool present)
{
	char text[INET6_ADDRSTRLEN];
	int fd, error, first = 0;

	if (list->count == 0)
		return 0;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0) {
		first = -errno;
		escape_line(stderr, "lb4ctl watch: netlink: %s",
		    strerror(-first));
		return first;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct drive_address *address = &list->address[i];

		error = set_address(fd, address, present);
		if (error == 0)
			continue;
		first = first == 0 ? error : first;
		escape_line(stderr, "lb4ctl watch: cannot %s %s/%u %s lo: %s",
		    present ? "put" : "take",
		    inet_ntop(address->family, address->bytes, text,
			sizeof(text)),
		    address->prefix, present ? "on" : "off", strerror(-error));
	}
	(void)close(fd);
	return first;
}

/* ---- the file ------------------------------------------------------------ */

/* Replaces the file, so that who reads it never finds it empty. */
static int
write_file(const char *path, const char *text)
{
	char new[PATH_MAX];
	ssize_t len = (ssize_t)strlen(text), done;
	int fd, error = 0;

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return -ENAMETOOLONG;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0644);
	if (fd < 0)
		return -errno;
	done = write(fd, text, (size_t)len);
	if (done != len)
		error = done < 0 ? -errno : -ENOSPC;
	if (close(fd) < 0 && error == 0)
		error = -errno;
	if (error == 0 && rename(new, path) < 0)
		error = -errno;
	if (error < 0)
		(void)unlink(new);
	return error;
}

static int
set_file(const struct drive *drive, bool ready)
{
	int error;

	if (drive->track_file == NULL)
		return 0;
	error = write_file(drive->track_file, ready ? "0\n" : "1\n");
	if (error < 0)
		escape_line(stderr, "lb4ctl watch: cannot write %s: %s",
		    drive->track_file, strerror(-error));
	return error;
}

int
drive_set(const struct drive *drive, enum drive_state state)
{
	const bool draining = state == DRIVE_DRAINING && drive->drain.count > 0;
	const bool clients = state == DRIVE_READY || draining;
	int error[3] = { 0, 0, 0 };

	/* A node that drains is never seen without its drain addresses: they
	 * come first and go last. */
	if (draining)
		error[0] = set_addresses(&drive->drain, true);
	error[1] = set_addresses(&drive->clients, clients);
	if (!draining)
		error[0] = set_addresses(&drive->drain, false);
	error[2] = set_file(drive, state == DRIVE_READY);
	for (size_t i = 0; i < 3; i++)
		if (error[i] < 0)
			return error[i];
	return 0;
}
