import test, { type ExecutionContext } from "ava";
import { start } from "../kit/program.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";
import { connect, type WsClient } from "../kit/ws-client.js";
import { fileOf, lineLike, serving } from "./example.js";

/** What the page is told of a vehicle. */
interface Vehicle {
	phone: string;
	plate: string;
	isOnline: boolean;
	latitude?: number;
	longitude?: number;
	altitude?: number;
	speed?: number;
	direction?: number;
	time?: number;
}

/** The report of the example of another encoder (github.com/SmallChi/JT808, README); it has an escape in its head and in its body. */
const REPORT =
	"7E 02 00 00 26 12 34 56 78 90 12 00 7D 02 00 00 00 01 00 00 00 02 00 BA 7F 0E 07 E4 F1 1C 00 28 00 3C 00 00 18 10 15 10 10 10 01 04 00 00 00 64 02 02 00 7D 01 13 7E";
const PHONE = "123456789012";

function hex(text: string): Buffer {
	return Buffer.from(text.replace(/\s/g, ""), "hex");
}

/** A message of the standard of 2013, without its frame. */
function message(id: string, body: string, phone = PHONE): string {
	const length = hex(body).length.toString(16).padStart(4, "0");
	return `${id} ${length} ${phone} 0001 ${body}`;
}

/** A frame with this, in hex. */
function sealed(text: string): Buffer {
	const bytes = hex(text);
	const check = bytes.reduce((sum, byte) => sum ^ byte, 0);
	const inside = [...bytes, check].map((byte) =>
		byte === 0x7d
			? "7d01"
			: byte === 0x7e
				? "7d02"
				: Buffer.of(byte).toString("hex"),
	);
	return hex(`7e ${inside.join("")} 7e`);
}

/** The next frame, opened and in hex, without the check byte. */
async function opened(client: TcpClient): Promise<string> {
	const pairs: string[] = [];
	await client.read(1);
	for (;;) {
		const byte = (await client.read(1)).toString("hex");
		if (byte === "7e") break;
		const isEscape = byte === "7d";
		if (!isEscape) pairs.push(byte);
		else pairs.push((await client.read(1))[0] === 1 ? "7d" : "7e");
	}
	return pairs.slice(0, -1).join("");
}

/** The gateway, with somebody who looks at its page. */
async function gateway(t: ExecutionContext) {
	const name = "vehicles/gateway";
	const { program, url } = await serving(t, name, "--device-port=0");
	const line = await program.line();
	t.regex(line, /^listening on jt808:\/\/127\.0\.0\.1:\d+ with 2 event loops$/);
	const devicePort = Number(/:(\d+) with/.exec(line)?.[1]);
	const viewer = await connect(t, url.replace("http:", "ws:"));
	t.is(await viewer.messages.next(), "[]");
	return { program, url, devicePort, viewer };
}

/** What the page has been told of all vehicles when that is as it should be. */
async function told(
	{ messages }: WsClient,
	isEnough: (vehicles: Vehicle[]) => boolean,
): Promise<Vehicle[]> {
	const vehicles = new Map<string, Vehicle>();
	while (!isEnough([...vehicles.values()])) {
		for (const vehicle of JSON.parse(String(await messages.next()))) {
			vehicles.set(vehicle.phone, vehicle);
		}
	}
	return [...vehicles.values()];
}

/** A vehicle that has registered and authenticated. */
async function vehicle(t: ExecutionContext, port: number, phone = PHONE) {
	const client = await tcp(t, port);
	const plate = "bea9 41313233";
	client.write(
		sealed(message("0100", `${"00".repeat(36)} 01 ${plate}`, phone)),
	);
	const answer = await opened(client);
	t.is(answer.slice(0, 4), "8100");
	t.is(answer.slice(24, 30), "000100");
	client.write(sealed(message("0102", answer.slice(30), phone)));
	t.is((await opened(client)).slice(24), "0001010200");
	return client;
}

