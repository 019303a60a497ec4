/**
 * Whether `text` is what `pattern` says: `*` for any characters, `?` for one, `[a-z]` and `[^a-z]` for one of some, and `\`
 * before a character that means itself. When a character does not fit it goes back to the last `*` only, so that no pattern
 * takes longer than both lengths multiplied.
 */
export function matches(pattern: string, text: string): boolean {
	const steps = stepsOf(pattern);
	let step = 0;
	let at = 0;
	let star = -1;
	let starAt = 0;
	while (at < text.length) {
		const wanted = steps[step];
		if (wanted === "*") {
			star = step++;
			starAt = at;
		} else if (wanted?.(text.charCodeAt(at))) {
			step++;
			at++;
		} else if (star >= 0) {
			step = star + 1;
			at = ++starAt;
		} else {
			return false;
		}
	}
	while (steps[step] === "*") step++;
	return step === steps.length;
}

type Step = "*" | ((code: number) => boolean);

function stepsOf(pattern: string): Step[] {
	const parts = pattern.match(/\\.|\[\^?(?:\\.|[^\]])*\]?|./gs) ?? [];
	return parts.map((part) => {
		if (part === "*") return part;
		if (part === "?") return () => true;
		if (part[0] === "[") return oneOf(part.slice(1).replace(/\]$/, ""));
		const code = part.charCodeAt(part.length > 1 ? 1 : 0);
		return (other) => other === code;
	});
}

/** `a-z` and characters, as they stand between brackets. */
function oneOf(inside: string): Step {
	const isNot = inside[0] === "^";
	const ranges = inside.slice(isNot ? 1 : 0).match(RANGE) ?? [];
	const bounds = ranges.map((range) => {
		const [from = "", to = from] = (range.match(/\\.|./gs) ?? []).filter(
			(_, index) => index !== 1,
		);
		const codes = [codeOf(from), codeOf(to)];
		return [Math.min(...codes), Math.max(...codes)] as const;
	});
	return (code) =>
		bounds.some(([from, to]) => from <= code && code <= to) !== isNot;
}

const RANGE = /(?:\\.|.)-(?:\\.|.)|\\.|./gs;

function codeOf(character: string): number {
	return character.charCodeAt(character.length - 1);
}
