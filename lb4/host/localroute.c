/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Rules and routes for packets of others: see localroute.h. */
#include "lb4/host/localroute.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RULES_MAX 64

/* Rules for marks, and which of their tables have the route. */
struct marks {
	unsigned count;
	uint32_t table[RULES_MAX];
	uint32_t mark[RULES_MAX];
	bool local[RULES_MAX];
};

static uint32_t
number(const struct rtattr *attr)
{
	uint32_t value = 0;

	memcpy(&value, RTA_DATA(attr),
	    RTA_PAYLOAD(attr) < sizeof(value) ? RTA_PAYLOAD(attr)
					      : sizeof(value));
	return value;
}

/* The attributes of one message: rules and routes number the table alike. */
struct attributes {
	uint32_t table, mark;
	bool has_destination;
};

static struct attributes
read_attributes(const struct rtattr *attr, int len, int table_type,
    int mark_type)
{
	struct attributes found = { .table = 0 };

	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == table_type)
			found.table = number(attr);
		else if (attr->rta_type == mark_type)
			found.mark = number(attr);
		else if (attr->rta_type == RTA_DST && mark_type == 0)
			found.has_destination = true;
	}
	return found;
}

static void
on_rule(const struct nlmsghdr *header, struct marks *marks)
{
	const struct fib_rule_hdr *rule = NLMSG_DATA(header);
	const struct attributes found =
	    read_attributes((const struct rtattr *)(rule + 1),
		(int)NLMSG_PAYLOAD(header, sizeof(*rule)), FRA_TABLE,
		FRA_FWMARK);

	if (found.mark == 0 || rule->action != FR_ACT_TO_TBL ||
	    marks->count == RULES_MAX)
		return;
	marks->table[marks->count] = found.table != 0 ? found.table
						      : rule->table;
	marks->mark[marks->count] = found.mark;
	marks->local[marks->count++] = false;
}

static void
on_route(const struct nlmsghdr *header, struct marks *marks)
{
	const struct rtmsg *route = NLMSG_DATA(header);
	const struct attributes found = read_attributes(RTM_RTA(route),
	    (int)RTM_PAYLOAD(header), RTA_TABLE, 0);
	const uint32_t table = found.table != 0 ? found.table
						: route->rtm_table;

	if (route->rtm_type != RTN_LOCAL || route->rtm_dst_len != 0)
		return;
	for (unsigned i = 0; i < marks->count; i++)
		marks->local[i] |= marks->table[i] == table;
}

/* Sends a request for all rules or all routes, and hands on what comes. */
static int
dump(int fd, uint16_t type, int family,
    void (*on)(const struct nlmsghdr *, struct marks *), struct marks *marks)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg about; /* as long as a rule's */
	} request = {
		.header = { .nlmsg_len = sizeof(request),
		    .nlmsg_type = type,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.about = { .rtm_family = (unsigned char)family },
	};
	_Alignas(struct nlmsghdr) char buf[32768];

	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int len = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		for (const struct nlmsghdr *header = (struct nlmsghdr *)buf;
		     NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
			if (header->nlmsg_type == NLMSG_DONE)
				return 0;
			if (header->nlmsg_type == NLMSG_ERROR)
				return -EOPNOTSUPP;
			on(header, marks);
		}
	}
}

int
localroute_read(int family, struct localroute *found)
{
	struct marks marks = { .count = 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int error;

	memset(found, 0, sizeof(*found));
	if (fd < 0)
		return -errno;
	error = dump(fd, RTM_GETRULE, family, on_rule, &marks);
	if (error == 0)
		error = dump(fd, RTM_GETROUTE, family, on_route, &marks);
	close(fd);
	for (unsigned i = 0; i < marks.count && !found->found; i++) {
		if (found->table != 0 && !marks.local[i])
			continue;
		found->table = marks.table[i];
		found->mark = marks.mark[i];
		found->found = marks.local[i];
	}
	return error;
}
