// Not TypeScript: stripping types would take longer than what is measured.
// node startProbe.cjs <folder> [trigger | measure]: loads a function app as the Functions worker does. `trigger` also
// fires its timer and sends the time of that; `measure` waits for the tick's end and sends what the tick took.
const Module = require("node:module");
const path = require("node:path");

const handlers = new Map();
const core = {
  setProgrammingModel() {},
  registerHook() {},
  log() {},
  registerFunction: ({ name }, handler) => handlers.set(name, handler),
};
const load = Module._load;
Module._load = (id, ...rest) => (id === "@azure/functions-core" ? core : load(id, ...rest));

const [, , folder, mode] = process.argv;
require(path.join(folder, "main.js"));

function tick() {
  const context = { invocationId: crypto.randomUUID(), log() {}, warn: console.error, error: console.error };
  return handlers.get("rotateOnSchedule")({}, context);
}

async function measure() {
  const before = process.cpuUsage();
  await tick();
  const { user, system } = process.cpuUsage(before);
  process.send({ cpuMs: (user + system) / 1000, peakKiB: process.resourceUsage().maxRSS });
  process.disconnect();
}

function failed(error) {
  console.error(error);
  process.exit(1);
}

if (mode === "trigger") {
  process.send(performance.timeOrigin + performance.now());
  tick().catch(failed);
}

if (mode === "measure") measure().catch(failed);
