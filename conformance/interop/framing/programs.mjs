/** The programs that peers of framing belong to, and how each is brought to where it can run. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import {
	cacheFolder,
	execute,
	install,
} from "../../../scripts/npm-runtimes.mjs";
import { pythonEnvironment } from "../../../scripts/python.mjs";
import { root } from "../../../scripts/setup.mjs";

const folder = join(root, "conformance", "interop", "framing");
const cache = cacheFolder("gev-interop-framing");

const packages = [
	"amqplib@2.3.1",
	"cobs@0.2.1",
	"dns-packet@5.6.1",
	"fastcgi-stream@1.0.0",
	"irc-framework@4.14.0",
	"kafkajs@2.2.4",
	"ldapts@8.2.0",
	"modbus-serial@8.0.25",
	"mqtt@5.16.0",
	"mqtt-packet@9.0.2",
	"ndjson@2.0.0",
	"nodes7@0.3.18",
	"pg@8.23.1",
	"protobufjs@8.8.1",
	"slip@1.0.2",
	"smpp@0.5.1",
	"syslog-client@1.1.1",
];

/**
 * `language` is where rows have their peers. `prepare` gives the command, behind which the ports of servers come as `ports`
 * says it; nothing comes back when it cannot be had, and the reason is on stderr.
 */
export const programs = [
	{
		name: "framing-npm",
		...{ language: "javascript", from: "npm" },
		prepare: prepareNpm,
		ports: (ports) => [JSON.stringify(ports)],
	},
	{
		name: "framing-pypi",
		...{ language: "python", from: "PyPI" },
		prepare: preparePython,
		ports: (ports) => [JSON.stringify(ports)],
	},
	{
		name: "framing-maven",
		...{ language: "java", from: "Maven" },
		prepare: prepareJava,
		ports: (ports) => Object.entries(ports).map((pair) => pair.join("=")),
	},
];

function prepareNpm() {
	const prefix = join(cache, "npm");
	const isThere = () =>
		packages.every((spec) => {
			const name = spec.slice(0, spec.lastIndexOf("@"));
			return existsSync(join(prefix, "node_modules", name));
		});
	if (!isThere()) install(packages, prefix);
	if (!isThere()) return undefined;
	return [process.execPath, join(folder, "javascript.mjs"), prefix];
}

function preparePython() {
	const { python, missing } = pythonEnvironment(
		"gev-interop-framing-python",
		join(folder, "requirements.txt"),
	);
	if (missing) return told(missing);
	// Without files of byte code beside the sources.
	return [python, "-B", join(folder, "python.py")];
}

function prepareJava() {
	const jars = join(cache, "jars");
	if (!existsSync(jars)) {
		const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${jars}`];
		const project = ["-q", "-B", "-f", join(folder, "pom.xml")];
		const { ok, output } = execute("mvn", [...project, ...goal], 600_000);
		if (!ok) return told(output);
	}
	const classes = [join(jars, "*"), "."].join(delimiter);
	return ["java", "-cp", classes, join(folder, "Peers.java")];
}

function told(reason) {
	console.error(reason);
	return undefined;
}
