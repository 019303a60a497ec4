import { setImmediate } from "./base/clock.js";
import type {
	Histogram,
	LoopStats,
	ServerStats,
	WorkerPoolStats,
} from "./stats.js";

/** What {@link Server.collect} needs of a `Registry` of `prom-client`. */
export interface MetricsRegister {
	registerMetric(metric: never): void;
}

type Labels = Readonly<Record<string, string>>;

interface Sample {
	/** The metric's own, unless it is a part of a histogram. */
	readonly metricName?: string;
	readonly labels: Labels;
	readonly value: number;
}

interface Metric {
	readonly name: string;
	readonly type: "counter" | "gauge" | "histogram";
	readonly help: string;
	readonly samples: (stats: ServerStats) => Sample[];
}

/** All metrics in the text format 0.0.4 of Prometheus. */
export function metricsText(stats: ServerStats): string {
	const metrics = "workers" in stats ? [...METRICS, ...OF_POOL] : METRICS;
	return metrics
		.map(({ name, type, help, samples }) => {
			const lines = samples(stats).map(
				({ metricName = name, labels, value }) =>
					`${metricName}${labelsText(labels)} ${numberText(value)}\n`,
			);
			return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
		})
		.join("");
}

/** Gives `register` all metrics; what they say is asked for once in a scrape. */
export function collectMetrics(
	register: MetricsRegister,
	stats: () => ServerStats,
): void {
	let known: ServerStats | undefined;
	const now = () => {
		if (known === undefined) {
			setImmediate(() => {
				known = undefined;
			});
		}
		known ??= stats();
		return known;
	};
	for (const { name, type, help, samples } of METRICS) {
		const metric = {
			name,
			type,
			help,
			aggregator: "sum",
			// A server counts from its first start on.
			reset() {},
			async get() {
				return { ...{ name, type, help }, values: samples(now()) };
			},
		};
		register.registerMetric(metric as never);
	}
}

function labelsText(labels: Labels): string {
	// Values are words and numbers of our own, in which nothing has to be escaped.
	const texts = Object.entries(labels).map(
		([name, value]) => `${name}="${value}"`,
	);
	return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}

function numberText(value: number): string {
	return value === Number.POSITIVE_INFINITY ? "+Inf" : String(value);
}

function plain(
	type: "counter" | "gauge",
	name: string,
	help: string,
	value: (stats: ServerStats) => number,
): Metric {
	const samples = (stats: ServerStats) => [{ labels: {}, value: value(stats) }];
	return { name, type, help, samples };
}

/** One sample for each member, which becomes the label's value. */
function counters(
	name: string,
	help: string,
	label: string,
	values: (stats: ServerStats) => Readonly<Record<string, number>>,
): Metric {
	const samples = (stats: ServerStats) =>
		Object.entries(values(stats)).map(([key, value]) => ({
			labels: { [label]: key },
			value,
		}));
	return { name, type: "counter", help, samples };
}

function ofLoops(
	type: "counter" | "gauge",
	name: string,
	help: string,
	value: (loop: LoopStats) => number,
): Metric {
	const samples = ({ loops }: ServerStats) =>
		loops.map((loop) => ({
			labels: loopLabels(loop),
			value: value(loop),
		}));
	return { name, type, help, samples };
}

function loopLabels({ index, worker }: LoopStats): Labels {
	const loop = String(index);
	return worker === undefined ? { loop } : { worker: String(worker), loop };
}

function histogram(
	name: string,
	help: string,
	values: (stats: ServerStats) => [Labels, Histogram][],
): Metric {
	const samples = (stats: ServerStats) =>
		values(stats).flatMap(([labels, one]) =>
			histogramSamples(name, labels, one),
		);
	return { name, type: "histogram", help, samples };
}

function loopHistogram(
	name: string,
	help: string,
	values: (loop: LoopStats) => Histogram,
): Metric {
	return histogram(name, help, ({ loops }) =>
		loops.map((loop) => [loopLabels(loop), values(loop)]),
	);
}

function histogramSamples(
	name: string,
	labels: Labels,
	{ bounds, counts, count, sum }: Histogram,
): Sample[] {
	let below = 0;
	const buckets = bounds.map((bound, index) => {
		below += counts[index] as number;
		return [String(bound), below] as const;
	});
	return [
		...[...buckets, ["+Inf", count] as const].map(([le, value]) => ({
			metricName: `${name}_bucket`,
			labels: { ...labels, le },
			value,
		})),
		{ metricName: `${name}_sum`, labels, value: sum },
		{ metricName: `${name}_count`, labels, value: count },
	];
}

/** What a pool of workers has besides. */
const OF_POOL: readonly Metric[] = [
	{
		name: "gev_worker_utilization_ratio",
		type: "gauge",
		help: "Share of its time that a worker's thread was at work.",
		samples: (stats) =>
			(stats as WorkerPoolStats).workers.flatMap((it, worker) =>
				it === undefined
					? []
					: {
							labels: { worker: String(worker) },
							value: it.script.utilization,
						},
			),
	},
	plain(
		"counter",
		"gev_worker_failures_total",
		"Workers that have ended without being asked to.",
		(it) => (it as WorkerPoolStats).failures,
	),
];

