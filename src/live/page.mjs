// Runs in the browser, as it is but for what lines begin with: no module, nothing from elsewhere. Every second it asks for the
// server's counts, and shows what has changed since.

const $ = (id) => document.getElementById(id);
/** Behind the "#" of the address, as what is there is told to nobody. */
const token = new URLSearchParams(location.hash.slice(1)).get("token");
/** What charts show: so many seconds. */
const SPAN = 120;
const past = {};
let last;
let order = "buffered";
let tapped = "";
let heard = 0;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", {
	notation: "compact",
	maximumFractionDigits: 1,
});
const percent = (share) =>
	`${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`;
const bytes = (count) => `${short.format(count)}B`;
const time = (seconds) =>
	!seconds
		? "–"
		: seconds < 1e-3
			? `${(seconds * 1e6).toFixed(1)} µs`
			: seconds < 1
				? `${(seconds * 1e3).toFixed(1)} ms`
				: `${seconds.toFixed(1)} s`;
const age = (ms) => {
	const s = ms / 1000;
	if (s < 60) return `${s.toFixed(1)} s`;
	return s < 3600 ? `${(s / 60).toFixed(1)} min` : `${(s / 3600).toFixed(1)} h`;
};
const clock = (at) => new Date(at).toLocaleTimeString();

function element(name, content, attributes = {}) {
	const made = document.createElement(name);
	made.append(...[content].flat());
	for (const key in attributes) made.setAttribute(key, attributes[key]);
	return made;
}

