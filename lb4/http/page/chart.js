// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// Small charts of the last minutes, as SVG, so that the style sheet gives their
// colours and they are sharp at any size.  A chart library would be ten times
// as large as the rest of the page.

const SVG = "http://www.w3.org/2000/svg";
const GAP_S = 6;	// longer ones are left blank

export const SPAN_S = 300;

// Values over time, for SPAN_S.  Memory is fixed.
export class Series {
	constructor() {
		this.room = SPAN_S + 60;	// polls may come a little early
		this.at = new Float64Array(this.room);
		this.value = new Float64Array(this.room);
		this.added = 0;
	}

	add(at, value) {
		const i = this.added++ % this.room;

		this.at[i] = at;
		this.value[i] = value;
	}

	// Calls f(time, value) for each value since `from`, oldest first.
	each(from, f) {
		const first = Math.max(0, this.added - this.room);

		for (let n = first; n < this.added; n++) {
			const i = n % this.room;

			if (this.at[i] >= from)
				f(this.at[i], this.value[i]);
		}
	}

	// The mean of the last `seconds`; null without a value.
	mean(now, seconds) {
		let sum = 0, count = 0;

		for (let n = this.added - 1; n >= 0 &&
		    n >= this.added - this.room; n--) {
			const i = n % this.room;

			if (this.at[i] <= now - seconds)
				break;
			sum += this.value[i];
			count++;
		}
		return count > 0 ? sum / count : null;
	}

	max(from) {
		let max = 0;

		this.each(from, (at, value) => {
			max = Math.max(max, value);
		});
		return max;
	}
}

function svg(tag, attributes, parent) {
	const node = document.createElementNS(SVG, tag);

	for (const key in attributes)
		node.setAttribute(key, attributes[key]);
	parent?.append(node);
	return node;
}

// The next of 1, 2, 5, 10, ...: a scale that does not change all the time.
function roundUp(value) {
	const decade = 10 ** Math.floor(Math.log10(value));

	for (const step of [1, 2, 5, 10])
		if (value <= step * decade * 1.0001)
			return step * decade;
}

// The paths of a line, and of the area below it.
function paths(series, now, max, height) {
	let line = "", area = "", before = -Infinity;
	const fixed = (number) => Math.round(10 * number) / 10;

	series.each(now - SPAN_S, (at, value) => {
		const x = fixed(SPAN_S - (now - at));
		const y = fixed(height - 1 - value / max * (height - 3));

		if (at - before > GAP_S) {
			if (area)
				area += `V${height}Z`;
			line += `M${x} ${y}`;
			area += `M${x} ${height}V${y}`;
		} else {
			line += `L${x} ${y}`;
			area += `L${x} ${y}`;
		}
		before = at;
	});
	return { line, area: area ? area + `V${height}Z` : "" };
}

// A chart of one or more series: {series, name} with a class "line-NAME" each.
// The first one is drawn as an area.
export class Chart {
	constructor(lines, height, format) {
		this.lines = lines;
		this.height = height;
		this.format = format;
		this.node = svg("svg", {
			class: "chart",
			viewBox: `0 0 ${SPAN_S} ${height}`,
			preserveAspectRatio: "none",
			"aria-hidden": "true",
		});
		this.area = svg("path", { class: `area line-${lines[0].name}` },
		    this.node);
		this.paths = lines.map((line) => svg("path", {
			class: `line line-${line.name}`,
			"vector-effect": "non-scaling-stroke",
		}, this.node));
	}

	// Returns the top of the scale.
	draw(now) {
		let max = 0;

		for (const line of this.lines)
			max = Math.max(max, line.series.max(now - SPAN_S));
		max = max > 0 ? roundUp(max) : 1;
		this.lines.forEach((line, i) => {
			const drawn = paths(line.series, now, max, this.height);

			this.paths[i].setAttribute("d", drawn.line);
			if (i === 0)
				this.area.setAttribute("d", drawn.area);
		});
		return max;
	}
}
