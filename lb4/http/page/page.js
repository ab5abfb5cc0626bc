// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the lb4 authors
//
// The status page: asks lb4 each second and shows the answers.  It only reads.
// All text goes into the document as text, never as markup.  A page that nobody
// sees, or that is paused, asks nothing.

import { addCounts, Past, Pasts } from "./data.js";
import { Tiles } from "./tiles.js";
import { Services } from "./services.js";
import { Closes, Events, Talkers, Workers } from "./panels.js";
import { clock, age, plural } from "./text.js";
import { set } from "./dom.js";

const TURN_MS = 1000;
const PATIENCE_MS = 6000;	// lb4 itself waits for control for 5 s
const TALKERS_MS = 3000;

const byId = (id) => document.getElementById(id);
const filter = () => byId("filter").value.trim().toLowerCase();
const views = {
	tiles: new Tiles(byId("tiles")),
	services: new Services(byId("services")),
	events: new Events(byId("events")),
	talkers: new Talkers(byId("talkers")),
	workers: new Workers(byId("workers")),
	closes: new Closes(byId("closes")),
};
const pasts = {
	services: new Pasts(["accepted", "failed", "retries", "to_backend",
		"to_client"]),
	backends: new Pasts(["total", "failures", "bytes"]),
	workers: new Pasts(["busy_us", "spliced_bytes", "copied_bytes"]),
	whole: new Past(["accepted", "failed", "to_backend", "to_client"]),
};

let timer = 0;
let asking = false;
let paused = false;
let talkersAt = -Infinity;
let recalled = false;	// what was before the page was opened
let heard = null;	// when the last answer came; null: never

/* ---- asking -------------------------------------------------------------- */

async function get(path) {
	const answer = await fetch(path, {
		cache: "no-store",
		signal: AbortSignal.timeout(PATIENCE_MS),
	});

	if (answer.ok)
		return answer.json();
	throw new Error("lb4 answers: " + (await answer.text()).trim());
}

/* ---- taking what was answered -------------------------------------------- */

function takeBackend(now, uptime, service, backend, key) {
	const past = pasts.backends.get(key);

	past.add(now, uptime, {
		total: backend.total,
		failures: backend.failures,
		bytes: backend.bytes_to_backend + backend.bytes_to_client,
		times: backend.times,
	});
	return past;
}

function takeService(now, uptime, service) {
	const past = pasts.services.get(service.service);

	past.add(now, uptime, {
		accepted: service.accepted,
		failed: service.failed,
		retries: service.retries,
		to_backend: service.bytes_to_backend,
		to_client: service.bytes_to_client,
		times: service.times,
		closes: service.closes,
	});
	past.level(now, "active", service.active);
	return past;
}

function takeWhole(now, uptime, status) {
	const sum = { accepted: 0, failed: 0, to_backend: 0, to_client: 0 };
	let active = 0, queued = 0, first = null;

	for (const service of status.services) {
		sum.accepted += service.accepted;
		sum.failed += service.failed;
		sum.to_backend += service.bytes_to_backend;
		sum.to_client += service.bytes_to_client;
		active += service.active;
		queued += service.queued;
		first = addCounts(first, service.times.first_byte.counts);
	}
	sum.times = { first_byte: { counts: first } };
	if (first !== null)
		pasts.whole.add(now, uptime, sum);
	pasts.whole.level(now, "active", active);
	return { active, queued, ...sum };
}

// Takes what lb4 remembers of the time before, as of the answer with that uptime.
function remember(now, uptime, history) {
	const times = history.uptime_ms.map((ms) => now - (uptime - ms) / 1000);
	const whole = new Map();

	for (const { service, ...values } of history.services) {
		pasts.services.get(service).recall(times, values);
		for (const [name, list] of Object.entries(values))
			whole.set(name, list.map((value, i) =>
			    value === null ? null
			    : value + (whole.get(name)?.[i] ?? 0)));
	}
	pasts.whole.recall(times, Object.fromEntries(whole));
	for (const { service, backend, ...values } of history.backends)
		pasts.backends.get(`${service}/${backend}`).recall(times,
		    values);
}

// Returns what the views show: the answers with the past of each thing.
function take(now, status, info) {
	const uptime = status.uptime_ms / 1000;
	const services = new Set(), backends = new Set();

	for (const service of status.services) {
		services.add(service.service);
		service.past = takeService(now, uptime, service);
		for (const backend of service.backends) {
			backend.key = service.service + "/" + backend.backend;
			backends.add(backend.key);
			backend.past = takeBackend(now, uptime, service,
			    backend, backend.key);
		}
	}
	for (const backend of status.removed) {
		// it may have come back with another address
		backend.key = `${backend.service}/${backend.backend} ` +
		    backend.address;
		backends.add(backend.key);
		backend.past = takeBackend(now, uptime, null, backend,
		    backend.key);
	}
	for (const worker of info.per_worker) {
		worker.past = pasts.workers.get(worker.worker);
		worker.past.add(now, info.uptime_ms / 1000, worker);
	}
	pasts.services.keep(services);
	pasts.backends.keep(backends);
	pasts.workers.keep(new Set(info.per_worker.map((one) => one.worker)));
	return { past: pasts.whole, ...takeWhole(now, uptime, status) };
}

/* ---- showing it ---------------------------------------------------------- */

