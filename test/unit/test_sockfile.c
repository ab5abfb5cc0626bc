/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Files of unix sockets: their access, whose they are, and that no other file
 * is touched whatever stands in its place.
 */
#include "common/sockfile.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/why.h"

static char dir[64];
static char path[96];
static char other[96];
static struct addr addr;

static void
setup(void)
{
	char text[128];

	snprintf(dir, sizeof(dir), "/tmp/lb4-sockfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert_int_eq(addr_parse(&addr, text, ADDR_PORT_OPTIONAL, NULL), 0);
	umask(022);
}

static void
teardown(void)
{
	(void)unlink(path);
	(void)unlink(other);
	(void)rmdir(dir);
}

static struct sockfile_access
mode_only(mode_t mode)
{
	return (struct sockfile_access){
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.mode = mode,
	};
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(modes)
{
	static const mode_t wanted[] = { 0600, 0660, 0666, 0777, 0700 };
	struct sockfile_access access;
	struct sockfile_id id;
	struct stat st;
	int fd;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		access = mode_only(wanted[i]);
		fd = sockfile_listen(&addr, 1, &access, &id);
		ck_assert_int_ge(fd, 0);
		ck_assert_uint_eq(mode_of(path), wanted[i]);
		access = mode_only(0640);
		ck_assert_int_eq(sockfile_set_access(&addr, &id, &access), 0);
		ck_assert_uint_eq(mode_of(path), 0640);
		sockfile_unlink(&addr, &id);
		ck_assert_int_eq(lstat(path, &st), -1);
		close(fd);
	}
	fd = sockfile_listen(&addr, 1, NULL, &id);
	ck_assert_uint_eq(mode_of(path), 0755);
	sockfile_unlink(&addr, &id);
	close(fd);
}
END_TEST

START_TEST(owners)
{
	struct sockfile_access access = { .uid = 1, .gid = 2, .mode = 0660 };
	struct sockfile_id id;
	struct stat st;
	int fd;

	if (geteuid() != 0)
		return;
	fd = sockfile_listen(&addr, 1, &access, &id);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 1);
	ck_assert_uint_eq(st.st_gid, 2);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	sockfile_unlink(&addr, &id);
	close(fd);
}
END_TEST

/* Another one has taken the name: it is neither changed nor removed. */
START_TEST(replaced)
{
	const struct sockfile_access access = mode_only(0777);
	struct sockfile_id mine, theirs;
	int fd = sockfile_listen(&addr, 1, NULL, &mine);
	int second;

	ck_assert_int_ge(fd, 0);
	ck_assert(sockfile_is_there(&addr, &mine));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!sockfile_is_there(&addr, &mine));
	second = sockfile_listen(&addr, 1, NULL, &theirs);
	ck_assert_int_ge(second, 0);
	ck_assert(!sockfile_is_there(&addr, &mine));
	ck_assert_int_eq(sockfile_set_access(&addr, &mine, &access), -ESTALE);
	sockfile_unlink(&addr, &mine);
	ck_assert(sockfile_is_there(&addr, &theirs));
	ck_assert_uint_eq(mode_of(path), 0755);
	sockfile_unlink(&addr, &theirs);
	close(fd);
	close(second);
}
END_TEST

/* A link that somebody has put there is not followed. */
START_TEST(links)
{
	const struct sockfile_access access = mode_only(0777);
	struct sockfile_id id;
	int fd = sockfile_listen(&addr, 1, NULL, &id);
	int file = open(other, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(sockfile_set_access(&addr, &id, &access), -ELOOP);
	ck_assert_uint_eq(mode_of(other), 0600);
	sockfile_unlink(&addr, &id);
	ck_assert_uint_eq(mode_of(other), 0600);
	close(fd);
	fd = sockfile_listen(&addr, 1, &access, &id);
	ck_assert_int_eq(fd, -ENOTSOCK);
	ck_assert_uint_eq(mode_of(other), 0600);
	close(file);
}
END_TEST

START_TEST(stale_and_live)
{
	struct sockfile_id id, again;
	int fd = sockfile_listen(&addr, 1, NULL, &id);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sockfile_listen(&addr, 1, NULL, &again), -EADDRINUSE);
	ck_assert(sockfile_is_there(&addr, &id));
	close(fd);
	fd = sockfile_listen(&addr, 1, NULL, &again);
	ck_assert_int_ge(fd, 0);
	sockfile_unlink(&addr, &again);
	close(fd);
}
END_TEST

START_TEST(names)
{
	struct sockfile_access access;
	struct why why = { "" };

	ck_assert_int_eq(sockfile_access_find(&access, "", "", 0640, &why), 0);
	ck_assert_uint_eq(access.uid, (uid_t)-1);
	ck_assert_uint_eq(access.mode, 0640);
	ck_assert_int_eq(sockfile_access_find(&access, "nosuch-u", "", 0, &why),
	    -ENOENT);
	ck_assert_str_eq(why.text, "there is no user nosuch-u");
	ck_assert_int_eq(sockfile_access_find(&access, "root", "nosuch-g", 0,
			     &why),
	    -ENOENT);
	ck_assert_str_eq(why.text, "there is no group nosuch-g");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sockfile");
	TCase *tcase = tcase_create("sockfile");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, modes);
	tcase_add_test(tcase, owners);
	tcase_add_test(tcase, replaced);
	tcase_add_test(tcase, links);
	tcase_add_test(tcase, stale_and_live);
	tcase_add_test(tcase, names);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
