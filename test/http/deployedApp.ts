import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { type Services, type ServicesOptions, startServices } from "../../local/services.ts";
import { deployedBundle } from "../support/bundle.ts";
import { isRegenerate } from "../support/requests.ts";

/** In every gateway key. */
const canary = "CANARY5d1c0";

/** Azure of the file's tests, from `useDeployedApp` on. */
export let services: Services;
/** The host of requests that name no other. */
export let host: FunctionsHost;
let folder: string;
const hosts: FunctionsHost[] = [];

/** Starts the deployed bundle in the local functions host for the tests of the file, and clears faults before each. */
export function useDeployedApp(options: Pick<ServicesOptions, "gateways"> = {}): void {
  beforeAll(async () => {
    const settings = {
      // A call takes 20 ms. On a busy machine none may time out but those that a test lets hang.
      CALL_TIMEOUT_SECONDS: "5",
      AzureFunctionsJobHost__functionTimeout: "00:01:15",
      // Every host runs its timers: no tick may fire during a test.
      RESUME_SCHEDULE: "0 0 0 1 1 *",
    };
    [services, folder] = await Promise.all([
      startServices({ ...options, settings, simulator: { canary } }),
      deployedBundle(),
    ]);
    host = await launch();
  });
  afterEach(() => services.simulator.clearFaults());
  afterAll(async () => {
    await Promise.all(hosts.map((each) => each.stop()));
    await services.stop();
  });
}

/** Another host on the same services. It is stopped with them. */
export async function launch(
  settings: Readonly<Record<string, string>> = {},
  options: { readonly frontEndTimeoutMs?: number } = {},
): Promise<FunctionsHost> {
  const launched = await launchFunctionsHost({
    folder,
    env: { ...services.settings, ...settings },
    ...options,
  });
  hosts.push(launched);
  return launched;
}

/** The last test of a file. */
export const testThatNoKeyWasLogged = () =>
  test("all of these requests → no gateway key and no function key in any log or output", () => {
    for (const { logs, output, functionKey, masterKey } of hosts) {
      const all = JSON.stringify(logs) + output();
      expect(logs.length).toBeGreaterThan(0);
      for (const secret of [canary, functionKey, masterKey]) expect(all).not.toContain(secret);
    }
  });

interface Sent {
  readonly method?: "GET" | "POST";
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly on?: FunctionsHost;
}

export async function send(route: string, { method = "POST", body, headers = {}, on = host }: Sent = {}) {
  const response = await fetch(`http://127.0.0.1:${on.port}/api/${route}`, {
    method,
    headers: {
      "x-functions-key": on.functionKey,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

const Run = z.object({
  run: z.string(),
  state: z.enum(["running", "settled"]),
  requestedBy: z.string(),
  rotated: z.number(),
  failed: z.number(),
  pending: z.number(),
  gateways: z.array(
    z.looseObject({ name: z.string(), state: z.string(), secretVersion: z.string().optional() }),
  ),
});
const Problem = z.looseObject({
  type: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  effect: z.enum(["unchanged", "unknown", "applied"]),
  nextAction: z.string().min(1),
  problems: z.array(z.looseObject({ path: z.string(), rule: z.string(), remedy: z.string() })).optional(),
});

export const runIn = ({ text }: { readonly text: string }) => Run.parse(JSON.parse(text));

export async function refused(answer: ReturnType<typeof send>) {
  const { status, headers, text } = await answer;
  expect(headers.get("content-type")).toBe("application/problem+json");
  const problem = Problem.parse(JSON.parse(text));
  expect(problem.status).toBe(status);
  return problem;
}

export const regenerates = () => services.simulator.requests.filter(isRegenerate).length;
export const latest = (vault: string, name: string) =>
  services.simulator.secrets(vault).get(name)?.versions.at(-1);
