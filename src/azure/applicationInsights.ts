import type { TokenCredential } from "@azure/core-auth";
import type { PipelinePolicy, PipelineResponse } from "@azure/core-rest-pipeline";
import { AzureMonitorLogExporter } from "@azure/monitor-opentelemetry-exporter";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import * as z from "zod/mini";
import type { EventRecord } from "../domain/eventRecord.ts";
import type { Delivery } from "./deliveryQueue.ts";

export interface ApplicationInsightsOptions {
  readonly connectionString: string;
  /** For resources where local authentication is off; the audience is the connection string's `AADAudience`. */
  readonly credential?: TokenCredential | undefined;
  /** Shown as cloud role name. */
  readonly deploymentName: string;
}

export interface TimedRecord {
  readonly record: EventRecord;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface ApplicationInsights {
  /** Sends rows of `customEvents`. One call at a time; with `signal`, retries end too. */
  send(records: readonly TimedRecord[], signal: AbortSignal): Promise<Delivery>;
}

/**
 * Microsoft's exporter, bare: no SDK around it, nothing on disk, no statistics. One thing it leaves no way to
 * turn off: from the first seconds on it asks `settings.sdk.monitor.azure.com` for feature flags, silently and
 * on a timer that does not keep the process; none of them concerns what is left of it here.
 *
 * @throws where the connection string has no usable instrumentation key.
 */
export function createApplicationInsights(options: ApplicationInsightsOptions): ApplicationInsights {
  const { connectionString, credential, deploymentName } = options;
  const resource = resourceFromAttributes({ "service.name": deploymentName });
  let call: IngestionCall = { signal: AbortSignal.abort(), answer: undefined };

  /** The exporter's own result reports a batch as lost when a part of it was, and keeps the reason to itself. */
  const observe: PipelinePolicy = {
    name: "gatewayKeyRotationIngestion",
    async sendRequest(request, next) {
      const current = call;
      request.abortSignal = current.signal;
      try {
        const response = await next(request);
        current.answer = { kind: "response", response };
        return response;
      } catch (error) {
        current.answer = { kind: "error", error };
        throw error;
      }
    },
  };

  const exporter = withoutStatistics(
    () =>
      new AzureMonitorLogExporter({
        connectionString,
        ...(credential === undefined ? {} : { credential }),
        disableOfflineStorage: true,
        additionalPolicies: [{ policy: observe, position: "perCall" }],
      }),
  );

  return {
    async send(records, signal) {
      const current: IngestionCall = { signal, answer: undefined };
      call = current;
      const logRecords = records.map((record) => toLogRecord(record, resource));
      const { error } = await new Promise<ExportResult>((resolve, reject) => {
        exporter.export(logRecords, resolve).catch(reject);
      });
      return deliveryOf(records.length, current.answer, error);
    },
  };
}

type LogRecord = Parameters<AzureMonitorLogExporter["export"]>[0][number];
type ExportResult = Parameters<Parameters<AzureMonitorLogExporter["export"]>[1]>[0];

interface IngestionCall {
  readonly signal: AbortSignal;
  answer: { kind: "response"; response: PipelineResponse } | { kind: "error"; error: unknown } | undefined;
}

/**
 * The exporter sends statistics about itself to Microsoft unless this variable is set; it reads it once, while
 * it is constructed, and has no option for it.
 */
function withoutStatistics<T>(construct: () => T): T {
  const name = "APPLICATION_INSIGHTS_NO_STATSBEAT";
  const before = process.env[name];
  process.env[name] = "1";
  try {
    return construct();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

/** Attributes whose names begin with `microsoft` steer the exporter and are not shown as dimensions. */
function toLogRecord({ record, time }: TimedRecord, resource: Resource): LogRecord {
  const hrTime: LogRecord["hrTime"] = [Math.floor(time / 1000), (time % 1000) * 1_000_000];
  return {
    hrTime,
    hrTimeObserved: hrTime,
    resource,
    instrumentationScope: { name: "gateway-key-rotation" },
    attributes: {
      "microsoft.custom_event.name": record.name,
      "microsoft.custom_measurements": record.measurements,
      ...record.dimensions,
    },
    droppedAttributesCount: 0,
  };
}

const ingestionAnswer = z.object({ itemsAccepted: z.int().check(z.nonnegative()) });

/** 200 where all items were accepted, 206 where some of them were. */
function deliveryOf(count: number, answer: IngestionCall["answer"], exporterError: unknown): Delivery {
  if (answer === undefined) return { accepted: 0, problem: messageOf(exporterError) };
  if (answer.kind === "error") return { accepted: 0, problem: messageOf(answer.error) };
  const { status, bodyAsText } = answer.response;
  if (status === 200) return { accepted: count };
  const accepted = status === 206 ? acceptedItems(bodyAsText) : 0;
  return { accepted, problem: `the ingestion endpoint answered ${status}` };
}

function acceptedItems(body: string | null | undefined): number {
  try {
    return ingestionAnswer.parse(JSON.parse(body ?? "")).itemsAccepted;
  } catch {
    return 0;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
