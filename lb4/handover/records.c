/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/* The fields of each kind of record: see records.h. */
#include "lb4/handover/records.h"

#include "lb4/engine/conn_record.h"

static const struct record_field hello_fields[] = {
	RECORD_FIELD(handover_hello, version, RECORD_TEXT),
	RECORD_FIELD(handover_hello, conns, RECORD_UINT),
	RECORD_FIELD(handover_hello, pipes, RECORD_UINT),
	RECORD_FIELD(handover_hello, seed, RECORD_BYTES),
	RECORD_FIELD(handover_hello, began_ms, RECORD_UINT),
	RECORD_FIELD(handover_hello, node_drained, RECORD_UINT),
	RECORD_FIELD(handover_hello, node_deadline_ms, RECORD_UINT),
	RECORD_FIELD(handover_hello, hears_drops, RECORD_UINT),
	RECORD_FIELD(handover_hello, tells_names, RECORD_UINT),
};
RECORD_KIND(handover_hello_kind, "hello", handover_hello, hello_fields);

static const struct record_field file_fields[] = {
	RECORD_FIELD(handover_file, what, RECORD_TEXT),
	RECORD_FIELD(handover_file, name, RECORD_TEXT),
	RECORD_FIELD(handover_file, dev, RECORD_UINT),
	RECORD_FIELD(handover_file, ino, RECORD_UINT),
};
RECORD_KIND(handover_file_kind, "file", handover_file, file_fields);

static const struct record_field place_fields[] = {
	RECORD_FIELD(handover_place, service, RECORD_TEXT),
	RECORD_FIELD(handover_place, addr, RECORD_TEXT),
	RECORD_FIELD(handover_place, bound, RECORD_TEXT),
	RECORD_FIELD(handover_place, common, RECORD_UINT),
	RECORD_FIELD(handover_place, inherited, RECORD_UINT),
	RECORD_FIELD(handover_place, dev, RECORD_UINT),
	RECORD_FIELD(handover_place, ino, RECORD_UINT),
};
RECORD_KIND(handover_place_kind, "place", handover_place, place_fields);

static const struct record_field socket_fields[] = {
	RECORD_FIELD(handover_socket, bound, RECORD_TEXT),
	RECORD_FIELD(handover_socket, kept, RECORD_UINT),
};
RECORD_KIND(handover_socket_kind, "socket", handover_socket, socket_fields);

static const struct record_field service_fields[] = {
	RECORD_FIELD(handover_service, id, RECORD_UINT),
	RECORD_FIELD(handover_service, name, RECORD_TEXT),
	RECORD_FIELD(handover_service, panic_ms, RECORD_UINT),
};
RECORD_KIND(handover_service_kind, "service", handover_service, service_fields);

static const struct record_field backend_fields[] = {
	RECORD_FIELD(handover_backend, id, RECORD_UINT),
	RECORD_FIELD(handover_backend, service, RECORD_TEXT),
	RECORD_FIELD(handover_backend, name, RECORD_TEXT),
	RECORD_FIELD(handover_backend, addr, RECORD_TEXT),
	RECORD_FIELD(handover_backend, listed, RECORD_UINT),
	RECORD_FIELD(handover_backend, health, RECORD_UINT),
	RECORD_FIELD(handover_backend, health_since_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, admin, RECORD_UINT),
	RECORD_FIELD(handover_backend, admin_since_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, joining, RECORD_UINT),
	RECORD_FIELD(handover_backend, up_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, ready_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, check_began_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, checked_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, check_us, RECORD_UINT),
	RECORD_FIELD(handover_backend, admin_cause, RECORD_UINT),
	RECORD_FIELD(handover_backend, passive, RECORD_UINT),
	RECORD_FIELD(handover_backend, agent, RECORD_UINT),
	RECORD_FIELD(handover_backend, passive_since_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, agent_since_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, ejected_until_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, ejections, RECORD_UINT),
	RECORD_FIELD(handover_backend, held_until_ms, RECORD_UINT),
	RECORD_FIELD(handover_backend, health_text, RECORD_TEXT),
	RECORD_FIELD(handover_backend, certificate_s, RECORD_UINT),
	RECORD_FIELD(handover_backend, agent_said, RECORD_UINT),
	RECORD_FIELD(handover_backend, agent_text, RECORD_TEXT),
	RECORD_FIELD(handover_backend, told_state, RECORD_UINT),
};
RECORD_KIND(handover_backend_kind, "backend", handover_backend, backend_fields);

