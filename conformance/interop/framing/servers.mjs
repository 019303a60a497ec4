/** A server for each peer of each row, which counts what it has cut. */
import * as gev from "gev";
import { answers } from "./answers.mjs";

/**
 * @typedef {object} Count
 * @property {number} port
 * @property {number} received Messages that have been cut.
 * @property {number} sent Messages that have been sent.
 * @property {string[]} errors What was wrong with frames.
 */

/** @returns {Promise<{ count: Count, stop(): Promise<unknown> }>} */
export async function serve({ configuration, answers: kind }) {
	const count = { port: 0, received: 0, sent: 0, errors: [] };
	const answer = answers[kind];
	const handler = {
		onConnect(connection) {
			connection.context = {};
		},
		onMessage({ context }, message) {
			count.received++;
			const reply = answer(message, count, context);
			if (reply !== undefined) count.sent++;
			return reply;
		},
		onFrameError: (_, { message }) => void count.errors.push(message),
		onError: ({ message }) => void count.errors.push(message),
	};
	const server = new gev.Server(handler, {
		...{ host: "127.0.0.1", port: 0, loops: 1 },
		protocol: made(configuration),
	});
	count.port = (await server.start()).port;
	return { count, stop: () => server.stop({ timeoutMs: 1000 }) };
}

/** The protocol that a line of code says, as the table and the docs have it. */
function made(configuration) {
	const members = Object.entries(gev);
	const names = members.map(([name]) => name);
	const make = new Function(...names, `return ${configuration};`);
	return make(...members.map(([, member]) => member));
}
