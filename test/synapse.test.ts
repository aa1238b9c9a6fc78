import { expect, test } from "vitest";
import { audit } from "../cli/audit/audit.ts";
import { createKeyVaultLists } from "../cli/azure/keyVaultLists.ts";
import { readGateways } from "../src/config/gateways.ts";
import { dryRun } from "../src/runs/dryRun.ts";
import { clientTimeoutMs } from "./support/azure.ts";
import { synapseRuntime, synapseTarget } from "./support/gateways.ts";
import { httpRun, lab, useLab } from "./support/lab.ts";
import { isRegenerate } from "./support/requests.ts";

useLab();

test("an entry with a Synapse runtime's id → a gateway of that kind, with a secret named after it", () => {
  const { resourceId } = synapseTarget;
  const text = JSON.stringify({ defaults: { vaultUrl: lab.azure.contoso }, gateways: [{ resourceId }] });
  const read = readGateways(text, "gateways.json", {
    keyVaultUrl: undefined,
    sampleAllowed: true,
  });
  expect(read).toEqual({ problems: [], gateways: [synapseRuntime(lab.azure.contoso)] });
});

test("a dry run → what would happen, no obstacle, and no key is touched", async () => {
  const { keys: inspector, simulator, contoso } = lab.azure;
  const of = synapseRuntime(contoso);
  const before = simulator.keys(of.target.resourceId);
  const { services, terms } = lab.invocation();
  const planned = await dryRun({ ...services, inspector }, [of], {
    ...terms,
    run: httpRun(),
    createdAt: lab.now(),
  });
  expect(planned).toMatchObject([{ gateway: of, would: { kind: "rotate" }, problems: [] }]);
  expect(simulator.keys(of.target.resourceId)).toEqual(before);
});

test("a lost answer in the middle → resume stores another key, and the published one works throughout", async () => {
  const of = synapseRuntime(lab.azure.contoso);
  await lab.rotate([of]);
  const [first] = [lab.latestOf(of)];
  expect(first).toMatchObject({
    contentType: "application/vnd.azure-synapse.integration-runtime-key",
    tags: { "key-name": "authKey2" },
  });

  lab.advance(60_000);
  lab.inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate);
  expect(await lab.rotate([of])).toMatchObject({ rotated: 0, failed: [{ effect: "unknown", final: false }] });
  expect(lab.latestOf(of)).toBe(first);
  expect(lab.works(of)).toBe(true);

  await lab.ticks(2);
  expect(lab.latestOf(of)?.tags).toMatchObject({ "key-name": "authKey1", sequence: "2" });
  expect(lab.works(of)).toBe(true);
  expect(lab.openRuns()).toBe(0);
});

test("the audit of its secret → both rotations, by slot, and no finding", async () => {
  const { contoso, credential } = lab.azure;
  const of = synapseRuntime(contoso);
  await lab.rotate([of]);
  lab.advance(60_000);
  await lab.rotate([of]);
  const vaultHistory = createKeyVaultLists({ credential, callTimeoutMs: clientTimeoutMs });
  const { secrets, unknown } = await audit({ vaults: [contoso] }, { vaultHistory });
  expect(unknown).toEqual([]);
  expect(
    secrets.map(({ name, findings, versions }) => ({
      name,
      findings,
      slots: versions.map(({ tags }) => tags["key-name"]),
    })),
  ).toEqual([{ name: "syn-research-lab", findings: [], slots: ["authKey2", "authKey1"] }]);
});
