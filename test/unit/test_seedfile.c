/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
#include "lb4/config/seedfile.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lb4/config/advice.h"
#include "lb4/config/config.h"
#include "lb4/config/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DIGITS "00112233445566778899aabbccddeeff"

static char dir[] = P_tmpdir "/lb4-seedfile-XXXXXX";
static char path[sizeof(dir) + 16];

static void
make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/seed", dir);
}

static void
remove_dir(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* How many warnings a start would log; the first one in `text`. */
static size_t
warnings(const struct config *config, char text[CONFIG_ERROR_MAX])
{
	struct config_errors list;
	size_t count;

	advice_give(config, "a.ini", ADVICE_FOR_LOG, &list);
	count = list.count;
	if (count > 0)
		memcpy(text, list.text[0], CONFIG_ERROR_MAX);
	config_errors_done(&list);
	return count;
}

static void
write_seed(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void
check_read(void)
{
	struct config config = { .workers = 0 };
	struct why why = { "" };

	ck_assert_msg(seedfile_read(path, &config, &why) == 0, "%s", why.text);
	ck_assert(config.hash_seed_set);
	ck_assert_uint_eq(config.hash_seed.k0, 0x7766554433221100);
	ck_assert_uint_eq(config.hash_seed.k1, 0xffeeddccbbaa9988);
}

/* The reason names the file, has `want`, and nothing of what is inside. */
static void
check_refused(const char *want)
{
	struct config config = { .workers = 0 };
	struct why why = { "" };

	ck_assert_int_eq(seedfile_read(path, &config, &why), -EINVAL);
	ck_assert(!config.hash_seed_set);
	ck_assert_uint_eq(config.hash_seed.k0, 0);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_msg(strstr(why.text, want) != NULL, "%s", why.text);
	ck_assert_ptr_null(strstr(why.text, "0011"));
}

START_TEST(test_contents)
{
	static const char *const good[] = { DIGITS, DIGITS "\n",
		DIGITS " \r\n\n", "00112233445566778899AABBCCDDEEFF\n" };
	static const char *const bad[] = { "", "\n", DIGITS "0", " " DIGITS,
		"0011", DIGITS "\n" DIGITS "\n", "hash-seed = " DIGITS,
		DIGITS "                                                      "
		       "                                                   x" };

	for (size_t i = 0; i < COUNT(good); i++) {
		write_seed(good[i], 0600);
		check_read();
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		write_seed(bad[i], 0600);
		check_refused("does not hold a seed");
	}
}
END_TEST

START_TEST(test_modes)
{
	static const mode_t good[] = { 0600, 0400, 0700, 0611 };
	static const mode_t bad[] = { 0640, 0620, 0604, 0602, 0644, 0666 };

	for (size_t i = 0; i < COUNT(good); i++) {
		write_seed(DIGITS, 0600);
		ck_assert_int_eq(chmod(path, good[i]), 0);
		check_read();
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		write_seed(DIGITS, 0600);
		ck_assert_int_eq(chmod(path, bad[i]), 0);
		check_refused("lets users other than the owner");
	}
}
END_TEST

/* An entry for a user shows as the mode's group; one for a group is one. */
START_TEST(test_access_list)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entry[5];
	} list = {
		.header = { POSIX_ACL_XATTR_VERSION },
		.entry = {
			{ ACL_USER_OBJ, ACL_READ | ACL_WRITE,
			    (unsigned)ACL_UNDEFINED_ID },
			{ ACL_USER, ACL_READ, 12345 },
			{ ACL_GROUP_OBJ, 0, (unsigned)ACL_UNDEFINED_ID },
			{ ACL_MASK, ACL_READ, (unsigned)ACL_UNDEFINED_ID },
			{ ACL_OTHER, 0, (unsigned)ACL_UNDEFINED_ID },
		},
	};
	struct stat status;

	write_seed(DIGITS, 0600);
	if (setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0) <
	    0) {
		/* a file system that has no such lists */
		ck_assert_int_eq(errno, EOPNOTSUPP);
		return;
	}
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0640);
	check_read();
	list.entry[2].e_perm = ACL_READ;
	ck_assert_int_eq(setxattr(path, "system.posix_acl_access", &list,
			     sizeof(list), 0),
	    0);
	check_refused("lets users other than the owner");
}
END_TEST

