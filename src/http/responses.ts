import type { KeyWorks } from "../domain/attempt.ts";
import { gatewayKinds } from "../domain/gatewayKinds.ts";
import { type Gateway, hostAction } from "../domain/target.ts";
import { gatewayOf } from "../runs/document.ts";
import type { Planned } from "../runs/dryRun.ts";
import type { GatewayState } from "../runs/gatewayStates.ts";
import type { RunGateway } from "../runs/log.ts";
import type { StoredRun } from "../runs/runs.ts";
import { type HttpResponse, jsonResponse } from "./exchange.ts";

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null | undefined): string | null => (ms == null ? null : iso(ms));

/**
 * The answer to the request that started a run: the run, gateway by gateway. 207: some have failed, or a published key
 * is dead or in doubt. 202: some are pending, and no key is at risk. 200: every gateway is settled, and none has failed.
 *
 * @param location the path at which the run can be read later
 */
export function requestedRunResponse(stored: StoredRun, location: string): HttpResponse {
  const run = runView(stored);
  const isPending = run.pending > 0;
  const status = run.keysAtRisk > 0 ? 207 : isPending ? 202 : run.failed > 0 ? 207 : 200;
  return jsonResponse(status, run, isPending ? { location, ...readLater } : {});
}

/** The answer to a request that reads a run: 200, and the run, gateway by gateway. */
export function runResponse(stored: StoredRun): HttpResponse {
  const run = runView(stored);
  return jsonResponse(200, run, run.pending > 0 ? readLater : {});
}

const readLater = { "retry-after": "30" };

function runView({ document, ...folded }: StoredRun) {
  const gateways = folded.gateways.map((each) => gatewayView(each, document.mode));
  const counts = { rotated: 0, skipped: 0, failed: 0, pending: 0 };
  for (const { state } of gateways) counts[state] += 1;
  const atRisk = folded.gateways.filter((each) => each.isAtRisk);
  const dead = atRisk.filter(({ keyWorks }) => keyWorks === false).length;
  const { id, trigger, mode, reason, requestedBy, createdAt } = document;
  return {
    run: id,
    state: counts.pending > 0 ? "running" : "settled",
    summary: summaryOf(gateways.length, counts, dead, atRisk.length - dead),
    trigger,
    mode,
    reason,
    requestedBy,
    createdAt: iso(createdAt),
    ...counts,
    keysAtRisk: atRisk.length,
    gateways,
  };
}

/** One sentence: first what is wrong with the keys, then how far the gateways are. */
function summaryOf(
  all: number,
  counts: Readonly<Record<string, number>>,
  dead: number,
  inDoubt: number,
): string {
  const keys = [
    ...(dead === 0 ? [] : [`${dead} of ${all} published keys ${dead === 1 ? "does" : "do"} not work`]),
    ...(inDoubt === 0 ? [] : [`${inDoubt} of ${all} published keys may not work`]),
  ];
  const outcomes = Object.entries(counts).flatMap(([state, n]) => (n === 0 ? [] : [`${n} ${state}`]));
  const states = `of ${all} ${all === 1 ? "gateway" : "gateways"}: ${outcomes.join(", ")}`;
  return keys.length === 0 ? `${capital(states)}.` : `${capital(keys.join(", "))}; ${states}.`;
}

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

function gatewayView(each: RunGateway, mode: StoredRun["document"]["mode"]) {
  const { name, resourceId, vaultUrl, secretName, state, outcome, keyWorks, versions } = each;
  const { kind = "pending", ...facts } = outcome ?? {};
  const gateway = gatewayOf(each);
  const afterRotation = kind === "rotated" ? hostAction(gateway) : undefined;
  return {
    name,
    kind: gateway.target.kind,
    // A failure that is not final is tried again: the gateway is pending until then.
    state: state === "open" ? ("pending" as const) : kind,
    keyWorks,
    resourceId,
    vaultUrl,
    secretName,
    ...facts,
    ...(afterRotation === undefined ? {} : { nextAction: afterRotation }),
    ...(mode === "compromised" ? { versions } : {}),
    // The answer leaves these two out: `nextAction` has the time until which the run tries again.
    refusedSince: undefined,
    refusedByRole: undefined,
  };
}

/** The answer to a dry run, gateway by gateway. 200: no gateway has an obstacle. 207: some gateway has one. */
export function dryRunResponse(
  planned: readonly Planned[],
  nextTick: (gateway: Gateway, rotatedAt: number | undefined) => Date | undefined,
): HttpResponse {
  const gateways = planned.map(({ gateway, would, keyWorks, rotatedAt, problems }) => ({
    name: gateway.name,
    kind: gateway.target.kind,
    ready: problems.length === 0,
    keyWorks,
    impact: gatewayKinds[gateway.target.kind].impact,
    would: would?.kind ?? "fail",
    ...(would === undefined ? {} : { reason: would.reason, message: would.message }),
    // Without the journal and the secret, the time of the last rotation is not known.
    nextTick: (would && nextTick(gateway, rotatedAt)) ?? null,
    resourceId: gateway.target.resourceId,
    ...gateway.secret,
    problems: problems.map(({ code, message, nextAction }) => ({ code, message, nextAction })),
  }));
  const ready = gateways.every((each) => each.ready);
  return jsonResponse(ready ? 200 : 207, { dryRun: true, ready, gateways });
}

/** The answer with the state of every configured gateway. */
export function gatewaysResponse(states: readonly GatewayState[]): HttpResponse {
  const gateways = states.map((each) => {
    const { gateway, state, keyWorks, rotatedAt, nextTick, expiresAt, secretVersion, failure, host } = each;
    return {
      name: gateway.name,
      kind: gateway.target.kind,
      state,
      keyWorks: keyWorks ?? ("unknown" satisfies KeyWorks),
      impact: gatewayKinds[gateway.target.kind].impact,
      nextAction: nextActionOf(each),
      resourceId: gateway.target.resourceId,
      ...gateway.secret,
      secretVersion: secretVersion ?? null,
      rotatedAt: isoOrNull(rotatedAt),
      nextTick: nextTick ?? null,
      expiresAt: isoOrNull(expiresAt),
      host: host === undefined ? null : { ...host, registeredAt: isoOrNull(host.registeredAt) },
      // `keyWorks` shows whether the key is dead.
      lastFailure: failure === undefined ? null : { ...failure, at: iso(failure.at), isKeyDead: undefined },
    };
  });
  return jsonResponse(200, { gateways });
}

function nextActionOf({ gateway, state, keyWorks, failure, host, verifyAt }: GatewayState): string | null {
  if (failure !== undefined) return failure.nextAction;
  if (state === "rotating") return "No action is needed: resumeRotations continues the rotation.";
  const ofHost = host?.sinceRotation === false ? hostAction(gateway) : undefined;
  if (ofHost !== undefined) return ofHost;
  if (keyWorks !== "unknown" || verifyAt === undefined) return null;
  return `No action is needed. After ${iso(verifyAt)}, resumeRotations verifies the key, and rotates it unless it is known to work.`;
}
