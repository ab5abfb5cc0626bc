/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * Files that are wrong, with all that is said of each.  Wrong values of single
 * keys are in test_config.c.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb4/config/config.h"

/* A service without fault, to stand before or behind what is wrong. */
#define GOOD "[service ok]\nlisten = 127.0.0.1:80\nbackend = a 10.0.0.1:80\n"
#define AFTER_GOOD "t.ini:4: "

static const struct {
	const char *text;
	const char *errors; /* a line each */
} samples[] = {
	/* Whole files. */
	{ "", "t.ini: no [service NAME] section: add one\n" },
	{ "[global]\nworkers = 2\n",
	    "t.ini: no [service NAME] section: add one\n" },
	{ "hello\n",
	    "t.ini:1: hello: no '=': write key = value\n"
	    "t.ini: no [service NAME] section: add one\n" },

	/* Sections. */
	{ GOOD "[]\nx = 1\n",
	    AFTER_GOOD "[]: empty section name: write [global] or [service "
		       "NAME]\n" },
	{ GOOD "[ ]\n",
	    AFTER_GOOD "[]: empty section name: write [global] or [service "
		       "NAME]\n" },
	{ GOOD "[service]\nlisten = :81\n",
	    AFTER_GOOD
	    "[service]: the service has no name: write [service NAME]\n" },
	{ GOOD "[service a b]\n",
	    AFTER_GOOD
	    "[service a b]: \"a b\" is not a valid service name: use "
	    "letters, digits and -_. after a letter or digit, at most 63\n" },
	{ GOOD "[service .a]\n",
	    AFTER_GOOD
	    "[service .a]: \".a\" is not a valid service name: use "
	    "letters, digits and -_. after a letter or digit, at most 63\n" },
	{ GOOD "[service 1234567890123456789012345678901234567890123456789012"
	       "345678901234]\n",
	    AFTER_GOOD
	    "[service 1234567890123456789012345678901234567890123456789012345"
	    "678901234]: \"12345678901234567890123456789012345678901234567890"
	    "12345678901234\" is not a valid service name: use letters, "
	    "digits and -_. after a letter or digit, at most 63\n" },
	{ GOOD "[service ok]\nretries = 9\n",
	    AFTER_GOOD
	    "[service ok]: already given on line 1: merge the two sections\n"
	    "t.ini:5: [service ok] retries: \"9\" is too high: "
	    "give 0 to 7\n" },
	{ "[global]\nresolver = [fe80::1%lo]\n" GOOD,
	    "t.ini:2: [global] resolver: \"[fe80::1%lo]\": c-ares takes no "
	    "address with an interface: give another one\n" },
	{ "[global]\n" GOOD "[global]\nworkers = x\n",
	    "t.ini:5: [global]: already given on line 1: merge the two "
	    "sections\n"
	    "t.ini:6: [global] workers: \"x\" is not a whole number: give "
	    "auto or 1 to 256\n" },
	{ GOOD "[global x]\nworkers = x\n",
	    AFTER_GOOD "[global x]: [global] takes no name: write [global]\n" },
	{ GOOD "[sevice web]\nx = y\n",
	    AFTER_GOOD "[sevice web]: unknown section: did you mean [service "
		       "NAME]?\n" },
	{ GOOD "[Global]\n",
	    AFTER_GOOD "[Global]: unknown section: did you mean [global]?\n" },
	{ "[frontend web]\nbind = :80\n",
	    "t.ini:1: [frontend web]: unknown section: write [global] or "
	    "[service NAME]\n" },
	{ GOOD "[service web\nlisten = :81\nbackend = a 1.2.3.4:80\n",
	    AFTER_GOOD
	    "[service ok]: no ']' after the section's name: write [name]\n" },
	{ GOOD "[service web] # x\nlisten = :81\nbackend = a 1.2.3.4:80\n",
	    AFTER_GOOD
	    "[service ok]: text after ']': write a comment as ; comment\n" },
	{ GOOD "[service web]\n",
	    AFTER_GOOD "[service web] backend: missing: add at least one\n"
		       "t.ini:4: [service web] listen: missing: add at "
		       "least one\n" },
	{ "[service a]\nlisten = :80\n" GOOD,
	    "t.ini:1: [service a] backend: missing: add at least one\n" },

	/* Lines. */
	{ "workers = 2\n" GOOD,
	    "t.ini:1: workers: key outside of a section: write [global] or "
	    "[service NAME] above it\n" },
	{ GOOD "  backend = b 10.0.0.2:80\n",
	    AFTER_GOOD "[service ok]: indented line: start it in the first "
		       "column\n" },
	{ GOOD " [service b]\nlisten = :81\nbackend = a 1.2.3.4:80\n",
	    AFTER_GOOD "[service ok]: indented line: start it in the first "
		       "column\n" },
	{ GOOD "retries\n",
	    AFTER_GOOD "[service ok] retries: no '=': write key = value\n" },
	{ GOOD "retries 3\n",
	    AFTER_GOOD "[service ok] retries: no '=': write key = value\n" },
	{ GOOD "retries: 3\n",
	    AFTER_GOOD
	    "[service ok] retries: ':' after the key: write key = value\n" },
	{ "[service a]\nlisten: :80\nbackend a 1.2.3.4:80\n",
	    "t.ini:2: [service a] listen: ':' after the key: write key = "
	    "value\n"
	    "t.ini:3: [service a] backend: no '=': write key = value\n" },
	{ GOOD "= 3\n",
	    AFTER_GOOD "[service ok]: no key: write key = value\n" },
	{ GOOD "retries =\n",
	    AFTER_GOOD
	    "[service ok] retries: no value: give one, or comment the line "
	    "out (;)\n" },
	{ GOOD "retries = ; none\n",
	    AFTER_GOOD
	    "[service ok] retries: no value: give one, or comment the line "
	    "out (;)\n" },
	{ GOOD "check = http GET ;x\n",
	    AFTER_GOOD "[service ok] check: http needs a method and a path: "
		       "write check = http GET /path\n" },
	{ GOOD "retries =;3\n",
	    AFTER_GOOD
	    "[service ok] retries: no value before ';': for a ';' in the "
	    "value, write \\x3b\n" },
	{ GOOD "retries = 3 # often\n",
	    AFTER_GOOD
	    "[service ok] retries: '#' does not start a comment after a "
	    "value: write ';', or \\x23 for a '#' in the value\n" },
	{ GOOD "balance = \"source\"\n",
	    AFTER_GOOD
	    "[service ok] balance: the value is in quotes: remove them\n" },
	{ GOOD "retries = 3\x1b[1m\n",
	    AFTER_GOOD "[service ok]: control character (byte 0x1b): remove "
		       "it\n" },

	/* Keys. */
	{ GOOD "listn = :81\n",
	    AFTER_GOOD "[service ok] listn: unknown key: did you mean "
		       "\"listen\"?\n" },
	{ GOOD "bind = :81\n",
	    AFTER_GOOD "[service ok] bind: unknown key: did you mean "
		       "\"listen\"?\n" },
	{ GOOD "color = red\n",
	    AFTER_GOOD "[service ok] color: unknown key: remove it, or see "
		       "lb4.ini(5)\n" },
	{ GOOD "workers = 2\n",
	    AFTER_GOOD "[service ok] workers: unknown key here: move it to "
		       "[global]\n" },
	{ GOOD "[global]\nlisten = :81\n",
	    "t.ini:5: [global] listen: unknown key here: move it to [service "
	    "NAME]\n" },
	{ GOOD "weight = 2\n",
	    AFTER_GOOD "[service ok] weight: unknown key here: write backend "
		       "= NAME ADDRESS weight=...\n" },
	{ GOOD "retries = 1\nretries = 1\nretries = 99\n",
	    "t.ini:5: [service ok] retries: already given on line 4: keep one "
	    "of them\n"
	    "t.ini:6: [service ok] retries: already given on line 4: keep one "
	    "of them\n" },
	{ GOOD "retries = x\nretries = 1\n",
	    AFTER_GOOD "[service ok] retries: \"x\" is not a whole number: "
		       "give 0 to 7\n"
		       "t.ini:5: [service ok] retries: already given on line "
		       "4: keep one of them\n" },
	{ "[service a]\nlisten = 80\nbackend = a\n",
	    "t.ini:2: [service a] listen: \"80\": not an IPv4 address: give "
	    "an address such as 192.0.2.1:80, [2001:db8::1]:80 or "
	    "unix:/path\n"
	    "t.ini:3: [service a] backend: no address: write backend = a "
	    "ADDRESS\n" },

	{ GOOD "mirror = m\n",
	    AFTER_GOOD "[service ok] mirror: no address: write mirror = m "
		       "ADDRESS\n" },
	{ GOOD "mirror = 10.0.0.1:80\n",
	    AFTER_GOOD
	    "[service ok] mirror: \"10.0.0.1:80\" is not a valid name of a "
	    "mirror: use letters, digits and -_. after a letter or digit, at "
	    "most 63\n" },
	{ GOOD "mirror = m 10.0.0.1\n",
	    AFTER_GOOD "[service ok] mirror: \"10.0.0.1\": the port is "
		       "missing: give an address such as 192.0.2.1:80, "
		       "[2001:db8::1]:80 or unix:/path\n" },
	{ GOOD "mirror = m unix:run/m\n",
	    AFTER_GOOD
	    "[service ok] mirror: \"unix:run/m\": the unix socket's path is "
	    "relative; begin it with /: give an address such as 192.0.2.1:80, "
	    "[2001:db8::1]:80 or unix:/path\n" },
	{ GOOD "mirror = m 10.0.0.1:0\n",
	    AFTER_GOOD "[service ok] mirror: \"10.0.0.1:0\" has port 0: give "
		       "another\n" },
	{ GOOD "mirror = m 0.0.0.0:80\n",
	    AFTER_GOOD "[service ok] mirror: \"0.0.0.0:80\" is not an address "
		       "to connect to: give one such as 127.0.0.1:80\n" },

	/* Between keys. */
	{ "[service a]\nlisten = :80\nbackend = b 1.2.3.4:80\n"
	  "mirror = b 1.2.3.5:80\n",
	    "t.ini:1: [service a] mirror: the name b is taken by a backend: "
	    "give another\n" },
	{ "[service a]\nlisten = :80\nbackend = b 1.2.3.4:80\n"
	  "mirror = m 1.2.3.4:80\n",
	    "t.ini:1: [service a] mirror: m has the address of backend b, "
	    "which would get the bytes of its clients twice: give another\n" },
	{ "[service a]\nlisten = :80\nbackend = b 1.2.3.4:80\n"
	  "mirror = m 127.0.0.1:80\n",
	    "t.ini:1: [service a] mirror: m leads back to lb4: 127.0.0.1:80 is "
	    "where [service a] listens (:80): give the address of a server\n" },
	{ GOOD "listen = 127.0.0.1:80\n",
	    AFTER_GOOD "[service ok] listen: 127.0.0.1:80 is taken by line 2, "
		       "[service ok]: remove one of them\n" },
	{ GOOD "[service b]\nlisten = 127.0.0.1:80\nbackend = b 1.2.3.4:80\n",
	    "t.ini:5: [service b] listen: 127.0.0.1:80 is taken by line 2, "
	    "[service ok]: remove one of them\n" },
	{ GOOD "listen = unix:/c\nlisten = unix:/a\nlisten = unix:/b\n"
	       "listen = unix:/a\n",
	    "t.ini:7: [service ok] listen: unix:/a is taken by line 5, "
	    "[service ok]: remove one of them\n" },
	{ GOOD "listen = [::]:81\nlisten = 0.0.0.0:81\nlisten = :81\n"
	       "listen = 1.2.3.4:81\nlisten = [::1]:81\n",
	    "t.ini:6: [service ok] listen: :81 is taken by line 5, [service "
	    "ok]: remove one of them\n"
	    "t.ini:6: [service ok] listen: :81 is taken by line 4, [service "
	    "ok]: remove one of them\n" },
	{ GOOD "backend = b 1.2.3.4:80\nbackend = a 1.2.3.4:80\n",
	    "t.ini:5: [service ok] backend: the name a is taken by line 3: "
	    "give another\n" },
	{ GOOD "listen = unix:/a\nbackend = b 1.2.3.4\n",
	    "t.ini:5: [service ok] backend: b has no port, and a unix socket "
	    "has none to pass on: give it one\n" },
	{ GOOD "listen = fd:a\nbackend = b 1.2.3.4\n",
	    "t.ini:5: [service ok] backend: b has no port, and an inherited "
	    "socket may have none to pass on: give it one\n" },
	{ GOOD "listen = fd:a\nlisten = fd:b\nlisten = fd:a\n",
	    "t.ini:6: [service ok] listen: fd:a is taken by line 4, [service "
	    "ok]: remove one of them\n" },
	{ GOOD "check = tcp\nbackend = b 1.2.3.4\n"
	       "backend = c 1.2.3.4 check-addr=1.2.3.4:1\n",
	    "t.ini:5: [service ok] backend: b has no port to check: add "
	    "check-port=PORT or check-addr=ADDRESS:PORT\n" },
	{ GOOD "backend = b 1.2.3.4:1 check-port=9 check-addr=1.2.3.4:1\n",
	    "t.ini:4: [service ok] backend: b has a check-addr with a port, "
	    "and a check-port: remove the latter\n" },
	{ GOOD "backend = b unix:/s check-port=9\n",
	    "t.ini:4: [service ok] backend: b has the address of a unix "
	    "socket, where check-port means nothing: remove it\n" },
	{ GOOD "backend = b 1.2.3.4:1 agent-port=9 agent-addr=1.2.3.4:1\n",
	    "t.ini:4: [service ok] backend: b has an agent-addr with a port, "
	    "and an agent-port: remove the latter\n" },
	{ GOOD "backend = b unix:/s agent-port=9\n",
	    "t.ini:4: [service ok] backend: b has the address of a unix "
	    "socket, where agent-port means nothing: give "
	    "agent-addr=ADDRESS:PORT instead\n" },
	{ GOOD "agent = 9\nbackend = b unix:/s\n",
	    "t.ini:5: [service ok] backend: b has the address of a unix "
	    "socket, where agent = 9 means nothing: add "
	    "agent-addr=ADDRESS:PORT\n" },
	{ GOOD "agent-inter = 1s\nagent-send = x\n",
	    "t.ini:1: [service ok] agent-inter: has no effect without an "
	    "agent: remove it, or set agent = PORT\n"
	    "t.ini:1: [service ok] agent-send: has no effect without an "
	    "agent: remove it, or set agent = PORT\n" },
	{ GOOD "init = down\n",
	    "t.ini:1: [service ok] init: does nothing with check = none: "
	    "remove it, or give a check\n" },
	{ GOOD "accept-proxy = 10.0.0.0/33\n",
	    AFTER_GOOD "[service ok] accept-proxy: \"10.0.0.0/33\" has no "
		       "length of 0 to 32 after the slash: give a prefix such "
		       "as 192.0.2.0/24 or 2001:db8::/32, or unix\n" },
	{ GOOD "accept-proxy = unix\n",
	    "t.ini:1: [service ok] accept-proxy: unix has no effect without a "
	    "unix socket to listen on: remove it\n" },
	{ GOOD "listen = unix:/s\naccept-proxy = ::1\n",
	    "t.ini:1: [service ok] accept-proxy: all clients of the unix socket "
	    "would be refused: add accept-proxy = unix, or listen there in "
	    "another service\n" },
	{ GOOD "send-proxy = v3\n",
	    AFTER_GOOD
	    "[service ok] send-proxy: \"v3\" is unknown: give no, v1 "
	    "or v2\n" },
	{ GOOD "route = sni:a.example\n",
	    AFTER_GOOD "[service ok] route: \"\" is not the name of a service: "
		       "write route = sni:a.example SERVICE, or refuse\n" },
	{ GOOD "route = host:a.example b\n",
	    AFTER_GOOD
	    "[service ok] route: \"host:a.example\" is unknown: give "
	    "sni:NAME, no-sni, alpn:PROTOCOL, plain or any\n" },
	{ GOOD "route = any b\n",
	    "t.ini:1: [service ok] route: there is no [service b]: add it, or "
	    "write refuse\n" },
	{ GOOD "route = any ok\n",
	    "t.ini:1: [service ok] route: leads to its own service: remove it, "
	    "as clients that no route matches stay here\n" },
	{ GOOD "route = any b\n[service b]\nbackend = a 10.0.0.1:80\n"
	       "route = any refuse\n",
	    "t.ini:1: [service ok] route: [service b] has routes of its own, "
	    "which have no effect for these clients: lead to another service"
	    "\n" },
	{ GOOD "route = any refuse\nrcvbuf-client = 4k\n",
	    "t.ini:1: [service ok] rcvbuf-client: has no room for a "
	    "ClientHello: give at least 64k, or auto\n" },
	{ GOOD "[global]\ncpu-affinity = no\nincoming-cpu = yes\n",
	    "t.ini:4: [global] incoming-cpu: has no effect while workers may "
	    "run on any CPU: set cpu-affinity = yes, or remove it\n" },
	{ GOOD "balance = leastconn\nmax-load = 125%\n",
	    "t.ini:1: [service ok] max-load: has no effect with balance = "
	    "leastconn: remove it, or set balance = source or 4tuple\n" },
	{ GOOD "pin-on-change = 30m\n",
	    "t.ini:1: [service ok] pin-on-change: has no effect with balance = "
	    "4tuple: remove it, or set balance = source\n" },
	{ GOOD "slowstart = 30s\n",
	    "t.ini:1: [service ok] slowstart: has no effect with balance = "
	    "4tuple: remove it, or set balance = roundrobin, leastconn or "
	    "random\n" },
	{ GOOD "slowstart = 30s\nbalance = first\n",
	    "t.ini:1: [service ok] slowstart: has no effect with balance = "
	    "first: remove it, or set balance = roundrobin, leastconn or "
	    "random\n" },
	{ GOOD "check = tcp\ncheck-body = x\ncheck-status = 200\n",
	    "t.ini:1: [service ok] check-status: has no effect with check = "
	    "tcp: remove it, or set check = http GET /path\n"
	    "t.ini:1: [service ok] check-body: has no effect with check = "
	    "tcp: remove it, or set check = http GET /path\n" },
	{ GOOD "check = http HEAD /\ncheck-body = x\n",
	    "t.ini:1: [service ok] check-body: an answer to HEAD has no body: "
	    "remove it, or use GET\n" },
	{ GOOD "check = http GET /\ncheck-sni = a.example\n",
	    "t.ini:1: [service ok] check-sni: has no effect with check = "
	    "http: remove it, or set check = tls\n" },
	{ GOOD "check = https GET /\ncheck-alpn = h2\n",
	    "t.ini:1: [service ok] check-alpn: https sends HTTP/1.1: give "
	    "http/1.1, or remove it\n" },
	{ GOOD "check = tls\ncheck-ca = /nonexistent\n",
	    "t.ini:1: [service ok] check-ca: /nonexistent cannot be read: No "
	    "such file or directory\n" },
	{ GOOD "backend = b 1.2.3.4:1 track=no/b\n",
	    "t.ini:4: [service ok] backend: b tracks no/b, which does not "
	    "exist: correct the name\n" },
	{ GOOD "check = tcp\nbackend = n app.example:1 resolve=all\n"
	       "backend = b 1.2.3.4:1 track=ok/n\n",
	    "t.ini:6: [service ok] backend: b tracks ok/n, whose names come "
	    "from DNS: track a backend without resolve=all and srv=\n" },
	{ GOOD "backend = b 1.2.3.4:1 track=ok/a\n",
	    "t.ini:4: [service ok] backend: b tracks ok/a, which is not "
	    "checked: give [service ok] a check\n" },
	{ GOOD "check = tcp\nbackend = b 1.2.3.4:1 track=ok/b\n",
	    "t.ini:5: [service ok] backend: b tracks itself, by way of ok/b: "
	    "remove a track\n" },
	{ GOOD "check = tcp\nbackend = b 1.2.3.4:1 track=ok/c\n"
	       "backend = c 1.2.3.4:1 track=ok/b\n",
	    "t.ini:5: [service ok] backend: b tracks itself, by way of ok/c: "
	    "remove a track\n"
	    "t.ini:6: [service ok] backend: c tracks itself, by way of ok/b: "
	    "remove a track\n" },
	{ GOOD "check = tcp\nbackend = b 1.2.3.4:1 track=ok/a check-port=9\n",
	    "t.ini:5: [service ok] backend: b tracks another backend and is "
	    "not checked itself: remove its check-addr and check-port\n" },
	{ GOOD "check = tcp\ncheck-host = app.example\n",
	    "t.ini:1: [service ok] check-host: has no effect with check = "
	    "tcp: remove it, or set check = http GET /path\n" },
	{ "[service a]\nlisten = :80\nbackend = a 1.2.3.4:80 weight=0\n"
	  "backend = b 1.2.3.4:80 weight=0\n",
	    "t.ini:1: [service a] backend: no backend has a weight above 0: "
	    "raise the weight of at least one\n" },
	/* ... but nobody knows when one of them is wrong. */
	{ "[service a]\nlisten = :80\nbackend = a 1.2.3.4:80 weight=0\n"
	  "backend = b 1.2.3.4:x weight=1\n",
	    "t.ini:4: [service a] backend: \"1.2.3.4:x\": port must be 0 to "
	    "65535: give an address such as 192.0.2.1:80, [2001:db8::1]:80 "
	    "or unix:/path\n" },
	{ "[service a]\nlisten = :80\nbackend = a 1.2.3.4:80 weight=0\n"
	  "backend: b 1.2.3.4:80\n",
	    "t.ini:4: [service a] backend: ':' after the key: write key = "
	    "value\n" },
};

