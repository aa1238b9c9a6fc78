import { toClientRequestId } from "../domain/attempt.ts";
import type { Run } from "../domain/run.ts";
import type { SecretVersion } from "../domain/secretStore.ts";
import type { Journal } from "../journal/journal.ts";
import type { Seen } from "./context.ts";
import type { Published } from "./outcome.ts";

type Commit = NonNullable<Journal["commit"]>;

/** What the tags of a version of ours tell of the rotation that made it. */
export function publishedAs(
  { version, tags }: SecretVersion,
  { slot, sequence, clientRequestId }: Pick<Commit, "slot" | "sequence" | "clientRequestId">,
): Published {
  return {
    rotationId: tags["rotation-id"] ?? "",
    slot,
    trace: {
      clientRequestId: toClientRequestId(clientRequestId),
      requestId: tags["request-id"],
      correlationRequestId: tags["correlation-request-id"],
    },
    secretVersion: version,
    fingerprint: tags["fingerprint"] ?? "",
    sequence,
  };
}

/** What was committed for a run, whoever did it; undefined where something else is published now. */
export function publishedFor(run: Run, { held: { journal }, latest }: Seen): Published | undefined {
  const commit = journal?.commit ?? undefined;
  if (commit === undefined || latest.kind === "none" || latest.secret.version !== commit.version)
    return undefined;
  return journal?.slots[commit.slot]?.runId === run.id ? publishedAs(latest.secret, commit) : undefined;
}
