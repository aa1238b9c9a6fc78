import { redact, reveal } from "../../../src/domain/redacted.ts";
import type { SecretAddress } from "../../../src/domain/target.ts";
import type { ExploreTerms } from "../explorers/exploreAll.ts";
import { createWorld, secretAt } from "../models/world.ts";
import type { RunnerDefinition, RunnerServices } from "./runner.ts";
import type { Simulation, SimulationTerms } from "./scheduler.ts";
import type { Choice, FateName } from "./scheduleStep.ts";

export const vaultUrl = "https://contoso-keys.vault.azure.net";
/** The secret that runners count in: what the scheduler itself is tested with. */
export const counter: SecretAddress = { vaultUrl, secretName: "counter" };
export const world = createWorld({ now: 1_000_000, targets: [], vaultUrls: [vaultUrl] });

/** Read, add one, write: right for one runner, and loses an update where two do it at once. */
export async function increment({ secrets }: RunnerServices): Promise<string> {
  const latest = await secrets.readLatest(counter);
  if (latest.kind === "failed") return "failed";
  const count = latest.kind === "enabled" ? Number(reveal(latest.key)) : 0;
  const key = redact(String(count + 1));
  const written = await secrets.write(counter, { key, contentType: "text/plain", tags: {} });
  return written.kind;
}

export const incrementing = (...ids: readonly string[]) =>
  ids.map((id): RunnerDefinition => ({ id, run: increment }));

export const simulating = (...runners: readonly RunnerDefinition[]): SimulationTerms => ({
  world,
  makeRunners: () => runners,
  callTimeoutMs: 30_000,
  lifetimeMs: 1_800_000,
});

export const exploring = (terms: Partial<ExploreTerms> = {}): ExploreTerms => ({
  ...simulating(...incrementing("a", "b")),
  fates: [],
  bounds: {},
  oracle: everyStoredUpdateCounts,
  ...terms,
});

export const values = (simulation: Simulation): readonly string[] =>
  secretAt(simulation.world(), counter).versions.map(({ value }) => value);

function everyStoredUpdateCounts(simulation: Simulation, ended: boolean): string | undefined {
  const stored = simulation
    .runners()
    .filter(({ state }) => state.kind === "finished" && state.value === "stored").length;
  const count = Number(values(simulation).at(-1) ?? 0);
  return ended && count < stored ? `${stored} updates were stored, and the count is ${count}` : undefined;
}

export const call = (runner: string, number: number, fate: FateName = { kind: "normal" }): Choice => ({
  kind: "call",
  runner,
  call: number,
  fate,
});

export const stateOf = (simulation: Simulation, id: string) =>
  simulation.runners().find((runner) => runner.id === id)?.state;
