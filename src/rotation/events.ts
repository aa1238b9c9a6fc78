import type { EventSink } from "../domain/rotationEvents.ts";
import type { Run } from "../domain/run.ts";
import type { RotationOutcome } from "./outcome.ts";

/** Tells what became of one gateway. One that was not due is no event: `RotationRunCompleted` counts it. */
export function reportOutcome(events: EventSink, run: Run, outcome: RotationOutcome): void {
  switch (outcome.kind) {
    case "rotated":
      events.emit({ ...outcome, name: "GatewayKeyRotated", run });
      break;
    case "failed":
      events.emit({ ...outcome, name: "GatewayKeyRotationFailed", run });
      break;
    case "skipped":
    case "unsettled":
      break;
  }
}