static void
check_errors(const char *text, const char *want)
{
	struct config_errors errors;
	struct config *config;
	char *told;
	size_t len;
	FILE *out = open_memstream(&told, &len);

	config = config_parse("t.ini", text, strlen(text), &errors);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(out, "%s\n", errors.text[i]);
	fclose(out);
	ck_assert_str_eq(told, want);
	ck_assert_ptr_null(config);
	config_errors_done(&errors);
	free(told);
}

START_TEST(test_sample)
{
	check_errors(samples[_i].text, samples[_i].errors);
}
END_TEST

/* Then it is not the samples that are wrong. */
START_TEST(test_good)
{
	struct config_errors errors;
	struct config *config = config_parse("t.ini", GOOD, strlen(GOOD),
	    &errors);

	ck_assert_ptr_nonnull(config);
	config_free(config);
	config_errors_done(&errors);
}
END_TEST

/* A check whose line is so long, with or without the spaces that the dump
 * has. */
static void
check_long_line(const char *start, int len, const char *want)
{
	char text[512] = GOOD;
	size_t at = strlen(text);

	snprintf(text + at, sizeof(text) - at, "%s%0*d\n", start,
	    len - (int)strlen(start), 0);
	if (want != NULL) {
		check_errors(text, want);
	} else {
		struct config_errors errors;

		config_free(config_parse("t.ini", text, strlen(text), &errors));
		ck_assert_uint_eq(errors.count, 0);
	}
}

