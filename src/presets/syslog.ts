import { textPreset } from "./preset.js";

/**
 * Syslog over TCP. Both framings of RFC 6587 come, and may be mixed, as a message begins with `<` and a length with a digit:
 * octet counting, and messages that end with LF (or CRLF or NUL, as some senders do). Empty lines are left out. A message is
 * what a syslog message is, from `<` on; `send` takes the same, and counts octets.
 *
 * ```text
 *   length  SP  message
 *   32 34   20  3c 33 34 3e 31 20 2d ...          24 <34>1 - mymachine su - -
 *               3c 33 34 3e 31 20 2d ...  0a      <34>1 - mymachine su - - LF
 * ```
 * RFC 6587, sections 3.4.1 and 3.4.2; RFC 5424 for messages. Up to 64 KiB. Messages may be in any character set, which is why
 * they are bytes unless `text` is set.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { Server, syslog } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(connection, message) {
 * 			const [, priority] = /^<(\d+)>/.exec(message) ?? [];
 * 			console.log(`severity ${Number(priority) & 7}: ${message}`);
 * 		},
 * 	},
 * 	{ port: 601, protocol: syslog({ text: true }) },
 * );
 * await server.start();
 * ```
 */
export const syslog = textPreset("syslog()", {
	length: { as: { decimalUntil: " " } },
	cases: [
		{ equals: "<", end: ["\n", "\r\n", 0] },
		{ equals: "\n", fixed: 1, deliver: { strip: 1 } },
	],
	ignoreEmpty: true,
	maxMessageBytes: 64 * 1024,
});
