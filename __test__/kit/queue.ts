/** Values that one side puts in and the other awaits, in order. */
export class Queue<Value> {
	readonly #values: Value[] = [];
	readonly #waiting: ((value: Value) => void)[] = [];

	push(value: Value): void {
		const next = this.#waiting.shift();
		if (next) next(value);
		else this.#values.push(value);
	}

	/** The oldest value, as soon as there is one. A test that waits in vain is ended by AVA's timeout. */
	next(): Promise<Value> {
		if (this.#values.length > 0) {
			return Promise.resolve(this.#values.shift() as Value);
		}
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	/** The next `count` values. */
	async take(count: number): Promise<Value[]> {
		const values: Value[] = [];
		while (values.length < count) values.push(await this.next());
		return values;
	}

	/** How many values nobody has taken. */
	get size(): number {
		return this.#values.length;
	}
}
