// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// The services: a card each, with charts, percentiles and the backends.

import { Chart } from "./chart.js";
import { quantile } from "./data.js";
import { List, make, set, setClass } from "./dom.js";
import { age, byteRate, count, percent, plural, rate, time } from "./text.js";

const TIMES = [
	["connect", "Connect"],
	["first_byte", "First byte"],
	["session", "Session"],
	["queue", "Queue"],
];
const QUANTILES = [0.5, 0.95, 0.99];

let cards = 0;	// ever, for ids

/* ---- a backend ----------------------------------------------------------- */

// Who has taken it out, and since when.
function taken(backend, since) {
	return backend.admin === "ready"
	    ? `: ${backend.agent_reason}${since(backend.agent_since_ms)}`
	    : since(backend.admin_since_ms);
}

// What its agent has set besides a state, and why it does not answer.
function said(backend) {
	const percent = backend.agent_weight_percent;
	const failure = backend.agent_failure;

	return (percent === null || percent === 100 ? ""
	    : `, ${percent}% of its weight by its agent`) +
	    (failure === null ? "" : `, its agent fails: ${failure}`);
}

// The reason for its state, in words.
function why(backend) {
	const since = (ms) => ms === null ? "" : `, for ${age(ms)}`;
	const check = backend.check;

	switch (backend.state) {
	case "up":
		if (backend.health === "unchecked")
			return `not checked${said(backend)}`;
		return (check === null ? "no check yet"
		    : `${check.result} in ${time(1000 * check.took_ms)}`) +
		    said(backend);
	case "down":
		if (backend.health !== "down" && backend.agent === "down")
			return backend.agent_reason +
			    since(backend.agent_since_ms);
		return (check === null ? "no check yet" : check.result) +
		    since(backend.health_since_ms);
	case "ejected":
		return backend.passive_reason +
		    since(backend.passive_since_ms);
	case "joining":
		return "waits for its first check";
	case "drain":
		return "no new conns" + taken(backend, since);
	case "maint":
		return "no conns, no checks" + taken(backend, since);
	default:
		return "its last conns go on";
	}
}

// What share of new conns the weights give it: among those that take conns, and
// backups only without others.
export function shares(backends) {
	const weight = (one) => one.weight *
	    (one.agent_weight_percent ?? 100) / 100;
	const takes = backends.filter((one) => one.state === "up" &&
	    weight(one) > 0);
	const first = takes.some((one) => !one.backup)
	    ? takes.filter((one) => !one.backup) : takes;
	const sum = first.reduce((all, one) => all + weight(one), 0);

	return new Map(first.map((one) => [one.key, weight(one) / sum]));
}

class Share {
	constructor() {
		this.text = make("span", { class: "share-text" });
		this.fill = make("span", { class: "share-fill" });
		this.tick = make("span", { class: "share-tick" });
		this.node = make("td", { class: "share number" }, make("span",
		    { class: "share-bar", "aria-hidden": "true" }, this.fill,
		    this.tick), this.text);
	}

	show(actual, planned) {
		set(this.text, percent(actual));
		this.fill.style.width = `${100 * (actual ?? 0)}%`;
		this.tick.hidden = planned === undefined;
		this.tick.style.left = `${100 * (planned ?? 0)}%`;
	}
}

class Backend {
	constructor(backend, watch) {
		const number = (name = "") =>
		    make("td", { class: `number ${name}` });

		this.chart = new Chart([{ series: backend.past.rates.total,
			name: "plain" }], 22);
		this.cells = {
			name: make("span", { class: "name" }),
			tags: make("span", { class: "tags" }),
			address: make("span", { class: "address" }),
			state: make("span"),
			why: make("span", { class: "why" }),
			weight: number("wide"),
			share: new Share(),
			conns: number(),
			rate: number(),
			traffic: number("medium"),
			p50: number("wide"),
			p99: number("medium"),
			failed: number("medium"),
		};
		const c = this.cells;

		this.node = make("tr", {}, make("th", { scope: "row" }, c.name,
		    c.tags, c.address),
		    make("td", { class: "health" }, c.state, c.why), c.weight,
		    c.share.node, c.conns, c.rate, c.traffic, c.p50, c.p99,
		    c.failed, make("td", { class: "spark wide" },
		    this.chart.node));
		this.watch = watch;
		this.watch.add(this);
	}

