import type { ExecutionContext } from "ava";
import {
	type Connection,
	type Custom,
	type CustomOptions,
	type CustomProtocol,
	custom,
	type FrameError,
	type FramesHandler,
	type Protocol,
	type RingBuffer,
	Server,
	type ServerOptions,
} from "gev";
import { loops } from "../kit/loops.js";
import { patient } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";

/** A frame is the length of its body, in four bytes, and the body. */
export class Lengths implements CustomProtocol<Buffer, Buffer | string> {
	/** How many bytes were there, each time when more were needed. */
	readonly waiting = new Queue<number>();

	unpack(_connection: object, buffer: RingBuffer): Buffer | undefined {
		const length = buffer.peekUint32();
		if (length === undefined || buffer.length < 4 + length) {
			this.waiting.push(buffer.length);
			return undefined;
		}
		buffer.retrieve(4);
		return buffer.read(length);
	}

	pack(_connection: object, body: Buffer | string): Buffer {
		return frame(body);
	}
}

/** A frame of {@link Lengths}. */
export function frame(body: Uint8Array | string): Buffer {
	const bytes = Buffer.from(body as string);
	const head = Buffer.alloc(4);
	head.writeUInt32BE(bytes.length);
	return Buffer.concat([head, bytes]);
}

/** A server for one test that speaks a protocol in TypeScript, with one event loop. */
export async function speak<In, Out>(
	t: ExecutionContext,
	protocol: CustomProtocol<In, Out>,
	handler: FramesHandler<unknown, In, Out>,
	options: Omit<ServerOptions, "protocol"> & CustomOptions = {},
): Promise<{ server: Server<unknown, In, Out>; port: number }> {
	const { maxMessageBytes, over, ...others } = options;
	const made = custom(protocol, {
		...(maxMessageBytes !== undefined && { maxMessageBytes }),
		...(over !== undefined && { over }),
	});
	return start(t, made, handler, others);
}

/** A server for one test that speaks what has been made of a protocol, with one event loop. */
export async function start<In, Out>(
	t: ExecutionContext,
	protocol: Custom<In, Out> | Protocol<"resp">,
	handler: FramesHandler<unknown, In, Out>,
	options: Omit<ServerOptions, "protocol"> = {},
): Promise<{ server: Server<unknown, In, Out>; port: number }> {
	const server = new Server<unknown, In, Out>(handler as never, {
		host: "127.0.0.1",
		port: 0,
		...loops(1),
		...patient(options),
		protocol: protocol as Custom<In, Out>,
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	const { port } = await server.start();
	return { server, port };
}

/** The members of a handler that tell of ends and errors, in their order. */
export function recorded(): {
	calls: Queue<string>;
	onEnd(): void;
	onClose(
		connection: Connection<unknown, never>,
		reason: { code: number; cause: string },
	): void;
	onError(error: Error & { code?: string }): void;
	onFrameError(connection: Connection<unknown, never>, error: FrameError): void;
} {
	const calls = new Queue<string>();
	return {
		calls,
		onEnd: () => calls.push("end"),
		onClose: (_, { code, cause }) => calls.push(`close ${code} ${cause}`),
		onError: ({ code, message }) => calls.push(`error ${code ?? message}`),
		onFrameError: (_, { fate, reason }) => calls.push(`${fate} ${reason}`),
	};
}