START_TEST(test_no_file)
{
	check_refused("No such file");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	check_refused("not a regular file");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	check_refused("not a regular file");
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* Errors have their line; the dump has the path, and not the seed. */
START_TEST(test_keys)
{
	char ini[sizeof(dir) + 16], text[1024], *dumped = NULL;
	struct config_errors errors;
	struct config *config;
	size_t len = 0;
	FILE *out;

	(void)snprintf(ini, sizeof(ini), "%s/ini", dir);
	for (int i = 0; i < 2; i++) {
		out = fopen(ini, "w");
		ck_assert_ptr_nonnull(out);
		fprintf(out,
		    "[global]\nhash-seed-file = %s\n%s[service s]\n"
		    "listen = :80\nbackend = a 1.2.3.4\n",
		    path, i == 1 ? "hash-seed = " DIGITS "\n" : "");
		ck_assert_int_eq(fclose(out), 0);
		write_seed(DIGITS, 0600);
		config = config_load(ini, &errors);
		if (i == 1) {
			ck_assert_ptr_null(config);
			(void)snprintf(text, sizeof(text),
			    "%s:3: [global] hash-seed: hash-seed-file gives "
			    "the seed on line 2: keep one of them",
			    ini);
			ck_assert_str_eq(errors.text[0], text);
			config_errors_done(&errors);
			continue;
		}
		ck_assert_ptr_nonnull(config);
		ck_assert_uint_eq(config->hash_seed.k0, 0x7766554433221100);
		ck_assert_uint_eq(warnings(config, text), 0);
		out = open_memstream(&dumped, &len);
		config_dump(config, out);
		ck_assert_int_eq(fclose(out), 0);
		ck_assert_ptr_null(strstr(dumped, DIGITS));
		ck_assert_ptr_nonnull(strstr(dumped, path));
		config_free(config);
		/* what is parsed again opens no file */
		config = config_parse("dumped", dumped, len, &errors);
		ck_assert_ptr_nonnull(config);
		ck_assert(!config->hash_seed_set);
		ck_assert_str_eq(config->hash_seed_file, path);
		config_free(config);
		free(dumped);
		ck_assert_int_eq(chmod(path, 0644), 0);
		ck_assert_ptr_null(config_load(ini, &errors));
		(void)snprintf(text, sizeof(text),
		    "%s:2: [global] hash-seed-file: mode 0644", ini);
		ck_assert_int_eq(strncmp(errors.text[0], text, strlen(text)),
		    0);
		config_errors_done(&errors);
	}
	ck_assert_int_eq(unlink(ini), 0);
}
END_TEST

START_TEST(test_exposed)
{
	static const struct {
		mode_t mode;
		const char *line;
		bool exposed;
	} all[] = {
		{ 0644, "hash-seed = " DIGITS "\n", true },
		{ 0640, "hash-seed = " DIGITS "\n", false },
		{ 0644, "", false },
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		char text[CONFIG_ERROR_MAX];
		struct config_errors errors;
		struct config *config;

		(void)snprintf(text, sizeof(text),
		    "[global]\n%s[service s]\nlisten = :80\n"
		    "backend = a 1.2.3.4\n",
		    all[i].line);
		write_seed(text, all[i].mode);
		config = config_load(path, &errors);
		ck_assert_ptr_nonnull(config);
		ck_assert_uint_eq(warnings(config, text), all[i].exposed);
		if (all[i].exposed)
			ck_assert_ptr_nonnull(strstr(text,
			    "a.ini: [global] hash-seed: every user of this "
			    "machine can read the seed: chmod o-r"));
		config_free(config);
	}
}
END_TEST

static Suite *
seedfile_suite(void)
{
	Suite *suite = suite_create("seedfile");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, make_dir, remove_dir);
	tcase_add_test(all, test_contents);
	tcase_add_test(all, test_modes);
	tcase_add_test(all, test_access_list);
	tcase_add_test(all, test_no_file);
	tcase_add_test(all, test_keys);
	tcase_add_test(all, test_exposed);
	suite_add_tcase(suite, all);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(seedfile_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
