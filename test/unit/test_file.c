/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Regular files, and what is none: common/file.h. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"

static char directory[] = "/tmp/lb4-test-file.XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void
setup(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	fd = open(path_of("file"), O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "some text", 9), 9);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(symlink("file", path_of("link")), 0);
	ck_assert_int_eq(mkfifo(path_of("fifo"), 0600), 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path_of("socket"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

static void
teardown(void)
{
	static const char *const names[] = { "file", "link", "fifo", "socket" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(unlink(path_of(names[i])), 0);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void
reads(const char *name)
{
	char *text;
	size_t len;
	int fd = file_open(path_of(name), O_RDONLY, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_read(fd, 9, &text, &len), 0);
	ck_assert_uint_eq(len, 9);
	ck_assert_int_eq(memcmp(text, "some text", len), 0);
	free(text);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(file_read(fd, 8, &text, &len), -EFBIG);
	ck_assert_ptr_null(text);
	close(fd);
}

START_TEST(test_regular)
{
	reads("file");
	reads("link");
	ck_assert_int_eq(file_open(path_of("link"), O_RDONLY | O_NOFOLLOW, 0),
	    -ELOOP);
	ck_assert_int_eq(file_open(path_of("none"), O_RDONLY, 0), -ENOENT);
}
END_TEST

/* None of these waits: check(3) would end the test. */
START_TEST(test_others)
{
	ck_assert_int_eq(file_open(path_of("fifo"), O_RDONLY, 0),
	    -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_open(path_of("fifo"), O_WRONLY, 0),
	    -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_open(path_of("fifo"), O_RDWR, 0),
	    -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_open(path_of("socket"), O_RDONLY, 0),
	    -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_open("/dev/zero", O_RDONLY, 0),
	    -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_open(directory, O_RDONLY, 0), -EISDIR);
	ck_assert_str_eq(file_error(-FILE_NOT_REGULAR), "not a regular file");
	ck_assert_str_eq(file_error(-ENOENT), strerror(ENOENT));
}
END_TEST

START_TEST(test_write)
{
	int fd = open("/dev/full", O_WRONLY);

	ck_assert_int_eq(file_write(fd, "text", 4), -ENOSPC);
	close(fd);
	fd = file_open(path_of("file"), O_WRONLY | O_TRUNC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write(fd, "some text", 9), 0);
	close(fd);
	reads("file");
}
END_TEST

/* Another version of a file has another stamp, whatever size and date say. */
START_TEST(test_stamp)
{
	struct timespec times[2];
	struct file_stamp first, now;
	struct stat status;
	int fd = open(path_of("file"), O_RDWR);

	ck_assert_int_eq(file_stamp(fd, &first), 0);
	ck_assert_int_eq(file_stamp_of(path_of("link"), &now), 0);
	ck_assert(file_stamp_equal(&first, &now));
	ck_assert_int_eq(fstat(fd, &status), 0);
	times[0] = status.st_atim;
	times[1] = status.st_mtim;
	do { /* the kernel's clock has ticks */
		ck_assert_int_eq(pwrite(fd, "other", 5, 0), 5);
		ck_assert_int_eq(futimens(fd, times), 0);
		ck_assert_int_eq(file_stamp(fd, &now), 0);
		ck_assert_int_eq(now.size, first.size);
		ck_assert_int_eq(now.modified.tv_nsec, first.modified.tv_nsec);
	} while (file_stamp_equal(&first, &now));
	close(fd);
	ck_assert_int_eq(file_stamp_of(path_of("none"), &now), -ENOENT);
	ck_assert_int_eq(now.dev, 0);
	ck_assert(!file_stamp_equal(&first, &now));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("file");
	TCase *tc = tcase_create("file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_regular);
	tcase_add_test(tc, test_others);
	tcase_add_test(tc, test_write);
	tcase_add_test(tc, test_stamp);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
