/**
 * The proxies of `npm run interop`. They are taken as they are installed: from
 * Debian's packages haproxy, and nginx with libnginx-mod-stream.
 *
 * @typedef {object} Route
 * @property {string} name
 * @property {number} port Where the proxy listens, for IPv4 and IPv6 on loopback.
 * @property {number | string} to The server's port or path.
 *
 * @typedef {object} Running
 * @property {() => Promise<void>} stop
 * @property {boolean} hasTlvs Whether it tells an id, `id-` and the client's port, and a checksum.
 * @property {() => Promise<{ status: string, check: string, failures: number }[]>} [health] What it thinks of each server,
 *   if it checks them.
 *
 * @typedef {(scene: { folder: string, routes: Route[] }) => Promise<Running>} Start
 *
 * @typedef {object} Proxy
 * @property {string} name
 * @property {boolean} unix Whether it connects to a path.
 * @property {() => { version: string, start: Start } | undefined} prepare Nothing comes back when it is not there, and the
 *   reason is on stderr.
 */
import { find } from "../programs.mjs";
import { haproxy, haproxyVersion } from "./haproxy.mjs";
import { nginx, nginxBuild } from "./nginx.mjs";

const v2WithTlvs = "send-proxy-v2 proxy-v2-options unique-id,crc32c";

/** @type {Proxy[]} */
export const proxies = [
	...both("HAProxy v1", () => prepareHaproxy("send-proxy")),
	...both("HAProxy v2", () => prepareHaproxy("send-proxy-v2")),
	...both("HAProxy v2 with TLVs", () => prepareHaproxy(v2WithTlvs)),
	...both("nginx v1", prepareNginx),
];

/** Over TCP, and over a unix socket. */
function both(name, prepare) {
	return [
		{ name, unix: false, prepare },
		{ name: `${name} to unix`, unix: true, prepare },
	];
}

function prepareHaproxy(say) {
	const executable = find("haproxy");
	if (executable === undefined) return missing("there is no HAProxy");
	return {
		version: haproxyVersion(executable),
		start: haproxy(executable, say),
	};
}

function prepareNginx() {
	const executable = find("nginx");
	if (executable === undefined) return missing("there is no nginx");
	const build = nginxBuild(executable);
	if (build.missing) return missing(build.missing);
	return { version: build.version, start: nginx(executable, build.module) };
}

function missing(reason) {
	console.error(reason);
	return undefined;
}
