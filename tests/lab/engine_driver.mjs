// Runs a script against the playground's engine and prints what it returns, as JSON:
// node engine_driver.mjs FOLDER < script
// The script is the body of an async function of (engine, hash, module, bytes): a loaded engine, SHA-256 of an array,
// what engine.js exports, and the bytes of engine.wasm.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const source = readFileSync(join(folder, "engine.js"));
// a .js file in a folder without package.json is no module to Node
const module = await import(`data:text/javascript;base64,${source.toString("base64")}`);
const bytes = readFileSync(join(folder, "engine.wasm"));
const engine = await module.loadEngine(bytes);
const hash = (numbers) => createHash("sha256").update(Buffer.from(numbers.slice().buffer)).digest("hex");
const AsyncFunction = (async () => {}).constructor;
const run = new AsyncFunction("engine", "hash", "module", "bytes", readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await run(engine, hash, module, bytes)));
