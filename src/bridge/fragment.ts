/** Where in its message a fragment belongs. */
export interface Fragment {
	/** The message is text. */
	readonly text: boolean;
	/** The message begins with this fragment. */
	readonly first: boolean;
	/** The message ends with this fragment. */
	readonly last: boolean;
}
