/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The doctor on made-up machines: a roomy one where nothing bites, then with
 * one limit after the other too low.
 */
#include "lb4/config/config.h"
#include "lb4/host/doctor.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/host/host.h"

static struct host host;
static struct doctor_report report;
static struct config *config;

static void
roomy(void)
{
	host = (struct host){
		.is_root = true,
		.privileged = true,
		.nofile_soft = 1024,
		.nofile_hard = 1048576,
		.nproc = 100000,
		.nr_open = 1048576,
		.file_max = 9000000,
		.files_used = 1000,
		.threads_max = 100000,
		.pipe_pages_soft = 16384,
		.pipe_max_size = 1048576,
		.mem_available = INT64_C(16) << 30,
		.tcp_mem_pages = 500000,
		.tcp_mem_low = 250000,
		.tcp_wmem_most = 4 << 20,
		.tcp_rmem_most = 6 << 20,
		.max_orphans = 131072,
		.cgroup_mem_left = HOST_UNLIMITED,
		.cgroup_pids_left = HOST_UNLIMITED,
		.somaxconn = 4096,
		.syn_backlog = 4096,
		.syncookies = 1,
		.tw_reuse = 1,
		.tw_reuse_delay_ms = 1000,
		.migrate_req = 1,
		.conntrack_max = 262144,
		.conntrack_used = 100,
		.port_low = 32768,
		.port_high = 60999,
	};
}

/* Two workers, one service with two backend addresses. */
static void
configure(const char *global, const char *service)
{
	struct config_errors errors = { 0 };
	char text[1024];

	snprintf(text, sizeof(text),
	    "[global]\nworkers = 2\n%s\n[service web]\nlisten = :80\n"
	    "backend = a 10.0.0.1:80\nbackend = b 10.0.0.2:80\n%s\n",
	    global, service);
	config_free(config);
	config = config_parse("test", text, strlen(text), &errors);
	ck_assert_msg(config != NULL, "%s", errors.text[0]);
}

static void
setup(void)
{
	config = NULL;
	roomy();
	configure("maxconn = 20000", "");
}

static void
teardown(void)
{
	config_free(config);
}

static void
examine(void)
{
	doctor_examine(config, &host, DOCTOR_NOT_RUNNING, &report);
}

/* The first finding, the first wall, and how many findings bite. */
static void
expect(const char *what, enum doctor_severity severity, const char *wall,
    uint64_t conns)
{
	ck_assert_str_eq(report.finding[0].what, what);
	ck_assert_int_eq(report.finding[0].severity, severity);
	ck_assert_uint_eq(report.bites, severity == DOCTOR_BITES);
	if (severity != DOCTOR_FINE)
		ck_assert_str_ne(report.finding[0].set, "");
	ck_assert_uint_lt(report.first, report.count);
	ck_assert_str_eq(report.finding[report.first].what, wall);
	ck_assert_uint_eq(report.finding[report.first].conns, conns);
}

/* Exactly one bites, and it is the first wall. */
static void
expect_wall(const char *what, uint64_t conns)
{
	examine();
	expect(what, DOCTOR_BITES, what, conns);
}

/* One that makes no wall of conns. */
static void
expect_other(const char *what, enum doctor_severity severity)
{
	examine();
	expect(what, severity, "maxconn", 20000);
}

START_TEST(roomy_machine)
{
	expect_other("maxconn", DOCTOR_FINE);
	ck_assert_uint_eq(report.wanted, 20000);
	for (size_t i = 0; i < report.count; i++) {
		const struct doctor_finding *finding = &report.finding[i];

		ck_assert_int_eq(finding->severity, DOCTOR_FINE);
		ck_assert_str_ne(finding->value, "");
		ck_assert_str_ne(finding->needs, "");
		ck_assert_str_ne(finding->wall, "");
		ck_assert_str_eq(finding->set, "");
	}
}
END_TEST

START_TEST(descriptors)
{
	/* 14 + 2 x 4 of lb4's own, 2 listeners */
	host.nofile_hard = 2024;
	expect_wall("RLIMIT_NOFILE", 1000);
	ck_assert_str_eq(report.finding[0].value, "soft 1024, hard 2024");
	ck_assert_str_eq(report.finding[0].set,
	    "LimitNOFILE=40150 in the unit, or ulimit -n");
	host.nr_open = 40000;
	expect_wall("RLIMIT_NOFILE", 1000);
	ck_assert_str_eq(report.finding[0].set,
	    "fs.nr_open=40150, then LimitNOFILE=40150");

	/* enough for conns, not for every pipe at the same time */
	roomy();
	host.nofile_hard = 40050;
	expect_other("RLIMIT_NOFILE", DOCTOR_NOTE);

	host.nofile_hard = HOST_UNLIMITED;
	expect_other("maxconn", DOCTOR_FINE);
	host.nofile_hard = 4;
	expect_wall("RLIMIT_NOFILE", 0);
}
END_TEST

