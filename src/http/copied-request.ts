import type { Addresses, ProxyTlv } from "../bridge/addresses.js";

/** What users know as `RequestHeaders`. */
class CopiedHeaders {
	readonly #lines: readonly [name: string, value: string][];

	constructor(lines: readonly [name: string, value: string][]) {
		this.#lines = lines;
	}

	get(name: string): string | undefined {
		const values = this.getAll(name);
		if (values.length === 0) return undefined;
		// RFC 9110 section 5.3; RFC 6265 section 4.2.1 and RFC 9113 section 8.2.3.
		return values.join(name.toLowerCase() === "cookie" ? "; " : ", ");
	}

	getAll(name: string): string[] {
		const wanted = name.toLowerCase();
		return this.#lines
			.filter(([name]) => name.toLowerCase() === wanted)
			.map(([, value]) => value);
	}

	has(name: string): boolean {
		return this.getAll(name).length > 0;
	}

	[Symbol.iterator](): Iterator<[name: string, value: string]> {
		return this.#lines[Symbol.iterator]();
	}
}

/**
 * What users know as `HttpRequest`, from its lines: method, target, then name and value of each header.
 */
export class CopiedRequest {
	readonly method: string;
	readonly url: string;
	readonly headers: CopiedHeaders;
	readonly subprotocols: readonly string[];
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	readonly proxyTlvs: readonly ProxyTlv[];
	aborted = false;

	constructor(lines: string, addresses: Addresses) {
		const [method = "", url = "", ...rest] = lines.split("\n");
		this.method = method;
		this.url = url;
		const headers: [string, string][] = [];
		for (let at = 0; at + 1 < rest.length; at += 2) {
			headers.push([rest[at] as string, rest[at + 1] as string]);
		}
		this.headers = new CopiedHeaders(headers);
		this.subprotocols = (this.headers.get("sec-websocket-protocol") ?? "")
			.split(",")
			.map((name) => name.trim())
			.filter((name) => name !== "");
		this.remoteAddress = addresses.remoteAddress;
		this.remotePort = addresses.remotePort;
		this.localAddress = addresses.localAddress;
		this.localPort = addresses.localPort;
		this.proxyTlvs = addresses.proxyTlvs;
	}
}
