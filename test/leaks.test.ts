import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMachine } from "../local/machine.ts";
import type { Fault, FaultRule, RecordedRequest } from "../local/simulator/types.ts";
import { build } from "../scripts/build.ts";
import { preflightSecretName } from "../src/domain/secretStore.ts";
import { allBlobs } from "./support/allBlobs.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "leaks-test-"));
  await build({ outDir: folder });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const isRegenerate = ({ url }: RecordedRequest) => /regenerate(auth)?key\?/i.test(url);
const isWrite = ({ method, url, headers }: RecordedRequest) =>
  method === "PUT" && headers["authorization"] !== undefined && !url.includes(preflightSecretName);

const canary = "CANARY7f3a9";

/** Failures during which a key could leak. */
const leaks: readonly (readonly [string, FaultRule])[] = [
  ...(
    [
      ["400", { kind: "answer", status: 400, effect: "none" }],
      ["401", { kind: "answer", status: 401, effect: "none" }],
      ["403", { kind: "answer", status: 403, effect: "none" }],
      ["404", { kind: "answer", status: 404, effect: "none" }],
      ["412", { kind: "answer", status: 412, effect: "none" }],
      ["429", { kind: "answer", status: 429, headers: { "retry-after": "1" }, effect: "none" }],
      [
        "500 with a key in it",
        {
          kind: "answer",
          status: 500,
          body: `{"error":{"code":"x","message":"${canary}"}}`,
          effect: "applied",
        },
      ],
      ["503", { kind: "answer", status: 503, effect: "applied" }],
      ["no answer", { kind: "hang" }],
      ["a dropped connection", { kind: "drop", effect: "applied" }],
      ["an empty body", { kind: "answer", status: 200, body: "", effect: "applied" }],
      [
        "HTML with a key in it",
        {
          kind: "answer",
          status: 200,
          body: `<p>${canary}</p>`,
          contentType: "text/html",
          effect: "applied",
        },
      ],
      [
        "broken JSON with a key in it",
        { kind: "answer", status: 200, body: `{"key":"${canary}`, effect: "applied" },
      ],
      ["a body cut off within the key", { kind: "cutOff", bytes: 60 }],
    ] satisfies [string, Fault][]
  ).map(
    ([name, fault]) =>
      [`regenerate: ${name}`, { service: "resourceManager", matches: isRegenerate, fault }] as const,
  ),
  ...(
    [
      ["403", { kind: "answer", status: 403, effect: "none" }],
      [
        "400 that repeats the key",
        {
          kind: "answer",
          status: 400,
          body: `{"error":{"code":"BadParameter","message":"${canary}"}}`,
          effect: "none",
        },
      ],
      ["500 with an empty body", { kind: "answer", status: 500, body: "", effect: "applied" }],
      ["no answer", { kind: "hang" }],
      ["a dropped connection", { kind: "drop", effect: "applied" }],
      [
        "broken JSON with the key in it",
        { kind: "answer", status: 200, body: `{"value":"${canary}`, effect: "applied" },
      ],
    ] satisfies [string, Fault][]
  ).map(([name, fault]) => [`store: ${name}`, { service: "keyVault", matches: isWrite, fault }] as const),
];

test("successes and every failure, with verbose SDK logs → a key is in the vault only", async ({
  onTestFinished,
}) => {
  const { simulator, functionsHost, settings, stop } = await startMachine({
    folder,
    settings: {
      AZURE_LOG_LEVEL: "verbose",
      CALL_TIMEOUT_SECONDS: "1",
      AzureFunctionsJobHost__functionTimeout: "00:00:15",
    },
    simulator: { canary },
  });
  onTestFinished(stop);
  const failures: string[] = [];
  // Store faults come first: after an unknown effect, a two-key gateway waits before its next attempt.
  for (const [, rule] of leaks.toReversed()) {
    simulator.inject({ ...rule, times: rule.service === "resourceManager" ? Number.POSITIVE_INFINITY : 1 });
    const { outcome } = await functionsHost.trigger("rotateOnSchedule");
    if (outcome.kind === "failed") failures.push(outcome.message);
    simulator.clearFaults();
  }
  // Each regenerate fault fails its run; a store that failed once is tried again, if there is time.
  const regenerations = leaks.filter(([name]) => name.startsWith("regenerate"));
  expect(failures.length).toBeGreaterThanOrEqual(regenerations.length);

  const inVaults = ["vault-20443", "vault-20444"].flatMap((vault) =>
    [...simulator.secrets(vault).values()].flatMap(({ versions }) => versions),
  );
  expect(inVaults.filter(({ value }) => value.includes(canary)).length).toBeGreaterThanOrEqual(3);

  const elsewhere: Readonly<Record<string, string>> = {
    output: functionsHost.output(),
    logs: JSON.stringify(functionsHost.logs),
    errors: failures.join("\n"),
    telemetry: JSON.stringify(simulator.telemetry),
    tags: JSON.stringify(inVaults.map(({ tags, contentType }) => [tags, contentType])),
    requests: JSON.stringify(
      simulator.requests.map((request) => (isWrite(request) ? { ...request, body: "" } : request)),
    ),
    blobs: await allBlobs(settings["AzureWebJobsStorage"] ?? ""),
  };
  expect(elsewhere["output"]).toContain("azure:core-rest-pipeline");
  expect(elsewhere["telemetry"]).toContain("GatewayKeyRotationFailed");
  for (const [place, text] of Object.entries(elsewhere)) {
    expect(text.length, place).toBeGreaterThan(0);
    expect(text.includes(canary), `${place} holds a key`).toBe(false);
  }
});
