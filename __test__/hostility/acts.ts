import type { Handler } from "gev";
import type { Random } from "../kit/random.js";
import { overflow } from "./full-stack.js";
import {
	fail,
	keep,
	nothing,
	type Outcome,
	promise,
	reject,
	reply,
	scribble,
	transfer,
} from "./outcomes.js";
import {
	type Act,
	broadcast,
	corked,
	ping,
	send,
	sendNotUtf8,
	sendPieces,
	sent,
} from "./sending.js";
import {
	collect,
	construct,
	holdOn,
	iterate,
	pollute,
	type ServerAct,
	startAgain,
	stop,
	timer,
} from "./serving.js";
import {
	close,
	destroy,
	end,
	look,
	pause,
	resume,
	shutdownWrite,
	store,
	write,
} from "./using.js";

/** Things to choose from, each as often as its number says. */
export type Weighted<Item> = readonly (readonly [weight: number, item: Item])[];

export function pickWeighted<Item>(
	items: Weighted<Item>,
	random: Random,
): Item {
	const sum = items.reduce((sum, [weight]) => sum + weight, 0);
	let at = random.next() * sum;
	const found = items.find(([weight]) => {
		at -= weight;
		return at < 0;
	});
	return (found ?? (items[0] as (typeof items)[0]))[1];
}

export const acts: Weighted<Act> = [
	[40, send],
	[6, sendPieces],
	[1, sendNotUtf8],
	[8, ping],
	[6, corked],
	[3, broadcast],
	[4, sent],
	[3, close],
	[1, end],
	[1, destroy],
	[0.5, shutdownWrite],
	[3, pause],
	[3, resume],
	[4, look],
	[2, store],
	[2, write],
	[1, overflow],
];

export const serverActs: Weighted<ServerAct> = [
	[4, iterate],
	[5, timer],
	[4, construct],
	[1, startAgain],
	[1, holdOn],
	[1, collect],
	[3, pollute],
	[2, stop],
];

/** What members that get a message do in the end. */
const ofMessages: Weighted<Outcome> = [
	[20, nothing],
	[30, reply],
	[20, promise],
	[8, fail],
	[5, reject],
	[10, keep],
	[6, scribble],
	[4, transfer],
];

const ofOthers: Weighted<Outcome> = [
	[30, nothing],
	[6, fail],
	[4, reject],
	[6, keep],
	[4, scribble],
	[2, transfer],
];

const ofErrors: Weighted<Outcome> = [
	[10, nothing],
	[3, fail],
	[3, reject],
];

export function outcomesOf(member: keyof Handler): Weighted<Outcome> {
	switch (member) {
		case "onMessage":
			return ofMessages;
		case "onError":
			return ofErrors;
		// What they return is another matter.
		case "onUpgrade":
		case "onRequest":
			return [[1, nothing]];
		default:
			return ofOthers;
	}
}
