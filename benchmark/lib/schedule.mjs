/** The order of all runs; every second repeat has the peers backwards. */
import { isFor } from "./cells.mjs";

/**
 * By repeat, then cell.
 *
 * @param {Pick<import("./options.mjs").Options, "repeats" | "cells" | "peers">} options
 */
export function* schedule({ repeats, cells, peers }) {
	for (let repeat = 0; repeat < repeats; repeat++) {
		const order = inOrder(peers, repeat);
		for (const cell of cells) {
			const pairs = order.filter((peer) => isFor(cell, peer));
			for (const peer of pairs) yield { repeat, cell, peer };
		}
	}
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
