import { subscribe, unsubscribe } from "node:diagnostics_channel";
import test, { type ExecutionContext } from "ava";
import type { Connection, Diagnostics, Server } from "gev";
import { Queue } from "./kit/queue.js";
import { serve } from "./kit/server.js";
import { connect } from "./kit/ws-client.js";

/** Messages of a channel, as far as they are about this server. */
function watch<Name extends keyof Diagnostics>(
	t: ExecutionContext,
	name: Name,
	server: Server,
): Queue<Diagnostics[Name]> {
	const messages = new Queue<Diagnostics[Name]>();
	const note = (message: unknown) => {
		const one = message as Diagnostics[Name];
		if (one.server === server) messages.push(one);
	};
	subscribe(name, note);
	t.teardown(() => unsubscribe(name, note));
	return messages;
}

test("channels tell of open, error, close and stop", async (t) => {
	const connections = new Queue<Connection>();
	const { server, url } = await serve(t, {
		onConnect: (connection) => connections.push(connection),
		onMessage() {
			throw new Error("thrown");
		},
		onError() {},
	});
	const opens = watch(t, "gev:open", server);
	const errors = watch(t, "gev:error", server);
	const closes = watch(t, "gev:close", server);
	const stops = watch(t, "gev:stop", server);
	const { socket, closed } = await connect(t, url);
	const connection = await connections.next();
	t.is((await opens.next()).connection, connection);
	socket.send("");
	const error = await errors.next();
	t.is(error.connection, connection);
	t.is(error.error.message, "thrown");
	t.is((await closed).code, 1011);
	const close = await closes.next();
	t.is(close.connection, connection);
	t.like(close.reason, { code: 1011, cause: "handler" });
	const result = await server.stop();
	t.deepEqual(await stops.next(), { server, result });
	t.is(opens.size + errors.size + closes.size + stops.size, 0);
});