/* maxconn = auto follows the limit: it bites only when too little is left. */
START_TEST(descriptors_auto)
{
	configure("", "");
	host.nofile_hard = 10000;
	examine();
	expect("RLIMIT_NOFILE", DOCTOR_FINE, "RLIMIT_NOFILE", report.wanted);
	ck_assert_uint_gt(report.wanted, 4000);
	ck_assert_uint_lt(report.wanted, 5000);
	host.nofile_hard = 44;
	examine();
	expect("RLIMIT_NOFILE", DOCTOR_BITES, "RLIMIT_NOFILE", 10);
}
END_TEST

START_TEST(files_of_the_machine)
{
	host.file_max = 11000;
	expect_wall("fs.file-max", 5000);
	ck_assert_str_eq(report.finding[0].set, "fs.file-max=41024");

	/* what it has open itself does not count against it */
	host.files_used = 7000;
	doctor_examine(config, &host, 3000, &report);
	expect("fs.file-max", DOCTOR_BITES, "fs.file-max", 5000);
}
END_TEST

START_TEST(ports)
{
	host.port_low = 40000;
	host.port_high = 40999;
	memset(host.reserved + 40000 / 8, 0xff, 25); /* 200 ports */
	expect_wall("net.ipv4.ip_local_port_range", 1600);
	ck_assert_str_eq(report.finding[0].value,
	    "40000 to 40999, 800 of them free to connect from");

	/* a port that lb4 listens on is not free; the same address twice, or
	 * without weight, is none more */
	configure("maxconn = 20000",
	    "listen = :40500\nbackend = c 10.0.0.2:80\n"
	    "backend = d 10.0.0.4:80 weight=0");
	expect_wall("net.ipv4.ip_local_port_range", 1598);

	/* the service itself asks for less */
	configure("maxconn = 20000", "maxconn = 1500");
	examine();
	ck_assert_uint_eq(report.bites, 0);
	ck_assert_uint_eq(report.wanted, 1500);

	/* a unix socket takes no port */
	configure("maxconn = 20000", "backend = c unix:/x");
	expect_other("maxconn", DOCTOR_FINE);

	/* nobody asked for so many */
	configure("", "");
	examine();
	expect("net.ipv4.ip_local_port_range", DOCTOR_NOTE,
	    "net.ipv4.ip_local_port_range", 1600);
}
END_TEST

/* The service that runs out first is the one that is told. */
START_TEST(ports_of_the_tightest)
{
	host.port_low = 40000;
	host.port_high = 40999;
	configure("maxconn = 20000",
	    "[service one]\nlisten = :81\nbackend = x 10.0.0.9:80");
	expect_wall("net.ipv4.ip_local_port_range", 1000);
	ck_assert_str_eq(report.finding[0].needs,
	    "20000 conns of service one over 1 backend address");
}
END_TEST

static const struct doctor_finding *
find(const char *what)
{
	for (size_t i = 0; i < report.count; i++)
		if (strcmp(report.finding[i].what, what) == 0)
			return &report.finding[i];
	return NULL;
}

START_TEST(time_wait)
{
	host.tw_reuse = 0;
	expect_other("net.ipv4.tcp_tw_reuse", DOCTOR_NOTE);
	/* 28,232 ports, 2 addresses, 60 s */
	ck_assert_uint_eq(report.finding[0].rate, 941);
	host.tw_reuse = 2; /* on loopback alone */
	expect_other("net.ipv4.tcp_tw_reuse", DOCTOR_NOTE);
	host.tw_reuse = 1;
	expect_other("maxconn", DOCTOR_FINE);
	ck_assert_uint_eq(find("net.ipv4.tcp_tw_reuse")->rate, 56464);

	configure("maxconn = 20000",
	    "maxconn = 10\n[service near]\nlisten = :81\n"
	    "backend = x 127.0.0.1:8080");
	host.tw_reuse = 2;
	host.tw_reuse_delay_ms = 500;
	examine();
	ck_assert_uint_eq(find("net.ipv4.tcp_tw_reuse")->rate, 56464);
	ck_assert_int_eq(find("net.ipv4.tcp_tw_reuse")->severity, DOCTOR_FINE);
}
END_TEST

START_TEST(backend_in_the_range)
{
	configure("maxconn = 20000", "backend = near 127.0.0.1:40000");
	expect_other("net.ipv4.ip_local_reserved_ports", DOCTOR_NOTE);
	host.reserved[40000 / 8] = 1;
	expect_other("maxconn", DOCTOR_FINE);
	configure("maxconn = 20000", "backend = far 10.0.0.3:40000");
	expect_other("maxconn", DOCTOR_FINE);
}
END_TEST

