import { z } from "zod";

const level = z.enum(["trace", "debug", "information", "warning", "error", "critical"]);

/** What the host tells the process that started it. */
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
    /** Left out where the host itself speaks. */
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

/** The host's answer to a trigger by hand carries it, so that its end can be waited for. */
export const invocationIdHeader = "x-ms-invocation-id";

/** How long Azure lets the client of an HTTP function wait, whatever `functionTimeout` says. */
export const azureFrontEndTimeoutMs = 230_000;