const METRICS: readonly Metric[] = [
	plain("gauge", "gev_running", "1 while the server runs, else 0.", (it) =>
		it.state === "running" ? 1 : 0,
	),
	plain(
		"gauge",
		"gev_uptime_seconds",
		"Time since the last start.",
		(it) => it.uptimeSeconds,
	),
	plain(
		"counter",
		"gev_starts_total",
		"Starts of the server.",
		(it) => it.starts,
	),
	plain(
		"gauge",
		"gev_connections",
		"Open connections.",
		(it) => it.connections.open,
	),
	plain(
		"counter",
		"gev_connections_accepted_total",
		"Connections taken from the system, whatever became of them.",
		(it) => it.connections.accepted,
	),
	counters(
		"gev_connections_refused_total",
		"Connections closed as soon as they were accepted, by the limit that was met.",
		"reason",
		(it) => it.connections.refused,
	),
	plain(
		"counter",
		"gev_connections_opened_total",
		"Connections that were opened.",
		(it) => it.handshakes.opened,
	),
	counters(
		"gev_connections_closed_total",
		"Connections that were open and are no more, by what started the end.",
		"cause",
		(it) => it.connections.closed,
	),
	plain(
		"counter",
		"gev_connections_closed_cleanly_total",
		"Of these, such as have said goodbye as the protocol wants it.",
		(it) => it.connections.closedCleanly,
	),
	plain(
		"counter",
		"gev_accept_errors_total",
		"Times that the system would not let a loop accept.",
		(it) => it.connections.acceptErrors,
	),
	counters(
		"gev_handshakes_failed_total",
		"Handshakes that came to nothing, by the status of the response.",
		"status",
		(it) => it.handshakes.failed,
	),
	plain(
		"counter",
		"gev_received_bytes_total",
		"Bytes that sockets have given.",
		(it) => it.received.bytes,
	),
	plain(
		"counter",
		"gev_received_messages_total",
		"Whole messages that have come.",
		(it) => it.received.messages,
	),
	counters(
		"gev_frames_received_total",
		"Frames of WebSocket that have come, by opcode.",
		"opcode",
		(it) => it.frames,
	),
	plain(
		"counter",
		"gev_sent_bytes_total",
		"Bytes that sockets have taken.",
		(it) => it.sent.bytes,
	),
	plain(
		"counter",
		"gev_sent_messages_total",
		"Whole messages that loops have taken to send.",
		(it) => it.sent.messages,
	),
	plain(
		"counter",
		"gev_sends_congested_total",
		"Sends that left more than the high-water mark waiting.",
		(it) => it.sends.congested,
	),
	plain(
		"counter",
		"gev_sends_dropped_total",
		"Messages that were dropped, as too much waited.",
		(it) => it.sends.dropped,
	),
	counters(
		"gev_frame_errors_total",
		"Frames with which something was wrong, by what it was.",
		"fault",
		(it) => it.frameErrors,
	),
	plain(
		"gauge",
		"gev_buffered_bytes",
		"Bytes that all connections hold, in and out.",
		(it) => it.bufferedBytes,
	),
	ofLoops(
		"gauge",
		"gev_loop_connections",
		"Open connections of an event loop.",
		(it) => it.connections,
	),
	ofLoops(
		"counter",
		"gev_loop_received_bytes_total",
		"Bytes that sockets of an event loop have given.",
		(it) => it.received.bytes,
	),
	ofLoops(
		"counter",
		"gev_loop_received_messages_total",
		"Whole messages that an event loop has handed over.",
		(it) => it.received.messages,
	),
	ofLoops(
		"counter",
		"gev_loop_sent_bytes_total",
		"Bytes that sockets of an event loop have taken.",
		(it) => it.sent.bytes,
	),
	ofLoops(
		"counter",
		"gev_loop_sent_messages_total",
		"Whole messages that an event loop has taken to send.",
		(it) => it.sent.messages,
	),
	ofLoops(
		"counter",
		"gev_loop_turns_total",
		"Turns of an event loop.",
		(it) => it.turns,
	),
	ofLoops(
		"counter",
		"gev_loop_busy_seconds_total",
		"Time that an event loop was at work, from one turn in eight.",
		(it) => it.busySeconds,
	),
	ofLoops(
		"counter",
		"gev_loop_blocked_seconds_total",
		"Time that an event loop read nothing, as JavaScript had not emptied its event queue.",
		(it) => it.blockedSeconds,
	),
	loopHistogram(
		"gev_loop_turn_seconds",
		"Length of an event loop's turns, of one in eight.",
		(it) => it.turnSeconds,
	),
	loopHistogram(
		"gev_loop_lag_seconds",
		"Time by which an event loop came too late to timers that were due.",
		(it) => it.timerLagSeconds,
	),
	ofLoops(
		"gauge",
		"gev_loop_event_queue_bytes",
		"Bytes of events of a loop that wait for JavaScript.",
		(it) => it.eventQueueBytes,
	),
	loopHistogram(
		"gev_loop_event_queue_depth_bytes",
		"Bytes of events of a loop that JavaScript found waiting.",
		(it) => it.eventQueueDepthBytes,
	),
	ofLoops(
		"gauge",
		"gev_loop_event_queue_capacity_bytes",
		"Bytes that the event queue of a loop has room for.",
		(it) => it.eventQueueCapacityBytes,
	),
	plain(
		"counter",
		"gev_script_drains_total",
		"Times that JavaScript has looked through the event queues.",
		(it) => it.script.drains,
	),
	plain(
		"counter",
		"gev_script_busy_seconds_total",
		"Time that this took with what handlers do at once, from one drain in 32.",
		(it) => it.script.busySeconds,
	),
	plain(
		"gauge",
		"gev_script_utilization_ratio",
		"Share of its time that the handlers' thread was at work, from the first start on.",
		(it) => it.script.utilization,
	),
	histogram(
		"gev_handler_seconds",
		"Time that one event took with what a handler does at once, of one in each timed drain.",
		({ script }) => [[{}, script.handlerSeconds]],
	),
];
