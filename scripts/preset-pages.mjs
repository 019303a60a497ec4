/**
 * Writes docs/presets: a page for each preset, of what src/presets says in its comments, and a table of all of them, those whose
 * pages are written by hand among them. With `--check` it fails where they say something else.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const sources = join(root, "src", "presets");
const folder = join(root, "docs", "presets");
const isCheck = process.argv.includes("--check");

const files = readdirSync(sources).sort();
const texts = files.map((file) => readFileSync(join(sources, file), "utf8"));
const classes = new Map(texts.flatMap(classesIn));
const presets = texts.flatMap(presetsIn);
/** Codecs with values for messages; their pages say more than a comment can. */
const byHand = ["resp", "stomp", "typed-protobuf"];
for (const preset of presets) write(`${preset.name}.md`, page(preset));
write("README.md", overview());

/** The classes of options in a file, by name. */
function classesIn(text) {
	const found = text.matchAll(
		/^export class (\w+)(?: extends (\w+))? \{\n(.*?)^\}$/gms,
	);
	return [...found].map(([, name, base, body]) => [name, { base, body }]);
}

/** The preset that a file exports, if it does. */
function presetsIn(text) {
	const [statement, name, maker] =
		/^export const (\w+) = (\w+)\(/m.exec(text) ?? [];
	if (statement === undefined) return [];
	const at = text.indexOf(statement);
	const comment = text.slice(text.lastIndexOf("/**\n", at) + 4, at - 5);
	const [own] = /\w+Options/.exec(text.slice(at)) ?? [];
	const options =
		own ?? (maker === "textPreset" ? "TextPresetOptions" : "PresetOptions");
	return [{ name, options, ...parts(comment) }];
}

/** What a comment says, and its sample. */
function parts(comment) {
	const text = comment.replaceAll(/^ \* ?/gm, "").trim();
	// Behind a drawing begins a paragraph.
	const [about] = text
		.replaceAll(/^```\n(?=.)/gm, "```\n\n")
		.split("\n@throws");
	const [, sample] = /^@example\n(.*)/ms.exec(text) ?? [];
	return { about: plain(about).trim(), sample };
}

/** Links are for editors. */
function plain(text) {
	return text.replaceAll(/\{@link ([^}]*)\}/g, "`$1`");
}

/** Rows of options, those of the preset first. */
function optionsOf(name) {
	if (name === undefined) return [];
	const { base, body } = classes.get(name);
	const fields = body.matchAll(/\t\/\*\*\n?(.*?)\*\/\n\t(\w+)\??:/gs);
	const rows = [...fields].map(([, comment, option]) => {
		const text = plain(comment.replaceAll(/^\s*\* ?/gm, "")).trim();
		const [about, fallback = ""] = text.split("@defaultValue");
		const line = (it) => it.trim().replaceAll(/\s*\n\s*/g, " ");
		return `| \`${option}\` | ${line(about)} | ${line(fallback)} |`;
	});
	return [...rows, ...optionsOf(base)];
}

function page({ name, options, about, sample }) {
	return `# ${name}()

${about}

| option | says | default |
| --- | --- | --- |
${optionsOf(options).join("\n")}

Save this as \`${name}.mjs\` and run it with \`node ${name}.mjs\`:

${sample.trim()}
`;
}

function overview() {
	const rows = presets.map(({ name, about }) => row(name, name, about));
	return `# Protocols by name

Each is one configuration of [\`frames()\`](../framing.md), with a handler that is the same: whole messages come to \`onMessage\`, what is
wrong is told to \`onFrameError\`, and what is sent is made a frame. [Who has talked to them](peers.md), of those that others wrote, and
[what you may know them as](../coming-from.md).

| preset | speaks |
| --- | --- |
${rows.join("\n")}

Messages of these are values, read from what is cut natively in the same way, and what is sent is a value too. Clients that others
wrote [have talked to all of them](../../conformance/interop.md#peers-of-resp). JSON texts, one behind the other, are cut by
\`jsonStream()\`; those in lines are \`lines()\`.

| codec | speaks |
| --- | --- |
${byHand.map(rowByHand).join("\n")}
`;
}

function rowByHand(file) {
	const text = readFileSync(join(folder, `${file}.md`), "utf8");
	const [, name, about] = /^# (\w+)\(\)\n\n(.*)/s.exec(text);
	return row(name, file, about);
}

/** A row of a table, with the first sentence of what is said. */
function row(name, file, about) {
	const [first] = /^.*?[.:](?=\s)/s.exec(about);
	const line = first.replaceAll(/\s*\n\s*/g, " ").replace(/:$/, ".");
	return `| [\`${name}()\`](${file}.md) | ${line} |`;
}

function write(name, text) {
	const file = join(folder, name);
	if (existsSync(file) && readFileSync(file, "utf8") === text) return;
	if (!isCheck) return writeFileSync(file, text);
	console.error(`docs/presets/${name} is not what src/presets says`);
	process.exitCode = 1;
}