/** Columns are names; those that begin with "#" have numbers, those with "~" text of a peer. */
function table(id, columns, rows) {
	const cell = (tag) => (content, at) =>
		element(tag, content, {
			class: { "#": "n", "~": "t" }[columns[at][0]] ?? "",
		});
	const head = columns.map((name) => name.replace(/^[#~]/, "")).map(cell("th"));
	const lines = rows.map((row) => element("tr", row.map(cell("td"))));
	if (rows.length === 0)
		lines.push(element("tr", element("td", "none so far")));
	$(id).replaceChildren(element("tr", head), ...lines);
}

function list(id, pairs) {
	$(id).replaceChildren(
		...pairs.flatMap(([term, value]) => [
			element("dt", term),
			element("dd", value),
		]),
	);
}

/** Lines of what was seen in the last minutes, each with its last value. */
function chart(id, values, shown, most = 0) {
	past[id] ??= {};
	const seen = past[id];
	for (const name in values) {
		seen[name] ??= [];
		seen[name].push(values[name]);
		if (seen[name].length > SPAN) seen[name].shift();
	}
	const series = Object.entries(seen);
	draw(id, series, shown, SPAN, most);
}

function draw(id, series, shown, points, most = 0) {
	const top = Math.max(most, ...series.flatMap(([, all]) => all)) || 1;
	const NS = "http://www.w3.org/2000/svg";
	const svg = document.createElementNS(NS, "svg");
	svg.setAttribute("viewBox", `0 0 ${points - 1} 100`);
	svg.setAttribute("preserveAspectRatio", "none");
	svg.setAttribute("role", "img");
	svg.setAttribute("aria-label", id);
	const keys = series.map(([name, all], at) => {
		const path = document.createElementNS(NS, "path");
		const first = points - all.length;
		const way = all.map((y, x) => `${first + x} ${98 - (96 * y) / top}`);
		const own = `var(--${at % 6})`;
		path.setAttribute("d", `M${way.join("L")}`);
		path.setAttribute("stroke", own);
		svg.append(path);
		const text = `${name} ${shown(all.at(-1))}`;
		const mark = element("i", "", { "aria-hidden": "true" });
		mark.style.setProperty("--own", own);
		return element("span", [mark, text]);
	});
	keys.push(element("small", `top ${shown(top)}`));
	$(id).replaceChildren(element("figcaption", keys), svg);
}

/** Who is the limit: what people want to know first. */
function verdict(js, busiest) {
	const shares = `the JavaScript thread is busy for ${percent(js.busy)} of the time, the busiest event loop for ${percent(busiest)}`;
	if (js.waited > 0.05 || js.busy > 0.85) {
		return `Your code is the limit: ${shares}; loops have waited for JavaScript for ${percent(js.waited)}.`;
	}
	if (busiest > 0.85)
		return `gev is the limit: ${shares}. More loops may help.`;
	return `Neither gev nor your code is at its limit: ${shares}.`;
}

function showLoops(now, before) {
	const seconds = (now.live.now - before.live.now) / 1000;
	const loops = now.loops.map((loop, at) => {
		const old = before.loops[at] ?? loop;
		const rate = (of) => Math.max(0, of(loop) - of(old)) / seconds;
		const mean = (of) => {
			const count = rate((one) => of(one).count);
			return count && rate((one) => of(one).sum) / count;
		};
		return {
			connections: loop.connections,
			in: rate((one) => one.received.messages),
			out: rate((one) => one.sent.messages),
			bytesIn: rate((one) => one.received.bytes) / 1e6,
			bytesOut: rate((one) => one.sent.bytes) / 1e6,
			busy: Math.min(
				1,
				rate((one) => one.busySeconds),
			),
			turn: mean((one) => one.turnSeconds),
			late: mean((one) => one.timerLagSeconds),
			waited: rate((one) => one.blockedSeconds),
		};
	});
	table(
		"loops",
		[
			...["loop", "#connections", "#in/s", "#out/s", "#MB/s in"],
			...["#MB/s out", "#turn", "#busy", "#late"],
		],
		loops.map((loop, at) => [
			String(at),
			whole.format(loop.connections),
			whole.format(loop.in),
			whole.format(loop.out),
			loop.bytesIn.toFixed(2),
			loop.bytesOut.toFixed(2),
			time(loop.turn),
			percent(loop.busy),
			time(loop.late),
		]),
	);
	const sum = (name) => loops.reduce((total, loop) => total + loop[name], 0);
	const mega = (value) => value.toFixed(2);
	chart("messages", { in: sum("in"), out: sum("out") }, short.format);
	chart("bytes", { in: sum("bytesIn"), out: sum("bytesOut") }, mega);
	chart("connections", { open: now.connections.open }, whole.format);
	const js = {
		busy: Math.min(
			1,
			(now.live.activeMs - before.live.activeMs) / 1000 / seconds,
		),
		waited: sum("waited") / loops.length,
	};
	showThread(now, before, js, Math.max(0, ...loops.map(({ busy }) => busy)));
}

function showThread(now, before, js, busiest) {
	const { handlerSeconds } = now.script;
	const old = before.script.handlerSeconds.counts;
	const counts = handlerSeconds.counts.map((count, at) => count - old[at]);
	const all = counts.reduce((sum, count) => sum + count, 0);
	const took = (share) => {
		let so = 0;
		for (const [at, count] of counts.entries()) {
			so += count;
			if (so > 0 && so >= share * all) return handlerSeconds.bounds[at];
		}
		return undefined;
	};
	const queue = now.loops.reduce((sum, loop) => sum + loop.eventQueueBytes, 0);
	list("js", [
		["handler, median", time(took(0.5))],
		["handler, 99 of 100", time(took(0.99))],
		["events that wait", bytes(queue)],
		["loops waited for it", percent(js.waited)],
	]);
	chart("busy", { JavaScript: js.busy, "busiest loop": busiest }, percent, 1);
	$("verdict").textContent = verdict(js, busiest);
}

function showClients({ connections, live }) {
	const spans = Object.entries(live.causes);
	draw("causes", spans, whole.format, 60);
	const refused = Object.entries(connections.refused).filter(([, n]) => n > 0);
	table(
		"failures",
		["#times", "status", "why"],
		[
			...refused.map(([why, n]) => [whole.format(n), "refused", why]),
			...live.failures.map(([key, n]) => [
				whole.format(n),
				...key.split(/ (.*)/).slice(0, 2),
			]),
		],
	);
	table(
		"closes",
		["time", "peer", "cause", "#code", "#age", "~reason"],
		live.closes.map((one) => [
			clock(one.at),
			one.peer,
			one.cause,
			String(one.code),
			age(one.ageMs),
			one.text,
		]),
	);
	showTop(live);
	showOptions(live.options);
}

function showTop({ top, tap }) {
	const listen = ({ id }) => {
		const button = element("button", id === tapped ? "listening" : "listen");
		button.onclick = () => {
			tapped = id;
			heard = 0;
			$("heard").replaceChildren();
			pull();
		};
		return button;
	};
	table(
		"top",
		["peer", "#buffered", "#sent/s", "#age", ...(tap ? ["tap"] : [])],
		top[order].map((one) => [
			one.peer,
			bytes(one.buffered),
			bytes(one.rate),
			age(one.ageMs),
			...(tap ? [listen(one)] : []),
		]),
	);
	$("looked").textContent = `of ${whole.format(top.looked)} looked at`;
	$("orders").replaceChildren(
		...Object.keys(top)
			.filter((name) => name !== "looked")
			.map((name) => {
				const pressed = { "aria-pressed": name === order };
				const button = element("button", name, pressed);
				button.onclick = () => {
					order = name;
					showTop({ top, tap });
				};
				return button;
			}),
	);
}

function showOptions(options) {
	const all = $("all").checked;
	table(
		"options",
		["name", "#value", "#default"],
		options
			.filter(([, , fallback]) => all || fallback !== undefined)
			.map(([name, value, fallback]) => [name, value, fallback ?? "the same"]),
	);
}

function showTap({ leftMs, count, messages }) {
	$("tap").hidden = false;
	$("tapped").textContent =
		`${count} messages, ${Math.ceil(leftMs / 1000)} s left`;
	for (const { number, at, way, kind, length, text } of messages) {
		heard = number;
		const what = `${way} ${kind} ${length}`;
		const cells = [clock(at), what, text].map((one) => element("td", one));
		cells[2].className = "t";
		$("heard").prepend(element("tr", cells));
	}
	while ($("heard").children.length > 200) $("heard").lastChild.remove();
	if (leftMs === 0) tapped = "";
}

async function get(path) {
	const headers = token === null ? {} : { authorization: `Bearer ${token}` };
	const response = await fetch(path, { headers, cache: "no-store" });
	if (response.status === 401) throw new Error("add #token=... to the address");
	if (!response.ok) throw new Error(`status ${response.status}`);
	return response.json();
}

async function pull() {
	try {
		const now = await get("live");
		if (last !== undefined && now.live.now > last.live.now)
			showLoops(now, last);
		last = now;
		showClients(now);
		if (tapped !== "") {
			showTap(await get(`live?tap=${tapped}&after=${heard}`));
		}
		$("state").textContent = `up for ${age(1000 * now.uptimeSeconds)}`;
	} catch (error) {
		$("state").textContent = `no answer (${error.message}); trying again`;
	}
}

/** One pull after the other: a server that is slow is not asked more. */
async function run() {
	if (!document.hidden) await pull();
	setTimeout(run, 1000);
}

$("all").onchange = () => last && showOptions(last.live.options);
run();