	gone() {
		this.watch.remove(this);
	}

	show(backend, now, planned, total, bounds) {
		const past = backend.past;
		const first = past.counts("first_byte");
		const failed = past.growth("failures");
		const c = this.cells;

		set(c.name, backend.backend);
		set(c.tags, [backend.backup ? "backup" : "", backend.zone ?
		    `zone ${backend.zone}` : ""].filter((tag) => tag).join(" "));
		set(c.address, backend.address);
		set(c.state, backend.state);
		setClass(c.state, `state state-${backend.state}`);
		setClass(this.node, `row-${backend.state}`);
		set(c.why, why(backend));
		set(c.weight, count(backend.weight));
		c.share.show(total > 0 ? past.growth("total") / total : null,
		    planned.get(backend.key));
		set(c.conns, count(backend.active) + (backend.maxconn > 0
		    ? `/${count(backend.maxconn)}` : ""));
		set(c.rate, rate(past.rate("total")));
		set(c.traffic, byteRate(past.rate("bytes")));
		set(c.p50, time(quantile(first, bounds.first_byte, 0.5)));
		set(c.p99, time(quantile(first, bounds.first_byte, 0.99)));
		set(c.failed, count(failed));
		c.failed.classList.toggle("bad", failed > 0);
		if (this.seen)
			this.chart.draw(now);
	}
}

// Of thousands of charts, those that are in sight are drawn.
class Watch {
	constructor() {
		this.rows = new WeakMap();
		this.observer = new IntersectionObserver((entries) => {
			for (const entry of entries)
				this.rows.get(entry.target).seen =
				    entry.isIntersecting;
		}, { rootMargin: "200px" });
	}

	add(row) {
		this.rows.set(row.node, row);
		this.observer.observe(row.node);
	}

	remove(row) {
		this.observer.unobserve(row.node);
	}
}

// Where it listens, and how long the kernel's queue is there.
function listens(service) {
	const queues = new Map((service.listeners ?? []).map((one) =>
	    [one.listen, one]));

	return service.listens.map((address) => {
		const { waiting = 0, backlog = 0, dropped = 0 } =
		    queues.get(address) ?? {};
		const said = [
			waiting > 0 ? `${count(waiting)} of ${count(backlog)} ` +
			    "wait" : "",
			dropped > 0 ? `${count(dropped)} dropped` : "",
		].filter((text) => text);

		return address + (said.length > 0 ? ` (${said.join(", ")})`
		    : "");
	}).join(", ");
}

/* ---- a service ----------------------------------------------------------- */

// A chart with its name, the present values, and the top of its scale.
class Figure {
	constructor(title, lines, height, format) {
		this.chart = new Chart(lines, height);
		this.lines = lines;
		this.format = format;
		this.top = make("span", { class: "top" });
		this.values = lines.map((line) => make("span",
		    { class: `key key-${line.name}` }));
		this.node = make("figure", {}, make("figcaption", {},
		    make("span", { class: "title" }, title), ...this.values),
		    make("div", { class: "plot" }, this.top, this.chart.node));
	}

	show(now, values) {
		values.forEach((value, i) => {
			set(this.values[i], (this.lines[i].label ?
			    this.lines[i].label + " " : "") +
			    this.format(value));
		});
		set(this.top, this.format(this.chart.draw(now)));
	}
}

class Percentiles {
	constructor(name) {
		this.cells = {};
		const rows = TIMES.map(([key, title]) => {
			this.cells[key] = QUANTILES.map(() =>
			    make("td", { class: "number" }));
			return make("tr", {}, make("th", { scope: "row" },
			    title), ...this.cells[key]);
		});

		this.node = make("table", { class: "times" },
		    make("caption", {}, `Latency of ${name}, last minute`),
		    make("thead", {}, make("tr", {},
			make("th", { scope: "col" }, "Latency"),
			...QUANTILES.map((q) => make("th", { scope: "col",
			    class: "number" }, `p${100 * q}`)))),
		    make("tbody", {}, ...rows));
	}

