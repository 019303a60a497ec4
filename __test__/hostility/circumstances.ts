import type {
	FlowOptions,
	Handler,
	ServerOptions,
	WebSocketOptions,
} from "gev";
import { loops } from "../kit/loops.js";
import type { Random } from "../kit/random.js";

/** A member of its handler. */
type Member = Exclude<keyof Handler, "onFrameError">;

/** In what circumstances a server is tried. */
export interface Circumstances {
	isRaw: boolean;
	deflate: boolean;
	/** Without the protocol, which is made of `webSocket`. */
	options: ServerOptions & {
		loops: number;
		threads: boolean;
		flow: FlowOptions;
	};
	webSocket: WebSocketOptions;
	/** Members that the handler has. */
	members: readonly Member[];
	/** What the handler is. */
	shape: (typeof shapes)[number];
	/** Objects get properties that they should not have. */
	isPolluted: boolean;
	/** Somebody watches the diagnostics channels. */
	isWatched: boolean;
}

export function someCircumstances(random: Random): Circumstances {
	const isRaw = random.chance(35);
	const deflate = !isRaw && random.chance(30);
	const isTight = random.chance(35);
	const threads = random.chance(70);
	return {
		isRaw,
		deflate,
		options: {
			host: "127.0.0.1",
			port: 0,
			...(threads
				? (loops(random.pick([1, 1, 2, 3])) as {
						loops: number;
						threads: boolean;
					})
				: { loops: 1, threads: process.platform === "win32" }),
			borrow: random.chance(30),
			serial: random.chance(25),
			...someGroups(random, isTight),
		},
		webSocket: {
			subprotocols: ["letters"],
			...(deflate && {
				perMessageDeflate: {
					threshold: random.pick([0, 1024]),
					mode: random.pick(["shared", "dedicated"] as const),
				},
			}),
		},
		members: members.filter((name) => random.chance(chances[name] ?? 85)),
		shape: random.pick(shapes),
		isPolluted: random.chance(50),
		isWatched: random.chance(50),
	};
}

function someGroups(random: Random, isTight: boolean) {
	const flow: FlowOptions = {
		overflow: random.pick(["close", "drop-newest", "drop-oldest"]),
		...(isTight && {
			maxBufferedBytes: random.pick([20_000, 300_000]),
			highWaterMarkBytes: random.pick([1000, 20_000]),
		}),
		...(random.chance(30) && { maxPending: random.pick([1, 2, 5]) }),
	};
	const budget = random.chance(30) && { drainBudget: random.pick([1, 3, 50]) };
	const socket = {
		...(isTight && { sendBufferBytes: 4096 }),
		...(random.chance(20) && { allowHalfOpen: true }),
	};
	return {
		flow,
		socket,
		...(random.chance(20) && { balance: random.pick(balances) }),
		eventLoop: {
			...budget,
			...(random.chance(20) && { readBufferBytes: 4096 }),
		},
	};
}

const balances = [
	"round-robin",
	"least-connections",
	"source-hash",
	"random",
] as const;

const members: readonly Member[] = [
	"onUpgrade",
	"onRequest",
	"onConnect",
	"onMessage",
	"onFragment",
	"onPing",
	"onPong",
	"onDrain",
	"onEnd",
	"onClose",
	"onError",
];

/** How often it is there, of a hundred times. */
const chances: Partial<Record<keyof Handler, number>> = {
	onUpgrade: 50,
	onConnect: 100,
	onMessage: 100,
	onFragment: 25,
	onClose: 100,
	onError: 50,
};

const shapes = ["object", "class", "Proxy", "no prototype", "frozen"] as const;