static const struct record_field step_fields[] = {
	RECORD_FIELD(handover_step, name, RECORD_TEXT),
	RECORD_FIELD(handover_step, version, RECORD_TEXT),
};
RECORD_KIND(handover_step_kind, "step", handover_step, step_fields);

static const struct record_field reserve_fields[] = {
	RECORD_FIELD(handover_reserve, last_conn, RECORD_UINT),
	RECORD_FIELD(handover_reserve, last_ticket, RECORD_UINT),
};
RECORD_KIND(handover_reserve_kind, "reserve", handover_reserve, reserve_fields);

static const struct record_field service_reserve_fields[] = {
	RECORD_FIELD(handover_service_reserve, service, RECORD_UINT),
	RECORD_FIELD(handover_service_reserve, inside, RECORD_UINT),
	RECORD_FIELD(handover_service_reserve, waiting, RECORD_UINT),
	RECORD_FIELD(handover_service_reserve, tickets, RECORD_UINT),
	RECORD_FIELD(handover_service_reserve, turns, RECORD_UINTS),
};
RECORD_KIND(handover_service_reserve_kind, "service_reserve",
    handover_service_reserve, service_reserve_fields);

static const struct record_field backend_reserve_fields[] = {
	RECORD_FIELD(handover_backend_reserve, backend, RECORD_UINT),
	RECORD_FIELD(handover_backend_reserve, active, RECORD_UINT),
};
RECORD_KIND(handover_backend_reserve_kind, "backend_reserve",
    handover_backend_reserve, backend_reserve_fields);

