import { fileURLToPath } from "node:url";
import test from "ava";
import { run, start } from "../kit/program.js";
import { tcp } from "../kit/tcp-client.js";

test("timers that a test replaces are not those of the package", async (t) => {
	const file = new URL("../fixtures/fake-timers.js", import.meta.url);
	const program = start(t, [fileURLToPath(file)]);
	const client = await tcp(t, Number(await program.line()));
	const said = async (text: string) =>
		t.is(String(await client.read(text.length)), text);
	await said("sent later\n");
	// More events than the budget of a drain.
	client.write(Buffer.alloc(500_000));
	await said("all is there\n");
	client.socket.end();
	await said("a timer ran\n");
	t.is(await program.line(), "stopped");
	t.like(await program.ended, { code: 0, signal: null, stderr: "" });
});

test("a runtime that throws in the middle of a send stalls nobody else", async (t) => {
	const { code, stdout, stderr } = await run("failing-runtime");
	t.is(stdout, "0 faults\n", stderr);
	t.is(code, 0, stderr);
});

test("a stack that overflows while it sends stalls nobody else", async (t) => {
	const { code, stdout, stderr } = await run("overflowing-stack");
	t.is(stdout, "whole\nanother is served\nstopped\n", stderr);
	t.is(code, 0, stderr);
});
