/** How a program that is a client of an example tells what it has found: a line `CHECK OUTCOME` for each check. */
import assert from "node:assert/strict";

/** Runs checks one after the other. One gives "-" back where the client cannot do it. */
export async function report(checks, client) {
	for (const [name, check] of Object.entries(checks)) {
		try {
			const outcome = (await check(client)) ?? "ok";
			console.log(`${name} ${outcome}`);
		} catch ({ message }) {
			console.log(`${name} ${message.split("\n", 1)[0]}`);
		}
	}
}

export const same = assert.deepEqual;

/** Messages that have come and nobody has taken. */
export class Inbox {
	#messages = [];
	#wake = () => {};

	push(message) {
		this.#messages.push(message);
		this.#wake();
	}

	async next() {
		while (this.#messages.length === 0) {
			await new Promise((resolve) => {
				this.#wake = resolve;
			});
		}
		return this.#messages.shift();
	}
}