START_TEST(test_long_lines)
{
	static const char too_long[] = AFTER_GOOD
	    "[service ok]: line is longer than 198 characters: "
	    "shorten it\n";
	static const char too_long_in_full[] = AFTER_GOOD
	    "[service ok] check: the line, written out in full, is "
	    "longer than 198 characters: shorten it\n";

	check_long_line("check = http GET /", 198, NULL);
	check_long_line("check = http GET /", 199, too_long);
	check_long_line("check=http GET /", 196, NULL);
	check_long_line("check=http GET /", 197, too_long_in_full);
	check_long_line("check=http GET /", 198, too_long_in_full);
	check_long_line("check=http GET /", 199, too_long);
	check_long_line("; check=http GET /", 300, NULL);
}
END_TEST

/* All at once, in the order of lines. */
START_TEST(test_all_are_reported)
{
	check_errors("[global]\nworkers = 0\n[service a]\nlisten = :80\n"
		     "backend = a 1.2.3.4:80\nbackend = a 1.2.3.4:80\n"
		     "fall = 0\n[service b]\nrise = 0\nlisten = :80\n"
		     "backend = a 1.2.3.4:80\nend\n",
	    "t.ini:2: [global] workers: \"0\" is too low: give auto or 1 to "
	    "256\n"
	    "t.ini:6: [service a] backend: the name a is taken by line 5: "
	    "give another\n"
	    "t.ini:7: [service a] fall: \"0\" is too low: give 1 to 100\n"
	    "t.ini:9: [service b] rise: \"0\" is too low: give 1 to 100\n"
	    "t.ini:10: [service b] listen: :80 is taken by line 4, [service "
	    "a]: remove one of them\n"
	    "t.ini:12: [service b] end: no '=': write key = value\n");
}
END_TEST