static const struct record_field conn_fields[] = {
	RECORD_FIELD(conn_record, id, RECORD_UINT),
	RECORD_FIELD(conn_record, service, RECORD_UINT),
	RECORD_FIELD(conn_record, backend, RECORD_UINT),
	RECORD_FIELD(conn_record, state, RECORD_UINT),
	RECORD_FIELD(conn_record, client_ip, RECORD_BYTES),
	RECORD_FIELD(conn_record, client_port, RECORD_UINT),
	RECORD_FIELD(conn_record, client_family, RECORD_UINT),
	RECORD_FIELD(conn_record, port, RECORD_UINT),
	RECORD_FIELD(conn_record, accepted_us, RECORD_UINT),
	RECORD_FIELD(conn_record, step_us, RECORD_UINT),
	RECORD_FIELD(conn_record, last_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, queue_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, excused_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, error, RECORD_UINT),
	RECORD_FIELD(conn_record, reason, RECORD_UINT),
	RECORD_FIELD(conn_record, failed_side, RECORD_UINT),
	RECORD_FIELD(conn_record, last_from, RECORD_UINT),
	RECORD_FIELD(conn_record, established, RECORD_UINT),
	RECORD_FIELD(conn_record, retries, RECORD_UINT),
	RECORD_FIELD(conn_record, ticket, RECORD_UINT),
	RECORD_FIELD(conn_record, attempt_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, queued_since, RECORD_UINT),
	RECORD_FIELD(conn_record, held, RECORD_UINT),
	RECORD_FIELD(conn_record, waited, RECORD_UINT),
	RECORD_FIELD(conn_record, throttled, RECORD_UINT),
	RECORD_FIELD(conn_record, tries, RECORD_UINT),
	RECORD_FIELD(conn_record, tried, RECORD_UINTS),
	RECORD_FIELD(conn_record, attempt_proxy, RECORD_UINT),
	RECORD_FIELD(conn_record, preread, RECORD_UINT),
	RECORD_FIELD(conn_record, preface, RECORD_UINT),
	RECORD_FIELD(conn_record, preface_hello, RECORD_UINT),
	RECORD_FIELD(conn_record, preface_request, RECORD_UINT),
	RECORD_FIELD(conn_record, preface_awaits, RECORD_UINT),
	RECORD_FIELD(conn_record, preface_proxy, RECORD_UINT),
	RECORD_FIELD(conn_record, dst_ip, RECORD_BYTES),
	RECORD_FIELD(conn_record, dst_port, RECORD_UINT),
	RECORD_FIELD(conn_record, dst_family, RECORD_UINT),
	RECORD_FIELD(conn_record, preface_sent, RECORD_UINT),
	RECORD_FIELD(conn_record, preface_sum, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[0].bytes, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[0].held, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[0].pipe_size, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[0].streak, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[0].way, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[0].no_splice, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[1].bytes, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[1].held, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[1].pipe_size, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[1].streak, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[1].way, RECORD_UINT),
	RECORD_FIELD(conn_record, relay[1].no_splice, RECORD_UINT),
	RECORD_FIELD(conn_record, lost, RECORD_UINT),
	RECORD_FIELD(conn_record, linger_since, RECORD_UINT),
	RECORD_FIELD(conn_record, sampled, RECORD_UINT),
	RECORD_FIELD(conn_record, told, RECORD_UINT),
	RECORD_FIELD(conn_record, told_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, told_bytes, RECORD_UINTS),
	RECORD_FIELD(conn_record, timeout_connect_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, timeout_queue_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, wait_for_backend_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, timeout_idle_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, timeout_half_close_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, timeout_stall_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, reset_linger_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, max_lifetime_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, timeout_proxy_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, timeout_hello_ms, RECORD_UINT),
	RECORD_FIELD(conn_record, abort_on_close, RECORD_UINT),
	RECORD_FIELD(conn_record, side[0].rdhup, RECORD_UINT),
	RECORD_FIELD(conn_record, side[0].urgent, RECORD_UINT),
	RECORD_FIELD(conn_record, side[0].failed, RECORD_UINT),
	RECORD_FIELD(conn_record, side[0].eof, RECORD_UINT),
	RECORD_FIELD(conn_record, side[0].fin_sent, RECORD_UINT),
	RECORD_FIELD(conn_record, side[0].gathers, RECORD_UINT),
	RECORD_FIELD(conn_record, side[1].rdhup, RECORD_UINT),
	RECORD_FIELD(conn_record, side[1].urgent, RECORD_UINT),
	RECORD_FIELD(conn_record, side[1].failed, RECORD_UINT),
	RECORD_FIELD(conn_record, side[1].eof, RECORD_UINT),
	RECORD_FIELD(conn_record, side[1].fin_sent, RECORD_UINT),
	RECORD_FIELD(conn_record, side[1].gathers, RECORD_UINT),
	RECORD_FIELD(conn_record, fds, RECORD_UINT),
};
RECORD_KIND(handover_conn_kind, "conn", conn_record, conn_fields);

static const struct record_field service_counts_fields[] = {
	RECORD_FIELD(handover_service_counts, service, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, accepted, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, closed, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, failed, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, retries, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, discarded_bytes, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, stalled, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, shed, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, bytes_to_backend, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, bytes_to_client, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, closes, RECORD_UINTS),
	RECORD_FIELD(handover_service_counts, connect, RECORD_UINTS),
	RECORD_FIELD(handover_service_counts, queue, RECORD_UINTS),
	RECORD_FIELD(handover_service_counts, first_byte, RECORD_UINTS),
	RECORD_FIELD(handover_service_counts, session, RECORD_UINTS),
	RECORD_FIELD(handover_service_counts, mirror_conns, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, mirror_bytes, RECORD_UINT),
	RECORD_FIELD(handover_service_counts, mirror_dropped, RECORD_UINTS),
};
RECORD_KIND(handover_service_counts_kind, "service_counts",
    handover_service_counts, service_counts_fields);

static const struct record_field backend_counts_fields[] = {
	RECORD_FIELD(handover_backend_counts, backend, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, conns, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, connect_failures, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, no_ports, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, bytes_to_backend, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, bytes_to_client, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, connect, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, queue, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, first_byte, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, session, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, rtt, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, retransmitted, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, disordered, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, delivery, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, results, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, check_took, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, check_lag, RECORD_UINTS),
	RECORD_FIELD(handover_backend_counts, answered, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, refused, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, timeouts, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, early_resets, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, agent_answers, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, agent_failures, RECORD_UINT),
	RECORD_FIELD(handover_backend_counts, told_state, RECORD_UINT),
};
RECORD_KIND(handover_backend_counts_kind, "backend_counts",
    handover_backend_counts, backend_counts_fields);

