/** Connections in rooms, in the order in which they come: neighbours are in one, as the load generator has it. */

/** How many members a room has, by what a server is started with: `--mode broadcast` or `--mode rooms`. */
export const roomSizes = { broadcast: Number.POSITIVE_INFINITY, rooms: 50 };

/**
 * @template Member
 * @typedef {object} Room
 * @property {string} topic For servers that have topics.
 * @property {Set<Member>} members
 */

/** @template Member */
export class Rooms {
	/** @type {number} */
	#size;
	#count = 0;
	/** @type {Room<Member> | undefined} The room that the next one goes into, if there is a place. */
	#last;

	/** @param {number} size */
	constructor(size) {
		this.#size = size;
	}

	/**
	 * @param {Member} member
	 * @returns {Room<Member>}
	 */
	join(member) {
		if (this.#last === undefined || this.#last.members.size === this.#size) {
			this.#last = { topic: `room ${this.#count++}`, members: new Set() };
		}
		this.#last.members.add(member);
		return this.#last;
	}
}
