import type { PipelinePolicy, PipelineResponse } from "@azure/core-rest-pipeline";
import { AzureMonitorLogExporter } from "@azure/monitor-opentelemetry-exporter";
import { type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from "@opentelemetry/sdk-logs";
import * as z from "zod/mini";
import type { EventRecord } from "../domain/rotationEvents.ts";
import type { Credential } from "./credential.ts";
import { refusedToken } from "./wire.ts";

export interface ApplicationInsightsOptions {
  readonly connectionString: string;
  /** For resources whose local authentication is off; the audience is the connection string's `AADAudience`. */
  readonly credential?: Credential | undefined;
  /** Shown as cloud role name. */
  readonly deploymentName: string;
  /** The invocation's trace context. The rows carry its ids, which relate them to the host's request. */
  readonly traceParent?: string | undefined;
  /** How long the flush may take, in milliseconds. */
  readonly flushTimeLimitMs: number;
}

export interface ApplicationInsights {
  /** Queues a row of `customEvents`. `time` is when the event happened. */
  send(record: EventRecord, time: Date): void;
  /**
   * Sends every queued row; called once, at the end. What is not accepted within the time limit is lost. Never rejects.
   *
   * @returns how many rows were accepted, and the first reason why some were not
   */
  flush(): Promise<{ readonly accepted: number; readonly problem: string | undefined }>;
}

/** About 400 KB: well below what the ingestion endpoint accepts in one request. */
const maxExportBatchSize = 250;

/**
 * Sends rows through OpenTelemetry's batch processor and Microsoft's exporter, which here stores nothing on disk and
 * sends no statistics. In the background the exporter also requests feature flags from `settings.sdk.monitor.azure.com`.
 * It has no option to turn that off, and no flag affects the log exporter.
 *
 * @throws if the connection string has no usable instrumentation key
 */
export function createApplicationInsights(options: ApplicationInsightsOptions): ApplicationInsights {
  const { connectionString, credential, deploymentName, flushTimeLimitMs } = options;
  let accepted = 0;
  let problem: string | undefined;
  const deadline = new AbortController();

  /** The exporter reports a batch as failed if the service accepted a part of it, and reports no status. */
  const readAnswers: PipelinePolicy = {
    name: "gatewayKeyRotationIngestion",
    async sendRequest(request, next) {
      request.abortSignal = deadline.signal;
      const response = await next(request);
      accepted += acceptedItems(response);
      const refused = refusedToken(request, response);
      if (refused !== undefined) credential?.refused(refused);
      if (response.status !== 200) problem ??= `the ingestion endpoint answered ${response.status}`;
      return response;
    },
  };

  // Without this variable, the exporter sends statistics about itself to Microsoft. It has no option for it, and reads the
  // variable when it is made.
  process.env["APPLICATION_INSIGHTS_NO_STATSBEAT"] = "1";
  const azure = new AzureMonitorLogExporter({
    connectionString,
    ...(credential === undefined ? {} : { credential }),
    disableOfflineStorage: true,
    additionalPolicies: [{ policy: readAnswers, position: "perCall" }],
  });

  /** Ends a batch at the deadline even if Azure's exporter still waits, for example for a token. */
  const exporter: LogRecordExporter = {
    export(records, done) {
      const { signal } = deadline;
      const { promise, resolve, reject } = Promise.withResolvers<ExportResult>();
      const abort = () => reject(signal.reason);
      if (signal.aborted) abort();
      else azure.export(records, resolve).catch(reject);
      signal.addEventListener("abort", abort);
      promise
        // 1 is `ExportResultCode.FAILED` of `@opentelemetry/core`, which would be a dependency for this one number.
        .catch((error): ExportResult => ({ code: 1, error }))
        .then((result) => {
          // The listener holds the batch, and the signal lives as long as the run.
          signal.removeEventListener("abort", abort);
          if (result.error !== undefined) problem ??= result.error.message;
          done(result);
        });
    },
    forceFlush: () => azure.forceFlush(),
    shutdown: () => azure.shutdown(),
  };
  const processor = new BatchLogRecordProcessor({
    exporter,
    maxExportBatchSize,
    // With the default, the processor drops records without a report while 2,048 are waiting.
    maxQueueSize: Number.POSITIVE_INFINITY,
    exportTimeoutMillis: flushTimeLimitMs,
  });
  const logger = new LoggerProvider({
    resource: resourceFromAttributes({ "service.name": deploymentName }),
    processors: [processor],
  }).getLogger("gateway-key-rotation");
  const context = contextOf(options.traceParent);

  return {
    send({ name, dimensions, measurements }, time) {
      // Attributes whose names begin with `microsoft` control the exporter. They do not become dimensions.
      const attributes = {
        "microsoft.custom_event.name": name,
        "microsoft.custom_measurements": measurements,
        ...dimensions,
      };
      logger.emit({ timestamp: time, attributes, context });
    },
    async flush() {
      // The abort ends the current batch, and each later batch before it is sent: then the processor's flush ends.
      const reason = new Error(`not delivered within ${flushTimeLimitMs} ms`);
      const timer = setTimeout(() => deadline.abort(reason), flushTimeLimitMs);
      await processor.forceFlush();
      clearTimeout(timer);
      // A request that is still open after its batch's time limit must not keep the process alive.
      deadline.abort(reason);
      return { accepted, problem };
    },
  };
}

/** @param traceParent as in https://www.w3.org/TR/trace-context/; the SDK ignores ids that are not valid */
function contextOf(traceParent = ""): Context {
  const [, traceId = "", spanId = "", flags] = traceParent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number(`0x${flags}`) });
}

type ExportResult = Parameters<Parameters<LogRecordExporter["export"]>[1]>[0];

/** The endpoint's answer to a batch that it accepted completely (200) or partly (206). */
const ingestionAnswer = z.object({ itemsAccepted: z.int().check(z.nonnegative()) });

function acceptedItems({ status, bodyAsText }: PipelineResponse): number {
  if (status !== 200 && status !== 206) return 0;
  try {
    return ingestionAnswer.parse(JSON.parse(bodyAsText ?? "")).itemsAccepted;
  } catch {
    return 0;
  }
}
