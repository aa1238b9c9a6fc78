import type { Planned } from "../runs/dryRun.ts";
import type { GatewayState } from "../runs/gatewayStates.ts";
import type { RunGateway } from "../runs/log.ts";
import type { StoredRun } from "../runs/runs.ts";
import { jsonResponse, type Response } from "./exchange.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * A run, gateway by gateway, to whoever asked for it. 200: every gateway is settled, and none has failed. 207: some
 * have failed. 202: some are not settled yet.
 *
 * @param location where the run can be read later
 */
export function requestedRunResponse(stored: StoredRun, location: string): Response {
  const run = runView(stored);
  if (run.pending > 0) return jsonResponse(202, run, { location, ...lookLater });
  return jsonResponse(run.failed > 0 ? 207 : 200, run);
}

/** A run, gateway by gateway, to whoever reads it. */
export function runResponse(stored: StoredRun): Response {
  const run = runView(stored);
  return jsonResponse(200, run, run.pending > 0 ? lookLater : {});
}

const lookLater = { "retry-after": "30" };

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
  const { kind = "pending", ...told } = outcome ?? {};
  return {
    name,
    // What failed for now is tried again: until then it is not settled.
    state: state === "open" ? ("pending" as const) : kind,
    resourceId,
    vaultUrl,
    secretName,
    ...told,
  };
}

/** 200: nothing stands in the way of any of them. 207: something does. */
export function dryRunResponse(planned: readonly Planned[]): Response {
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

export function gatewaysResponse(states: readonly GatewayState[]): Response {
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
