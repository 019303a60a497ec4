import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { read, words } from "./letters.js";
import { Lost, type Peer } from "./peer.js";
import type { Stage } from "./stage.js";

/** One thing that has to be so by either protocol, in whatever circumstances. */
export type Scenario = (stage: Stage) => Promise<void>;

/** Letters of all sizes from several clients at once, which send without waiting. */
const echo: Scenario = async (stage) => {
	const { letters, mostBytes } = stage.mode;
	await stage.open();
	await stage.everybody(async (peer) => {
		const sent = Array.from({ length: letters }, (_, number) =>
			stage.writer.letterUpTo("E", number, mostBytes),
		);
		for (const [number, letter] of sent.entries()) {
			peer.send(letter, number % 2 === 1);
		}
		for (const [number, letter] of sent.entries()) {
			const received = await peer.receive();
			assert.ok(letter.equals(received), `letter ${number} is another`);
		}
		assert.equal(peer.waiting, 0);
		await stage.together();
		await peer.leave();
	});
	await stage.close((account, id) => {
		assert.equal(account.letters, letters, id);
		assert.equal(account.close?.cause, "peer");
		assert.ok(account.close?.wasClean, id);
	});
};

/** The server sends more than clients take at once, and goes on when it is told that they have. */
const push: Scenario = async (stage) => {
	const highWaterMarkBytes = 32 * 1024;
	const most = Math.min(stage.mode.mostBytes, 50_000);
	/** From fewest bytes in a letter to most. */
	const sizes = [100, 1000, 9000, most].map((size) => Math.min(size, most));
	let congestions = 0;
	await stage.open({ flow: { highWaterMarkBytes, lowWaterMarkBytes: 1024 } });
	await stage.everybody(async (peer, index) => {
		const size = sizes[index % sizes.length] as number;
		const count = Math.ceil((stage.mode.letters * 4000) / (size + 500));
		peer.send(`P ${count} ${size}`);
		for (let number = 0; number < count; number++) {
			if (stage.random.below(20) === 0) await dawdle(peer, stage);
			const letter = read(await peer.receive());
			assert.deepEqual(letter, { verb: "P", number, intact: true });
		}
		assert.deepEqual(words(await peer.receive()), ["D", `${count}`]);
		await peer.leave();
	});
	await stage.close(({ statuses, drains, mostBuffered }, id) => {
		const [queued, congested, dropped, closed] = Object.values(statuses);
		assert.deepEqual([dropped, closed], [0, 0], id);
		assert.ok((queued ?? 0) + (congested ?? 0) > 0, id);
		// The end is a letter too, and may be the one that congests.
		assert.ok(drains === congested || drains === (congested ?? 0) + 1, id);
		assert.ok(mostBuffered <= highWaterMarkBytes + most + 64, id);
		congestions += congested ?? 0;
	});
	assert.ok(congestions > 0);
};

/** What goes to everybody comes to each once and in order, between what is sent to one. */
const broadcast: Scenario = async (stage) => {
	const { letters, peers } = stage.mode;
	const most = Math.min(stage.mode.mostBytes, 20_000);
	const count = Math.ceil(letters / 3);
	let sent: Promise<number> | undefined;
	await stage.open();
	await stage.everybody(async (peer, index) => {
		await stage.together();
		sent ??= stage.broadcast(count, most);
		const own = stage.writer.letterUpTo("E", 0, most);
		if (index % 2 === 0) peer.send(own);
		let next = 0;
		for (let left = index % 2 === 0 ? count + 1 : count; left > 0; left--) {
			const received = await peer.receive();
			if (own.equals(received)) continue;
			const letter = { verb: "P", number: next++, intact: true };
			assert.deepEqual(read(received), letter);
		}
		assert.equal(next, count);
		assert.equal(peer.waiting, 0);
		await peer.leave();
	});
	if (!stage.cuts) assert.equal(await sent, count * peers);
	await stage.close();
};

/** Reads nothing for some turns. */
async function dawdle(peer: Peer, stage: Stage): Promise<void> {
	peer.pause();
	for (let turns = stage.random.below(30); turns > 0; turns--) {
		await setImmediate();
	}
	peer.resume();
}

/** Answers that are promised come all, each once, whatever the order. */
const promises: Scenario = async (stage) => {
	const { letters, mostBytes } = stage.mode;
	await stage.open();
	await stage.everybody(async (peer) => {
		const sent = mixed(stage, letters, Math.min(mostBytes, 20_000));
		for (const [number, letter] of sent.entries()) {
			peer.send(letter, number % 2 === 1);
		}
		await receiveAll(peer, sent);
		await stage.together();
		await peer.leave();
	});
	await stage.close((account, id) => {
		assert.equal(account.letters, letters, id);
	});
};

/** Who says goodbye right behind its letters gets all answers before it is said goodbye to. */
const farewell: Scenario = async (stage) => {
	const { letters, mostBytes } = stage.mode;
	const code = 4001;
	await stage.open();
	await stage.everybody(async (peer, index) => {
		const sent = mixed(stage, letters, Math.min(mostBytes, 20_000));
		for (const letter of sent) peer.send(letter);
		peer.sayGoodbye(code, "that is all");
		// In raw TCP the end is the goodbye; behind a WebSocket's it changes nothing.
		if (stage.protocol === "raw" || index % 2 === 0) peer.endSending();
		await receiveAll(peer, sent);
		const { close } = await peer.finished();
		if (stage.protocol === "websocket") assert.equal(close?.code, code);
	});
	await stage.close((account, id) => {
		assert.equal(account.letters, letters, id);
		assert.equal(account.close?.cause, "peer");
		assert.ok(account.close?.wasClean, id);
		const said = stage.protocol === "websocket" ? code : 1005;
		assert.equal(account.close?.code, said);
	});
};

