/** RESP with npm's redis-parser, for a server that answers PING. */
import RedisParser from "redis-parser";

/** What a connection is given. */
export function newResp() {
	return new Resp(([name]) => (name === "PING" ? "PONG" : `no ${name} here`));
}

/** @implements {import("./framing.mjs").Framed} */
class Resp {
	#answers = [];
	#parser;

	/** @param {(command: string[]) => string} answer Returns a simple string. */
	constructor(answer) {
		this.#parser = new RedisParser({
			returnReply: (command) => {
				this.#answers.push(answer(command));
			},
			returnError: (error) => {
				throw error;
			},
		});
	}

	push(chunk) {
		this.#parser.execute(chunk);
		const answers = this.#answers;
		this.#answers = [];
		return answers;
	}

	frames(lines) {
		let text = "";
		for (const line of lines) text += `+${line}\r\n`;
		return text;
	}
}
