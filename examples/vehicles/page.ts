// The page that shows where vehicles are: whole by itself, so that it needs nothing but the server.

const style = `
:root {
	color-scheme: light dark;
	--paper: #fcfcfb; --sea: #f3f3f0; --ink: #1c1c1a; --faint: #6b6a64; --line: #dddcd6;
	--1: #2a78d6; --2: #1b8a5a; --3: #c2571a; --4: #7a4fc4; --5: #b3356e; --6: #7a6a00;
}
@media (prefers-color-scheme: dark) {
	:root {
		--paper: #1a1a19; --sea: #222220; --ink: #f2f1ec; --faint: #a3a29a; --line: #3a3936;
		--1: #6aa8f0; --2: #4fc08d; --3: #f0935a; --4: #b095ec; --5: #ee82ad; --6: #d3bf4e;
	}
}
* { box-sizing: border-box }
body {
	margin: 0; min-height: 100vh; display: grid; grid-template: auto 1fr / 1fr 22rem;
	font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
header {
	grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem;
	padding: .75rem 1rem; border-bottom: 1px solid var(--line);
}
h1 { font-size: 1.1rem; margin: 0 }
#state { color: var(--faint) }
#map { position: relative; min-height: 18rem; background: var(--sea); overflow: hidden }
#map svg { position: absolute; inset: 0; width: 100%; height: 100%; font: 12px system-ui, sans-serif }
#map p { position: absolute; inset: 0; margin: auto; height: 3rem; text-align: center; color: var(--faint) }
.grid { stroke: var(--line); fill: none }
.degrees { fill: var(--faint) }
.trail { fill: none; stroke-width: 2; opacity: .45; stroke-linejoin: round }
.name { fill: var(--ink); paint-order: stroke; stroke: var(--sea); stroke-width: 4px }
.off { opacity: .4 }
.chosen .trail { opacity: 1; stroke-width: 3 }
ul { list-style: none; margin: 0; padding: 0; border-left: 1px solid var(--line); overflow: auto }
li + li { border-top: 1px solid var(--line) }
li button {
	all: unset; box-sizing: border-box; cursor: pointer; width: 100%; padding: .6rem 1rem;
	display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; font-variant-numeric: tabular-nums;
}
li button:focus-visible { outline: 2px solid var(--1); outline-offset: -2px }
li button[aria-pressed="true"] { background: var(--sea) }
li b::before { content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .5em; background: var(--own) }
li span { text-align: right }
li small { color: var(--faint); font-size: .87em }
li small:nth-child(even) { text-align: right }
@media (max-width: 44rem) {
	body { grid-template: auto 55vh auto / 1fr }
	ul { border: 0; border-top: 1px solid var(--line) }
}
`;