static const struct record_field worker_counts_fields[] = {
	RECORD_FIELD(handover_worker_counts, worker, RECORD_UINT),
	RECORD_FIELD(handover_worker_counts, spliced_bytes, RECORD_UINT),
	RECORD_FIELD(handover_worker_counts, copied_bytes, RECORD_UINT),
	RECORD_FIELD(handover_worker_counts, pipes_refused, RECORD_UINT),
	RECORD_FIELD(handover_worker_counts, turn, RECORD_UINTS),
	RECORD_FIELD(handover_worker_counts, moved_conns, RECORD_UINT),
};
RECORD_KIND(handover_worker_counts_kind, "worker_counts",
    handover_worker_counts, worker_counts_fields);

static const struct record_field rule_counts_fields[] = {
	RECORD_FIELD(handover_rule_counts, service, RECORD_UINT),
	RECORD_FIELD(handover_rule_counts, rule, RECORD_TEXT),
	RECORD_FIELD(handover_rule_counts, clients, RECORD_UINT),
};
RECORD_KIND(handover_rule_counts_kind, "rule_counts", handover_rule_counts,
    rule_counts_fields);

static const struct record_field past_fields[] = {
	RECORD_FIELD(handover_past, service, RECORD_UINT),
	RECORD_FIELD(handover_past, present, RECORD_UINT),
	RECORD_FIELD(handover_past, at_ms, RECORD_UINT),
	RECORD_FIELD(handover_past, until_ms, RECORD_UINT),
	RECORD_FIELD(handover_past, time_ms, RECORD_UINT),
	RECORD_FIELD(handover_past, zones, RECORD_UINT),
	RECORD_FIELD(handover_past, seed, RECORD_BYTES),
	RECORD_FIELD(handover_past, prefix4, RECORD_UINT),
	RECORD_FIELD(handover_past, prefix6, RECORD_UINT),
	RECORD_FIELD(handover_past, checksum, RECORD_UINT),
	RECORD_FIELD(handover_past, backends, RECORD_UINT),
	RECORD_FIELD(handover_past, slots, RECORD_UINTS),
	RECORD_FIELD(handover_past, bits, RECORD_UINT),
	RECORD_FIELD(handover_past, active_begun_ms, RECORD_UINT),
};
RECORD_KIND(handover_past_kind, "past", handover_past, past_fields);

static const struct record_field past_backends_fields[] = {
	RECORD_FIELD(handover_past_backends, first, RECORD_UINT),
	RECORD_FIELD(handover_past_backends, count, RECORD_UINT),
	RECORD_FIELD(handover_past_backends, id, RECORD_UINTS),
	RECORD_FIELD(handover_past_backends, weight, RECORD_UINTS),
	RECORD_FIELD(handover_past_backends, set, RECORD_UINTS),
	RECORD_FIELD(handover_past_backends, health, RECORD_UINTS),
	RECORD_FIELD(handover_past_backends, admin, RECORD_UINTS),
};
RECORD_KIND(handover_past_backends_kind, "past_backends",
    handover_past_backends, past_backends_fields);

static const struct record_field past_slots_fields[] = {
	RECORD_FIELD(handover_past_slots, set, RECORD_UINT),
	RECORD_FIELD(handover_past_slots, first, RECORD_UINT),
	RECORD_FIELD(handover_past_slots, count, RECORD_UINT),
	RECORD_FIELD(handover_past_slots, slot, RECORD_BYTES),
};
RECORD_KIND(handover_past_slots_kind, "past_slots", handover_past_slots,
    past_slots_fields);

static const struct record_field past_active_fields[] = {
	RECORD_FIELD(handover_past_active, before, RECORD_UINT),
	RECORD_FIELD(handover_past_active, first, RECORD_UINT),
	RECORD_FIELD(handover_past_active, count, RECORD_UINT),
	RECORD_FIELD(handover_past_active, word, RECORD_UINTS),
};
RECORD_KIND(handover_past_active_kind, "past_active", handover_past_active,
    past_active_fields);

