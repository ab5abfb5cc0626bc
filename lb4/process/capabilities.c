/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* Capabilities: see capabilities.h. */
#include "lb4/process/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lb4/config/settings.h"

struct sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct word[_LINUX_CAPABILITY_U32S_3];
};

static int
read_sets(struct sets *sets)
{
	*sets = (struct sets){
		.header = { .version = _LINUX_CAPABILITY_VERSION_3 },
	};
	return syscall(SYS_capget, &sets->header, sets->word) < 0 ? -errno : 0;
}

uint64_t
capabilities_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->services; i++) {
		const struct service_settings *settings =
		    &config->service[i].settings;

		if (settings->source.client || settings->tuning.mark != 0)
			return UINT64_C(1) << CAP_NET_RAW;
	}
	return 0;
}

bool
capabilities_have(uint64_t set)
{
	struct sets sets;

	return read_sets(&sets) == 0 &&
	    (~sets.word[0].effective & (uint32_t)set) == 0 &&
	    (~sets.word[1].effective & (uint32_t)(set >> 32)) == 0;
}

int
capabilities_keep(uint64_t set)
{
	struct sets sets;
	int error = read_sets(&sets);

	if (error < 0)
		return error;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets.word[i].permitted &= (uint32_t)(set >> 32 * i);
		sets.word[i].effective = sets.word[i].permitted;
		sets.word[i].inheritable = sets.word[i].permitted;
	}
	if (syscall(SYS_capset, &sets.header, sets.word) < 0)
		return -errno;
	for (unsigned i = 0; i < 64; i++)
		if ((sets.word[i / 32].permitted >> i % 32 & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -errno;
	return 0;
}
