// The protocol of this example: four bytes with the length, big-endian, and so many bytes. `frames({ length: "u32" })` does
// the same natively and faster; this shows how one is written.

import type { Connection, CustomProtocol, RingBuffer } from "gev";

export class Lengths implements CustomProtocol<Buffer, Buffer> {
	/** The next message, if all of it is there. Reads ahead, and goes back if it is not; a message may be empty. */
	unpack(_connection: Connection<unknown, Buffer>, buffer: RingBuffer) {
		if (buffer.virtualLength < HEADER_BYTES) return undefined;
		const length = buffer.virtualRead(HEADER_BYTES).readUInt32BE();
		if (buffer.virtualLength < length) {
			buffer.virtualRevert();
			return undefined;
		}
		const body = buffer.virtualRead(length);
		buffer.virtualFlush();
		return body;
	}

	pack(_connection: Connection<unknown, Buffer>, body: Buffer) {
		const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
		frame.writeUInt32BE(body.length);
		body.copy(frame, HEADER_BYTES);
		return frame;
	}
}

const HEADER_BYTES = 4;