static const struct record_field pins_fields[] = {
	RECORD_FIELD(handover_pins, service, RECORD_UINT),
	RECORD_FIELD(handover_pins, places, RECORD_UINT),
	RECORD_FIELD(handover_pins, refused, RECORD_UINT),
	RECORD_FIELD(handover_pins, count, RECORD_UINT),
	RECORD_FIELD(handover_pins, tag, RECORD_UINTS),
	RECORD_FIELD(handover_pins, value, RECORD_UINTS),
};
RECORD_KIND(handover_pins_kind, "pins", handover_pins, pins_fields);

static const struct record_field order_fields[] = {
	RECORD_FIELD(handover_order, kind, RECORD_UINT),
	RECORD_FIELD(handover_order, service, RECORD_TEXT),
	RECORD_FIELD(handover_order, backend, RECORD_UINT),
	RECORD_FIELD(handover_order, rate, RECORD_UINT),
	RECORD_FIELD(handover_order, deadline_ms, RECORD_UINT),
	RECORD_FIELD(handover_order, next_ms, RECORD_UINT),
	RECORD_FIELD(handover_order, closed, RECORD_UINT),
	RECORD_FIELD(handover_order, cut, RECORD_UINT),
	RECORD_FIELD(handover_order, busy, RECORD_UINT),
	RECORD_FIELD(handover_order, found_ms, RECORD_UINT),
	RECORD_FIELD(handover_order, threshold, RECORD_UINT),
	RECORD_FIELD(handover_order, conns, RECORD_UINT),
	RECORD_FIELD(handover_order, most, RECORD_UINT),
	RECORD_FIELD(handover_order, settled_ms, RECORD_UINT),
};
RECORD_KIND(handover_order_kind, "order", handover_order, order_fields);

static const struct record_field drop_fields[] = {
	RECORD_FIELD(handover_drop, place, RECORD_UINT),
	RECORD_FIELD(handover_drop, socket, RECORD_UINT),
};
RECORD_KIND(handover_drop_kind, "drop", handover_drop, drop_fields);

static const struct record_field event_fields[] = {
	RECORD_FIELD(handover_event, realtime_ms, RECORD_UINT),
	RECORD_FIELD(handover_event, kind, RECORD_TEXT),
	RECORD_FIELD(handover_event, service, RECORD_TEXT),
	RECORD_FIELD(handover_event, backend, RECORD_TEXT),
	RECORD_FIELD(handover_event, text, RECORD_TEXT),
};
RECORD_KIND(handover_event_kind, "event", handover_event, event_fields);

static const struct record_field srv_fields[] = {
	RECORD_FIELD(handover_srv, service, RECORD_TEXT),
	RECORD_FIELD(handover_srv, name, RECORD_TEXT),
	RECORD_FIELD(handover_srv, addr, RECORD_TEXT),
	RECORD_FIELD(handover_srv, weight, RECORD_UINT),
	RECORD_FIELD(handover_srv, backup, RECORD_UINT),
};
RECORD_KIND(handover_srv_kind, "srv", handover_srv, srv_fields);

static const struct record_field name_fields[] = {
	RECORD_FIELD(handover_name, service, RECORD_TEXT),
	RECORD_FIELD(handover_name, line, RECORD_TEXT),
	RECORD_FIELD(handover_name, host, RECORD_TEXT),
};
RECORD_KIND(handover_name_kind, "name", handover_name, name_fields);

const struct record_kind *const handover_kinds[] = {
	&handover_hello_kind,
	&handover_file_kind,
	&handover_place_kind,
	&handover_socket_kind,
	&handover_service_kind,
	&handover_backend_kind,
	&handover_step_kind,
	&handover_reserve_kind,
	&handover_service_reserve_kind,
	&handover_backend_reserve_kind,
	&handover_conn_kind,
	&handover_service_counts_kind,
	&handover_backend_counts_kind,
	&handover_worker_counts_kind,
	&handover_rule_counts_kind,
	&handover_past_kind,
	&handover_past_backends_kind,
	&handover_past_slots_kind,
	&handover_past_active_kind,
	&handover_pins_kind,
	&handover_order_kind,
	&handover_event_kind,
	&handover_drop_kind,
	&handover_srv_kind,
	&handover_name_kind,
	NULL,
};
