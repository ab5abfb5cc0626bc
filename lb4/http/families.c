/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The table of metrics, and the code that writes them: see families.h. */
#include "lb4/http/families.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lb4/control/figures.h"
#include "lb4/report/report.h"

/* Room for the text of the labels of a service, backend or worker. */
#define LABELS_MAX \
	(2 * CONFIG_NAME_MAX + 4 * RULE_TEXT_MAX + 2 * ADDR_TEXT_MAX + 32)

/* The object that a value belongs to, which determines the labels. */
enum scope {
	SCOPE_PROCESS,
	SCOPE_WORKER,
	SCOPE_SERVICE,
	SCOPE_MIRROR,	/* a service with a mirror */
	SCOPE_RULE,	/* an access rule of a service */
	SCOPE_LISTENER, /* whose queue the kernel tells */
	SCOPE_DROPS,	/* ... and what it dropped there */
	SCOPE_BACKEND,
	SCOPE_CHECKS,	   /* a backend whose service has checks */
	SCOPE_CHECKED,	   /* ... one of which has ended */
	SCOPE_CERTIFICATE, /* a backend whose certificate a check has seen */
	SCOPE_SAMPLED,	   /* a backend of which there are samples of TCP */
	SCOPE_PORTS,	   /* a backend whose local ports are limited */
	SCOPE_AGENT,	   /* a backend with an agent */
};

enum value {
	VALUE_COUNT,  /* a uint64_t */
	VALUE_REAL,   /* a double */
	VALUE_ONE_OF, /* a uint64_t: one sample for each word, 1 for its own */
	VALUE_EACH,   /* uint64_t[]: one sample for each word */
	VALUE_HISTOGRAM, /* a struct histogram_sums */
};

/* An additional label and its values. */
struct words {
	const char *label;
	unsigned count;
	unsigned first; /* earlier words are left out */
	const char *(*word)(unsigned i);
};

struct family {
	const char *name;
	enum metric_type type;
	enum scope scope;
	enum value value;
	size_t offset;
	const char *unit;
	const char *help;
	const struct words *words;
	const struct histogram_scale *scale;
};

static const char *
drop_word(unsigned i)
{
	return mirror_drop_name((enum mirror_drop)i);
}

static const char *
node_word(unsigned i)
{
	return node_state_name((enum node_state)i);
}

static const char *
backend_word(unsigned i)
{
	return backend_state_name((enum backend_state)i);
}

static const char *
admin_word(unsigned i)
{
	return admin_state_name((enum admin_state)i);
}

static const char *
agent_word(unsigned i)
{
	return agent_state_name((enum agent_state)i);
}

static const char *
reason_word(unsigned i)
{
	return reason_code((enum reason)i);
}

/* The values of the label `result`; lb4-metrics(7) lists them. */
static const char *
result_word(unsigned i)
{
	static const char *const words[HEALTH_RESULT_COUNT] = {
		[HEALTH_UNKNOWN] = "unknown",
		[HEALTH_PASSED] = "passed",
		[HEALTH_REFUSED] = "refused",
		[HEALTH_UNREACHABLE] = "unreachable",
		[HEALTH_NO_ANSWER] = "no-answer",
		[HEALTH_RESET] = "reset",
		[HEALTH_CLOSED] = "closed",
		[HEALTH_STATUS] = "status",
		[HEALTH_ERROR] = "error",
		[HEALTH_UNEXPECTED] = "unexpected",
		[HEALTH_GARBLED] = "garbled",
		[HEALTH_LOCAL] = "local",
		[HEALTH_TLS] = "tls",
		[HEALTH_EXIT] = "exit",
	};

	return words[i];
}

static const struct words node_states = { "state", NODE_STATE_COUNT, 0,
	node_word };
static const struct words backend_states = { "state", BACKEND_STATE_COUNT, 0,
	backend_word };
static const struct words admin_states = { "state", ADMIN_STATE_COUNT, 0,
	admin_word };
