// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// The totals of all services, each with a chart.

import { Chart } from "./chart.js";
import { quantile } from "./data.js";
import { make, set, setClass } from "./dom.js";
import { byteRate, bytes, count, rate, time } from "./text.js";

const HEIGHT = 36;

class Tile {
	constructor(parent, label, name) {
		this.name = name;
		this.value = make("p", { class: "value" });
		this.more = make("p", { class: "more" });
		this.node = make("div", { class: "tile card" },
		    make("h2", {}, label), this.value, this.more);
		parent.append(this.node);
	}

	show(now, value, more, series) {
		set(this.value, value);
		set(this.more, more);
		if (series === undefined)
			return;
		if (this.chart === undefined) {
			this.chart = new Chart([{ series, name: this.name }],
			    HEIGHT);
			this.node.append(this.chart.node);
		}
		this.chart.draw(now);
	}
}

export class Tiles {
	constructor(parent) {
		this.conns = new Tile(parent, "Open conns", "plain");
		this.accepted = new Tile(parent, "New conns", "plain");
		this.client = new Tile(parent, "To clients", "plain");
		this.backend = new Tile(parent, "To backends", "plain");
		this.first = new Tile(parent, "First byte, p95", "plain");
		this.failed = new Tile(parent, "Failed conns, 1 min", "bad");
	}

	show(now, whole, info, bounds) {
		const past = whole.past;
		const failed = past.growth("failed");
		const times = past.last === null ? []
		    : past.counts("first_byte");
		const quantiles = [0.5, 0.95, 0.99].map((q) =>
		    quantile(times, bounds.first_byte, q));

		if (quantiles[1] !== null && quantiles[1] !== Infinity)
			past.level(now, "first", quantiles[1]);
		this.conns.show(now, count(whole.active), `of ` +
		    `${count(info.maxconn)} · ${count(whole.queued)} queued`,
		    past.levels.active);
		this.accepted.show(now, rate(past.rate("accepted")) + "/s",
		    count(whole.accepted) + " since start", past.rates.accepted);
		this.client.show(now, byteRate(past.rate("to_client")),
		    bytes(whole.to_client) + " since start",
		    past.rates.to_client);
		this.backend.show(now, byteRate(past.rate("to_backend")),
		    bytes(whole.to_backend) + " since start",
		    past.rates.to_backend);
		this.first.show(now, time(quantiles[1]), `p50 ` +
		    `${time(quantiles[0])} · p99 ${time(quantiles[2])}`,
		    past.levels.first);
		past.level(now, "failed", failed);
		this.failed.show(now, count(failed), count(whole.failed) +
		    " since start", past.levels.failed);
		setClass(this.failed.node, "tile card" +
		    (failed > 0 ? " bad" : ""));
	}
}
