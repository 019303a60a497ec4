import type { GevError } from "../base/errors.js";
import { dns, net } from "../base/node-modules.js";

/** Every address, IPv4's too. */
export const ANY_IPV6 = "::";

/** Every address of IPv4. */
export const ANY_IPV4 = "0.0.0.0";

/** Whether a start on {@link ANY_IPV6} has failed because this system has no IPv6. */
export function hasNoIPv6({ code }: Partial<GevError>): boolean {
	return code !== undefined && NO_IPV6.includes(code);
}

/** The IP address of a host; of several that a name has the first, as in node:net. */
export async function addressOf(host: string): Promise<string> {
	if (isAddress(host)) return host;
	const found = await dns().lookup(host, { all: true });
	// A name does not say the zone that a link-local address has to be in.
	const first = found.find(({ address }) => !LINK_LOCAL.test(address));
	return (first ?? found[0])?.address ?? host;
}

/** With or without a zone, whose name may have characters that `isIP` does not expect. */
function isAddress(host: string): boolean {
	const at = host.indexOf("%");
	if (at < 0) return net().isIP(host) !== 0;
	return net().isIPv6(host.slice(0, at)) && at + 1 < host.length;
}

/** Of the socket, and of its bind. */
const NO_IPV6 = ["EAFNOSUPPORT", "EPROTONOSUPPORT", "EADDRNOTAVAIL"];

/** RFC 4291 section 2.5.6: fe80::/10. */
const LINK_LOCAL = /^fe[89ab]/i;
