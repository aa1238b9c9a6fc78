// Not TypeScript: stripping types would take longer than what is measured.
// node startProbe.cjs <folder> [trigger]: loads a function app as the Functions worker does, and triggers its timer.
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

const [, , folder, trigger] = process.argv;
require(path.join(folder, "main.js"));

if (trigger !== undefined) {
  const context = { invocationId: "probe", log() {}, warn() {}, error: console.error };
  process.send(performance.timeOrigin + performance.now());
  handlers
    .get("rotateOnSchedule")({}, context)
    .catch((error) => {
      console.error(error);
      process.exit(1);
    });
}
