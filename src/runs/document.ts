import * as z from "zod/mini";
import { parseResourceId } from "../domain/resourceId.ts";
import { weekdays } from "../domain/rotationWindow.ts";
import type { Gateway, Run } from "../domain/target.ts";

/** One gateway of a run: the secret that its key is written to, and the terms. */
const runTarget = z.strictObject({
  name: z.string(),
  resourceId: z.string(),
  vaultUrl: z.string(),
  secretName: z.string(),
  expireAfterDays: z.optional(z.number()),
  rotateEveryDays: z.optional(z.number()),
  verifyEveryDays: z.optional(z.number()),
  window: z.optional(
    z.strictObject({
      days: z.optional(z.readonly(z.array(z.enum(weekdays)))),
      from: z.optional(z.string()),
      to: z.optional(z.string()),
      timeZone: z.optional(z.string()),
    }),
  ),
});

const runDocument = z.strictObject({
  schema: z.literal(1),
  id: z.string().check(z.minLength(1)),
  trigger: z.enum(["schedule", "http", "resume"]),
  reason: z.string(),
  requestedBy: z.string(),
  mode: z.enum(["standard", "compromised"]),
  takeOwnership: z.boolean(),
  isLate: z.optional(z.boolean()),
  /** Hash of the HTTP request. A request with the same Idempotency-Key and another hash is refused. */
  requestHash: z.optional(z.string()),
  /** Id of the driver that created the run. Two drivers that create one run at once write different texts. */
  createdBy: z.string(),
  /** Milliseconds since 1970 by storage's clock. */
  createdAt: z.int().check(z.nonnegative()),
  gateways: z.array(runTarget),
});

/**
 * The request for a run, in `runs/{id}.json`: written once and never changed. It holds the gateways with their secrets
 * and terms, so that a driver can finish the run even when the configuration has changed or is broken.
 */
export type RunDocument = z.infer<typeof runDocument>;
export type RunTarget = z.infer<typeof runTarget>;

export const runName = (id: string): string => `runs/${id}.json`;

/**
 * The document of a new run. Its fields are listed here, since {@link parseDocument} refuses any other.
 *
 * @param createdAt milliseconds since 1970 by storage's clock
 */
export const newDocument = (
  run: Run & { readonly requestHash?: string | undefined; readonly driver?: string },
  gateways: readonly Gateway[],
  createdAt: number,
): RunDocument => ({
  schema: 1,
  id: run.id,
  trigger: run.trigger,
  reason: run.reason,
  requestedBy: run.requestedBy,
  mode: run.mode,
  takeOwnership: run.takeOwnership,
  isLate: run.isLate,
  requestHash: run.requestHash,
  createdBy: run.driver ?? "",
  createdAt,
  gateways: gateways.map(targetOf),
});

export const targetOf = ({ name, target, secret, ...terms }: Gateway): RunTarget => ({
  name,
  resourceId: target.resourceId,
  vaultUrl: secret.vaultUrl,
  secretName: secret.secretName,
  ...termsOf(terms),
});

const termsOf = ({
  expireAfterDays,
  rotateEveryDays,
  verifyEveryDays,
  window,
}: Omit<Gateway, "name" | "target" | "secret">) => ({
  expireAfterDays,
  rotateEveryDays,
  verifyEveryDays,
  window,
});

/** @returns undefined when the text is not a valid document */
export function parseDocument(text: string): RunDocument | undefined {
  try {
    const document = runDocument.parse(JSON.parse(text));
    for (const target of document.gateways) gatewayOf(target);
    return document;
  } catch {
    return undefined;
  }
}

/**
 * The gateway as it was when the run was created.
 *
 * @throws {TypeError} when the resource id is no gateway's; {@link parseDocument} accepts no such document
 */
export function gatewayOf(target: RunTarget): Gateway {
  const parsed = parseResourceId(target.resourceId);
  if (parsed.kind !== "target") throw new TypeError(`A run names no gateway: ${target.resourceId}`);
  const { name, vaultUrl, secretName } = target;
  return { name, target: parsed.target, secret: { vaultUrl, secretName }, ...termsOf(target) };
}