test("the page is whole by itself", async (t) => {
	const { url } = await gateway(t);
	const response = await fetch(url);
	t.is(response.headers.get("content-type"), "text/html; charset=utf-8");
	const page = await response.text();
	t.regex(page, /<meta name="viewport"/);
	t.regex(page, /prefers-color-scheme: dark/);
	const named = page.match(/\bhttps?:[^"'\s)]+/g);
	t.deepEqual(named, ["http://www.w3.org/2000/svg"]);
	t.notRegex(page, /\bsrc=|@import|url\(/);
	// What is in it is a program.
	const script = /<script>(.*)<\/script>/s.exec(page)?.[1] ?? "";
	t.notThrows(() => new Function(script));
});

test("the vehicles of the simulator are on the page, and offline when they are gone", async (t) => {
	const { devicePort, viewer } = await gateway(t);
	const simulator = start(t, [
		...[fileOf("vehicles/simulator"), `--port=${devicePort}`],
		...["--vehicles=4", "--every-ms=50"],
	]);
	const isMoving = ({ latitude }: Vehicle) => latitude !== undefined;
	const before = await told(viewer, (all) => all.filter(isMoving).length === 4);
	t.deepEqual(before.map(({ plate }) => plate).sort(), [
		"京A10001",
		"京A10002",
		"京A10003",
		"京A10004",
	]);
	for (const { isOnline, latitude, longitude, speed, altitude } of before) {
		t.true(isOnline);
		t.true(Math.abs((latitude ?? 0) - 39.9) < 0.1);
		t.true(Math.abs((longitude ?? 0) - 116.4) < 0.1);
		t.true((speed ?? 0) > 40);
		t.is(altitude, 44);
	}
	const after = await told(viewer, (all) =>
		before.every(({ phone, latitude }) =>
			all.some((one) => one.phone === phone && one.latitude !== latitude),
		),
	);
	t.is(after.length, 4);
	simulator.signal("SIGKILL");
	await told(
		viewer,
		(all) => all.length === 4 && all.every(({ isOnline }) => !isOnline),
	);
	t.pass();
});

test("the report of another encoder is understood and answered, byte by byte too", async (t) => {
	const { devicePort, viewer } = await gateway(t);
	const client = await vehicle(t, devicePort);
	client.write(hex(REPORT));
	t.is((await opened(client)).slice(24), "007e020000");
	await client.trickle(hex(REPORT));
	t.is((await opened(client)).slice(24), "007e020000");
	const [seen] = await told(viewer, ([one]) => one?.latitude !== undefined);
	t.deepEqual(seen, {
		phone: PHONE,
		plate: "京A123",
		isOnline: true,
		latitude: 12.222222,
		longitude: 132.444444,
		altitude: 40,
		speed: 6,
		direction: 0,
		time: Date.parse("2018-10-15T10:10:10+08:00"),
	});
});

test("vehicles of the standard of 2019 have longer numbers, and may be in the south and the west", async (t) => {
	const { devicePort, viewer } = await gateway(t);
	const client = await tcp(t, devicePort);
	const send = (id: string, body: string) => {
		const length = (0x4000 | hex(body).length).toString(16);
		const phone = "00000000013800000001";
		client.write(sealed(`${id} ${length} 01 ${phone} 0007 ${body}`));
	};
	send("0100", `${"00".repeat(75)} 01 41424300`);
	const registered = await opened(client);
	t.is(registered.slice(0, 4), "8100");
	t.is(registered.slice(8, 30), "0100000000013800000001");
	const word = registered.slice(40);
	send("0102", `${(word.length / 2).toString(16)} ${word} ${"00".repeat(35)}`);
	t.is((await opened(client)).slice(34), "0007010200");
	send(
		"0200",
		"00000000 0000000e 00000001 00000002 fff6 0000 0167 991231235959",
	);
	t.is((await opened(client)).slice(34), "0007020000");
	const [seen] = await told(viewer, ([one]) => one?.latitude !== undefined);
	t.like(seen, {
		phone: "13800000001",
		plate: "ABC",
		latitude: -0.000001,
		longitude: -0.000002,
		altitude: -10,
		direction: 359,
	});
});

test("who has not authenticated is not believed", async (t) => {
	const { devicePort, viewer } = await gateway(t);
	const first = await vehicle(t, devicePort);
	const other = await tcp(t, devicePort);
	other.write(hex(REPORT));
	t.is((await opened(other)).slice(24), "007e020001");
	other.write(sealed(message("0102", "31323334")));
	t.is((await opened(other)).slice(24), "0001010201");
	other.write(sealed(message("0102", "")));
	t.is((await opened(other)).slice(24), "0001010201");
	// Nor is one that has, for another.
	first.write(sealed(message("0002", "", "999999999999")));
	t.is((await opened(first)).slice(24), "0001000201");
	first.write(sealed(message("0002", "")));
	t.is((await opened(first)).slice(24), "0001000200");
	const [seen] = await told(viewer, (all) => all.length === 1);
	t.deepEqual(seen, { phone: PHONE, plate: "京A123", isOnline: true });
});

test("noise and frames that are damaged cost nothing but themselves", async (t) => {
	const { program, devicePort } = await gateway(t);
	const client = await vehicle(t, devicePort);
	const damaged = hex(REPORT);
	damaged[20] = 0;
	client.write(Buffer.concat([hex("00 01 02"), damaged, hex(REPORT)]));
	t.is((await opened(client)).slice(24), "007e020000");
	await lineLike(program, /^127\.0\.0\.1: .*checksum/);
});

test("what is not served is answered, and what is no message closes its connection only", async (t) => {
	const { program, devicePort } = await gateway(t);
	const good = await vehicle(t, devicePort);
	good.write(sealed(message("0704", "0000")));
	t.is((await opened(good)).slice(24), "0001070403");
	for (const [bytes, error] of [
		[sealed(message("0200", "00").replace("0001", "0009")), /length/],
		[sealed(message("0002", "", "12345678901a")), /no decimal digits/],
		[sealed("0002"), /range/],
	] as const) {
		const client = await tcp(t, devicePort);
		client.write(bytes);
		t.is((await client.readToEnd()).length, 0);
		client.socket.end();
		await lineLike(program, error);
	}
	const lost = await vehicle(t, devicePort, "000000000002");
	lost.write(
		sealed(
			message("0200", `${"00".repeat(4)} 00000002 ff000000`, "000000000002"),
		),
	);
	t.is((await lost.readToEnd()).length, 0);
	good.write(sealed(message("0002", "")));
	t.is((await opened(good)).slice(24), "0001000200");
});
