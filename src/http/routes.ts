import { createHash } from "node:crypto";
import type { AppSettings } from "../config/appSettings.ts";
import type { ConfigurationResult } from "../config/configuration.ts";
import { type NextTick, nextTickOf } from "../config/schedule.ts";
import type { CallProblem } from "../domain/attempt.ts";
import { describeWithoutMessage } from "../domain/redacted.ts";
import type { Gateway, Run } from "../domain/target.ts";
import type { Work } from "../rotation/context.ts";
import { driveUntilSettled } from "../runs/driveUntilSettled.ts";
import { dryRun } from "../runs/dryRun.ts";
import { readGatewayStates } from "../runs/gatewayStates.ts";
import { type CreatedRun, createRun, type RunAccess, readRun } from "../runs/runs.ts";
import { HttpProblem, type HttpRequest, type HttpResponse, type Invocation, toResponse } from "./exchange.ts";
import { authorize } from "./operator.ts";
import { dryRunResponse, gatewaysResponse, requestedRunResponse, runResponse } from "./responses.ts";
import { chooseGateways, type RotationRequest, readRotationRequest } from "./rotationRequest.ts";

/** What the routes are built from. */
export interface RoutesTerms {
  load(): Promise<ConfigurationResult>;
  /**
   * Runs `work` with this invocation's services and terms, and flushes telemetry at its end.
   *
   * @param startedAt when the invocation began, in milliseconds since 1970
   */
  invoke<T>(
    invocation: Invocation,
    settings: AppSettings,
    startedAt: number,
    work: (work: Work) => Promise<T>,
  ): Promise<T>;
}

export type Route = (request: HttpRequest, invocation: Invocation) => Promise<HttpResponse>;

export interface Routes {
  /** `POST /api/rotations` */
  readonly requestRotation: Route;
  /** `GET /api/rotations/{runId}` */
  readonly readRotation: Route;
  /** `GET /api/gateways` */
  readonly listGateways: Route;
}

/** Azure's front end ends a request after 230 s, whatever the function's time-out. The answer must be sent before that. */
const answerWithinMs = 200_000;

/** Makes the HTTP routes. No route rejects: each error becomes an answer, by {@link toResponse}. */
export function createRoutes({ load, invoke }: RoutesTerms): Routes {
  /** Makes a route: it authorizes the caller, and answers with what `work` returns. */
  const route =
    (
      work: (
        asked: { readonly request: HttpRequest; readonly requestedBy: string; readonly startedAt: number },
        loaded: ConfigurationResult,
        run: <T>(work: (work: Work) => Promise<T>) => Promise<T>,
      ) => Promise<HttpResponse>,
    ): Route =>
    async (request, invocation) => {
      const startedAt = Date.now();
      try {
        const loaded = await load();
        if (loaded.settings === undefined) throw misconfigured(loaded);
        const { settings } = loaded;
        const requestedBy = authorize(request.headers, settings);
        return await work({ request, requestedBy, startedAt }, loaded, (act) =>
          invoke(invocation, settings, startedAt, act),
        );
      } catch (error) {
        const response = toResponse(error);
        if (error instanceof HttpProblem) invocation.warn(`${response.status} ${error.message}`);
        else invocation.error(`${response.status} ${describeWithoutMessage(error)}`);
        return response;
      }
    };

  return {
    requestRotation: route(async ({ request, requestedBy, startedAt }, loaded, run) => {
      const { settings, gateways } = validOf(loaded);
      const asked = { ...(await readRotationRequest(request)), requestedBy };
      return run(({ terms, ...work }) => {
        const yieldAt = Math.min(startedAt + answerWithinMs, terms.deadline);
        const timed = { ...work, terms: { ...terms, yieldAt } };
        return asked.dryRun
          ? plan(timed, asked, gateways, nextTickOf(settings.rotationSchedule))
          : rotate(timed, asked, gateways, new URL(request.url).pathname);
      });
    }),

    readRotation: route(({ request }, _loaded, run) =>
      run(async ({ storage }) => {
        const id = request.params["runId"] ?? "";
        const read: RunAccess = /^[\w.-]{1,120}$/.test(id) ? await readRun(storage, id) : { kind: "none" };
        if (read.kind === "found") return runResponse(read.run);
        throw unavailable(read, id);
      }),
    ),

    listGateways: route((_asked, loaded, run) => {
      const { settings, gateways } = validOf(loaded);
      return run(async ({ storage }) => {
        const read = await readGatewayStates(storage, gateways, nextTickOf(settings.rotationSchedule));
        if (read.kind === "failed") throw storageDown(read.problem);
        return gatewaysResponse(read.states);
      });
    }),
  };
}

