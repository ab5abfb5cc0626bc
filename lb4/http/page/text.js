// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// Figures as text.  null stands for "not known", which is a dash.

const NONE = "–";
const PREFIXES = ["", "k", "M", "G", "T", "P"];

// With 0, 1 or 2 decimals.  Making one is slow.
const FORMATS = [0, 1, 2].map((digits) => new Intl.NumberFormat("en", {
	minimumFractionDigits: digits,
	maximumFractionDigits: digits,
}));
const CLOCK = new Intl.DateTimeFormat("en", { timeStyle: "medium",
	hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

// Four digits, or three and a prefix: 12, 3,456, 12.3k.
function scaled(value) {
	let at = 0;

	while (Math.abs(value) >= (at === 0 ? 9999.5 : 999.5) &&
	    at < PREFIXES.length - 1) {
		value /= 1000;
		at++;
	}
	const digits = at === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	return FORMATS[digits].format(value) + PREFIXES[at];
}

export function count(value) {
	return value === null ? NONE : scaled(value);
}

// A rate; a small one has decimals.
export function rate(value) {
	if (value === null)
		return NONE;
	if (value > 0 && value < 9.95)
		return value.toFixed(1);
	return scaled(value);
}

export function bytes(value) {
	if (value === null)
		return NONE;
	if (value < 1000)
		return Math.round(value) + " B";
	let at = 0;

	while (value >= 999.5 && at < PREFIXES.length - 1) {
		value /= 1000;
		at++;
	}
	return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " +
	    PREFIXES[at] + "B";
}

export function byteRate(value) {
	return value === null ? NONE : bytes(value) + "/s";
}

export function percent(value) {
	if (value === null)
		return NONE;
	return (value > 0 && value < 0.0995 ? (100 * value).toFixed(1)
	    : Math.round(100 * value)) + " %";
}

// A measured time, in microseconds, to two digits.
export function time(us) {
	if (us === null)
		return NONE;
	if (us === Infinity)
		return "> 5 s";
	for (const [unit, size] of [["s", 1e6], ["ms", 1e3], ["µs", 1]])
		if (us >= 0.995 * size || size === 1)
			return (us < 9.95 * size ? (us / size).toFixed(1)
			    : Math.round(us / size)) + " " + unit;
}

// How long something has lasted, in milliseconds, in one or two units.
export function age(ms) {
	const seconds = Math.floor(ms / 1000);
	const minutes = Math.floor(seconds / 60);
	const hours = Math.floor(minutes / 60);
	const days = Math.floor(hours / 24);

	if (minutes < 1)
		return seconds + " s";
	if (hours < 1)
		return minutes + " min" +
		    (minutes < 10 ? ` ${seconds % 60} s` : "");
	if (days < 1)
		return `${hours} h ${minutes % 60} min`;
	return `${days} d ${hours % 24} h`;
}

// A time of day, with the date if it is not today.
export function clock(iso) {
	const when = new Date(iso);
	const day = when.toDateString() === new Date().toDateString() ? ""
	    : DAY.format(when) + " ";

	return day + CLOCK.format(when);
}

export function plural(number, word) {
	return `${FORMATS[0].format(number)} ${word}${number === 1 ? "" : "s"}`;
}
