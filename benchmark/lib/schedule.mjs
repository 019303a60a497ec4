/** The order of all runs; every second repeat has the peers backwards. */
import { isFor } from "./cells.mjs";
import { kinds } from "./kinds.mjs";

/**
 * By repeat, then cell.
 *
 * @param {Pick<import("./options.mjs").Options, "repeats" | "cells" | "peers">} options
 */
export function* schedule({ repeats, cells, peers }) {
	for (let repeat = 0; repeat < repeats; repeat++) {
		const order = inOrder(peers, repeat);
		for (const cell of cells) {
			if (repeat >= (cell.maxRepeats ?? repeats)) continue;
			const pairs = order.filter((peer) => isFor(cell, peer));
			for (const peer of pairs) yield { repeat, cell, peer };
		}
	}
}

/**
 * About how long all runs take, in minutes.
 *
 * @param {import("./options.mjs").Options} options
 */
export function minutesFor(options) {
	let seconds = 0;
	for (const { cell } of schedule(options)) {
		// Connections are opened one after the other.
		const opening = cell.connections * secondsPerConnection;
		seconds += kinds[cell.kind].seconds(options, cell) + opening;
	}
	return seconds / 60;
}

/** @param {Pick<import("./options.mjs").Options, "repeats" | "peers">} options */
export function* idleSchedule({ repeats, peers }) {
	for (let repeat = 0; repeat < repeats; repeat++) {
		for (const peer of inOrder(peers, repeat)) yield { repeat, peer };
	}
}

function inOrder(peers, repeat) {
	return repeat % 2 === 0 ? peers : peers.toReversed();
}

/** To open one. */
const secondsPerConnection = 0.0002;
