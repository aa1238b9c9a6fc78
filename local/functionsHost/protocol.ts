import { z } from "zod";

const level = z.enum(["trace", "debug", "information", "warning", "error", "critical"]);
export type LogLevel = z.infer<typeof level>;

/** What the process that starts the host gives to it, as JSON in its only argument. */
export const HostOptions = z.object({
  /** A deployable folder. */
  folder: z.string(),
  /**
   * Milliseconds after which the client of an HTTP function gets 502, while the function continues. Default: the 230 s
   * of Azure's front end, whatever `functionTimeout` is.
   */
  frontEndTimeoutMs: z.number().default(230_000),
});
export type HostOptions = z.infer<typeof HostOptions>;

/** The messages from the host to the process that started it. */
export const HostMessage = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("ready"),
    port: z.number(),
    masterKey: z.string(),
    functionKey: z.string(),
    functions: z.array(z.string()),
    httpRoutes: z.array(
      z.object({
        functionName: z.string(),
        methods: z.array(z.string()),
        /** Parameters in braces, as in `http://127.0.0.1:7071/api/rotations/{runId}`. */
        url: z.string(),
      }),
    ),
  }),
  z.object({
    kind: z.literal("log"),
    level,
    message: z.string(),
    /** Absent for the host's own lines. */
    functionName: z.string().optional(),
    invocationId: z.string().optional(),
  }),
  z.object({
    kind: z.literal("invocationCompleted"),
    invocationId: z.string(),
    functionName: z.string(),
    durationMs: z.number(),
    outcome: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("succeeded") }),
      z.object({ kind: z.literal("failed"), message: z.string() }),
    ]),
  }),
]);

export type HostMessage = z.infer<typeof HostMessage>;
type Message<Kind extends HostMessage["kind"]> = Omit<Extract<HostMessage, { kind: Kind }>, "kind">;

export type HostReady = Message<"ready">;
export type HostLog = Message<"log">;
export type InvocationResult = Message<"invocationCompleted">;

/** From the process that started the host: invoke a timer now, with this id. */
export const TriggerMessage = z.object({ invocationId: z.string(), functionName: z.string() });
export type TriggerMessage = z.infer<typeof TriggerMessage>;

/** Sends a message to the process that started this host. A log line also goes to stdout, where a developer reads it. */
export function report(message: HostMessage): void {
  if (message.kind === "log")
    console.log(`${message.level.padEnd(11)} ${message.functionName ?? "host"}  ${message.message}`);
  if (process.connected) process.send?.(message);
}

export function log(level: LogLevel, message: string, functionName?: string, invocationId?: string): void {
  report({ kind: "log", level, message, functionName, invocationId });
}