static const struct words agent_states = { "state", AGENT_STATE_COUNT, 0,
	agent_word };

static const struct words reasons = { "reason", REASON_COUNT, 0, reason_word };
static const struct words drops = { "reason", MIRROR_DROP_COUNT, 0, drop_word };
static const struct words results = { "result", HEALTH_RESULT_COUNT,
	HEALTH_PASSED, result_word };

#define COUNTER METRIC_COUNTER
#define GAUGE METRIC_GAUGE
#define HISTOGRAM METRIC_HISTOGRAM
#define IN(scope_, kind, field) \
	.scope = SCOPE_##scope_, .offset = offsetof(struct report_##kind, field)
#define PROCESS(field) IN(PROCESS, process, field), .value = VALUE_COUNT
#define WORKER(field) IN(WORKER, worker, field), .value = VALUE_COUNT
#define SERVICE(field) IN(SERVICE, service, field), .value = VALUE_COUNT
#define RULE(field) IN(RULE, rule, field), .value = VALUE_COUNT
#define LISTENER(field) IN(LISTENER, listener, field), .value = VALUE_COUNT
#define BACKEND(field) IN(BACKEND, backend, field), .value = VALUE_COUNT
#define REAL(scope_, kind, field) IN(scope_, kind, field), .value = VALUE_REAL
#define VALUES(scope_, kind, field, scale_) \
	IN(scope_, kind, field), .value = VALUE_HISTOGRAM, \
				 .scale = &histogram_##scale_
#define TIMES(scope_, kind, field, scale_) \
	VALUES(scope_, kind, field, scale_), .unit = "seconds"
#define WORDS(scope_, kind, field, value_, words_) \
	IN(scope_, kind, field), .value = VALUE_##value_, .words = &(words_)
#define BYTES .unit = "bytes"
#define SECONDS .unit = "seconds"
#define HELP(text) .help = (text)

