import { z } from "zod";

const level = z.enum(["trace", "debug", "information", "warning", "error", "critical"]);

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
  z.object({ kind: z.literal("invocationStarted"), invocationId: z.string(), functionName: z.string() }),
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
export type HttpRoute = HostReady["httpRoutes"][number];
export type HostLog = Message<"log">;
export type InvocationResult = Message<"invocationCompleted">;
export type InvocationOutcome = InvocationResult["outcome"];

/** A header of the host's answer to a trigger, so that the caller can wait for the invocation's end. */
export const invocationIdHeader = "x-ms-invocation-id";

/** How long Azure's front end waits for an HTTP function, whatever `functionTimeout` is. */
export const azureFrontEndTimeoutMs = 230_000;
