import { registerHooks } from "node:module";

/**
 * Preloaded into Azurite's process, which ends when its parent is killed or stops it. Its own shutdown would wait for
 * ever while the parent's channel is open.
 */
for (const event of ["disconnect", "SIGTERM"]) process.once(event, () => process.exit());

/**
 * Azurite 3.37.0 loads its telemetry, with all of OpenTelemetry, even when telemetry is off. That takes half of its start
 * time, so an empty module is loaded instead.
 */
const nothing = "azurite:no-telemetry";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "applicationinsights" ? { url: nothing, shortCircuit: true } : next(specifier, context),
  load: (url, context, next) =>
    url === nothing ? { format: "commonjs", source: "", shortCircuit: true } : next(url, context),
});
