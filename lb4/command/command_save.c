/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * save: shows the changes by weight, add and remove as a diff of the
 * configuration file and, if told to, writes the file.  The file may have 16
 * MiB and the disk may be slow, so a thread does it, with a copy of the
 * configuration in force (errand.h).
 */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/plural.h"
#include "common/textbuf.h"
#include "common/why.h"
#include "lb4/command/answer.h"
#include "lb4/command/callers.h"
#include "lb4/command/commands.h"
#include "lb4/command/errand.h"
#include "lb4/config/config.h"
#include "lb4/config/edit.h"
#include "lb4/config/values.h"
#include "lb4/control/events.h"
#include "lb4/control/handle.h"
#include "lb4/process/options.h"

/* The file as read. */
struct original {
	char path[PATH_MAX]; /* links resolved */
	struct stat stat;
	char *text; /* owned */
	size_t len;
};

/* The first transition decides: a CANCELLED save replaces nothing, and a save
 * that REPLACES cannot be cancelled. */
enum phase { PHASE_PREPARES, PHASE_REPLACES, PHASE_CANCELLED };

struct saving {
	struct errand errand; /* the first one: see errand.h */

	/* set before the thread starts */
	struct config *served; /* owned */
	char *path;	       /* owned; of the file, perhaps a link */
	bool write;
	bool json;
	uid_t uid; /* of the caller */
	pid_t pid;

	_Atomic int phase;  /* writers: the thread, and the job; by CAS */
	_Atomic bool made;  /* writer: the thread; `new` is there, and stays */
	char new[PATH_MAX]; /* the thread's; the job reads it once `made` */

	/* the thread's, and the job's once it is done */
	struct original original;
	struct edits edits;
	bool written;
	json_t *object;	  /* owned; the answer as JSON, or */
	char *diff;	  /* owned; as text */
	const char *code; /* of an error, which is in `why`; NULL: none */
	char why[2 * PATH_MAX];
};

static void
saving_free(struct errand *errand)
{
	struct saving *saving = (struct saving *)errand;

	edits_done(&saving->edits);
	config_free(saving->served);
	json_decref(saving->object);
	free(saving->original.text);
	free(saving->diff);
	free(saving->path);
	free(saving);
}

static void __attribute__((format(printf, 3, 4)))
refuse(struct saving *saving, const char *code, const char *format, ...)
{
	va_list args;

	saving->code = code;
	va_start(args, format);
	(void)vsnprintf(saving->why, sizeof(saving->why), format, args);
	va_end(args);
}

/* ---- reading ------------------------------------------------------------- */

static int
original_read(struct original *original, const char *path)
{
	int fd, error = 0;

	if (realpath(path, original->path) == NULL)
		return -errno;
	fd = file_open(original->path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &original->stat) < 0)
		error = -errno;
	else
		error = file_read(fd, CONFIG_FILE_MAX, &original->text,
		    &original->len);
	(void)close(fd);
	/* another process is writing it */
	if (error == 0 && original->len != (size_t)original->stat.st_size)
		error = -EAGAIN;
	return error;
}

/* ---- writing ------------------------------------------------------------- */

static int
fill(int fd, const struct original *original, const struct edits *edits)
{
	int error;

	/* keep the owner and mode: access must not widen or be lost */
	if (fchown(fd, original->stat.st_uid, original->stat.st_gid) < 0 ||
	    fchmod(fd, original->stat.st_mode & 07777) < 0)
		return -errno;
	error = file_write(fd, edits->text, edits->len);
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	return error;
}

/* Returns 0 if the file has not been written or replaced since it was read. */
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
	    : -ESTALE;
}

/* A power failure may lose the new name until the directory is synced. */
static void
sync_directory(const char *path)
{
	char directory[PATH_MAX];
	int fd, error = 0;

	(void)strlcpy(directory, path, sizeof(directory));
	fd = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	/* not every file system can sync a directory */
	if (error != 0 && error != EINVAL)
		log_warning("%s is written, but its directory cannot be synced "
			    "to the disk: %s",
		    path, strerror(error));
}

