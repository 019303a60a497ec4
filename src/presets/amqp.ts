import { preset } from "./preset.js";

/**
 * AMQP 0-9-1, for servers. The first message of a connection is the protocol header of eight bytes; then each is a whole frame,
 * the end of which is checked; `send` takes the same.
 *
 * ```text
 *   41 4d 51 50 00 00 09 01                              the first one
 *   type  channel  length       payload      end
 *   08    00 00    00 00 00 00               ce          heartbeat
 * ```
 * AMQP 0-9-1, sections 4.2.2 and 4.2.3. Up to 128 KiB, which is what brokers agree on (`frame-max`).
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export const amqp = preset("amqp()", {
	first: { fixed: 8 },
	length: { at: 3, as: "u32", add: 1 },
	end: 0xce,
	maxMessageBytes: 128 * 1024,
});
