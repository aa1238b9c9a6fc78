import { describe, expect, test } from "vitest";
import type { RecordedRequest } from "../../local/simulator/types.ts";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { Tags } from "../../src/domain/secretStore.ts";
import { runtime, runtimeTarget } from "../support/gateways.ts";
import { refusal } from "../support/requests.ts";
import { azure } from "../support/useAzure.ts";
import {
  expectUntouched,
  inject,
  latestOf,
  now,
  type Ran,
  regenerates,
  run,
  stall,
  useSimulatedRuns,
  writeByHand,
} from "./simulatedRuns.ts";

useSimulatedRuns();

describe("the latest version was written by hand", () => {
  test.each<[string, (key: string) => string, Tags]>([
    ["outside this system", (key) => key, { team: "data" }],
    ["by hand in quotes", (key) => `"${key}"`, {}],
  ])("the published key was written %s → the other slot is regenerated", async (_, text, tags) => {
    const of = runtime(azure.contoso);
    const { authKey2 = "" } = azure.simulator.keys(runtimeTarget.resourceId);
    await writeByHand(of, redact(text(authKey2)), tags);
    await run([of]);
    expect(latestOf(of).tags).toMatchObject({ "key-name": "authKey1", ...tags });
    expect(azure.simulator.accepts(of.target.resourceId, authKey2)).toBe(true);
  });

  test("a version without a key is written by hand → the key that was published last still works", async () => {
    const of = runtime(azure.contoso);
    await run([of]);
    const { value: published, tags } = latestOf(of);
    expect(tags["key-name"]).toBe("authKey2");
    await writeByHand(of, redact("not a key"));
    await run([of]);
    expect(latestOf(of).tags["key-name"]).toBe("authKey1");
    expect(azure.simulator.accepts(of.target.resourceId, published)).toBe(true);
  });

  test("the secret held another gateway's key, with our tags → this gateway's slots are compared", async () => {
    const of = runtime(azure.contoso);
    const { authKey1 = "" } = azure.simulator.keys(runtimeTarget.resourceId);
    const tags = { "managed-by": "gateway-key-rotation/prod", "key-name": "authKey2", sequence: "1" };
    await writeByHand(of, redact(authKey1), tags);
    await run([of]);
    expect(latestOf(of).tags).toMatchObject({ "key-name": "authKey2", sequence: "2" });
  });

  test.each<[string, Tags, string]>([
    ["with a higher sequence", { sequence: "7", constructor: "theirs" }, "8"],
    ["without a sequence", {}, "2"],
  ])("a version %s was written by hand → the next one's sequence is $2", async (_, tags, sequence) => {
    const of = runtime(azure.contoso);
    await run([of]);
    await writeByHand(of, redact("not a key"), tags);
    await run([of]);
    expect(latestOf(of).tags).toMatchObject({ ...tags, sequence });
  });

  test("the slot depends on the list of keys, which fails → no key is regenerated", async () => {
    const of = runtime(azure.contoso);
    const { authKey1 = "" } = azure.simulator.keys(runtimeTarget.resourceId);
    await writeByHand(of, redact(authKey1));
    inject("resourceManager", refusal(403), ({ url }) => url.includes("listAuthKeys"));
    const ran = await run([of]);
    expectUntouched(ran, {
      code: "list-keys-forbidden",
      nextAction: expect.stringContaining("listauthkeys/action"),
    });
  });
});

describe("a two-key gateway that is not due", () => {
  const dayMs = 86_400_000;
  const of = () => runtime(azure.contoso, { rotateEveryDays: 30 });
  const isList = ({ url }: RecordedRequest) => url.includes("listAuthKeys");
  const lists = ({ requests }: Ran) => requests.filter(isList).length;

  async function tickAfter(days: number): Promise<Ran> {
    stall(days * dayMs);
    return run([of()], { deadline: now() + 100_000 });
  }

  test("its published key works → compared every 7 days, not at each tick, and never regenerated", async () => {
    await run([of()]);
    const ticks: Ran[] = [];
    for (let day = 1; day <= 15; day += 1) ticks.push(await tickAfter(1));
    expect(ticks.map(lists)).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(ticks.flatMap(({ result }) => result.failed)).toEqual([]);
    expect(ticks.map(regenerates)).toEqual(ticks.map(() => 0));
  });

  test("an operator regenerated its other key → nothing is done", async () => {
    await run([of()]);
    await azure.keys.regenerate(runtimeTarget, "authKey1", toClientRequestId(crypto.randomUUID()));
    const ran = await tickAfter(7);
    expect(ran.result).toMatchObject({ skipped: 1, failed: [] });
    expect(regenerates(ran)).toBe(0);
  });
});
