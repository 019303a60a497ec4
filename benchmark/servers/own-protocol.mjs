/**
 * A protocol as users of gev write one: a length in front, over gev's RingBuffer. It runs in gev, by `custom()`, and on a socket
 * of node:net.
 */
export const ownProtocol = {
	unpack(_connection, buffer) {
		const length = buffer.peekUint32();
		if (length === undefined || buffer.length < 4 + length) return undefined;
		buffer.retrieve(4);
		return buffer.read(length);
	},
	pack(_connection, message) {
		const frame = Buffer.allocUnsafe(4 + message.length);
		frame.writeUInt32BE(message.length);
		frame.set(message, 4);
		return frame;
	},
};
