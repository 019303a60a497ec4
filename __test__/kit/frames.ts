import type { ExecutionContext } from "ava";
import { type TcpClient, tcp } from "./tcp-client.js";

/** Opcodes of RFC 6455 section 5.2. */
export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

export interface FrameOptions {
	/** Default true. */
	fin?: boolean;
	/** The reserved bits, 0 to 7. Default 0. */
	rsv?: number;
	/** Default true, as a client has to. */
	masked?: boolean;
}

/** A client's frame (RFC 6455 section 5.2). */
export function frame(
	opcode: number,
	payload: Uint8Array | string = "",
	{ fin = true, rsv = 0, masked = true }: FrameOptions = {},
): Buffer {
	const bytes = Buffer.from(payload);
	const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
	const mask = masked ? 0x80 : 0;
	let head: Buffer;
	if (bytes.length < 126) {
		head = Buffer.from([first, mask | bytes.length]);
	} else if (bytes.length < 65_536) {
		head = Buffer.from([first, mask | 126, 0, 0]);
		head.writeUInt16BE(bytes.length, 2);
	} else {
		head = Buffer.alloc(10);
		head[0] = first;
		head[1] = mask | 127;
		head.writeBigUInt64BE(BigInt(bytes.length), 2);
	}
	if (!masked) return Buffer.concat([head, bytes]);
	const key = Buffer.from([0x5a, 0x01, 0xc3, 0x7e]);
	const body = bytes.map((byte, at) => byte ^ (key[at % 4] as number));
	return Buffer.concat([head, key, body]);
}

/** A client's close frame. */
export function closeFrame(code: number, reason = ""): Buffer {
	const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
	payload.writeUInt16BE(code);
	return frame(CLOSE, payload);
}

/** A frame from the server: not masked. */
export async function readFrame(
	client: TcpClient,
): Promise<{ fin: boolean; opcode: number; payload: Buffer }> {
	const head = await client.read(2);
	const [first, second] = head as unknown as [number, number];
	let length = second;
	if (second === 126) length = (await client.read(2)).readUInt16BE();
	if (second === 127) {
		length = Number((await client.read(8)).readBigUInt64BE());
	}
	const payload = await client.read(length);
	return { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload };
}

/** The code and reason that the server closes with; every other frame is an error. */
export async function readClose(
	client: TcpClient,
): Promise<{ code: number; reason: string }> {
	const { opcode, payload } = await readFrame(client);
	if (opcode !== CLOSE) throw new Error(`opcode ${opcode}, not a close`);
	return {
		code: payload.readUInt16BE(),
		reason: payload.subarray(2).toString(),
	};
}

/**
 * The request for a WebSocket, more or less as browsers send it.
 *
 * @param changes - header lines that are others, or (`undefined`) not there.
 */
export function handshake(
	changes: Record<string, string | undefined> = {},
	requestLine = "GET / HTTP/1.1",
): string {
	const headers = {
		Host: "127.0.0.1",
		Connection: "keep-alive, Upgrade",
		Upgrade: "websocket",
		"Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		...changes,
	};
	const lines = Object.entries(headers)
		.filter(([, value]) => value !== undefined)
		.map(([name, value]) => `${name}: ${value}`);
	return [requestLine, ...lines, "\r\n"].join("\r\n");
}

/** {@link handshake} without changes. */
export const UPGRADE = handshake();

/** A TCP client that has done the handshake and speaks frames from here on. */
export async function upgraded(
	t: ExecutionContext,
	port: number,
): Promise<TcpClient> {
	const client = await tcp(t, port);
	client.write(UPGRADE);
	const head = await client.readHead();
	if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
	return client;
}

/** Numbers as text frames, all at once. */
export function numbers(from: number, to: number): Buffer {
	const frames: Buffer[] = [];
	for (let n = from; n < to; n++) frames.push(frame(TEXT, `${n}`));
	return Buffer.concat(frames);
}