START_TEST(queues)
{
	host.somaxconn = 128;
	expect_other("net.core.somaxconn", DOCTOR_BITES);
	ck_assert_str_eq(report.finding[0].set, "net.core.somaxconn=4096");
	configure("maxconn = 20000", "backlog = 128");
	expect_other("maxconn", DOCTOR_FINE);

	roomy();
	configure("maxconn = 20000", "");
	host.syn_backlog = 128;
	expect_other("maxconn", DOCTOR_FINE);
	host.syncookies = 0;
	expect_other("net.ipv4.tcp_max_syn_backlog", DOCTOR_BITES);

	roomy();
	host.migrate_req = 0;
	expect_other("net.ipv4.tcp_migrate_req", DOCTOR_NOTE);
	configure("maxconn = 20000\nuser = x", "");
	config->workers = 1;
	expect_other("maxconn", DOCTOR_FINE);
}
END_TEST

START_TEST(conntrack)
{
	host.conntrack_max = 10100;
	expect_wall("net.netfilter.nf_conntrack_max", 5000);
	host.conntrack_used = 0; /* nobody follows connections here */
	expect_other("maxconn", DOCTOR_FINE);
	host.conntrack_used = 20000;
	expect_wall("net.netfilter.nf_conntrack_max", 0);
}
END_TEST

/* What is said of the memory for TCP. */
static void
expect_stalled(const char *needs, const char *wall)
{
	size_t i = 0;

	while (i < report.count &&
	    strcmp(report.finding[i].what, "net.ipv4.tcp_mem") != 0)
		i++;
	ck_assert_uint_lt(i, report.count);
	ck_assert_ptr_nonnull(strstr(report.finding[i].needs, needs));
	ck_assert_ptr_nonnull(strstr(report.finding[i].wall, wall));
}

START_TEST(memory)
{
	host.mem_available = 9216 * 1000;
	expect_wall("memory", 1000);
	host.cgroup_mem_left = 9216 * 500;
	expect_wall("memory.max", 500);
	host.mem_available = HOST_UNKNOWN;
	expect_wall("memory.max", 500);

	roomy();
	host.tcp_mem_pages = 1000;
	expect_other("net.ipv4.tcp_mem", DOCTOR_NOTE);

	/* what conns hold whose readers stop: the buffers on their way */
	roomy();
	examine();
	expect_stalled("or up to 10240 KiB",
	    "or 195 with stopped readers, which "
	    "are reset above 488 MiB");
	configure("maxconn = 20000\nstalled-memory = 100m",
	    "sndbuf-client = 128k\nrcvbuf-backend = 128k\n"
	    "sndbuf-backend = 128k\nrcvbuf-client = 384k");
	examine();
	expect_stalled("or up to 1024 KiB",
	    "or 1953 with stopped readers, which "
	    "are reset above 100 MiB");
	configure("maxconn = 20000\nstalled-memory = 4g", "");
	expect_other("net.ipv4.tcp_mem", DOCTOR_BITES);
	configure("maxconn = 20000", "");
	roomy();
	host.max_orphans = 1000;
	expect_other("net.ipv4.tcp_max_orphans", DOCTOR_NOTE);
}
END_TEST

START_TEST(pipes)
{
	configure("maxconn = 20000\nmaxpipes = 2000", "");
	expect_other("maxconn", DOCTOR_FINE);
	host.privileged = false;
	expect_other("fs.pipe-user-pages-soft", DOCTOR_BITES);
	ck_assert_str_eq(report.finding[0].set,
	    "fs.pipe-user-pages-soft=32000");
	host.privileged = true; /* which is given up */
	configure("maxconn = 20000\nmaxpipes = 2000\nuser = lb4", "");
	expect_other("fs.pipe-user-pages-soft", DOCTOR_BITES);
	host.pipe_pages_soft = 0; /* no limit */
	expect_other("maxconn", DOCTOR_FINE);
	host.pipe_pages_hard = 1000;
	expect_other("fs.pipe-user-pages-hard", DOCTOR_BITES);

	roomy();
	configure("maxconn = 20000\nuser = lb4", "");
	host.pipe_pages_soft = 1000;
	expect_other("fs.pipe-user-pages-soft", DOCTOR_NOTE);
	host.pipe_pages_soft = 16384;
	host.pipe_max_size = 65536;
	expect_other("fs.pipe-max-size", DOCTOR_BITES);
}
END_TEST

