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
        /** The function's own key; no other function takes it. */
        key: z.string(),
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
export type HttpRoute = HostReady["httpRoutes"][number];
export type HostLog = Message<"log">;
export type InvocationResult = Message<"invocationCompleted">;

/** From the process that started the host: invoke a timer now, with this id. */
export const TriggerMessage = z.object({ invocationId: z.string(), functionName: z.string() });
export type TriggerMessage = z.infer<typeof TriggerMessage>;

/** How long Azure's front end waits for an HTTP function, whatever `functionTimeout` is. */
export const azureFrontEndTimeoutMs = 230_000;

/** How long Azure lets running invocations continue after SIGTERM. */
export const azureDrainMs = 10_000;
