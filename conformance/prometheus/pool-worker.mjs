// What each worker of the pool serves: an echo that "die" ends.
import { Server, webSocket } from "gev";

export default new Server(
	{
		onMessage(_, message) {
			if (message === "die") process.exit(3);
			return message;
		},
	},
	{ protocol: webSocket() },
);
