import type { FunctionsHost } from "../../local/functionsHost/launch.ts";

/**
 * Triggers a function in a process and waits for its end.
 *
 * @returns the failure, or nothing
 * @throws if the process ends first
 */
export type TriggerFunction = (host: FunctionsHost) => Promise<readonly string[]>;

const timer =
  (name: string): TriggerFunction =>
  async (host) => {
    const { outcome } = await host.trigger(name);
    return outcome.kind === "failed" ? [`${name} failed: ${outcome.message}`] : [];
  };

export const rotateOnSchedule = timer("rotateOnSchedule");
export const resumeRotations = timer("resumeRotations");

/** Asks over HTTP for a run in mode compromised, which replaces every key of every gateway. */
export const replaceCompromised: TriggerFunction = async (host) => {
  const response = await fetch(`http://127.0.0.1:${host.port}/api/rotations`, {
    method: "POST",
    headers: {
      "x-functions-key": host.functionKey,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify({ gateways: "*", confirm: "*", mode: "compromised", reason: "a test" }),
  });
  const text = await response.text();
  return response.ok ? [] : [`the request failed: ${response.status} ${text}`];
};
