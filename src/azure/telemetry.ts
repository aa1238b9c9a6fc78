import type { TokenCredential } from "@azure/core-auth";
import { toEventRecord, toLogLine } from "../domain/eventRecord.ts";
import { type EventSink, rotationEvents } from "../domain/rotationEvents.ts";
import type { ApplicationInsights, TimedRecord } from "./applicationInsights.ts";
import { createDeliveryQueue } from "./deliveryQueue.ts";

export interface TelemetryOptions {
  /** Shown as cloud role name. */
  readonly deploymentName: string;
  /** Of Application Insights; without it events go to the log alone. */
  readonly connectionString?: string | undefined;
  /** For an Application Insights resource where local authentication is off. */
  readonly credential?: TokenCredential | undefined;
  readonly log: (line: string) => void;
  /** For events of level `error`. */
  readonly error: (line: string) => void;
  readonly warn: (line: string) => void;
  /** In milliseconds. Default: 10 seconds. */
  readonly flushTimeLimitMs?: number | undefined;
}

export interface Telemetry extends EventSink {
  /**
   * Waits until the events emitted before have arrived, at most as long as the time limit. Never rejects; events
   * that did not arrive are counted in one warning.
   */
  flush(): Promise<void>;
}

/**
 * Writes each event as a JSON line at once and sends it to Application Insights in the background. Nothing of
 * what is needed for sending is loaded before there is something to send.
 */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { connectionString, warn, flushTimeLimitMs = 10_000 } = options;
  const write = { information: options.log, error: options.error };
  const queue =
    connectionString === undefined
      ? undefined
      : createDeliveryQueue<TimedRecord>({
          send: sendWhenLoaded({ ...options, connectionString }),
          batchSize,
          timeLimitMs: flushTimeLimitMs,
        });

  return {
    emit(event) {
      withoutHarm(() => {
        const record = toEventRecord(event);
        if (rotationEvents[event.name].sentTo === "customEvents") queue?.push({ record, time: Date.now() });
        write[record.level](toLogLine(record));
      });
    },
    async flush() {
      const { lost, problem } = (await queue?.flush()) ?? { lost: 0 };
      if (lost === 0) return;
      const events = lost === 1 ? "1 event" : `${lost} events`;
      const reason = problem === undefined ? "" : ` (${problem})`;
      withoutHarm(() =>
        warn(`${events} did not reach Application Insights${reason}; the log has all of them.`),
      );
    },
  };
}

/** Whoever emits may hold a key that is in no vault yet: a log that throws must not stop them. */
function withoutHarm(write: () => void): void {
  try {
    write();
  } catch {
    // There is nowhere left to tell it.
  }
}

/** About 400 KB: well below what the ingestion endpoint takes at once. */
const batchSize = 250;

function sendWhenLoaded(options: TelemetryOptions & { readonly connectionString: string }) {
  let loading: Promise<ApplicationInsights> | undefined;
  return async (batch: readonly TimedRecord[], signal: AbortSignal) => {
    loading ??= import("./applicationInsights.ts").then((module) =>
      module.createApplicationInsights(options),
    );
    return (await loading).send(batch, signal);
  };
}
