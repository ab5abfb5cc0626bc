// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// Making and changing elements.  Nothing is touched that has not changed.

// An element with attributes and children: elements or text.
export function make(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);

	for (const key in attributes)
		node.setAttribute(key, attributes[key]);
	node.append(...children);
	return node;
}

// Sets the text of an element that has nothing else in it.
export function set(node, text) {
	if (node.firstChild === null)
		node.append(text);
	else if (node.firstChild.data !== text)
		node.firstChild.data = text;
}

export function setClass(node, name) {
	if (node.className !== name)
		node.className = name;
}

// The children of an element, one for each item.  `build` returns an object
// with a `node`, show(item, ...) and perhaps gone(), which is used again for the
// item of that key.
export class List {
	constructor(parent, build) {
		this.parent = parent;
		this.build = build;
		this.rows = new Map();
	}

	show(items, keyOf, ...more) {
		const keys = new Set(items.map(keyOf));
		let at;

		for (const [key, row] of this.rows)
			if (!keys.has(key)) {
				row.node.remove();
				row.gone?.();
				this.rows.delete(key);
			}
		at = this.parent.firstChild;
		for (const item of items) {
			const key = keyOf(item);
			let row = this.rows.get(key);

			if (row === undefined) {
				row = this.build(item);
				this.rows.set(key, row);
			}
			if (row.node === at)
				at = at.nextSibling;
			else
				this.parent.insertBefore(row.node, at);
			row.show(item, ...more);
		}
	}
}
