import { toClientRequestId } from "../../src/domain/attempt.ts";
import type { VersionFacts } from "../../src/rotation/newVersion.ts";

/** A version whose every tag has a value. */
export const versionFacts: VersionFacts = {
  deploymentName: "prod",
  run: {
    id: "timer-1",
    trigger: "schedule",
    reason: "scheduled",
    requestedBy: "timer",
    mode: "standard",
    takeOwnership: false,
  },
  rotationId: "8d6a2c1e-4b7f-4f4b-9d53-0d1c5f0f2a11",
  sequence: 7,
  slot: "authKey2",
  fingerprint: "ba7816bf8f01",
  trace: {
    clientRequestId: toClientRequestId("0c1de1c5-5d5b-4b0a-8a55-6c4b6d6b1a22"),
    requestId: "f7a3d4c2",
    correlationRequestId: "a1b2c3d4",
    status: 200,
    durationMs: 12,
  },
  rotateEveryDays: 30,
  previous: undefined,
};