// In the page: no module, no type, and nothing of this file.
const script = `
const vehicles = new Map();
const map = document.querySelector("#map svg");
const list = document.querySelector("ul");
const state = document.querySelector("#state");
let chosen;
let wait = 500;

function open() {
	const socket = new WebSocket(location.href.replace(/^http/, "ws"));
	socket.onopen = () => { wait = 500; show() };
	socket.onmessage = ({ data }) => { JSON.parse(data).forEach(take); show() };
	socket.onclose = () => {
		state.textContent = "no connection; trying again";
		setTimeout(open, wait);
		wait = Math.min(2 * wait, 10000);
	};
}

function take(news) {
	const vehicle = vehicles.get(news.phone) ?? add(news);
	Object.assign(vehicle, news);
	if (news.latitude === undefined) return;
	vehicle.trail.push([news.longitude, news.latitude]);
	if (vehicle.trail.length > 120) vehicle.trail.shift();
}

function add({ phone, plate }) {
	const vehicle = { trail: [], colour: "var(--" + (1 + vehicles.size % 6) + ")" };
	vehicle.button = element("button");
	vehicle.button.style.setProperty("--own", vehicle.colour);
	vehicle.button.onclick = () => { chosen = vehicle === chosen ? undefined : vehicle; show() };
	const item = element("li");
	item.append(vehicle.button);
	item.dataset.plate = plate;
	list.insertBefore(item, [...list.children].find(({ dataset }) => dataset.plate > plate) ?? null);
	vehicles.set(phone, vehicle);
	return vehicle;
}

function show() {
	const all = [...vehicles.values()];
	const online = all.filter(({ isOnline }) => isOnline).length;
	state.textContent = online + " of " + all.length + " vehicles online";
	all.forEach(describe);
	draw(all.filter(({ latitude }) => latitude !== undefined));
}

function describe(vehicle) {
	const { button, isOnline, speed, latitude, longitude, time } = vehicle;
	const place = latitude === undefined ? ["", "no position yet"] : [
		latitude.toFixed(5) + ", " + longitude.toFixed(5),
		new Date(time).toLocaleTimeString(),
	];
	const motion = !isOnline ? "offline" : speed === undefined ? "online" : speed.toFixed(0) + " km/h";
	button.setAttribute("aria-pressed", vehicle === chosen);
	button.replaceChildren(
		element("b", vehicle.plate || vehicle.phone),
		element("span", motion),
		...place.map((text) => element("small", text)),
	);
}

function element(name, text = "") {
	const made = document.createElement(name);
	made.textContent = text;
	return made;
}

function draw(all) {
	document.querySelector("#map p").hidden = all.length > 0;
	if (all.length === 0) return map.replaceChildren();
	const { width, height } = map.getBoundingClientRect();
	const points = all.flatMap(({ trail }) => trail);
	const [west, east] = range(points.map(([longitude]) => longitude));
	const [south, north] = range(points.map(([, latitude]) => latitude));
	// A degree of longitude is shorter than one of latitude, but for the equator. Names need room on the right.
	const narrow = Math.max(0.01, Math.cos((south + north) * Math.PI / 360));
	const scale = Math.max(1, Math.min((width - 180) / ((east - west) * narrow), (height - 80) / (north - south)));
	const left = (west + east) / 2 - (width - 60) / 2 / scale / narrow;
	const top = (south + north) / 2 + height / 2 / scale;
	const x = (longitude) => (longitude - left) * narrow * scale;
	const y = (latitude) => (top - latitude) * scale;
	map.setAttribute("viewBox", "0 0 " + width + " " + height);
	map.replaceChildren(
		...degrees(left, left + width / scale / narrow, width).flatMap(([at, text]) => [
			svg("path", { class: "grid", d: "M" + x(at) + " 0V" + height }),
			svg("text", { class: "degrees", x: x(at) + 4, y: height - 8 }, text),
		]),
		...degrees(top - height / scale, top, height).flatMap(([at, text]) => [
			svg("path", { class: "grid", d: "M0 " + y(at) + "H" + width }),
			svg("text", { class: "degrees", x: 8, y: y(at) - 4 }, text),
		]),
		...all.map((vehicle) => mark(vehicle, x, y)),
	);
}

function range(values) {
	const low = values.reduce((a, b) => Math.min(a, b));
	const high = values.reduce((a, b) => Math.max(a, b));
	const more = Math.max(0, 0.004 - (high - low)) / 2;
	return [low - more, high + more];
}

/** Round ones between two, at least 90 pixels from one another. */
function degrees(from, to, pixels) {
	const least = (to - from) * 90 / pixels;
	const power = 10 ** Math.floor(Math.log10(least));
	const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= least);
	const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
	const found = [];
	for (let count = Math.ceil(from / step); count * step <= to; count++) {
		found.push([count * step, (count * step).toFixed(digits) + "\\u00b0"]);
	}
	return found;
}

function mark(vehicle, x, y) {
	const { trail, colour, direction, longitude, latitude } = vehicle;
	const group = svg("g", { class: (vehicle.isOnline ? "" : "off ") + (vehicle === chosen ? "chosen" : "") });
	const way = trail.map(([east, north]) => x(east).toFixed(1) + "," + y(north).toFixed(1)).join(" ");
	const at = x(longitude) + " " + y(latitude);
	group.append(
		svg("polyline", { class: "trail", points: way, stroke: colour }),
		svg("path", { d: "M0-9 6 7 0 4-6 7Z", fill: colour, transform: "translate(" + at + ") rotate(" + direction + ")" }),
		svg("text", { class: "name", x: x(longitude) + 11, y: y(latitude) + 4 }, vehicle.plate || vehicle.phone),
	);
	return group;
}

function svg(name, attributes, text = "") {
	const made = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	made.textContent = text;
	return made;
}

addEventListener("resize", show);
open();
`;

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vehicles</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<header><h1>Vehicles</h1><span id="state" role="status">connecting</span></header>
<main id="map"><svg role="img" aria-label="Where the vehicles are"></svg><p>No vehicle has said yet where it is.</p></main>
<ul aria-label="All vehicles"></ul>
<script>${script}</script>
</html>
`;