static int
replace(struct saving *saving)
{
	int prepares = PHASE_PREPARES;
	int error = check_same(&saving->original);

	if (error < 0)
		return error;
	if (!atomic_compare_exchange_strong(&saving->phase, &prepares,
		PHASE_REPLACES))
		return -ECANCELED;
	return rename(saving->new, saving->original.path) < 0 ? -errno : 0;
}

/* Replaces the file atomically: a reader gets the old or the new one.  Fails if
 * an editor has changed the file meanwhile. */
static int
original_replace(struct saving *saving)
{
	int fd, error;

	if ((size_t)snprintf(saving->new, sizeof(saving->new), "%s.XXXXXX",
		saving->original.path) >= sizeof(saving->new))
		return -ENAMETOOLONG;
	fd = mkostemp(saving->new, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	atomic_store_explicit(&saving->made, true, memory_order_release);
	error = fill(fd, &saving->original, &saving->edits);
	if (close(fd) < 0 && error == 0)
		error = -errno;
	if (error == 0)
		error = replace(saving);
	if (error < 0)
		(void)unlink(saving->new);
	else
		sync_directory(saving->original.path);
	return error;
}

static void
write_file(struct saving *saving)
{
	const char *path = saving->original.path;
	int error = original_replace(saving);

	saving->written = error == 0;
	if (error == 0)
		log_notice("%s written, %zu change%s, by uid %d, pid %d", path,
		    saving->edits.count, plural(saving->edits.count),
		    (int)saving->uid, (int)saving->pid);
	else if (error == -ESTALE)
		refuse(saving, "refused",
		    "%s was changed by another process meanwhile: run save again",
		    path);
	else if (error == -EBUSY)
		refuse(saving, "failed",
		    "%s cannot be replaced because it is a mount point: mount its directory instead, or run: lb4ctl save | patch %s",
		    path, path);
	else
		refuse(saving, "failed",
		    "%s cannot be written: %s: run lb4ctl save | patch %s as a user who can write it",
		    path, strerror(-error), path);
}

/* ---- the answer ---------------------------------------------------------- */

/* Text for JSON, which is UTF-8.  Other text, such as comments may contain, is
 * read as ISO 8859-1, which maps every byte. */
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

/* Makes the answer of a successful save before anything is written, so that a
 * lack of memory cannot hide that the file was written. */
static int
make_answer(struct saving *saving)
{
	const struct original *original = &saving->original;
	const bool writes = saving->write && saving->edits.count > 0;
	struct textbuf buf;
	FILE *out = textbuf_open(&buf);
	int error = 0;

	if (out != NULL)
		error = edits_diff(&saving->edits,
		    &(struct edit_source){ original->text, original->len,
			NULL },
		    original->path, out);
	if (out != NULL && writes && !saving->json)
		fprintf(out, "written to %s\n", original->path);
	if (textbuf_close(&buf) < 0 || error < 0) {
		textbuf_done(&buf);
		return -ENOMEM;
	}
	saving->diff = buf.text;
	if (!saving->json)
		return 0;
	saving->object = json_pack("{s:o,s:I,s:b,s:o}", "path",
	    answer_value(original->path), "changes",
	    (json_int_t)saving->edits.count, "written", writes, "diff",
	    text_value(saving->diff));
	return saving->object != NULL ? 0 : -ENOMEM;
}

/* ---- the thread ---------------------------------------------------------- */

static void
saving_run(struct errand *errand)
{
	struct saving *saving = (struct saving *)errand;
	struct original *original = &saving->original;
	struct config_errors errors = { .count = 0 };
	struct config *file = NULL;
	struct why why = { "" };
	int error = original_read(original, saving->path);

	if (error == 0)
		file = config_parse(original->path, original->text,
		    original->len, &errors);
	if (file != NULL)
		error = edits_make(&saving->edits,
		    &(struct edit_source){ original->text, original->len,
			file },
		    saving->served, &why);
	if (file != NULL && error == 0)
		error = make_answer(saving);
	if (errors.count > 0)
		refuse(saving, "refused", "%s", errors.text[0]);
	else if (why.text[0] != '\0')
		refuse(saving, "refused", "%s: %s", saving->path, why.text);
	else if (error < 0)
		refuse(saving, "failed", "%s: %s", saving->path,
		    file_error(error));
	else if (saving->write && saving->edits.count > 0)
		write_file(saving);
	config_free(file);
	config_errors_done(&errors);
}

/* ---- the job ------------------------------------------------------------- */

/* Removes the temporary file of an unfinished save, because the thread may not
 * get to do so: it ends with the process. */
static void
cancel_saving(struct caller *caller)
{
	struct saving *saving = (struct saving *)caller->job.errand;
	int prepares = PHASE_PREPARES;

	if (saving != NULL && !errand_is_done(&saving->errand) &&
	    atomic_compare_exchange_strong(&saving->phase, &prepares,
		PHASE_CANCELLED) &&
	    atomic_load_explicit(&saving->made, memory_order_acquire))
		(void)unlink(saving->new);
	errand_cancel(caller);
}

static void
answer_saved(struct caller *caller, struct saving *saving)
{
	const char *path = saving->original.path;

	if (saving->json) {
		answer_object(caller, "lb4.save/1",
		    json_incref(saving->object));
	} else if (saving->edits.count == 0) {
		answer_done(caller, "%s matches the configuration in force",
		    path);
	} else {
		/* unescaped, for patch(1) */
		caller_write(caller, saving->diff, strlen(saving->diff));
		caller_write(caller, "\n", 1);
	}
	if (!caller->no_memory || !saving->written)
		return;
	caller_take_back(caller);
	answer_done(caller,
	    "written to %s, but no memory to show the %zu "
	    "changes",
	    path, saving->edits.count);
}

static enum job_result
step_save(struct caller *caller)
{
	struct saving *saving = (struct saving *)caller->job.errand;

	if (!errand_is_done(&saving->errand))
		return JOB_WAITS;
	if (saving->code != NULL)
		answer_error(caller, saving->code, "%s", saving->why);
	else
		answer_saved(caller, saving);
	if (saving->written)
		events_tell(caller->handle->events,
		    &(struct event){ .kind = "save" }, "%s",
		    saving->original.path);
	cancel_saving(caller);
	return JOB_DONE;
}

static struct saving *
saving_new(const struct caller *caller, const char *path, bool write)
{
	struct saving *saving = calloc(1, sizeof(*saving));

	if (saving == NULL)
		return NULL;
	errand_init(&saving->errand, caller, saving_run, saving_free);
	saving->served = config_copy(handle_config(caller->handle));
	saving->path = strdup(path);
	saving->write = write;
	saving->json = caller->json;
	saving->uid = caller->uid;
	saving->pid = caller->pid;
	atomic_init(&saving->phase, PHASE_PREPARES);
	atomic_init(&saving->made, false);
	if (saving->served != NULL && saving->path != NULL)
		return saving;
	errand_let_go(&saving->errand);
	return NULL;
}

static void
save_file(struct caller *caller, const char *path, bool write)
{
	struct saving *saving = saving_new(caller, path, write);
	int error = saving != NULL ? errand_start(&saving->errand) : -ENOMEM;

	if (error < 0) {
		answer_error(caller, "failed", "%s", why_no_thread(error));
		if (saving != NULL)
			errand_let_go(&saving->errand);
		return;
	}
	commands_job(caller, step_save);
	caller->job.errand = &saving->errand;
	caller->job.cancel = cancel_saving;
}

void
command_save(struct caller *caller, const struct command *command)
{
	const struct options *options = caller->handle->options;
	const char *word = command_argument(command, 0);

	if (word != NULL && strcmp(word, "write") != 0)
		commands_usage(caller, command);
	else if (!options_can_reload(options))
		answer_error(caller, "refused",
		    "there is no file: lb4 was started from %s",
		    options_source(options));
	else if (callers_have_job(caller->callers, step_save))
		/* each one takes a CPU for a while */
		answer_error(caller, "busy", "another save is running");
	else
		save_file(caller, options_source(options), word != NULL);
}