/** Work for a caller who waits for an answer. */
type TimedWork = Work & { readonly terms: { readonly yieldAt: number } };

type Asked = RotationRequest & Pick<Run, "requestedBy">;

const runFor = (id: string, { reason, requestedBy, mode, takeOwnership }: Asked): Run => ({
  id,
  trigger: "http",
  reason,
  requestedBy,
  mode,
  takeOwnership,
});

async function plan(
  { services, terms }: TimedWork,
  asked: Asked,
  gateways: readonly Gateway[],
  nextTick: NextTick,
): Promise<HttpResponse> {
  const run = runFor("dry-run", asked);
  const chosen = chooseGateways(asked, gateways);
  const createdAt = services.clock.now();
  const planned = await dryRun(services, chosen, { ...terms, run, createdAt });
  return dryRunResponse(planned, (gateway, rotatedAt) => nextTick(gateway, rotatedAt, createdAt));
}

async function rotate(
  { services, storage, terms }: TimedWork,
  asked: Asked,
  gateways: readonly Gateway[],
  path: string,
): Promise<HttpResponse> {
  const key = asked.idempotencyKey ?? services.newGuid();
  const id = `http-${createHash("sha256").update(key).digest("hex").slice(0, 40)}`;
  const { requestHash } = asked;
  const run = { ...runFor(id, asked), requestHash, driver: services.newGuid() };
  // A run that exists needs no configuration: it holds its gateways and terms.
  const created = await createRun(storage, run, () => chooseGateways(asked, gateways));
  if (created.kind === "failed" || created.kind === "unreadable") throw unavailable(created, id);
  const { document } = created.run;
  if (document.requestHash !== requestHash) throw keyReused(id);
  const driven = await driveUntilSettled(services, storage, created, terms);
  if (driven.kind === "failed") throw storageDown(driven.problem, id, "unknown", driven.rotated);
  return requestedRunResponse(driven.run, `${path.replace(/\/$/, "")}/${id}`);
}

function validOf(loaded: ConfigurationResult) {
  if (loaded.kind === "invalid") throw misconfigured(loaded);
  return loaded;
}

const misconfigured = ({ problems, settings }: Extract<ConfigurationResult, { kind: "invalid" }>) =>
  new HttpProblem({
    status: 503,
    code: "configuration-invalid",
    detail:
      settings === undefined
        ? "App settings are wrong, so no run is started, and resumeRotations does not continue open runs."
        : "The configuration is wrong, so no run is started. resumeRotations finishes open runs from what they stored.",
    nextAction: "Fix what `problems` lists.",
    problems,
  });

const keyReused = (id: string): HttpProblem =>
  new HttpProblem({
    status: 409,
    code: "idempotency-key-reused",
    detail: `The Idempotency-Key belongs to another request, that of run ${id}.`,
    nextAction:
      "Send a new Idempotency-Key for a new request, or send the same request again for the same run.",
  });

type Unavailable = Exclude<RunAccess | CreatedRun, { readonly kind: "found" | "created" }>;

function unavailable(access: Unavailable, run: string): HttpProblem {
  switch (access.kind) {
    case "failed":
      return storageDown(
        access.problem,
        run,
        "mayExist" in access && access.mayExist ? "unknown" : "unchanged",
      );
    case "unreadable":
      return new HttpProblem({
        status: 503,
        code: "run-unreadable",
        detail: `The function does not understand the blob ${access.blob}, and does not change it.`,
        nextAction:
          "If another version of this system wrote the blob, deploy that version again. Otherwise request a new rotation, with a new Idempotency-Key.",
      });
    case "none":
      return new HttpProblem({
        status: 404,
        code: "run-not-found",
        detail: "No run has this id. Runs are kept for 90 days.",
        nextAction:
          "Search Application Insights for the id, or audit the vault: every version names its request.",
      });
  }
}

const storageDown = (
  { code, message }: CallProblem,
  run?: string,
  effect: "unchanged" | "unknown" = "unchanged",
  rotated = 0,
): HttpProblem =>
  new HttpProblem({
    status: 503,
    code: `storage-${code}`,
    detail: [
      `${run === undefined ? "The journals" : `The record of run ${run}`} could not be read or written. ${message}`,
      ...(rotated === 0 ? [] : [`Before that, this request rotated ${rotated} of its gateways.`]),
    ].join(" "),
    effect,
    nextAction:
      effect === "unchanged"
        ? "This request started nothing. Restore access to the function's storage account (AzureWebJobsStorage), then send the request again."
        : "The run may have started, and resumeRotations continues it automatically. If the request had an Idempotency-Key, send it again with the same key; otherwise read the run.",
  });
