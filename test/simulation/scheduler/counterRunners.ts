import { redact, reveal } from "../../../src/domain/redacted.ts";
import type { SecretAddress } from "../../../src/domain/target.ts";
import type { ExploreTerms } from "../explorers/exploreAll.ts";
import { createWorld, secretAt } from "../models/world.ts";
import type { RunnerDefinition, RunnerServices } from "./runner.ts";
import type { Simulation, SimulationTerms } from "./scheduler.ts";
import type { PlannedDelivery, ScheduleStep } from "./scheduleStep.ts";

export const vaultUrl = "https://contoso-keys.vault.azure.net";
/** The secret in which these runners count. The scheduler and the explorers are tested with them. */
export const counter: SecretAddress = { vaultUrl, secretName: "counter" };
export const world = createWorld({ now: 1_000_000, targets: [], vaultUrls: [vaultUrl] });

/** Reads, adds one and writes. One runner counts correctly; two at the same time lose an update. */
export async function increment({ secrets }: RunnerServices): Promise<string> {
  const latest = await secrets.readLatest(counter);
  if (latest.kind === "failed") return "failed";
  const count = latest.kind === "enabled" ? Number(reveal(latest.key)) : 0;
  const key = redact(String(count + 1));
  const written = await secrets.write(counter, { key, contentType: "text/plain", tags: {} });
  return written.kind;
}

export const incrementRunners = (...ids: readonly string[]) =>
  ids.map((id): RunnerDefinition => ({ id, run: increment }));

export const counterSimulation = (...runners: readonly RunnerDefinition[]): SimulationTerms => ({
  world,
  runners,
  callTimeoutMs: 30_000,
  lifetimeMs: 1_800_000,
});

export const counterExploration = (terms: Partial<ExploreTerms> = {}): ExploreTerms => ({
  ...counterSimulation(...incrementRunners("a", "b")),
  callFaults: [],
  bounds: {},
  oracle: lostUpdate,
  ...terms,
});

/** All values of the counter, oldest first. */
export const values = (simulation: Simulation): readonly string[] =>
  secretAt(simulation.world(), counter).versions.map(({ value }) => value);

function lostUpdate(simulation: Simulation, ended: boolean): string | undefined {
  const stored = simulation
    .runners()
    .filter(({ state }) => state.kind === "finished" && state.value === "stored").length;
  const count = Number(values(simulation).at(-1) ?? 0);
  return ended && count < stored ? `${stored} updates were stored, and the count is ${count}` : undefined;
}

export const call = (
  runner: string,
  number: number,
  delivery: PlannedDelivery = { kind: "normal" },
): ScheduleStep => ({
  kind: "call",
  runner,
  call: number,
  delivery,
});

export const stateOf = (simulation: Simulation, id: string) =>
  simulation.runners().find((runner) => runner.id === id)?.state;
