import test from "ava";
import { MIB, scene, until } from "../kit/host-scene.js";

interface Report {
	header: { glibcVersionRuntime?: string };
}

/** Of other allocators nothing is known; AddressSanitizer has one of its own. */
const isGlibc =
	process.platform === "linux" &&
	process.env.ASAN_OPTIONS === undefined &&
	(process.report.getReport() as Report).header.glibcVersionRuntime !==
		undefined;

for (const [protocol, size] of [
	["websocket", 60_000],
	["raw", 300_000],
] as const) {
	(isGlibc ? test.serial : test.serial.skip)(
		`memory for ${protocol} peers that do not read ${size} bytes at a time goes back to the system when they have gone`,
		async (t) => {
			const { host, enter, account, close } = await scene(t, protocol, {
				socket: { sendBufferBytes: 64 * 1024 },
			});
			const before = host.memory("now");
			const letters = Math.ceil((4 * MIB) / size);
			const peers = await Promise.all(
				Array.from({ length: 40 }, (_, at) => enter(`${at}`)),
			);
			for (const peer of peers) {
				peer.pause();
				peer.send(`F ${letters} ${size}`);
			}
			for (const at of peers.keys()) {
				await until(async () => {
					const { statuses } = await account(`${at}`);
					return Object.values(statuses).reduce((a, b) => a + b) === letters;
				});
			}
			const grown = host.memory("now") - before;
			t.true(grown > 80 * MIB);
			for (const peer of peers) peer.reset();
			for (const at of peers.keys()) {
				await until(async () => (await account(`${at}`)).close !== null);
			}
			// What the handler has had is for the garbage collector, which does not hurry.
			await host.call("tidy");
			// Some of the rest is the heap of JavaScript, which has a will of its own.
			await until(() => host.memory("now") < before + grown / 2);
			await close();
		},
	);
}
