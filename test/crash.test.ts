import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launchFunctionsHost } from "../local/functionsHost/launch.ts";
import { readSampleGateways } from "../local/sample.ts";
import { type Services, startServices } from "../local/services.ts";
import type { RecordedRequest } from "../local/simulator/types.ts";
import { build } from "../scripts/build.ts";
import { preflightSecretName } from "../src/rotation/preflight.ts";

let folder: string;
let services: Services | undefined;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "crash-test-"));
  await build({ outDir: folder });
});
afterEach(() => services?.stop());
afterAll(() => rm(folder, { recursive: true, force: true }));

const isRegenerate = ({ url }: RecordedRequest) => /regenerate(auth)?key\?/i.test(url);
const isStore = (request: RecordedRequest) =>
  request.method === "PUT" &&
  request.headers["authorization"] !== undefined &&
  !request.url.includes(preflightSecretName);

/** Rotates the sample's version 1 gateway in one process that is killed at the request, and goes on in another. */
async function crash(
  service: "resourceManager" | "keyVault",
  matches: (request: RecordedRequest) => boolean,
) {
  const [gateway, ...others] = (await readSampleGateways()).gateways;
  if (gateway === undefined || others.length === 0) throw new Error("The sample has changed.");
  services = await startServices({
    gateways: { gateways: [{ ...gateway, vaultUrl: "https://127.0.0.1:20443" }] },
    settings: { CALL_TIMEOUT_SECONDS: "1", AzureFunctionsJobHost__functionTimeout: "00:00:15" },
  });
  const { simulator, settings } = services;
  const first = await launchFunctionsHost({ folder, env: settings });
  const kill = () => void process.kill(first.pid, "SIGKILL");
  simulator.inject({ service, matches, fault: { kind: "call", when: "after", run: kill } });
  await expect(first.trigger("rotateOnSchedule")).rejects.toThrow("SIGKILL");

  const versions = () => simulator.secrets("vault-20443").get("adf-gatewaytest-key")?.versions ?? [];
  const second = await launchFunctionsHost({ folder, env: settings });
  try {
    const endsAt = Date.now() + 30_000;
    const isDone = () =>
      second.logs.some(({ message }) => /"rotation.decision":"(takeOver|adopt)"/.test(message));
    while (!isDone() && Date.now() < endsAt) {
      await sleep(500);
      await second.trigger("resumeRotations");
    }
  } finally {
    await second.stop();
  }
  const latest = versions().at(-1);
  expect(simulator.accepts(gateway.resourceId, latest?.value ?? "")).toBe(true);
  return { regenerates: simulator.requests.filter(isRegenerate).length, versions: versions().length };
}

describe("the process is killed, and resumeRotations goes on in another one", { timeout: 60_000 }, () => {
  test("after the key was regenerated, before it was stored → rolled forward: another key, and that one is stored", async () => {
    expect(await crash("resourceManager", isRegenerate)).toEqual({ regenerates: 2, versions: 1 });
  });

  test("after the new key was stored → adopted: nothing is regenerated again", async () => {
    expect(await crash("keyVault", isStore)).toEqual({ regenerates: 1, versions: 1 });
  });
});
