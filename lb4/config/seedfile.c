/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The file of hash-seed-file: see seedfile.h. */
#include "lb4/config/seedfile.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/why.h"
#include "lb4/config/kinds.h"
#include "lb4/config/settings.h"

#define ACL_ENTRIES_MAX 64

/* With an access control list, the group bits of the mode are the most that any
 * entry grants; the group's own rights are in the list.  systemd passes
 * credentials to a service this way. */
static bool
list_has_group(int fd, bool *listed)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entry[ACL_ENTRIES_MAX];
	} list;
	ssize_t len = fgetxattr(fd, "system.posix_acl_access", &list,
	    sizeof(list));

	*listed = len >= 0 || errno == ERANGE;
	if (len < 0)
		return *listed;
	len -= (ssize_t)sizeof(list.header);
	for (size_t i = 0; (ssize_t)((i + 1) * sizeof(list.entry[0])) <= len;
	     i++) {
		uint16_t tag = le16toh(list.entry[i].e_tag);
		uint16_t perm = le16toh(list.entry[i].e_perm);

		if ((tag == ACL_GROUP_OBJ || tag == ACL_GROUP) &&
		    (perm & (ACL_READ | ACL_WRITE)) != 0)
			return true;
	}
	return false;
}

static bool
is_secret(int fd, const struct stat *status)
{
	const mode_t shared = status->st_mode & (S_IRWXG | S_IRWXO);
	bool listed;

	if ((shared & (S_IROTH | S_IWOTH)) != 0)
		return false;
	if ((shared & (S_IRGRP | S_IWGRP)) == 0)
		return true;
	return !list_has_group(fd, &listed) && listed;
}

static int
judge(int fd, const char *path, struct why *why)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return why_set(why, "cannot read %.200s: %s", path,
		    strerror(errno));
	if (!S_ISREG(status.st_mode))
		return why_set(why, "%.200s is not a regular file: give one",
		    path);
	if (!is_secret(fd, &status))
		return why_set(why,
		    "mode %04o lets users other than the owner read or write "
		    "%.200s: chmod 600 it, and generate a new seed",
		    (unsigned)status.st_mode & 07777, path);
	return 0;
}

static int
read_seed(int fd, const char *path, struct config *config, struct why *why)
{
	char text[128];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len < 0)
		return why_set(why, "cannot read %.200s: %s", path,
		    strerror(errno));
	if (len == (ssize_t)sizeof(text) - 1)
		len = 0; /* longer than a seed */
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	if (!kinds_read_seed(text, &config->hash_seed))
		return why_set(why,
		    "%.200s does not hold a seed: write 32 hexadecimal digits "
		    "to it",
		    path);
	config->hash_seed_set = true;
	return 0;
}

int
seedfile_read(const char *path, struct config *config, struct why *why)
{
	/* opening a fifo must not block */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error;

	if (fd < 0)
		return why_set(why, "cannot read %.200s: %s", path,
		    strerror(errno));
	error = judge(fd, path, why);
	if (error == 0)
		error = read_seed(fd, path, config, why);
	(void)close(fd);
	return error;
}
