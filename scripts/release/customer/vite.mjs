import { build } from "vite";

await build({
	configFile: false,
	logLevel: "warn",
	build: {
		ssr: "main.mjs",
		outDir: "out",
		rollupOptions: { external: ["ws"] },
	},
});
