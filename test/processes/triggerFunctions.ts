import type { FunctionsHost } from "../../local/functionsHost/launch.ts";

/**
 * Asks a process for something and waits for its end.
 *
 * @returns how it failed, if it did
 * @throws where the process ends before
 */
export type Trigger = (host: FunctionsHost) => Promise<readonly string[]>;

const timer =
  (name: string): Trigger =>
  async (host) => {
    const { outcome } = await host.trigger(name);
    return outcome.kind === "failed" ? [`${name} failed: ${outcome.message}`] : [];
  };

export const rotateOnSchedule = timer("rotateOnSchedule");
export const resumeRotations = timer("resumeRotations");

/** The emergency: every key of every gateway is to be replaced. */
export const replaceCompromised: Trigger = async (host) => {
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
