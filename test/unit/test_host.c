/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The machine's limits, read from a made-up /proc and /sys in a directory.
 */
#include "lb4/host/host.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "made_root.h"

static struct host host;

START_TEST(empty_machine)
{
	host_read(&host, made_root);
	ck_assert_int_eq(host.nofile_hard, HOST_UNKNOWN);
	ck_assert_int_eq(host.nr_open, HOST_UNKNOWN);
	ck_assert_int_eq(host.mem_available, HOST_UNKNOWN);
	ck_assert_int_eq(host.conntrack_max, HOST_UNKNOWN);
	ck_assert_int_eq(host.cgroup_mem_left, HOST_UNLIMITED);
	ck_assert_int_eq(host.cgroup_pids_left, HOST_UNLIMITED);
	ck_assert_uint_eq(host.port_low, 0);
	ck_assert(!host_port_is_local(&host, 40000));
	ck_assert(!host.is_root);
	ck_assert(!host.privileged);
	ck_assert(!host.own_netns);
}
END_TEST

START_TEST(process)
{
	made_root_put("/proc/self/limits",
	    "Limit                     Soft Limit           Hard Limit     "
	    "      Units     \n"
	    "Max processes             77                   unlimited      "
	    "      processes \n"
	    "Max open files            1024                 524288         "
	    "      files     \n");
	made_root_put("/proc/self/status",
	    "Name:\tlb4\nUid:\t1000\t0\t0\t0\nCapEff:\t0000000001000000\n");
	ck_assert_int_eq(symlink("net:[1]",
			     made_root_path("/proc/self/ns/net")),
	    0);
	ck_assert_int_eq(symlink("net:[2]", made_root_path("/proc/1/ns/net")),
	    0);
	host_read(&host, made_root);
	ck_assert_int_eq(host.nofile_soft, 1024);
	ck_assert_int_eq(host.nofile_hard, 524288);
	ck_assert_int_eq(host.nproc, 77);
	ck_assert(host.is_root);
	ck_assert(host.privileged);
	ck_assert(host.own_netns);

	made_root_put("/proc/self/limits",
	    "Max open files            unlimited            unlimited      "
	    "      files     \n");
	made_root_put("/proc/self/status",
	    "Uid:\t0\t1000\t0\t0\nCapEff:\t0000000000000400\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.nofile_hard, HOST_UNLIMITED);
	ck_assert_int_eq(host.nproc, HOST_UNKNOWN);
	ck_assert(!host.is_root);
	ck_assert(!host.privileged);
}
END_TEST

START_TEST(sysctls)
{
	made_root_put("/proc/sys/fs/nr_open", "1048576\n");
	made_root_put("/proc/sys/fs/file-max", "9223372036854775807\n");
	made_root_put("/proc/sys/fs/file-nr", "861\t0\t9223372036854775807\n");
	made_root_put("/proc/sys/fs/pipe-user-pages-soft", "16384\n");
	made_root_put("/proc/sys/fs/pipe-user-pages-hard", "0\n");
	made_root_put("/proc/sys/fs/pipe-max-size", "1048576\n");
	made_root_put("/proc/sys/kernel/threads-max", "1000\n");
	made_root_put("/proc/sys/net/core/somaxconn", "128\n");
	made_root_put("/proc/sys/net/ipv4/tcp_max_syn_backlog", "512\n");
	made_root_put("/proc/sys/net/ipv4/tcp_syncookies", "0\n");
	made_root_put("/proc/sys/net/ipv4/tcp_tw_reuse", "2\n");
	made_root_put("/proc/sys/net/ipv4/tcp_migrate_req", "1\n");
	made_root_put("/proc/sys/net/ipv4/tcp_max_orphans", "4096\n");
	made_root_put("/proc/sys/net/ipv4/tcp_mem", "100\t200\t300\n");
	made_root_put("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n");
	made_root_put("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
	made_root_put("/proc/sys/net/netfilter/nf_conntrack_max", "65536\n");
	made_root_put("/proc/sys/net/netfilter/nf_conntrack_count", "12\n");
	made_root_put("/proc/meminfo",
	    "MemTotal:       24684092 kB\nMemAvailable:       2048 kB\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.nr_open, 1048576);
	ck_assert_int_eq(host.file_max, HOST_UNLIMITED);
	ck_assert_int_eq(host.files_used, 861);
	ck_assert_int_eq(host.pipe_pages_soft, 16384);
	ck_assert_int_eq(host.pipe_pages_hard, 0);
	ck_assert_int_eq(host.pipe_max_size, 1048576);
	ck_assert_int_eq(host.threads_max, 1000);
	ck_assert_int_eq(host.somaxconn, 128);
	ck_assert_int_eq(host.syn_backlog, 512);
	ck_assert_int_eq(host.syncookies, 0);
	ck_assert_int_eq(host.tw_reuse, 2);
	ck_assert_int_eq(host.tw_reuse_delay_ms, HOST_UNKNOWN);
	ck_assert_int_eq(host.migrate_req, 1);
	ck_assert_int_eq(host.max_orphans, 4096);
	ck_assert_int_eq(host.tcp_mem_pages, 300);
	ck_assert_int_eq(host.tcp_mem_low, 100);
	ck_assert_int_eq(host.tcp_wmem_most, 4194304);
	ck_assert_int_eq(host.tcp_rmem_most, 6291456);
	ck_assert_int_eq(host.conntrack_max, 65536);
	ck_assert_int_eq(host.conntrack_used, 12);
	ck_assert_int_eq(host.mem_available, 2048 * 1024);
}
END_TEST

START_TEST(garbage)
{
	made_root_put("/proc/sys/net/core/somaxconn", "many\n");
	made_root_put("/proc/sys/fs/nr_open", "");
	made_root_put("/proc/sys/net/ipv4/tcp_mem", "100 200\n");
	made_root_put("/proc/sys/net/ipv4/ip_local_port_range", "60000 100\n");
	made_root_put("/proc/self/limits", "Max open files\n");
	made_root_put("/proc/self/cgroup", "no colons\n1:\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.somaxconn, HOST_UNKNOWN);
	ck_assert_int_eq(host.nr_open, HOST_UNKNOWN);
	ck_assert_int_eq(host.tcp_mem_pages, HOST_UNKNOWN);
	ck_assert_uint_eq(host.port_low, 0);
	ck_assert_int_eq(host.nofile_hard, HOST_UNKNOWN);
	ck_assert_int_eq(host.cgroup_mem_left, HOST_UNLIMITED);
}
END_TEST

START_TEST(ports)
{
	made_root_put("/proc/sys/net/ipv4/ip_local_port_range",
	    "32768\t60999\n");
	made_root_put("/proc/sys/net/ipv4/ip_local_reserved_ports",
	    "8080,40000-40002,50000\n");
	host_read(&host, made_root);
	ck_assert_uint_eq(host.port_low, 32768);
	ck_assert_uint_eq(host.port_high, 60999);
	ck_assert(!host_port_is_local(&host, 32767));
	ck_assert(host_port_is_local(&host, 32768));
	ck_assert(host_port_is_local(&host, 39999));
	ck_assert(!host_port_is_local(&host, 40000));
	ck_assert(!host_port_is_local(&host, 40002));
	ck_assert(host_port_is_local(&host, 40003));
	ck_assert(!host_port_is_local(&host, 50000));
	ck_assert(host_port_is_local(&host, 60999));
	ck_assert(!host_port_is_local(&host, 61000));

	made_root_put("/proc/sys/net/ipv4/ip_local_reserved_ports", "\n");
	host_read(&host, made_root);
	ck_assert(host_port_is_local(&host, 40000));
}
END_TEST

/* As counted one by one. */
START_TEST(ports_are_counted)
{
	static const uint16_t ends[][2] = { { 1, 65535 }, { 32768, 60999 },
		{ 32769, 32830 }, { 39999, 40003 }, { 40000, 40000 },
		{ 40064, 40127 }, { 50000, 49999 }, { 61000, 65535 } };

	made_root_put("/proc/sys/net/ipv4/ip_local_port_range",
	    "32768\t60999\n");
	made_root_put("/proc/sys/net/ipv4/ip_local_reserved_ports",
	    "8080,40000-40130,50000\n");
	host_read(&host, made_root);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		unsigned count = 0;

		for (uint32_t port = ends[i][0]; port <= ends[i][1]; port++)
			count += host_port_is_local(&host, (uint16_t)port);
		ck_assert_uint_eq(count,
		    host_count_ports_in(&host, ends[i][0], ends[i][1]));
	}
	ck_assert_uint_eq(host_count_ports(&host), 60999 - 32768 + 1 - 132);
	host.port_low = 0; /* unknown */
	ck_assert_uint_eq(host_count_ports(&host), 0);
}
END_TEST

/* The narrowest group on the way up counts, less what can be had back. */
START_TEST(group_v2)
{
	made_root_put("/proc/self/cgroup", "0::/system.slice/lb4.service\n");
	made_root_put("/sys/fs/cgroup/system.slice/lb4.service/memory.max",
	    "max\n");
	made_root_put("/sys/fs/cgroup/system.slice/lb4.service/memory.current",
	    "5\n");
	made_root_put("/sys/fs/cgroup/system.slice/lb4.service/pids.max",
	    "20\n");
	made_root_put("/sys/fs/cgroup/system.slice/lb4.service/pids.current",
	    "5\n");
	made_root_put("/sys/fs/cgroup/system.slice/memory.max", "1000000\n");
	made_root_put("/sys/fs/cgroup/system.slice/memory.current", "600000\n");
	made_root_put("/sys/fs/cgroup/system.slice/memory.stat",
	    "anon 1\ninactive_file 100000\n");
	made_root_put("/sys/fs/cgroup/system.slice/pids.max", "max\n");
	made_root_put("/sys/fs/cgroup/system.slice/pids.current", "5\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cgroup_mem_left, 500000);
	ck_assert_int_eq(host.cgroup_pids_left, 15);

	made_root_put("/sys/fs/cgroup/system.slice/memory.current",
	    "2000000\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cgroup_mem_left, 0);
}
END_TEST

START_TEST(group_v1)
{
	made_root_put("/proc/self/cgroup",
	    "9:name=systemd:/\n8:pids:/a\n4:memory:/a/b\n0::/\n");
	made_root_put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
	    "9223372036854771712\n");
	made_root_put("/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "1\n");
	made_root_put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
	    "3000\n");
	made_root_put("/sys/fs/cgroup/memory/a/memory.usage_in_bytes",
	    "1000\n");
	made_root_put("/sys/fs/cgroup/pids/a/pids.max", "7\n");
	made_root_put("/sys/fs/cgroup/pids/a/pids.current", "5\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cgroup_mem_left, 2000);
	ck_assert_int_eq(host.cgroup_pids_left, 2);
}
END_TEST

/* This very machine has the files that the others are made up from. */
START_TEST(real_machine)
{
	host_read(&host, "");
	ck_assert_int_gt(host.nofile_hard, 0);
	ck_assert_int_gt(host.file_max, 0);
	ck_assert_int_gt(host.mem_available, 0);
	ck_assert_int_gt(host.somaxconn, 0);
	ck_assert_uint_ne(host.port_low, 0);
	ck_assert_int_eq(host.is_root, geteuid() == 0);
}
END_TEST

/* The narrowest quota on the way up counts, by either version. */
START_TEST(cpu_quota)
{
	host_read(&host, made_root);
	ck_assert_int_eq(host.cpu_quota, HOST_UNLIMITED);
	made_root_put("/proc/self/cgroup", "0::/system.slice/lb4.service\n");
	made_root_put("/sys/fs/cgroup/system.slice/lb4.service/cpu.max",
	    "max 100000\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cpu_quota, HOST_UNLIMITED);
	made_root_put("/sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cpu_quota, 1500);
	made_root_put("/sys/fs/cgroup/system.slice/lb4.service/cpu.max",
	    "20000 100000\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cpu_quota, 200);

	made_root_put("/proc/self/cgroup",
	    "5:memory:/a\n4:cpuset:/a\n3:cpu,cpuacct:/a/b\n0::/a\n");
	made_root_put("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "-1\n");
	made_root_put("/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cpu_quota, HOST_UNLIMITED);
	made_root_put("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "25000\n");
	made_root_put("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "10000\n");
	host_read(&host, made_root);
	ck_assert_int_eq(host.cpu_quota, 2500);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("host");
	TCase *tcase = tcase_create("host");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, made_root_setup, made_root_teardown);
	tcase_add_test(tcase, empty_machine);
	tcase_add_test(tcase, process);
	tcase_add_test(tcase, sysctls);
	tcase_add_test(tcase, garbage);
	tcase_add_test(tcase, ports);
	tcase_add_test(tcase, ports_are_counted);
	tcase_add_test(tcase, group_v2);
	tcase_add_test(tcase, group_v1);
	tcase_add_test(tcase, real_machine);
	tcase_add_test(tcase, cpu_quota);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