static const struct family families[] = {
	{ "lb4_build_info", GAUGE, PROCESS(one),
	    HELP("Always 1; the label version has the version of lb4.") },
	{ "lb4_node_state", GAUGE,
	    WORDS(PROCESS, process, node, ONE_OF, node_states),
	    HELP("State of the node: 1 for the current state, else 0.") },
	{ "lb4_table_generation", GAUGE, PROCESS(generation),
	    HELP("Number of the table in force.") },
	{ "lb4_conns", GAUGE, PROCESS(conns), HELP("Open connections.") },
	{ "lb4_maxconn", GAUGE, PROCESS(maxconn),
	    HELP("Maximum number of connections at a time.") },
	{ "lb4_workers", GAUGE, PROCESS(workers),
	    HELP("Workers that lb4 has started.") },
	{ "lb4_pipes", GAUGE, PROCESS(pipes),
	    HELP("Pipes that the workers hold, in use or unused.") },
	{ "lb4_pipes_max", GAUGE, PROCESS(pipes_max),
	    HELP("Maximum number of pipes.") },
	{ "lb4_local_ports", GAUGE, PROCESS(local_ports),
	    HELP("Local ports that the kernel may choose for connections to "
		 "one backend address.") },
	{ "lb4_untracked_sources_total", COUNTER, PROCESS(untracked),
	    HELP("Connections that no limit of sources applied to, because "
		 "the table of sources was full.") },
	{ "lb4_listen_overflows_total", COUNTER,
	    PROCESS(facts.listen_overflows),
	    HELP("Clients that found the accept queue of a listener full, "
		 "in the whole network namespace.") },
	{ "lb4_listen_drops_total", COUNTER, PROCESS(facts.listen_drops),
	    HELP("Clients that the kernel dropped at a listener for any "
		 "reason, in the whole network namespace.") },

	{ "lb4_worker_conns", GAUGE, WORKER(counts.conns),
	    HELP("Open connections of the worker.") },
	{ "lb4_worker_pipes", GAUGE, WORKER(counts.pipes),
	    HELP("Pipes that the worker holds, in use or unused.") },
	{ "lb4_worker_pipes_refused_total", COUNTER,
	    WORKER(counts.pipes_refused),
	    HELP("How often the worker needed a pipe and could get none.") },
	{ "lb4_worker_moved_conns_total", COUNTER, WORKER(counts.moved_conns),
	    HELP("Open connections that the worker has given to other "
		 "workers.") },
	{ "lb4_worker_spliced_bytes_total", COUNTER,
	    WORKER(counts.spliced_bytes), BYTES,
	    HELP("Bytes that the worker has relayed with splice.") },
	{ "lb4_worker_copied_bytes_total", COUNTER, WORKER(counts.copied_bytes),
	    BYTES,
	    HELP("Bytes that the worker has relayed with recv and send.") },
	{ "lb4_worker_turn_seconds", HISTOGRAM,
	    TIMES(WORKER, worker, counts.turn, short),
	    HELP("Duration of one turn of the worker's event loop, without "
		 "the wait for events.") },

	{ "lb4_service_up", GAUGE, SERVICE(up),
	    HELP("1 if a backend of the service takes connections, else 0.") },
	{ "lb4_service_backends", GAUGE, SERVICE(backends),
	    HELP("Backends of the service.") },
	{ "lb4_service_available_backends", GAUGE, SERVICE(available),
	    HELP("Backends of the service that take connections.") },
	{ "lb4_service_conns", GAUGE, SERVICE(conns),
	    HELP("Open connections of the service, in any state.") },
	{ "lb4_service_maxconn", GAUGE, SERVICE(maxconn),
	    HELP("Maximum number of connections of the service at a time; 0 "
		 "if it has no limit of its own.") },
	{ "lb4_service_full", GAUGE, SERVICE(full),
	    HELP("1 if the service has reached its maxconn and new clients "
		 "wait, else 0.") },
	{ "lb4_service_panic", GAUGE, SERVICE(panic),
	    HELP("1 if so few backends are available that the service uses "
		 "all of them, else 0.") },
	{ "lb4_service_unresolved_names", GAUGE, SERVICE(unresolved),
	    HELP("Lines with names that cannot be resolved and keep the "
		 "backends that they have.") },
	{ "lb4_service_backends_file_refused", GAUGE, SERVICE(file_refused),
	    HELP("1 if the service keeps the backends that it has because its "
		 "backends-file cannot be used, else 0.") },
	{ "lb4_service_access_rules_refused", GAUGE, SERVICE(rules_refused),
	    HELP("1 if the service keeps the access rules that it has because "
		 "one of their files cannot be used, else 0.") },
	{ "lb4_service_queued_conns", GAUGE, SERVICE(queued),
	    HELP("Connections that wait: for a backend below its maxconn, for "
		 "one that is available, or for a limit.") },
	{ "lb4_service_accepted_total", COUNTER, SERVICE(accepted),
	    HELP("Connections that the service has accepted.") },
	{ "lb4_service_failed_total", COUNTER, SERVICE(failed),
	    HELP("Connections that ended without reaching a backend.") },
	{ "lb4_service_closes_total", COUNTER,
	    WORDS(SERVICE, service, closes, EACH, reasons),
	    HELP("Connections that have ended, by the reason in the access "
		 "log.") },
	{ "lb4_service_retries_total", COUNTER, SERVICE(retries),
	    HELP("Attempts to connect to another backend after an attempt "
		 "had failed.") },
	{ "lb4_service_stalled_total", COUNTER, SERVICE(stalled),
	    HELP("Connections that timeout-stall has ended.") },
	{ "lb4_service_shed_total", COUNTER, SERVICE(shed),
	    HELP("Stalled connections that stalled-memory has ended.") },
	{ "lb4_service_discarded_bytes_total", COUNTER,
	    SERVICE(discarded_bytes), BYTES,
	    HELP("Bytes that lb4 received but could not deliver.") },
	{ "lb4_service_to_backend_bytes_total", COUNTER,
	    SERVICE(bytes_to_backend), BYTES,
	    HELP("Bytes relayed to backends of the service.") },
	{ "lb4_service_to_client_bytes_total", COUNTER,
	    SERVICE(bytes_to_client), BYTES,
	    HELP("Bytes relayed to clients of the service.") },
	{ "lb4_service_connect_seconds", HISTOGRAM,
	    TIMES(SERVICE, service, times.connect, short),
	    HELP("Time from connect until the backend accepted, for each "
		 "connection that was established.") },
	{ "lb4_service_queue_seconds", HISTOGRAM,
	    TIMES(SERVICE, service, times.queue, short),
	    HELP("Time in the queue, for each connection that had to wait.") },
	{ "lb4_service_first_byte_seconds", HISTOGRAM,
	    TIMES(SERVICE, service, times.first_byte, short),
	    HELP("Time from when the backend accepted until it sent its "
		 "first byte.") },
	{ "lb4_service_session_seconds", HISTOGRAM,
	    TIMES(SERVICE, service, times.session, long),
	    HELP("Time from accept to the end, for each connection that has "
		 "ended.") },

	{ "lb4_mirror_conns_total", COUNTER, IN(MIRROR, service, mirror.conns),
	    .value = VALUE_COUNT,
	    HELP("Connections of which the mirror of the service was to get a "
		 "copy.") },
	{ "lb4_mirror_dropped_total", COUNTER,
	    WORDS(MIRROR, service, mirror.dropped, EACH, drops),
	    HELP("Copies that ended before they were complete, by reason.") },
	{ "lb4_mirror_bytes_total", COUNTER, IN(MIRROR, service, mirror.bytes),
	    .value = VALUE_COUNT, BYTES,
	    HELP("Bytes of copies that the mirror's sockets have taken.") },

	{ "lb4_rule_prefixes", GAUGE, RULE(prefixes),
	    HELP("Prefixes of the access rule.") },
	{ "lb4_rule_clients_total", COUNTER, RULE(clients),
	    HELP("Clients about which the access rule has decided.") },
	{ "lb4_listener_waiting_conns", GAUGE, LISTENER(waiting),
	    HELP("Clients in the kernel's queue of the listener, whom lb4 has "
		 "not accepted yet.") },
	{ "lb4_listener_backlog", GAUGE, LISTENER(limit),
	    HELP("Length at which the kernel's queue of the listener is "
		 "full.") },
	{ "lb4_listener_drops_total", COUNTER, IN(DROPS, listener, drops),
	    .value = VALUE_COUNT,
	    HELP("Attempts to connect that the kernel dropped at the listener, "
		 "mostly because its queue was full.") },

	{ "lb4_backend_state", GAUGE,
	    WORDS(BACKEND, backend, state, ONE_OF, backend_states),
	    HELP("State of the backend: 1 for the current state, else 0.") },
	{ "lb4_backend_admin_state", GAUGE,
	    WORDS(BACKEND, backend, admin, ONE_OF, admin_states),
	    HELP("State that operators have set: 1 for the current state, "
		 "else 0.") },
	{ "lb4_backend_agent_state", GAUGE,
	    WORDS(BACKEND, backend, agent, ONE_OF, agent_states),
	    HELP("State that the agent of the backend has set: 1 for the "
		 "current state, else 0.") },
	{ "lb4_backend_agent_weight_ratio", GAUGE,
	    REAL(AGENT, backend, agent_weight), .unit = "ratio",
	    HELP("Weight that the agent of the backend has set, as a share of "
		 "the configured one; 1 if it has set none.") },
	{ "lb4_backend_agent_failing", GAUGE, IN(AGENT, backend, agent_failing),
	    .value = VALUE_COUNT,
	    HELP("1 if the agent of the backend did not answer when lb4 asked "
		 "it last, else 0.") },
	{ "lb4_backend_agent_answers_total", COUNTER,
	    IN(AGENT, backend, agent_answers), .value = VALUE_COUNT,
	    HELP("Answers of the agent of the backend.") },
	{ "lb4_backend_agent_failures_total", COUNTER,
	    IN(AGENT, backend, agent_failures), .value = VALUE_COUNT,
	    HELP("Attempts to ask the agent of the backend that had no answer, "
		 "or one without any of the known words.") },
	{ "lb4_backend_check_down", GAUGE, IN(CHECKS, backend, check_down),
	    .value = VALUE_COUNT,
	    HELP("1 if the health checks of the backend say that it is down, "
		 "else 0.") },
	{ "lb4_backend_ejected", GAUGE, BACKEND(ejected),
	    HELP("1 if the backend is ejected because its connections "
		 "failed, else 0.") },
	{ "lb4_backend_weight", GAUGE, BACKEND(weight),
	    HELP("Weight of the backend.") },
	{ "lb4_backend_conns", GAUGE, BACKEND(conns),
	    HELP("Connections of the backend that are open or being "
		 "established.") },
	{ "lb4_backend_maxconn", GAUGE, BACKEND(maxconn),
	    HELP("Maximum number of connections of the backend at a time; 0 "
		 "if there is no limit.") },
	{ "lb4_backend_established_total", COUNTER, BACKEND(established),
	    HELP("Connections that were established with the backend.") },
	{ "lb4_backend_connect_failures_total", COUNTER, BACKEND(failures),
	    HELP("Attempts to connect to the backend that failed.") },
	{ "lb4_backend_refused_total", COUNTER, BACKEND(refused),
	    HELP("Attempts to connect that the backend refused.") },
	{ "lb4_backend_connect_timeouts_total", COUNTER, BACKEND(timeouts),
	    HELP("Attempts to connect that the backend did not answer in "
		 "time.") },
	{ "lb4_backend_early_resets_total", COUNTER, BACKEND(early_resets),
	    HELP("Connections that the backend reset before it had sent a "
		 "byte.") },
	{ "lb4_backend_no_ports_total", COUNTER, BACKEND(no_ports),
	    HELP("Attempts to connect to the backend for which no local "
		 "port was left.") },
	{ "lb4_backend_ports_left", GAUGE, IN(PORTS, backend, ports_left),
	    .value = VALUE_COUNT,
	    HELP("Local ports that connections to the backend may still "
		 "get.") },
	{ "lb4_backend_to_backend_bytes_total", COUNTER,
	    BACKEND(bytes_to_backend), BYTES,
	    HELP("Bytes relayed to the backend.") },
	{ "lb4_backend_to_client_bytes_total", COUNTER,
	    BACKEND(bytes_to_client), BYTES,
	    HELP("Bytes relayed from the backend to clients.") },
	{ "lb4_backend_connect_seconds", HISTOGRAM,
	    TIMES(BACKEND, backend, times.connect, short),
	    HELP("Time from connect until the backend accepted, for each "
		 "connection that was established.") },
	{ "lb4_backend_queue_seconds", HISTOGRAM,
	    TIMES(BACKEND, backend, times.queue, short),
	    HELP("Time in the queue, for each connection that had to wait "
		 "and was then established.") },
	{ "lb4_backend_first_byte_seconds", HISTOGRAM,
	    TIMES(BACKEND, backend, times.first_byte, short),
	    HELP("Time from when the backend accepted until it sent its "
		 "first byte.") },
	{ "lb4_backend_session_seconds", HISTOGRAM,
	    TIMES(BACKEND, backend, times.session, long),
	    HELP("Time from accept to the end, for each connection that was "
		 "established and has ended.") },
	{ "lb4_backend_rtt_seconds", HISTOGRAM,
	    TIMES(SAMPLED, backend, rtt, rtt),
	    HELP("Smoothed round-trip time of a TCP connection to the backend, "
		 "for each sample.") },
	{ "lb4_backend_retransmitted_ratio", HISTOGRAM,
	    VALUES(SAMPLED, backend, retransmitted, ratio), .unit = "ratio",
	    HELP("Share of the segments sent to the backend that were "
		 "retransmissions, for each sample.") },
	{ "lb4_backend_out_of_order_ratio", HISTOGRAM,
	    VALUES(SAMPLED, backend, disordered, ratio), .unit = "ratio",
	    HELP("Share of the segments from the backend that arrived out of "
		 "order, for each sample.") },
	{ "lb4_backend_delivery_bytes_per_second", HISTOGRAM,
	    VALUES(SAMPLED, backend, delivery, rate),
	    .unit = "bytes_per_second",
	    HELP("Rate at which the backend's kernel took data, for each "
		 "sample in which lb4 had enough to send.") },
	{ "lb4_backend_checks_total", COUNTER,
	    WORDS(CHECKS, backend, results, EACH, results),
	    HELP("Health checks of the backend that have ended, by result.") },
	{ "lb4_backend_check_seconds", HISTOGRAM,
	    TIMES(CHECKS, backend, check, short),
	    HELP("Duration of the health checks.") },
	{ "lb4_backend_check_lag_seconds", HISTOGRAM,
	    TIMES(CHECKS, backend, check_lag, short),
	    HELP("How late the health checks began.") },
	{ "lb4_backend_check_age_seconds", GAUGE,
	    REAL(CHECKED, backend, check_age_seconds), SECONDS,
	    HELP("Time since the last health check of the backend ended.") },
	{ "lb4_backend_certificate_expiry_timestamp_seconds", GAUGE,
	    IN(CERTIFICATE, backend, certificate_s), .value = VALUE_COUNT,
	    SECONDS,
	    HELP("Time when the certificate that the last check in TLS saw "
		 "expires, in seconds since 1970.") },

	{ "process_cpu_seconds_total", COUNTER,
	    REAL(PROCESS, process, facts.cpu_seconds), SECONDS,
	    HELP("CPU time that lb4 has used, in user and system mode.") },
	{ "process_start_time_seconds", GAUGE,
	    REAL(PROCESS, process, facts.start_seconds), SECONDS,
	    HELP("Time when lb4 started, in seconds since 1970.") },
	{ "process_open_fds", GAUGE, PROCESS(facts.open_fds),
	    HELP("Open file descriptors.") },
	{ "process_max_fds", GAUGE, PROCESS(facts.max_fds),
	    HELP("Maximum number of open file descriptors.") },
	{ "process_resident_memory_bytes", GAUGE, PROCESS(facts.resident_bytes),
	    BYTES, HELP("Resident memory.") },
	{ "process_virtual_memory_bytes", GAUGE, PROCESS(facts.virtual_bytes),
	    BYTES, HELP("Virtual memory.") },
};

