import {
  type EventRecord,
  type EventSink,
  rotationEvents,
  toEventRecord,
  toLogLine,
} from "../domain/rotationEvents.ts";
import type { ApplicationInsights, ApplicationInsightsOptions } from "./applicationInsights.ts";

export interface TelemetryOptions extends Omit<ApplicationInsightsOptions, "connectionString"> {
  /** The connection string of Application Insights; undefined: events are only logged. */
  readonly connectionString?: string | undefined;
  /** The invocation's log. */
  readonly logger: Readonly<Record<"log" | "warn" | "error", (line: string) => void>>;
}

export interface Telemetry extends EventSink {
  /**
   * Waits until all emitted events have arrived, at most until the time limit. From then on, no event may be emitted.
   * Never rejects; one warning counts the events that did not arrive.
   */
  flush(): Promise<void>;
}

/**
 * Writes each event as a JSON line at once and sends it to Application Insights in the background. The first event
 * that is sent loads the exporter.
 */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { connectionString, logger } = options;
  let opening: Promise<ApplicationInsights> | undefined;
  let sent = 0;

  function send(record: EventRecord): void {
    if (connectionString === undefined) return;
    const time = new Date();
    sent += 1;
    opening ??= import("./applicationInsights.ts").then((module) =>
      module.createApplicationInsights({ ...options, connectionString }),
    );
    // The flush reports why Application Insights could not be opened.
    opening.then((applicationInsights) => applicationInsights.send(record, time)).catch(() => {});
  }

  return {
    emit(event) {
      withoutHarm(() => {
        const record = toEventRecord(event);
        if (rotationEvents[event.name].sentTo === "customEvents") send(record);
        logger[record.level === "error" ? "error" : "log"](toLogLine(record));
      });
    },
    async flush() {
      if (opening === undefined) return;
      const { accepted, problem } = await opening
        .then((applicationInsights) => applicationInsights.flush())
        .catch((error) => ({ accepted: 0, problem: error instanceof Error ? error.message : String(error) }));
      const lost = sent - accepted;
      if (lost <= 0) return;
      const events = lost === 1 ? "1 event" : `${lost} events`;
      const reason = problem === undefined ? "" : ` (${problem})`;
      withoutHarm(() =>
        logger.warn(`${events} did not reach Application Insights${reason}; the log has all of them.`),
      );
    },
  };
}

/** The caller of `emit` may hold a key that no vault has yet: a log that throws must not stop it. */
function withoutHarm(write: () => void): void {
  try {
    write();
  } catch {
    // No log is left to report this to.
  }
}