START_TEST(threads)
{
	host.cgroup_pids_left = 4;
	expect_other("pids.max", DOCTOR_BITES);
	/* one that runs has its threads */
	doctor_examine(config, &host, 0, &report);
	ck_assert_uint_eq(report.bites, 0);
	host.cgroup_pids_left = 5;
	expect_other("maxconn", DOCTOR_FINE);
	host.nproc = 3;
	expect_other("maxconn", DOCTOR_FINE); /* does not bind root */
	host.is_root = false;
	expect_other("RLIMIT_NPROC", DOCTOR_BITES);
	host.nproc = HOST_UNLIMITED;
	host.threads_max = 2;
	expect_other("kernel.threads-max", DOCTOR_BITES);
}
END_TEST

/* Of several, that with the fewest conns comes first. */
START_TEST(several)
{
	host.somaxconn = 1;
	host.conntrack_max = 10100;
	host.nofile_hard = 2024;
	examine();
	ck_assert_uint_eq(report.bites, 3);
	ck_assert_str_eq(report.finding[0].what, "RLIMIT_NOFILE");
	ck_assert_str_eq(report.finding[1].what,
	    "net.netfilter.nf_conntrack_max");
	ck_assert_str_eq(report.finding[2].what, "net.core.somaxconn");
	ck_assert_uint_eq(report.first, 0);
}
END_TEST

START_TEST(cpu_quota)
{
	host.cpu_quota = 2000;
	expect_other("maxconn", DOCTOR_FINE);
	host.cpu_quota = 1500;
	expect_other("CPU quota", DOCTOR_NOTE);
	ck_assert_str_eq(report.finding[0].value, "1.50 CPUs");
	ck_assert_str_eq(report.finding[0].set, "CPUQuota=200%, or workers=1");
	host.cpu_quota = 100;
	expect_other("CPU quota", DOCTOR_NOTE);
	ck_assert_str_eq(report.finding[0].set, "CPUQuota=200%, or workers=1");
}
END_TEST

/* A machine that tells nothing: only what the file says is known. */
START_TEST(unknown_machine)
{
	memset(&host, 0xff, sizeof(host)); /* HOST_UNKNOWN */
	host.is_root = host.privileged = host.own_netns = false;
	host.port_low = host.port_high = 0;
	expect_other("maxconn", DOCTOR_FINE);
	ck_assert_uint_eq(report.count, 1);
	configure("", "");
	examine();
	ck_assert_uint_eq(report.count, 0);
	ck_assert_uint_eq(report.first, 0);
}
END_TEST

START_TEST(printed)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(out);
	host.somaxconn = 128;
	examine();
	doctor_print(&report, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_ptr_nonnull(strstr(text,
	    "first wall: 20000 conns at once, by maxconn\n"
	    "bites: net.core.somaxconn: 128; needs backlog = 4096; 128 "
	    "clients wait at a listener, others must retry after a second; "
	    "set net.core.somaxconn=4096\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "\nfine: maxconn: 20000; needs the configuration's own limit; "
	    "20000 conns at once\n"));
	free(text);
	ck_assert_str_eq(doctor_severity_name(DOCTOR_NOTE), "note");
	ck_assert_str_eq(doctor_severity_name(DOCTOR_SEVERITY_COUNT), "?");
}
END_TEST

/* What a running process adds is the worst of all. */
START_TEST(stuck_thread)
{
	size_t bites;

	examine();
	bites = report.bites;
	doctor_add_thread(&report, "the prober", 5000);
	ck_assert_uint_eq(report.bites, bites + 1);
	ck_assert_int_eq(report.finding[report.bites - 1].severity,
	    DOCTOR_BITES);
	ck_assert_str_eq(report.finding[report.bites - 1].what, "a thread");
	ck_assert_str_eq(report.finding[report.bites - 1].value,
	    "the prober has been in one turn of its loop for 5000 ms");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *tcase = tcase_create("doctor");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, roomy_machine);
	tcase_add_test(tcase, descriptors);
	tcase_add_test(tcase, stuck_thread);
	tcase_add_test(tcase, descriptors_auto);
	tcase_add_test(tcase, files_of_the_machine);
	tcase_add_test(tcase, ports);
	tcase_add_test(tcase, ports_of_the_tightest);
	tcase_add_test(tcase, time_wait);
	tcase_add_test(tcase, backend_in_the_range);
	tcase_add_test(tcase, queues);
	tcase_add_test(tcase, conntrack);
	tcase_add_test(tcase, memory);
	tcase_add_test(tcase, pipes);
	tcase_add_test(tcase, threads);
	tcase_add_test(tcase, several);
	tcase_add_test(tcase, cpu_quota);
	tcase_add_test(tcase, unknown_machine);
	tcase_add_test(tcase, printed);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
