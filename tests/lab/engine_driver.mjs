// Runs a script against the playground's engine and prints what it returns, as JSON:
// node engine_driver.mjs ENGINE MODULES < script
// ENGINE is engine.wasm, MODULES a file with the modules of the page in one, as bundle.py makes it.  The script is the
// body of an async function of (engine, hash, module, bytes): a loaded engine, SHA-256 of an array, what the modules
// export, and the bytes of engine.wasm.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const [, , enginePath, modulesPath] = process.argv;
// a .js file in a folder without package.json is no module to Node
const module = await import(`data:text/javascript;base64,${readFileSync(modulesPath).toString("base64")}`);
const bytes = readFileSync(enginePath);
const engine = await module.loadEngine(bytes);
const hash = (numbers) => createHash("sha256").update(Buffer.from(numbers.slice().buffer)).digest("hex");
const AsyncFunction = (async () => {}).constructor;
const run = new AsyncFunction("engine", "hash", "module", "bytes", readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await run(engine, hash, module, bytes)));
