/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * save: what weight, add and remove have changed, as a diff of the file that
 * lb4 was started with; and, if it is told to, that file with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/plural.h"
#include "lb4/command/answer.h"
#include "lb4/command/commands.h"
#include "lb4/command/socket.h"
#include "lb4/config/config.h"
#include "lb4/config/edit.h"
#include "lb4/config/values.h"
#include "lb4/control/control.h"
#include "lb4/process/options.h"

/* The file, as it is now. */
struct original {
	char path[PATH_MAX]; /* no link */
	struct stat stat;
	char *text; /* owned */
	size_t len;
};

/* ---- reading ------------------------------------------------------------- */

static int
read_text(int fd, struct original *original)
{
	size_t room = (size_t)original->stat.st_size + 1;
	ssize_t got = 1;

	original->text = malloc(room);
	if (original->text == NULL)
		return -ENOMEM;
	while (original->len < room && got > 0) {
		got = read(fd, original->text + original->len,
		    room - original->len);
		if (got < 0)
			return -errno;
		original->len += (size_t)got;
	}
	/* it has grown meanwhile: somebody is writing it */
	return original->len < room ? 0 : -EAGAIN;
}

static int
original_read(struct original *original, const char *path)
{
	int fd, error = 0;

	*original = (struct original){ .text = NULL };
	if (realpath(path, original->path) == NULL)
		return -errno;
	fd = open(original->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &original->stat) < 0)
		error = -errno;
	else if (!S_ISREG(original->stat.st_mode))
		error = -EINVAL;
	else
		error = read_text(fd, original);
	(void)close(fd);
	return error;
}

/* ---- writing ------------------------------------------------------------- */

static int
fill(int fd, const struct original *original, const struct edits *edits)
{
	FILE *out;
	int error = 0;

	/* as the old one: nobody may read more, nor lose the file */
	if (fchown(fd, original->stat.st_uid, original->stat.st_gid) < 0 ||
	    fchmod(fd, original->stat.st_mode & 07777) < 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}
	out = fdopen(fd, "w");
	if (out == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	edits_apply(edits, original->text, original->len, out);
	if (fflush(out) != 0 || fsync(fd) < 0)
		error = -errno;
	if (fclose(out) != 0 && error == 0)
		error = -errno;
	return error;
}

/* Whether nobody has written or replaced it since it was read. */
static int
check_same(const struct original *original)
{
	const struct stat *was = &original->stat;
	struct stat now;

	if (stat(original->path, &now) < 0)
		return -errno;
	return now.st_dev == was->st_dev && now.st_ino == was->st_ino &&
		now.st_size == was->st_size &&
		now.st_mtim.tv_sec == was->st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == was->st_mtim.tv_nsec
	    ? 0
	    : -EBUSY;
}

/* Replaces the file whole: who reads it finds the old one or the new one.  A
 * disk may be slow: an editor may have been quicker. */
static int
original_replace(const struct original *original, const struct edits *edits)
{
	char new[PATH_MAX];
	int fd, error;

	if ((size_t)snprintf(new, sizeof(new), "%s.XXXXXX", original->path) >=
	    sizeof(new))
		return -ENAMETOOLONG;
	fd = mkostemp(new, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = fill(fd, original, edits);
	if (error == 0)
		error = check_same(original);
	if (error == 0 && rename(new, original->path) < 0)
		error = -errno;
	if (error < 0)
		(void)unlink(new);
	return error;
}

/* ---- the command --------------------------------------------------------- */

/* Text for JSON, which is UTF-8.  What is not, as comments may be, is taken for
 * ISO 8859-1: so every byte of it can be told. */
static json_t *
text_value(const char *text)
{
	json_t *value = json_string(text);
	char *wide, *to;

	if (value != NULL)
		return value;
	to = wide = malloc(2 * strlen(text) + 1);
	if (wide == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		const unsigned char byte = (unsigned char)*text;

		if (byte >= 0x80)
			*to++ = (char)(0xc0 | byte >> 6);
		*to++ = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
	}
	*to = '\0';
	value = json_string(wide);
	free(wide);
	return value;
}

static void
answer_diff(struct caller *caller, const struct original *original,
    const struct edits *edits, bool written)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out != NULL)
		edits_diff(edits, original->text, original->len, original->path,
		    out);
	if (out == NULL || fclose(out) != 0 || text == NULL) {
		answer_error(caller, "failed", "no memory");
	} else if (caller->json) {
		answer_object(caller, "lb4.save/1",
		    json_pack("{s:o,s:I,s:b,s:o}", "path",
			text_value(original->path), "changes",
			(json_int_t)edits->count, "written", written, "diff",
			text_value(text)));
	} else if (edits->count == 0) {
		answer_done(caller, "%s says what is served", original->path);
	} else {
		caller_write(caller, text, len);
		if (written)
			answer_line(caller, "written to %s", original->path);
		caller_write(caller, "\n", 1);
	}
	free(text);
}

static void
save(struct caller *caller, const struct original *original,
    const struct edits *edits, bool write)
{
	int error = 0;

	if (write && edits->count > 0)
		error = original_replace(original, edits);
	if (error == -EBUSY) {
		answer_error(caller, "refused",
		    "%s was changed by somebody else meanwhile",
		    original->path);
		return;
	}
	if (error < 0) {
		answer_error(caller, "failed",
		    "%s cannot be written: %s: lb4ctl save | patch %s, as "
		    "somebody who may",
		    original->path, strerror(-error), original->path);
		return;
	}
	if (write && edits->count > 0) {
		log_notice("%s written, %zu change%s, by uid %d, pid %d",
		    original->path, edits->count, plural(edits->count),
		    (int)caller->uid, (int)caller->pid);
		control_socket_event(caller->control->parts.socket, "save",
		    NULL, NULL, "%s", original->path);
	}
	answer_diff(caller, original, edits, write && edits->count > 0);
}

static void
save_file(struct caller *caller, const char *path, bool write)
{
	struct config_errors errors = { .count = 0 };
	struct config *file = NULL;
	struct original original;
	struct why why = { "" };
	struct edits edits = { .count = 0 };
	int error = original_read(&original, path);

	if (error == 0)
		file = config_parse(original.path, original.text, original.len,
		    &errors);
	if (file != NULL)
		error = edits_make(&edits, original.text, original.len, file,
		    caller->control->parts.config, &why);
	if (errors.count > 0)
		answer_error(caller, "refused", "%s", errors.text[0]);
	else if (why.text[0] != '\0')
		answer_error(caller, "refused", "%s: %s", path, why.text);
	else if (error < 0)
		answer_error(caller, "failed", "%s: %s", path,
		    strerror(-error));
	else
		save(caller, &original, &edits, write);
	edits_done(&edits);
	config_free(file);
	config_errors_done(&errors);
	free(original.text);
}

void
command_save(struct caller *caller, const struct command *command)
{
	const struct options *options = caller->control->parts.options;
	const char *word = command_argument(command, 0);

	if (word != NULL && strcmp(word, "write") != 0)
		commands_usage(caller, command);
	else if (!options_can_reload(options))
		answer_error(caller, "refused",
		    "there is no file: lb4 was started from %s",
		    options_source(options));
	else
		save_file(caller, options_source(options), word != NULL);
}