/* The n-th object of the scope, or NULL. */
static const void *
object_of(const struct report *report, enum scope scope, size_t n)
{
	switch (scope) {
	case SCOPE_PROCESS:
		return n == 0 ? &report->process : NULL;
	case SCOPE_WORKER:
		return n < report->workers ? &report->worker[n] : NULL;
	case SCOPE_SERVICE:
	case SCOPE_MIRROR:
		return n < report->services ? &report->service[n] : NULL;
	case SCOPE_RULE:
		return n < report->rules ? &report->rule[n] : NULL;
	case SCOPE_LISTENER:
	case SCOPE_DROPS:
		return n < report->listeners ? &report->listener[n] : NULL;
	case SCOPE_BACKEND:
	case SCOPE_CHECKS:
	case SCOPE_CHECKED:
	case SCOPE_CERTIFICATE:
	case SCOPE_SAMPLED:
	case SCOPE_PORTS:
	case SCOPE_AGENT:
		return n < report->backends ? &report->backend[n] : NULL;
	}
	return NULL;
}

/* Of the families of the process, only lb4_build_info has a label. */
static void
write_labels(const struct family *family, const void *object,
    char labels[LABELS_MAX])
{
	const struct report_process *process = object;
	const struct report_worker *worker = object;
	const struct report_service *service = object;
	const struct report_rule *rule = object;
	const struct report_listener *listener = object;
	const struct report_backend *backend = object;
	char number[16];

	labels[0] = '\0';
	switch (family->scope) {
	case SCOPE_PROCESS:
		if (family->offset == offsetof(struct report_process, one))
			exposition_label(labels, LABELS_MAX, "version",
			    process->version);
		break;
	case SCOPE_WORKER:
		(void)snprintf(number, sizeof(number), "%u", worker->number);
		exposition_label(labels, LABELS_MAX, "worker", number);
		break;
	case SCOPE_SERVICE:
	case SCOPE_MIRROR:
		exposition_label(labels, LABELS_MAX, "service", service->name);
		break;
	case SCOPE_RULE:
		exposition_label(labels, LABELS_MAX, "service", rule->service);
		exposition_label(labels, LABELS_MAX, "rule", rule->text);
		break;
	case SCOPE_LISTENER:
	case SCOPE_DROPS:
		exposition_label(labels, LABELS_MAX, "service",
		    listener->service);
		exposition_label(labels, LABELS_MAX, "listen",
		    listener->listen);
		break;
	case SCOPE_BACKEND:
	case SCOPE_CHECKS:
	case SCOPE_CHECKED:
	case SCOPE_CERTIFICATE:
	case SCOPE_SAMPLED:
	case SCOPE_PORTS:
	case SCOPE_AGENT:
		exposition_label(labels, LABELS_MAX, "service",
		    backend->service);
		exposition_label(labels, LABELS_MAX, "backend", backend->name);
		break;
	}
}

