/**
 * The CPU time per message as a bar chart, one group for each cell. Groups have their own scales: a message in one cell
 * costs twenty times what it costs in another.
 */

const width = 720;
const nameWidth = 110;
const valueWidth = 130;
const barHeight = 16;
const rowHeight = 22;
const titleHeight = 34;
const headHeight = 64;

/**
 * @param {import("./cells.mjs").Cell[]} cells
 * @param {import("./report.mjs").Summary[]} summaries
 * @param {Record<string, unknown>} machine
 * @returns {string} an SVG document
 */
export function chart(cells, summaries, machine) {
	let y = headHeight;
	const groups = cells.map((cell) => {
		const rows = summaries.filter(
			({ cell: name, cpuUsPerMessage }) =>
				name === cell.name && cpuUsPerMessage !== null,
		);
		const drawn = group(cell.title, rows, y);
		y += titleHeight + rows.length * rowHeight;
		return drawn;
	});
	const height = y + 16;
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">CPU time of the server per message, by load and peer</title>
${style}
${head(machine)}
${groups.join("\n")}
</svg>
`;
}

/** Texts of charts, light and dark. */
export const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.note { font-size: 11px; fill: #59636e; }
.name, .value { dominant-baseline: central; }
.name { text-anchor: end; }
.main { fill: #57606a; } .rest { fill: #afb8c1; }
.gev .main { fill: #0969da; } .gev .rest { fill: #80ccff; }
.gev .name { font-weight: 600; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.note { fill: #9198a1; }
.main { fill: #9198a1; } .rest { fill: #4d555f; }
.gev .main { fill: #58a6ff; } .gev .rest { fill: #1f4f8f; }
}
</style>`;

/** @param {Record<string, unknown>} machine */
export function where({ cpu, node, date }) {
	return `${cpu}, Node.js ${node}, ${String(date).slice(0, 10)}`;
}

function head(machine) {
	const note = escapeXml(
		`${where(machine)}; median; each group has its own scale`,
	);
	return `<text class="title" x="8" y="20">CPU µs per message (less is better)</text>
<text class="note" x="8" y="38">${note}</text>
<rect class="main" x="8" y="47" width="10" height="10"/><text class="note" x="22" y="56">main thread (JavaScript)</text>
<rect class="rest" x="170" y="47" width="10" height="10"/><text class="note" x="184" y="56">other threads</text>`;
}

function group(title, rows, y) {
	const longest = Math.max(
		...rows.map(({ cpuUsPerMessage }) => cpuUsPerMessage.median),
	);
	const scale = (width - nameWidth - valueWidth) / longest;
	const bars = rows.map((row, index) =>
		bar(row, scale, y + titleHeight + index * rowHeight),
	);
	return `<text class="title" x="8" y="${y + 24}">${escapeXml(title)}</text>\n${bars.join("\n")}`;
}

function bar({ peer, cpuUsPerMessage, mainThreadCpuUsPerMessage }, scale, y) {
	const total = cpuUsPerMessage.median;
	const main = Math.min(total, mainThreadCpuUsPerMessage?.median ?? total);
	const mainWidth = main * scale;
	const restWidth = (total - main) * scale;
	const middle = y + barHeight / 2;
	const end = nameWidth + mainWidth + restWidth;
	const range = `${digits(cpuUsPerMessage.min)} - ${digits(cpuUsPerMessage.max)}`;
	return `<g class="${peer.startsWith("gev") ? "gev" : "peer"}">
<text class="name" x="${nameWidth - 8}" y="${middle}">${escapeXml(peer)}</text>
<rect class="main" x="${nameWidth}" y="${y}" width="${mainWidth.toFixed(1)}" height="${barHeight}"/>
<rect class="rest" x="${(nameWidth + mainWidth).toFixed(1)}" y="${y}" width="${restWidth.toFixed(1)}" height="${barHeight}"/>
<text class="value" x="${(end + 6).toFixed(1)}" y="${middle}">${digits(total)} <tspan class="note">(${range})</tspan></text>
</g>`;
}

function digits(value) {
	return value.toFixed(2);
}

export function escapeXml(text) {
	return text
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;");
}
