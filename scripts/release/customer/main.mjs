import * as gev from "gev";
import { WebSocket } from "ws";
import exchange from "./exchange.cjs";

await exchange(gev, WebSocket);
