// Runs the functions of a script against the playground's engine and prints what they return, as JSON:
// node engine_driver.mjs FOLDER < script, where the script is the body of an async function of (engine, hash, loadEngine).
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const source = readFileSync(join(folder, "engine.js"));
// a .js file in a folder without package.json is no module to Node
const { loadEngine } = await import(`data:text/javascript;base64,${source.toString("base64")}`);
const bytes = readFileSync(join(folder, "engine.wasm"));
const engine = await loadEngine(bytes);
const hash = (numbers) => createHash("sha256").update(Buffer.from(numbers.slice().buffer)).digest("hex");
const AsyncFunction = (async () => {}).constructor;
const run = new AsyncFunction("engine", "hash", "loadEngine", "bytes", readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await run(engine, hash, loadEngine, bytes)));
