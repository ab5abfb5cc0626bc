// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// What the page remembers: counters become rates, and histograms percentiles.
// Each thing (service, backend, worker) has a Past, which holds its last
// minutes; that of a thing that has gone is dropped.

import { Series } from "./chart.js";

export const MINUTE_S = 60;
const MARK_S = 5;

export class Past {
	// `names` are the counters whose rates are kept.
	constructor(names) {
		this.names = names;
		this.rates = {};
		for (const name of names)
			this.rates[name] = new Series();
		this.levels = {};	// Series of gauges
		this.marks = [];	// {at, counters}, MARK_S apart
		this.last = null;
	}

	// Takes the counters at a time of the page, in seconds, and at a time of
	// lb4, from which the rates are made: answers may be a little old.
	// Counters that have gone down began anew: what was before says nothing.
	add(at, uptime, counters) {
		const last = this.last;
		const now = { at, uptime, counters };

		if (last !== null && uptime === last.uptime)
			return;
		this.last = now;
		if (last === null || uptime < last.uptime ||
		    at - last.at > MINUTE_S || this.names.some((name) =>
		    counters[name] < last.counters[name])) {
			this.marks = [now];
			return;
		}
		for (const name of this.names)
			this.rates[name].add(at,
			    (counters[name] - last.counters[name]) /
			    (uptime - last.uptime));
		if (at - this.marks[this.marks.length - 1].at >= MARK_S)
			this.marks.push(now);
		while (this.marks.length > 1 &&
		    this.marks[1].at <= at - MINUTE_S)
			this.marks.shift();
	}

	level(at, name, value) {
		this.levels[name] ??= new Series();
		this.levels[name].add(at, value);
	}

	// Takes values of the time before the first counters: rates, or levels.
	recall(times, values) {
		for (const [name, list] of Object.entries(values))
			list.forEach((value, i) => {
				if (value === null)
					return;
				if (this.names.includes(name))
					this.rates[name].add(times[i], value);
				else
					this.level(times[i], name, value);
			});
	}

	// The mean of the last seconds.
	rate(name) {
		return this.last === null ? null
		    : this.rates[name].mean(this.last.at, 5);
	}

	// How much a counter has grown in the last minute.
	growth(name) {
		return this.last === null ? 0
		    : this.last.counters[name] - this.marks[0].counters[name];
	}

	// The counts of a histogram of the last minute.
	counts(name) {
		const now = this.last.counters.times[name].counts;
		const then = this.marks[0].counters.times[name].counts;

		return now.map((count, i) => count - then[i]);
	}
}

// The quantile of counts in buckets, in microseconds, taking a bucket's values
// as spread evenly on its logarithmic scale; null without a value.
export function quantile(counts, bounds, q) {
	const total = counts.reduce((sum, count) => sum + count, 0);
	let rank = q * total;

	if (total === 0)
		return null;
	for (let i = 0; i < bounds.length; i++) {
		if (counts[i] > 0 && rank <= counts[i]) {
			const low = i > 0 ? bounds[i - 1] : bounds[i] / 2;

			return low * (bounds[i] / low) ** (rank / counts[i]);
		}
		rank -= counts[i];
	}
	return Infinity;
}

export function addCounts(sum, counts) {
	return sum === null ? counts : sum.map((count, i) => count + counts[i]);
}

// Pasts by key.
export class Pasts {
	constructor(names) {
		this.names = names;
		this.map = new Map();
	}

	get(key) {
		let past = this.map.get(key);

		if (past === undefined) {
			past = new Past(this.names);
			this.map.set(key, past);
		}
		return past;
	}

	// Drops all but these.
	keep(keys) {
		for (const key of this.map.keys())
			if (!keys.has(key))
				this.map.delete(key);
	}

	clear() {
		this.map.clear();
	}
}
