import type { Planned } from "../runs/dryRun.ts";
import type { GatewayState } from "../runs/gatewayStates.ts";
import type { RunGateway } from "../runs/log.ts";
import type { StoredRun } from "../runs/runs.ts";
import { type HttpResponse, jsonResponse } from "./exchange.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * The answer to the request that started a run: the run, gateway by gateway. 200: every gateway is settled, and none has
 * failed. 207: some have failed. 202: some are pending.
 *
 * @param location the path at which the run can be read later
 */
export function requestedRunResponse(stored: StoredRun, location: string): HttpResponse {
  const run = runView(stored);
  if (run.pending > 0) return jsonResponse(202, run, { location, ...readLater });
  return jsonResponse(run.failed > 0 ? 207 : 200, run);
}

/** The answer to a request that reads a run: 200, and the run, gateway by gateway. */
export function runResponse(stored: StoredRun): HttpResponse {
  const run = runView(stored);
  return jsonResponse(200, run, run.pending > 0 ? readLater : {});
}

const readLater = { "retry-after": "30" };

function runView({ document, ...folded }: StoredRun) {
  const gateways = folded.gateways.map(gatewayView);
  const count = (state: GatewayView["state"]) => gateways.filter((each) => each.state === state).length;
  const pending = count("pending");
  const { id, trigger, mode, reason, requestedBy, createdAt } = document;
  return {
    run: id,
    state: pending > 0 ? "running" : "settled",
    trigger,
    mode,
    reason,
    requestedBy,
    createdAt: iso(createdAt),
    rotated: count("rotated"),
    skipped: count("skipped"),
    failed: count("failed"),
    pending,
    gateways,
  };
}

type GatewayView = ReturnType<typeof gatewayView>;

function gatewayView({ name, resourceId, vaultUrl, secretName, state, outcome }: RunGateway) {
  const { kind = "pending", ...facts } = outcome ?? {};
  return {
    name,
    // A failure that is not final is tried again: the gateway is pending until then.
    state: state === "open" ? ("pending" as const) : kind,
    resourceId,
    vaultUrl,
    secretName,
    ...facts,
    // `nextAction` says until when the run tries again.
    refusedSince: undefined,
  };
}

/** The answer to a dry run, gateway by gateway. 200: no gateway has an obstacle. 207: some gateway has one. */
export function dryRunResponse(planned: readonly Planned[]): HttpResponse {
  const gateways = planned.map(({ gateway, would, problems }) => ({
    name: gateway.name,
    ready: problems.length === 0,
    would: would?.kind ?? "fail",
    ...(would === undefined ? {} : { reason: would.reason, message: would.message }),
    resourceId: gateway.target.resourceId,
    ...gateway.secret,
    problems: problems.map(({ code, message, nextAction }) => ({ code, message, nextAction })),
  }));
  const ready = gateways.every((each) => each.ready);
  return jsonResponse(ready ? 200 : 207, { dryRun: true, ready, gateways });
}

/** The answer with the state of every configured gateway. */
export function gatewaysResponse(states: readonly GatewayState[]): HttpResponse {
  const gateways = states.map(({ gateway, state, rotatedAt, dueAt, expiresAt, secretVersion }) => ({
    name: gateway.name,
    state,
    resourceId: gateway.target.resourceId,
    ...gateway.secret,
    secretVersion: secretVersion ?? null,
    rotatedAt: rotatedAt === undefined ? null : iso(rotatedAt),
    dueAt:
      gateway.rotateEveryDays === undefined
        ? "with every tick"
        : dueAt === undefined
          ? "with the next tick"
          : iso(dueAt),
    expiresAt: expiresAt === undefined ? null : iso(expiresAt),
  }));
  return jsonResponse(200, { gateways });
}
