// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// The panels below the services: events, talkers, workers, reasons.

import { Chart } from "./chart.js";
import { List, make, set, setClass } from "./dom.js";
import { age, byteRate, bytes, clock, count, percent } from "./text.js";

const number = (name = "") => make("td", { class: `number ${name}` });

/* ---- events -------------------------------------------------------------- */

class Event {
	constructor(event) {
		const what = event.service === null ? ""
		    : event.service + (event.backend === null ? ""
			: "/" + event.backend) + " ";
		const word = /^(up|down)\b/.exec(event.text);

		this.time = make("time", { datetime: event.time });
		this.node = make("li", {}, this.time, make("span",
		    { class: `kind kind-${word ? word[1] : "other"}` },
		    event.event), make("span", { class: "text" },
		    make("b", {}, what), event.text));
	}

	show(event) {
		set(this.time, clock(event.time));
	}
}

export class Events {
	constructor(parent) {
		this.parent = parent;
		this.list = new List(parent, (event) => event.none ?
		    { node: make("li", { class: "none" }, "none yet"),
			show() {} } : new Event(event));
	}

	show(events) {
		const seen = new Map();

		// there may be equal ones, in one millisecond
		for (const event of [...events].reverse()) {
			const key = Object.values(event).join(" ");

			seen.set(key, (seen.get(key) ?? 0) + 1);
			event.key = `${key} ${seen.get(key)}`;
		}
		this.list.show(events.length > 0 ? events
		    : [{ none: true, key: "none" }], (event) => event.key);
	}
}

/* ---- talkers ------------------------------------------------------------- */

class Talker {
	constructor() {
		this.client = make("th", { scope: "row", class: "address" });
		this.backend = make("td");
		this.age = number("wide");
		this.moved = number();
		this.rate = number();
		this.node = make("tr", {}, this.client, this.backend, this.age,
		    this.moved, this.rate);
		this.last = null;
	}

	show(conn, now) {
		const moved = conn.bytes_to_backend + conn.bytes_to_client;
		const last = this.last;

		set(this.client, conn.client);
		set(this.backend, conn.service + (conn.backend === null ? ""
		    : "/" + conn.backend));
		set(this.age, age(conn.age_ms));
		set(this.moved, bytes(moved));
		// the age is of lb4's clock; an answer may be a little old
		set(this.rate, byteRate(last === null ? null :
		    conn.age_ms > last.age ? 1000 * (moved - last.moved) /
		    (conn.age_ms - last.age) : last.rate));
		this.last = {
			age: conn.age_ms,
			moved,
			rate: last === null || conn.age_ms <= last.age ? null
			    : 1000 * (moved - last.moved) /
			    (conn.age_ms - last.age),
		};
	}
}

export class Talkers {
	constructor(table) {
		this.list = new List(table.tBodies[0], () => new Talker());
	}

	show(now, conns) {
		this.list.show(conns.filter((conn) => conn.bytes_to_backend +
		    conn.bytes_to_client > 0).slice(0, 12),
		    (conn) => conn.id, now);
	}
}

/* ---- workers ------------------------------------------------------------- */

class Worker {
	constructor(worker) {
		this.name = make("th", { scope: "row" });
		this.conns = number();
		this.busy = number();
		this.spliced = number();
		this.copied = number();
		this.chart = new Chart([{ series: worker.past.rates.busy_us,
			name: "plain" }], 22);
		this.node = make("tr", {}, this.name, this.conns, this.busy,
		    this.spliced, this.copied, make("td",
		    { class: "spark wide" }, this.chart.node));
	}

	show(worker, now) {
		const busy = worker.past.rate("busy_us");

		set(this.name, String(worker.worker));
		set(this.conns, count(worker.conns));
		set(this.busy, percent(busy === null ? null
		    : Math.min(1, busy / 1e6)));
		set(this.spliced, byteRate(worker.past.rate("spliced_bytes")));
		set(this.copied, byteRate(worker.past.rate("copied_bytes")));
		this.chart.draw(now);
	}
}

export class Workers {
	constructor(table) {
		this.list = new List(table.tBodies[0],
		    (worker) => new Worker(worker));
	}

	show(now, workers) {
		this.list.show(workers, (worker) => worker.worker, now);
	}
}

/* ---- reasons ------------------------------------------------------------- */

class Reason {
	constructor() {
		this.text = make("th", { scope: "row" });
		this.code = make("td", { class: "wide code" });
		this.minute = number();
		this.total = number();
		this.node = make("tr", {}, this.text, this.code, this.minute,
		    this.total);
	}

	show(reason) {
		set(this.text, reason.text);
		set(this.code, reason.code);
		set(this.minute, count(reason.minute));
		set(this.total, count(reason.total));
		setClass(this.node, reason.minute > 0 ? "" : "quiet");
	}
}

export class Closes {
	constructor(table) {
		this.list = new List(table.tBodies[0], () => new Reason());
	}

	show(services) {
		const reasons = new Map();
		const add = (closes, member, sign) => {
			for (const close of closes) {
				const code = close.reason;
				const sum = reasons.get(code) ?? { code,
					text: close.text, total: 0, minute: 0 };

				sum[member] += sign * close.conns;
				reasons.set(code, sum);
			}
		};

		for (const { past } of services) {
			add(past.last.counters.closes, "total", 1);
			add(past.last.counters.closes, "minute", 1);
			add(past.marks[0].counters.closes, "minute", -1);
		}
		this.list.show([...reasons.values()].sort((a, b) =>
		    b.total - a.total), (reason) => reason.code);
	}
}