/* How many complaints there are, and the last one. */
static void
check_last(const char *text, size_t len, size_t count, const char *want)
{
	struct config_errors errors;

	ck_assert_ptr_null(config_parse("t.ini", text, len, &errors));
	ck_assert_uint_eq(errors.count, count);
	ck_assert_str_eq(errors.text[count - 1], want);
	config_errors_done(&errors);
}

START_TEST(test_more_errors_than_anybody_reads)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(GOOD, out);
	for (int i = 0; i < 20000; i++)
		fputs("x\n", out);
	fclose(out);
	check_last(text, len, 1001,
	    "t.ini: more than 1000 errors: correct these first");
	free(text);
}
END_TEST

START_TEST(test_too_many)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs("[service a]\nlisten = :80\n", out);
	for (int i = 0; i < CONFIG_BACKENDS_MAX + 1; i++)
		fprintf(out, "backend = b%d 1.2.3.4:80\n", i);
	fclose(out);
	check_last(text, len, 1,
	    "t.ini:1003: [service a] backend: more than 1000 in one service: "
	    "remove some");
	free(text);

	out = open_memstream(&text, &len);
	fputs("[service a]\nbackend = b 1.2.3.4:80\n", out);
	for (int i = 0; i < CONFIG_LISTENS_MAX + 1; i++)
		fprintf(out, "listen = :%d\n", i + 1);
	fclose(out);
	check_last(text, len, 1,
	    "t.ini:4099: [service a] listen: more than 4096 in one service: "
	    "remove some");
	free(text);

	out = open_memstream(&text, &len);
	for (int i = 0; i < CONFIG_SERVICES_MAX + 1; i++)
		fprintf(out,
		    "[service s%d]\nlisten = :%d\nbackend = b 1.2.3.4:80\n", i,
		    i + 1);
	fclose(out);
	check_last(text, len, 1,
	    "t.ini:3001: [service s1000]: more than 1000 services: remove "
	    "some");
	free(text);
}
END_TEST

