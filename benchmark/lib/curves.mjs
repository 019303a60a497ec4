/**
 * The CPU time per message as curves, for the groups of cells that differ in one number only. Both scales are logarithmic: twice
 * as much is the same distance everywhere.
 */
import { escapeXml, style, where } from "./chart.mjs";

/**
 * @typedef {object} Curve
 * @property {string} group The cells that are its points.
 * @property {string} title
 * @property {(cell: import("./cells.mjs").Cell) => number} x What they differ in.
 * @property {(x: number) => string} label
 */

/** @type {Curve[]} */
const curves = [
	{
		group: "sizes",
		title: "CPU µs per message by its size",
		x: ({ size }) => size,
		label: shortBytes,
	},
	{
		group: "connections",
		title: "CPU µs per message of 20 B by connections, 1 in flight each",
		x: ({ connections }) => connections,
		label: (x) => x.toLocaleString("en-US"),
	},
	{
		group: "depth",
		title: "CPU µs per message of 20 B by messages in flight, 100 connections",
		x: ({ inFlight }) => inFlight,
		label: String,
	},
];

const width = 720;
const height = 420;
const plot = { left: 64, right: width - 150, top: 56, bottom: height - 40 };
const lineHeight = 15;

/** Fewer make no curve. */
const minPoints = 3;

/** Least distance of two numbers below the plot. */
const labelWidth = 44;

/** How peers look; any other is grey. */
const looks = {
	gev: "gev",
	"gev-borrow": "gev dashed",
	"gev-threads": "gev dotted",
	uwebsockets: "uws",
	"uws-keep": "uws dashed",
	bun: "bun",
	ws: "ws",
	floor: "other dotted",
};

/**
 * Whether a cell is shown as bars: those that are only points of curves are not.
 *
 * @param {import("./cells.mjs").Cell} cell
 */
export function isBar({ groups, kind }) {
	const counts = kind === "load" || kind === "handshake";
	return (
		counts && groups.some((name) => curves.every(({ group }) => group !== name))
	);
}

/**
 * @param {import("./cells.mjs").Cell[]} cells
 * @param {import("./report.mjs").Summary[]} summaries
 * @param {Record<string, unknown>} machine
 * @returns {{ name: string, svg: string }[]} The curves that have enough points, each an SVG document.
 */
export function drawCurves(cells, summaries, machine) {
	return curves.flatMap((curve) => {
		const own = cells.filter(({ groups }) => groups.includes(curve.group));
		const lines = linesOf(curve, own, summaries);
		if (lines.length === 0) return [];
		return [{ name: curve.group, svg: draw(curve, lines, machine) }];
	});
}

function linesOf({ x }, cells, summaries) {
	const names = [...new Set(summaries.map(({ peer }) => peer))];
	return names
		.map((peer) => ({
			peer,
			points: cells
				.flatMap((cell) => {
					const found = summaries.find(
						(summary) => summary.cell === cell.name && summary.peer === peer,
					);
					const y = found?.cpuUsPerMessage?.median;
					return y ? [{ x: x(cell), y }] : [];
				})
				.sort((left, right) => left.x - right.x),
		}))
		.filter(({ points }) => points.length >= minPoints);
}

function draw(curve, lines, machine) {
	const points = lines.flatMap((line) => line.points);
	const x = scale(
		points.map((point) => point.x),
		plot.left,
		plot.right,
	);
	const y = scale(
		points.map((point) => point.y),
		plot.bottom,
		plot.top,
	);
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${escapeXml(curve.title)}</title>
${style}
${lineStyle}
<text class="title" x="8" y="20">${escapeXml(curve.title)} (less is better)</text>
<text class="note" x="8" y="38">${escapeXml(`${where(machine)}; medians; both scales are logarithmic`)}</text>
${horizontals(y).join("\n")}
${verticals(points, x, curve.label).join("\n")}
${lines.map((line) => polyline(line, x, y)).join("\n")}
${names(lines, y).join("\n")}
</svg>
`;
}

const lineStyle = `<style>
.grid { stroke: #d1d9e0; stroke-width: 1; }
.line { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linejoin: round; }
.dot { fill: currentColor; }
.dashed .line { stroke-dasharray: 6 3; } .dotted .line { stroke-dasharray: 2 3; }
.label { fill: currentColor; dominant-baseline: central; }
.gev { color: #0969da; } .uws { color: #bc4c00; } .bun { color: #bf3989; } .ws { color: #1a7f37; } .other { color: #59636e; }
.gev .line { stroke-width: 2.5; } .gev .label { font-weight: 600; }
@media (prefers-color-scheme: dark) {
.grid { stroke: #3d444d; }
.gev { color: #58a6ff; } .uws { color: #f0883e; } .bun { color: #f778ba; } .ws { color: #3fb950; } .other { color: #9198a1; }
}
</style>`;

/** From values to places between `from` and `to`, with the range that the values have. */
function scale(values, from, to) {
	const low = Math.min(...values);
	const high = Math.max(...values);
	const whole = Math.log(high / low) || 1;
	const place = (value) => from + ((to - from) * Math.log(value / low)) / whole;
	return { low, high, place };
}

/** Lines at 1, 2 and 5 of each decade. */
function horizontals({ low, high, place }) {
	const drawn = [];
	for (
		let decade = Math.floor(Math.log10(low));
		10 ** decade <= high;
		decade++
	) {
		for (const digit of [1, 2, 5]) {
			const value = Number(`${digit}e${decade}`);
			if (value < low || value > high) continue;
			const at = place(value).toFixed(1);
			drawn.push(
				`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/><text class="note" text-anchor="end" dominant-baseline="central" x="${plot.left - 6}" y="${at}">${value.toLocaleString("en-US")}</text>`,
			);
		}
	}
	return drawn;
}

/** A line for each point, and its number where there is room. */
function verticals(points, { place }, label) {
	const values = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
	let end = 0;
	return values.map((value) => {
		const at = place(value);
		const line = `<line class="grid" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${plot.top}" y2="${plot.bottom}"/>`;
		if (at < end) return line;
		end = at + labelWidth;
		return `${line}<text class="note" text-anchor="middle" x="${at.toFixed(1)}" y="${plot.bottom + 18}">${label(value)}</text>`;
	});
}

function polyline({ peer, points }, x, y) {
	const places = points.map((point) => [
		x.place(point.x).toFixed(1),
		y.place(point.y).toFixed(1),
	]);
	const dots = places.map(
		([left, top]) => `<circle class="dot" cx="${left}" cy="${top}" r="2.5"/>`,
	);
	return `<g class="${looks[peer] ?? "other"}"><polyline class="line" points="${places.join(" ")}"/>${dots.join("")}</g>`;
}

/** The peers' names where their lines end, moved apart where they would cover each other. */
function names(lines, y) {
	let last = Number.NEGATIVE_INFINITY;
	return lines
		.map(({ peer, points }) => ({ peer, at: y.place(points.at(-1).y) }))
		.sort((left, right) => left.at - right.at)
		.map(({ peer, at }) => {
			last = Math.max(at, last + lineHeight);
			return `<g class="${looks[peer] ?? "other"}"><text class="label" x="${plot.right + 10}" y="${last.toFixed(1)}">${escapeXml(peer)}</text></g>`;
		});
}

function shortBytes(size) {
	if (size >= 1024 ** 2) return `${Math.round(size / 1024 ** 2)} MiB`;
	if (size >= 1024) return `${Math.round(size / 1024)} KiB`;
	return `${size} B`;
}
