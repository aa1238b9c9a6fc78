import { randomBytes, randomUUID } from "node:crypto";
import { toClientRequestId } from "../src/domain/attempt.ts";
import { gatewayKinds } from "../src/domain/gatewayKinds.ts";
import { fingerprint, redact } from "../src/domain/redacted.ts";
import type { KeySlot, Run } from "../src/domain/target.ts";
import { versionTags } from "../src/rotation/newVersion.ts";
import type { SimulatedSecret, SimulatedVersion } from "./simulator/types.ts";

const dayMs = 86_400_000;

/** The secret of a gateway that this machine does not rotate. All numbers are days before today. */
interface Story {
  readonly secretName: string;
  readonly kind: keyof typeof gatewayKinds;
  readonly everyDays: number;
  /** Oldest first. */
  readonly rotated: readonly number[];
  /** The rotation that a person asked for. */
  readonly asked?: Pick<Run, "reason" | "requestedBy"> & { readonly daysAgo: number };
  /** A person set the secret in the portal. */
  readonly setByHand?: number;
}

/** Rotations every so many days, the last one so many days ago. */
const every = (days: number, times: number, lastDaysAgo: number): readonly number[] =>
  Array.from({ length: times }, (_, index) => lastDaysAgo + (times - 1 - index) * days);

const runtime = (secretName: string, everyDays: number, rotated: readonly number[]): Story => ({
  secretName,
  kind: "integrationRuntime",
  everyDays,
  rotated,
});

/** Most histories are clean; three have findings for an auditor. */
const stories: readonly Story[] = [
  runtime("adf-finance-ledger", 30, every(30, 8, 12)),
  runtime("adf-finance-invoices", 30, every(30, 7, 4)),
  runtime("adf-sales-orders", 30, every(30, 8, 21)),
  runtime("adf-logistics-tracking", 60, every(60, 4, 33)),
  {
    ...runtime("adf-people-payroll", 30, [195, 165, 135, 105, 92, 62, 32, 2]),
    asked: { daysAgo: 92, reason: "key found in a mail, INC-4711", requestedBy: "kim@contoso.example" },
  },
  // An outage of the schedule.
  runtime("adf-research-sensors", 30, [206, 176, 146, 94, 64, 34, 4]),
  // Set by hand, and replaced by the next tick.
  { ...runtime("adf-logistics-customs", 30, [...every(30, 5, 73), 57, 27]), setByHand: 58 },
  // Its rotation has failed for weeks.
  { secretName: "legacy-onprem", kind: "gatewayV1", everyDays: 30, rotated: every(30, 6, 47) },
];

/** Makes months of history in a vault: versions with the tags that the product writes. */
export function writePast(secrets: Map<string, SimulatedSecret>): void {
  for (const story of stories) {
    const { secretName: name, rotated, setByHand } = story;
    const versions = [...rotated, ...(setByHand === undefined ? [] : [setByHand])]
      .toSorted((one, other) => other - one)
      .map((daysAgo) => versionOf(story, daysAgo));
    secrets.set(name, { name, versions, deleted: false, managed: false });
  }
}

function versionOf(story: Story, daysAgo: number): SimulatedVersion {
  const { everyDays, rotated, asked, setByHand } = story;
  const at = (Math.floor(Date.now() / dayMs) - daysAgo) * dayMs + 9 * 3_600_000;
  const created = Math.floor(at / 1000);
  const version = randomBytes(16).toString("hex");
  if (daysAgo === setByHand) return { version, value: "set-in-the-portal", tags: {}, created, enabled: true };

  const { contentType } = gatewayKinds[story.kind];
  const value = randomBytes(32).toString("base64");
  const sequence = rotated.indexOf(daysAgo) + 1;
  const slot: KeySlot = story.kind === "gatewayV1" ? "key" : sequence % 2 === 1 ? "authKey2" : "authKey1";
  const origin =
    asked?.daysAgo === daysAgo
      ? { ...asked, trigger: "http" as const }
      : { trigger: "schedule" as const, reason: "scheduled", requestedBy: "timer" };
  const tags = versionTags({
    deploymentName: "local",
    run: { id: "", ...origin, mode: "standard", takeOwnership: false },
    rotationId: randomUUID(),
    sequence,
    slot,
    fingerprint: fingerprint(redact(value)),
    trace: {
      clientRequestId: toClientRequestId(randomUUID()),
      requestId: randomUUID(),
      correlationRequestId: randomUUID(),
      durationMs: 0,
    },
    rotateEveryDays: everyDays,
    previous: undefined,
  });
  return {
    version,
    value,
    contentType,
    tags,
    created,
    expires: created + (90 * dayMs) / 1000,
    enabled: true,
  };
}
