import { z } from "zod";
import { formatTable, type Row } from "../cli/table.ts";
import type { HostLog, InvocationResult } from "./functionsHost/protocol.ts";
import { aborted, type Session } from "./interruption.ts";
import type { Machine } from "./machine.ts";
import type { Simulator } from "./simulator/types.ts";

export const rotationFunction = "rotateOnSchedule";

/**
 * Triggers the rotation and prints its result.
 *
 * @returns the exit code: 0 if the invocation succeeded, 1 if it failed
 * @throws if the session is interrupted, or the functions host ends before the invocation
 */
export async function rotateOnce(machine: Machine, { print, interruption }: Session): Promise<number> {
  const { simulator, functionsHost } = machine;
  const shown = simulator.telemetry.length;
  const result = await Promise.race([functionsHost.trigger(rotationFunction), aborted(interruption)]);
  if (result === undefined) throw interruption.reason;
  print(`\n${describeInvocation(simulator, result, shown)}`);
  return result.outcome.kind === "succeeded" ? 0 : 1;
}

/** A row of `customEvents`, as the exporter sends it. */
const CustomEvent = z.object({
  data: z.object({
    baseType: z.literal("EventData"),
    baseData: z.object({
      name: z.string(),
      properties: z.record(z.string(), z.string()).default({}),
      measurements: z.record(z.string(), z.number()).default({}),
    }),
  }),
});

type Event = z.infer<typeof CustomEvent>["data"]["baseData"];

/**
 * Describes an invocation that has ended, for the console: the versions in Key Vault with the ids that Azure returned, the
 * failures with their next actions, how many gateways were not due, and the events in Application Insights.
 *
 * @param from the number of telemetry items before the invocation
 * @throws if an event names a version that its vault does not have
 */
export function describeInvocation(simulator: Simulator, result: InvocationResult, from: number): string {
  const { functionName, outcome, durationMs } = result;
  const events = simulator.telemetry.slice(from).flatMap((item) => {
    const { data: event } = CustomEvent.safeParse(item);
    return event === undefined ? [] : [event.data.baseData];
  });
  const named = (name: string) => events.filter((event) => event.name === name);
  const report = [
    rotatedTable(simulator, named("GatewayKeyRotated")),
    failedTable(named("GatewayKeyRotationFailed")),
    notDue(named("RotationRunCompleted")),
    eventCounts(events),
  ]
    .filter((part) => part !== undefined)
    .join("\n\n");
  return outcome.kind === "succeeded"
    ? `${report}\n${functionName} succeeded in ${durationMs} ms.`
    : `${report}\n\n${functionName} failed after ${durationMs} ms: ${outcome.message}`;
}

function rotatedTable(simulator: Simulator, events: readonly Event[]): string | undefined {
  if (events.length === 0) return undefined;
  const rows = events.map(({ properties: dimensions, measurements }): Row => {
    const { version, tags } = storedVersion(simulator, dimensions);
    const durationMs = measurements["rotation.duration-ms"];
    return {
      cells: [
        dimensions["rotation.gateway"] ?? "",
        dimensions["rotation.kind"] ?? "",
        tags["key-name"] ?? "",
        version,
        tags["fingerprint"] ?? "",
        durationMs === undefined ? "" : Math.round(durationMs).toString(),
      ],
      details: [`request ${tags["request-id"] ?? "–"}  correlation ${tags["correlation-request-id"] ?? "–"}`],
    };
  });
  return formatTable(["gateway", "kind", "key", "secret version", "fingerprint", "ms"], rows, ["ms"]);
}

/** The version itself, read from its vault: telemetry alone would not prove that it exists. */
function storedVersion({ vaultUrls, secrets }: Simulator, dimensions: Event["properties"]) {
  const { "rotation.vault-url": url, "rotation.secret-name": secretName = "" } = dimensions;
  const vault = Object.keys(vaultUrls).find((name) => vaultUrls[name] === url);
  const versions = vault === undefined ? [] : (secrets(vault).get(secretName.toLowerCase())?.versions ?? []);
  const stored = versions.find(({ version }) => version === dimensions["rotation.secret-version"]);
  if (stored === undefined)
    throw new Error(`${url} does not have the version of ${secretName} that an event names.`);
  return stored;
}

function failedTable(events: readonly Event[]): string | undefined {
  if (events.length === 0) return undefined;
  const rows = events.map(({ properties: dimensions }): Row => {
    const show = (name: string) => dimensions[`rotation.${name}`] ?? "–";
    return {
      cells: [show("gateway"), show("kind"), show("code"), show("effect")],
      details: [show("message"), `next: ${show("next-action")}`],
    };
  });
  return formatTable(["failed gateway", "kind", "code", "key is"], rows);
}

function notDue(completed: readonly Event[]): string | undefined {
  const skipped = completed.reduce(
    (sum, { measurements }) => sum + (measurements["rotation.skipped"] ?? 0),
    0,
  );
  if (skipped === 0) return undefined;
  return skipped === 1 ? "1 gateway was not due." : `${skipped} gateways were not due.`;
}

function eventCounts(events: readonly Event[]): string {
  const counts = new Map<string, number>();
  for (const { name } of events) counts.set(name, (counts.get(name) ?? 0) + 1);
  const listed = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  return `Sent to Application Insights: ${listed === "" ? "nothing" : listed}.`;
}

/** An event of the job, as the log has it: one line of JSON. */
const EventLine = z.object({
  event: z.string(),
  "rotation.gateway": z.string().optional(),
  "rotation.code": z.string().optional(),
  "rotation.decision-reason": z.string().optional(),
});

/** A line of the host's log for the console. An event is shortened to name, gateway and code: a table has the rest. */
export function describeLog({ level, functionName, message }: HostLog): string {
  return `${level.padEnd(11)} ${functionName ?? "host"}  ${describeEvent(message) ?? message}`;
}

function describeEvent(message: string): string | undefined {
  const { data: line } = EventLine.safeParse(parseJson(message));
  if (line === undefined) return undefined;
  const code = line["rotation.code"] ?? line["rotation.decision-reason"];
  return [line.event, line["rotation.gateway"], code].filter((part) => part !== undefined).join("  ");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
