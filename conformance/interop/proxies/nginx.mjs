/** nginx in front of a server: its module for streams of bytes, which speaks version 1 only. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execute } from "../../../scripts/npm-runtimes.mjs";
import { startProgram } from "./program.mjs";

/**
 * What nginx was built with; `module` is the file of the module for streams, where that is not a part of nginx.
 *
 * @param {string} executable
 * @returns {{ version: string, module?: string, missing?: string }}
 */
export function nginxBuild(executable) {
	const { output } = execute(executable, ["-V"], 10_000);
	const version = /nginx\/([\d.]+)/.exec(output)?.[1] ?? "?";
	if (/--with-stream(?!\S)/.test(output)) return { version };
	const folder = /--modules-path=(\S+)/.exec(output)?.[1] ?? "";
	const module = join(folder, "ngx_stream_module.so");
	if (existsSync(module)) return { version, module };
	return { version, missing: "this nginx has no module for streams" };
}

/**
 * @param {string} executable
 * @param {string} [module]
 * @returns {import("./index.mjs").Start}
 */
export function nginx(executable, module) {
	return async ({ folder, routes }) => {
		const file = join(folder, "nginx.conf");
		writeFileSync(file, configuration(folder, routes, module));
		const ports = routes.map(({ port }) => port);
		const command = [executable, "-p", folder, "-e", "stderr", "-c", file];
		const { stop } = await startProgram(command, ports);
		return { stop, hasTlvs: false };
	};
}

function configuration(folder, routes, module) {
	const servers = routes.map(
		({ port, to }) => `
	server {
		listen 127.0.0.1:${port};
		listen [::1]:${port};
		proxy_pass ${typeof to === "string" ? `unix:${to}` : `127.0.0.1:${to}`};
		proxy_protocol on;
	}`,
	);
	return `
${module ? `load_module ${module};` : ""}
daemon off;
master_process off;
error_log stderr;
pid ${join(folder, "nginx.pid")};
events {}
stream {${servers.join("")}
}
`;
}
