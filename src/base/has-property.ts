/**
 * @internal True where an object has this property itself or from a class of its own. What is found at the end of every chain of
 * prototypes, `Object.prototype`, does not count: a library may have added anything to it.
 */
export function hasProperty(value: object, key: PropertyKey): boolean {
	if (Object.hasOwn(value, key)) return true;
	let prototype: object | null = Object.getPrototypeOf(value);
	while (prototype !== null) {
		const next: object | null = Object.getPrototypeOf(prototype);
		if (next !== null && Object.hasOwn(prototype, key)) return true;
		prototype = next;
	}
	return false;
}