/* A complaint is one line, however long its parts. */
START_TEST(test_long_parts)
{
	char name[600];
	char text[] = "[service sssssssssssssssssssssssssssssssssssssssssssss"
		      "sssssssssssssssssssssssssssssssssssssssssssssssssssss]"
		      "\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		      "kkkkkkkkkkkkkkkkkkkkkkkkk = v\n";
	struct config_errors errors;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_ptr_null(config_parse(name, text, strlen(text), &errors));
	ck_assert_uint_eq(errors.count, 2);
	for (size_t i = 0; i < errors.count; i++)
		ck_assert_uint_lt(strlen(errors.text[i]), CONFIG_ERROR_MAX);
	ck_assert_ptr_nonnull(strstr(errors.text[0], ":1: [service s"));
	ck_assert_ptr_nonnull(strstr(errors.text[1], "unknown key"));
	config_errors_done(&errors);
}
END_TEST

static Suite *
config_errors_suite(void)
{
	Suite *suite = suite_create("config errors");
	TCase *tc = tcase_create("config errors");

	tcase_set_tags(tc, "one-thread");
	tcase_add_loop_test(tc, test_sample, 0,
	    (int)(sizeof(samples) / sizeof(samples[0])));
	tcase_add_test(tc, test_good);
	tcase_add_test(tc, test_long_lines);
	tcase_add_test(tc, test_all_are_reported);
	tcase_add_test(tc, test_more_errors_than_anybody_reads);
	tcase_add_test(tc, test_too_many);
	tcase_add_test(tc, test_long_parts);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *sr = srunner_create(config_errors_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
