/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * A slow disk: preloaded into lb4 by the test 76-lb4ctl-save. While the file
 * named by SLOW_DISK is there, fsync(2) does not return; it makes one with
 * ".waits" behind that name.  While there is one with ".fails" behind it, the
 * call that it names fails in the way that belongs to it: "write" for want of
 * space, "short" likewise behind the first half, "pieces" not at all, though a
 * byte at a time, "fsync", "close", "rename" by an error of the disk, "mount" as
 * rename(2) does for a file that is a mount.  Only regular files are meant.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int
fails(const char *call)
{
	const char *path = getenv("SLOW_DISK");
	char name[PATH_MAX], word[16] = "";
	int fd;

	if (path == NULL)
		return 0;
	(void)snprintf(name, sizeof(name), "%s.fails", path);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	(void)!read(fd, word, sizeof(word) - 1);
	(void)syscall(SYS_close, fd);
	word[strcspn(word, "\n")] = '\0';
	return strcmp(word, call) == 0;
}

static int
is_config(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return 0;
	path[len] = '\0';
	return strstr(path, "lb4.ini.") != NULL;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	struct stat st;

	if (is_config(fd) && fstat(fd, &st) == 0) {
		if (fails("write") || (st.st_size > 0 && fails("short"))) {
			errno = ENOSPC;
			return -1;
		}
		if (fails("short"))
			len /= 2;
		else if (fails("pieces"))
			len = 1;
	}
	return syscall(SYS_write, fd, data, len);
}

int
close(int fd)
{
	int lost = is_config(fd) && fails("close");

	if (syscall(SYS_close, fd) == 0 && !lost)
		return 0;
	errno = EIO;
	return -1;
}

int
rename(const char *from, const char *to)
{
	if (fails("mount") || fails("rename")) {
		errno = fails("mount") ? EBUSY : EIO;
		return -1;
	}
	return (int)syscall(SYS_rename, from, to);
}

int
fsync(int fd)
{
	const char *path = getenv("SLOW_DISK");
	const struct timespec tick = { .tv_nsec = 10000000 };
	char waits[PATH_MAX];

	if (path != NULL && access(path, F_OK) == 0) {
		(void)snprintf(waits, sizeof(waits), "%s.waits", path);
		(void)close(open(waits, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		while (access(path, F_OK) == 0)
			(void)nanosleep(&tick, NULL);
	}
	if (is_config(fd) && fails("fsync")) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}