static bool
is_left_out(const struct family *family, const void *object)
{
	const struct report_service *service = object;
	const struct report_listener *listener = object;
	const struct report_backend *backend = object;

	return (family->scope == SCOPE_MIRROR && !service->mirrors) ||
	    (family->scope == SCOPE_LISTENER && !listener->known) ||
	    (family->scope == SCOPE_DROPS && !listener->drops_known) ||
	    (family->scope == SCOPE_CHECKS && !backend->checks) ||
	    (family->scope == SCOPE_CHECKED && !backend->checked) ||
	    (family->scope == SCOPE_CERTIFICATE &&
		backend->certificate_s == 0) ||
	    (family->scope == SCOPE_SAMPLED && !backend->sampled) ||
	    (family->scope == SCOPE_PORTS && !backend->has_ports) ||
	    (family->scope == SCOPE_AGENT && !backend->has_agent);
}

static void
write_words(struct exposition *out, const struct family *family,
    const char *labels, const uint64_t *value)
{
	const struct words *words = family->words;

	for (unsigned i = words->first; i < words->count; i++)
		exposition_count(out, family->name,
		    &(struct exposition_labels){ labels, words->label,
			words->word(i) },
		    family->value == VALUE_EACH ? value[i] : *value == i);
}

static void
write_sample(struct exposition *out, const struct family *family,
    const void *object)
{
	const void *value = (const char *)object + family->offset;
	char labels[LABELS_MAX];

	write_labels(family, object, labels);
	switch (family->value) {
	case VALUE_COUNT:
		exposition_count(out, family->name,
		    &(struct exposition_labels){ .text = labels },
		    *(const uint64_t *)value);
		break;
	case VALUE_REAL:
		exposition_real(out, family->name, labels,
		    *(const double *)value);
		break;
	case VALUE_ONE_OF:
	case VALUE_EACH:
		write_words(out, family, labels, value);
		break;
	case VALUE_HISTOGRAM:
		exposition_histogram(out, family->name, labels, family->scale,
		    value);
		break;
	}
}

void
families_write(struct exposition *out, const struct report *report)
{
	const void *object;

	assert(report != NULL);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *family = &families[i];

		exposition_family(out, family->name, family->type, family->unit,
		    family->help);
		for (size_t n = 0;
		     (object = object_of(report, family->scope, n)) != NULL;
		     n++)
			if (!is_left_out(family, object))
				write_sample(out, family, object);
	}
}
