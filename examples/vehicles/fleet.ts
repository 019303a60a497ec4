import { randomBytes } from "node:crypto";
import type { Position } from "./jt808.ts";

/** What the page is told of a vehicle. */
export interface Vehicle extends Partial<Position> {
	phone: string;
	plate: string;
	isOnline: boolean;
}

/** All vehicles that have registered, by their phone numbers, and what is new of them. */
export class Fleet {
	readonly #vehicles = new Map<string, Vehicle>();
	readonly #words = new Map<string, string>();
	readonly #changed = new Set<Vehicle>();

	/** The word by which the vehicle can authenticate from now on; `undefined` if there are too many. */
	register(phone: string, plate: string): string | undefined {
		const known = this.#vehicles.get(phone);
		if (known === undefined && this.#vehicles.size >= MAX_VEHICLES) {
			return undefined;
		}
		this.#vehicles.set(phone, { isOnline: false, ...known, phone, plate });
		const word = randomBytes(8).toString("hex");
		this.#words.set(phone, word);
		return word;
	}

	/** True if that is the vehicle's word. */
	isWord(phone: string, word: string): boolean {
		return word !== "" && this.#words.get(phone) === word;
	}

	update(phone: string, news: Partial<Vehicle>): void {
		const vehicle = this.#vehicles.get(phone);
		if (vehicle === undefined) return;
		this.#changed.add(Object.assign(vehicle, news));
	}

	all(): Vehicle[] {
		return [...this.#vehicles.values()];
	}

	/** What has changed since the last call. */
	changes(): Vehicle[] {
		const changed = [...this.#changed];
		this.#changed.clear();
		return changed;
	}
}

const MAX_VEHICLES = 10_000;