	show(past, bounds) {
		for (const [key] of TIMES) {
			const counts = past.counts(key);

			QUANTILES.forEach((q, i) => {
				set(this.cells[key][i], time(quantile(counts,
				    bounds[key], q)));
			});
		}
	}
}

const COLUMNS = [
	["Backend", "c-name"], ["State", "c-state"],
	["Weight", "c-weight number wide"], ["Share", "c-share number"],
	["Conns", "c-conns number"], ["New/s", "c-rate number"],
	["Traffic", "c-traffic number medium"],
	["First byte p50", "c-p50 number wide"], ["p99", "c-p99 number medium"],
	["Failed", "c-failed number medium"], ["New/s, 5 min", "c-spark wide"],
];

class Service {
	constructor(service, watch) {
		const id = `service-${++cards}`;
		const past = service.past;

		this.state = make("span");
		this.facts = make("p", { class: "facts" });
		this.stats = make("p", { class: "stats" });
		this.figures = [
			new Figure("New conns", [{ series: past.rates.accepted,
				name: "plain" }, { series: past.rates.failed,
				name: "bad", label: "failed" }], 60,
			    (value) => rate(value) + "/s"),
			new Figure("Traffic", [{ series: past.rates.to_client,
				name: "plain", label: "clients" },
			    { series: past.rates.to_backend, name: "other",
				label: "backends" }], 60, byteRate),
			new Figure("Open conns", [{ series: past.levels.active,
				name: "plain" }], 60, count),
		];
		this.times = new Percentiles(service.service);
		const body = make("tbody");

		this.backends = new List(body, (backend) =>
		    new Backend(backend, watch));
		this.node = make("section", { class: "card service",
		    "aria-labelledby": id },
		    make("div", { class: "head" },
			make("h2", { id }, service.service), this.state,
			this.facts, this.stats),
		    make("div", { class: "charts" },
			...this.figures.map((figure) => figure.node),
			this.times.node),
		    make("table", { class: "backends" },
			make("caption", {}, `Backends of ${service.service}`),
			make("thead", {}, make("tr", {}, ...COLUMNS.map(
			    ([title, name]) => make("th", { scope: "col",
				class: name }, title)))), body));
	}

	show(service, now, bounds) {
		const past = service.past;
		const total = service.all.reduce((sum, backend) => sum +
		    backend.past.growth("total"), 0);

		set(this.state, service.state);
		setClass(this.state, `state state-${service.state}`);
		set(this.facts, service.balance + (service.listens.length > 0
		    ? " · listens on " + listens(service) : ""));
		set(this.stats, `${service.available} of ` +
		    `${plural(service.all.length, "backend")} · ` +
		    `${count(service.accepted)} accepted · ` +
		    `${count(service.queued)} queued · ` +
		    `${count(service.retries)} retries · ` +
		    `${count(service.failed)} failed`);
		this.figures[0].show(now, [past.rate("accepted"),
			past.rate("failed")]);
		this.figures[1].show(now, [past.rate("to_client"),
			past.rate("to_backend")]);
		this.figures[2].show(now, [service.active]);
		this.times.show(past, bounds);
		this.backends.show(service.backends, (backend) => backend.key,
		    now, shares(service.all), total, bounds);
	}
}

/* ---- all of them --------------------------------------------------------- */

function matches(backend, filter) {
	return [backend.key, backend.address, backend.state, why(backend)]
	    .some((text) => text.toLowerCase().includes(filter));
}

export class Services {
	constructor(parent) {
		const watch = new Watch();

		this.list = new List(parent, (service) =>
		    new Service(service, watch));
		this.last = null;
	}

	show(now, status, filter) {
		const items = [];

		this.last = { now, status };
		for (const service of status.services) {
			service.all ??= [...service.backends,
				...status.removed.filter((one) =>
				    one.service === service.service)];
			service.backends = filter === "" ? service.all
			    : service.all.filter((backend) =>
				matches(backend, filter));
			if (service.backends.length > 0)
				items.push(service);
		}
		this.list.show(items, (service) => service.service, now,
		    status.bounds_us);
	}

	filter(text) {
		if (this.last !== null)
			this.show(this.last.now, this.last.status, text);
	}
}