/** Letters to be answered at once and later, in turn. */
function mixed(stage: Stage, count: number, mostBytes: number): Buffer[] {
	return Array.from({ length: count }, (_, number) =>
		stage.writer.letterUpTo(number % 3 === 0 ? "A" : "E", number, mostBytes),
	);
}

/** Receives every letter, in any order, and no other. */
async function receiveAll(peer: Peer, letters: Buffer[]): Promise<void> {
	const missing = new Map(letters.map((letter, number) => [number, letter]));
	while (missing.size > 0) {
		const received = await peer.receive();
		const { number } = read(received);
		assert.ok(missing.get(number)?.equals(received), `${number} is another`);
		missing.delete(number);
	}
	assert.equal(peer.waiting, 0);
}

/** Clients that are gone of a sudden, in the middle of a letter, take nothing with them but themselves. */
const resets: Scenario = async (stage) => {
	const { letters, mostBytes } = stage.mode;
	const isLeaving = (index: number) => index % 2 === 1;
	await stage.open();
	await stage.everybody(async (peer, index) => {
		const last = isLeaving(index) ? stage.random.below(letters) : letters;
		for (let number = 0; number < last; number++) {
			const letter = stage.writer.letterUpTo("E", number, mostBytes);
			peer.send(letter);
			// Some that leave do not wait for what comes back.
			if (isLeaving(index) && number > last / 2) continue;
			assert.ok(letter.equals(await peer.receive()));
		}
		if (!isLeaving(index)) {
			await peer.leave();
			return;
		}
		peer.sendPart(stage.writer.letter("E", last, 1000), 500);
		await setImmediate();
		peer.reset();
		await peer.ended;
	});
	await stage.close((account, id) => {
		const [, index] = id.split("-").map(Number);
		if (isLeaving(index as number)) {
			// A part of a WebSocket's end may be in the kernel when the server stops.
			const causes = ["reset", "peer", "stop"];
			assert.ok(causes.includes(account.close?.cause as string), id);
			assert.ok(account.letters <= letters, id);
		} else {
			assert.equal(account.letters, letters, id);
			assert.ok(account.close?.wasClean, id);
		}
	});
};

/** Codes and reasons arrive on the other side, whoever closes. */
const closes: Scenario = async (stage) => {
	const codes = [1000, 1001, 1008, 3000, 4000, 4999];
	const codeOf = (index: number) => codes[index % codes.length] as number;
	const isByServer = (index: number) => index % 2 === 0;
	const isRaw = stage.protocol === "raw";
	await stage.open();
	await stage.everybody(async (peer, index) => {
		const letter = stage.writer.letterUpTo("E", 0, stage.mode.mostBytes);
		peer.send(letter);
		if (!isByServer(index)) {
			peer.sayGoodbye(codeOf(index), `because of ${index}`);
			if (isRaw) peer.endSending();
		}
		assert.ok(letter.equals(await peer.receive()));
		if (isByServer(index)) peer.send(`C ${codeOf(index)} because of ${index}`);
		const { close } = await peer.finished();
		if (isRaw) return;
		assert.equal(close?.code, codeOf(index));
		if (isByServer(index)) assert.equal(close?.reason, `because of ${index}`);
	});
	await stage.close(({ close }, id) => {
		const index = Number(id.split("-")[1]);
		assert.equal(close?.cause, isByServer(index) ? "local" : "peer", id);
		assert.ok(close?.wasClean, id);
		if (isRaw && !isByServer(index)) return;
		assert.equal(close?.code, codeOf(index), id);
		assert.equal(close?.reason, `because of ${index}`, id);
	});
};

/** A stop while everybody sends: what was handled is answered, and everybody is told. */
const stop: Scenario = async (stage) => {
	const { letters, peers } = stage.mode;
	const most = Math.min(stage.mode.mostBytes, 20_000);
	const answered = new Map<string, number>();
	let all = 0;
	await stage.open();
	await stage.everybody(async (peer, index) => {
		const id = `peer-${index}`;
		const unanswered: Buffer[] = [];
		let sent = 0;
		let received = 0;
		const sendNext = () => {
			const letter = stage.writer.letterUpTo("E", sent++, most);
			unanswered.push(letter);
			peer.send(letter);
		};
		await stage.together();
		for (let ahead = 0; ahead < 4; ahead++) sendNext();
		try {
			for (;;) {
				const letter = await peer.receive();
				assert.ok(unanswered.shift()?.equals(letter), `letter ${received}`);
				answered.set(id, ++received);
				// Half of what the other scenarios need: as many are still to come.
				if (++all >= (letters * peers) / 2) void stage.stop();
				sendNext();
			}
		} catch (error) {
			if (!(error instanceof Lost)) throw error;
			const { close } = await peer.finished();
			if (stage.protocol === "websocket") assert.equal(close?.code, 1001);
		}
	});
	const { closed, cut } = await stage.stop();
	assert.ok(closed + cut <= peers);
	if (!stage.cuts) assert.deepEqual([closed, cut], [peers, 0]);
	await stage.close((account, id) => {
		assert.equal(account.close?.cause, "stop", id);
		const received = answered.get(id) ?? 0;
		assert.ok(received >= (account.lettersAtStop ?? 0), id);
		assert.ok(received <= account.letters, id);
	});
};

export const scenarios: Readonly<Record<string, Scenario>> = {
	echo,
	push,
	broadcast,
	promises,
	farewell,
	resets,
	closes,
	stop,
};
