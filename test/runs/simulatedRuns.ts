import { beforeEach, expect } from "vitest";
import type {
  Fault,
  RecordedRequest,
  SimulatedSecret,
  SimulatedService,
} from "../../local/simulator/types.ts";
import type { Redacted } from "../../src/domain/redacted.ts";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Tags } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import type { RunTerms } from "../../src/rotation/context.ts";
import { type RunResult, rotateAll } from "../../src/runs/rotateAll.ts";
import { createSimulatedBlobs, type SimulatedBlobs } from "../simulation/models/blobModel.ts";
import { callTimeoutMs } from "../support/azure.ts";
import { gatewayTarget, namedGateway, ofNewRun, runtimeTarget } from "../support/gateways.ts";
import { isRegenerate } from "../support/requests.ts";
import { azure, useAzure } from "../support/useAzure.ts";

let blobs: SimulatedBlobs;

/** The clock moves by pauses and by what a test says, not with the machine's: how long calls take decides nothing. */
export const epoch = Date.now();
let elapsedMs = 0;
export const now = (): number => epoch + elapsedMs;
/** The process, or all of them, stall so long. */
export function stall(ms: number): void {
  elapsedMs += ms;
}

/** Starts the simulator for the tests of the file, and empties its vaults before each. @param names of more gateways */
export function useSimulatedRuns(names: readonly string[] = []): void {
  const more = names.map((name) => namedGateway(name).target);
  useAzure({ gateways: [gatewayTarget, runtimeTarget, ...more].map(({ resourceId }) => resourceId) });
  beforeEach(() => {
    elapsedMs = 0;
    blobs = createSimulatedBlobs({ clock: now });
    for (const vault of ["contoso-keys", "fabrikam-keys"]) azure.simulator.secrets(vault).clear();
  });
}

/** A gateway of this name, whose keys go to this vault. */
export const oneOf = (name: string, vaultUrl = azure.contoso, terms: Partial<Gateway> = {}) =>
  namedGateway(name, vaultUrl, terms);

export interface Ran {
  readonly result: RunResult;
  readonly events: readonly RotationEvent[];
  readonly requests: readonly RecordedRequest[];
  /** The length of each pause, in milliseconds. */
  readonly sleeps: readonly number[];
}

/** One run of the schedule, as one process. */
export async function run(
  gateways: readonly Gateway[],
  terms: Partial<RunTerms> = {},
  events: RotationEvent[] = [],
): Promise<Ran> {
  const before = azure.simulator.requests.length;
  const sleeps: number[] = [];
  const result = await rotateAll(
    {
      keys: azure.keys,
      secrets: azure.secrets,
      blobs,
      events: { emit: (event) => events.push(event) },
      clock: {
        now,
        async sleep(ms) {
          const due = elapsedMs + ms;
          // Real, but short: calls of other gateways go on meanwhile.
          await new Promise((resolve) => setTimeout(resolve, ms / 100));
          sleeps.push(ms);
          elapsedMs = Math.max(elapsedMs, due);
        },
      },
      newGuid: () => crypto.randomUUID(),
      random: () => 0.5,
    },
    gateways.map(ofNewRun),
    {
      run: {
        id: `timer-${crypto.randomUUID()}`,
        trigger: "schedule",
        reason: "scheduled",
        requestedBy: "timer",
        mode: "standard",
        takeOwnership: false,
      },
      createdAt: now(),
      functionTimeoutMs: 60_000,
      deploymentName: "prod",
      deadline: now() + 10_000,
      callTimeoutMs,
      concurrency: 4,
      ...terms,
    },
    () => {},
  );
  return { result, events, sleeps, requests: azure.simulator.requests.slice(before) };
}

export const regenerates = ({ requests }: Ran): number => requests.filter(isRegenerate).length;
/** The one gateway failed, and no key was touched. */
export function expectUntouched(ran: Ran, failure: object): void {
  expect(ran.result.failed).toMatchObject([{ effect: "unchanged", ...failure }]);
  expect(regenerates(ran)).toBe(0);
}
export const named = <N extends RotationEvent["name"]>({ events }: Ran, name: N) =>
  events.filter((event): event is Extract<RotationEvent, { name: N }> => event.name === name);

const vaultOf = ({ secret }: Gateway) =>
  azure.simulator.secrets(secret.vaultUrl === azure.contoso ? "contoso-keys" : "fabrikam-keys");
/** The gateway's secret in the simulator, which a test can change. */
export function secretOf(of: Gateway): SimulatedSecret {
  const secret = vaultOf(of).get(of.secret.secretName.toLowerCase());
  if (secret === undefined) throw new Error(`${of.secret.secretName} was never written.`);
  return secret;
}
export const versionsOf = (of: Gateway) =>
  vaultOf(of).get(of.secret.secretName.toLowerCase())?.versions ?? [];
const noTags: Tags = {};
export const latestOf = (of: Gateway) => versionsOf(of).at(-1) ?? { value: "", version: "", tags: noTags };
export const works = (of: Gateway): boolean =>
  azure.simulator.accepts(of.target.resourceId, latestOf(of).value);
/** Writes a version outside this system. */
export const writeByHand = ({ secret }: Gateway, key: Redacted, tags: Tags = {}) =>
  azure.secrets.write(secret, { key, contentType: "text/plain", tags });

export const inject = (
  service: SimulatedService,
  fault: Fault,
  matches: (request: RecordedRequest) => boolean,
  times = 1,
) => azure.simulator.inject({ service, fault, matches, times });
/** Does this when the request has arrived, before it takes effect. */
export const meanwhile = (act: () => void | Promise<void>): Fault => ({
  kind: "call",
  when: "before",
  run: act,
});