// Whether its backends and rules are those that they should be.
function staleParts(service) {
	const list = [];
	const file = service.backends_file;

	for (const name of service.names)
		if (name.unresolved !== null)
			list.push(`${service.service}: ${name.name} cannot be ` +
			    `resolved: ${name.unresolved}.`);
		else if (name.no_service)
			list.push(`${service.service}: DNS says that there is ` +
			    `no service ${name.name}.`);
	if (file !== null && file.refused !== null)
		list.push(`${service.service}: its backends-file is refused: ` +
		    `${file.refused}.`);
	if (service.rules_refused)
		list.push(`${service.service}: a file of its access rules is ` +
		    "refused; the rules from before are in force.");
	return list;
}

function troubles(status, info) {
	const list = [];

	if (status.node === "draining")
		list.push("This node is draining: it is to get no new clients.");
	else if (status.node !== "ready")
		list.push("This node is not ready.");
	if (info.at_maxconn)
		list.push("lb4 is at its maxconn; new clients wait.");
	for (const service of status.services) {
		if (service.state === "down")
			list.push(`${service.service}: no backend takes connections.`);
		if (service.panic)
			list.push(`${service.service} panics: too few backends ` +
			    "are available, so all are used.");
		if (service.at_maxconn)
			list.push(`${service.service} is at its maxconn.`);
		list.push(...staleParts(service));
		for (const backend of service.backends)
			if (backend.state === "down")
				list.push(`${backend.key} is down` +
				    (backend.check ? `: ${backend.check.result}.`
					: "."));
			else if (backend.state === "ejected")
				list.push(`${backend.key} is ejected: ` +
				    `${backend.passive_reason}.`);
	}
	return list;
}

function summary(status, list) {
	const states = status.services.flatMap((service) =>
	    service.backends.map((backend) => backend.state));
	const up = states.filter((state) => state === "up").length;

	if (list.length > 4)
		return [...list.slice(0, 3), `And ${list.length - 3} more.`]
		    .join(" ");
	if (list.length > 0)
		return list.join(" ");
	if (up === states.length)
		return states.length === 1 ? "The backend is up."
		    : `All ${states.length} backends are up.`;
	return `${up} of ${states.length} backends are up; none is down.`;
}

function showHead(status, info, list) {
	const node = byId("node");
	const down = status.services.flatMap((service) => service.backends)
	    .filter((backend) => backend.state === "down").length;

	set(node, status.node);
	node.className = `state state-${status.node}`;
	set(byId("facts"), `${info.version} · up ${age(info.uptime_ms)} · ` +
	    `${plural(info.services, "service")} · ` +
	    plural(info.backends, "backend"));
	set(byId("summary"), summary(status, list));
	byId("summary").classList.toggle("bad", list.length > 0);
	document.title = (down > 0 ? `${down} down · ` : "") + "lb4";
}

function show(now, status, info, events, conns) {
	const whole = take(now, status, info);

	showHead(status, info, troubles(status, info));
	views.tiles.show(now, whole, info, status.bounds_us);
	views.services.show(now, status, filter());
	views.workers.show(now, info.per_worker);
	views.closes.show(status.services);
	views.events.show(events.events);
	if (conns !== null)
		views.talkers.show(now, conns.conns);
}

// The text is written once, so that a screen reader says it once.
function showLost(error) {
	const known = error.message.startsWith("lb4 answers: ");

	document.body.classList.add("lost");
	set(byId("lost"), (known ? error.message : "lb4 does not answer") +
	    (heard === null ? ". " : `. These are the figures of ${clock(heard)}. `)
	    + "Trying again every second.");
}

function showFound() {
	document.body.classList.remove("lost");
	set(byId("lost"), "");
	heard = Date.now();
}

/* ---- the clock ----------------------------------------------------------- */

function isIdle() {
	return paused || document.visibilityState === "hidden";
}

// Without it, charts begin now.
async function recall(now, status) {
	recalled = true;
	try {
		remember(now, status.uptime_ms, await get("history.json"));
	} catch {
		return;
	}
}

async function ask() {
	const wantTalkers = performance.now() - talkersAt >= TALKERS_MS;
	const answers = await Promise.all([get("status.json"), get("info.json"),
	    get("events.json"), wantTalkers ? get("conns.json") : null]);

	if (wantTalkers)
		talkersAt = performance.now();
	return answers;
}

// The answers, or null after having said why there are none.
async function hear() {
	try {
		const answers = await ask();

		if (!recalled)
			await recall(performance.now() / 1000, answers[0]);
		showFound();
		return answers;
	} catch (error) {
		showLost(error);
		return null;
	}
}

async function turn() {
	const began = performance.now();

	if (asking || isIdle())
		return;
	asking = true;
	clearTimeout(timer);
	try {
		const answers = await hear();

		if (answers !== null)
			show(performance.now() / 1000, ...answers);
	} finally {
		asking = false;
		timer = setTimeout(turn, Math.max(TURN_MS / 4,
		    TURN_MS - (performance.now() - began)));
	}
}

byId("pause").addEventListener("click", () => {
	paused = !paused;
	byId("pause").setAttribute("aria-pressed", paused);
	set(byId("pause"), paused ? "Paused" : "Pause");
	turn();
});
byId("filter").addEventListener("input", () => {
	views.services.filter(filter());
});
document.addEventListener("visibilitychange", turn);
turn();
