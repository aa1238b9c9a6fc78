import { z } from "zod";
import type { HostLog } from "./functionsHost/protocol.ts";

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
