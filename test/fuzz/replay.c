/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */

/*
 * The main of a fuzzer built without a fuzzing engine: gives the files named on
 * the command line, one by one, to LLVMFuzzerTestOneInput(), as `make check`
 * does with the seeds. A finding ends the program, as it does under libFuzzer;
 * the last name printed is its file.
 */

#include <err.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The buffer is the file's size to the byte, so that a sanitizer sees an
 * overread. */
static void
replay(const char *path)
{
	struct stat st;
	uint8_t *data;
	FILE *file;

	file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &st))
		err(2, "%s", path);
	data = malloc(st.st_size ? st.st_size : 1);
	if (!data)
		err(2, "%s", path);
	if (fread(data, 1, st.st_size, file) != (size_t)st.st_size)
		errx(2, "%s: short read", path);
	fclose(file);

	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, st.st_size);
	free(data);
}

int
main(int argc, char **argv)
{
	int i;

	if (argc < 2)
		errx(2, "usage: %s file...", argv[0]);
	for (i = 1; i < argc; i++)
		replay(argv[i]);
	return 0;
}
