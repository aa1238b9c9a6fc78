import { type Attempt, type CallProblem, toClientRequestId } from "../domain/attempt.ts";
import { retryTransient } from "../domain/clock.ts";
import { redact } from "../domain/redacted.ts";
import { type LatestVersion, preflightSecretName, versionOf } from "../domain/secretStore.ts";
import type { Gateway } from "../domain/target.ts";
import { isElsewhere, type Journal } from "../journal/journal.ts";
import {
  type Context,
  callsFromRegenerate,
  callsOfRotation,
  lastStartFor,
  type RotationServices,
  type RunTerms,
} from "./context.ts";
import { failure, refusedByPolicy } from "./failures.ts";
import { newVersion } from "./newVersion.ts";
import { certificateRefusal } from "./nextStep.ts";
import { outOfTime, readAgain, type StepOutcome } from "./outcome.ts";

/** The value of the preflight secret, in every vault that holds keys. It is no key. */
const preflightValue = redact("Written to test that this vault accepts writes. Not a key.");

type Rotation = Pick<Attempt, "rotationId" | "slot">;

/** How long a vault that accepted a write is trusted to accept the next one. */
const validForMs = 5 * 60_000;

/** Which vaults have accepted a write in one run. */
export type Preflight = ReturnType<typeof createPreflight>;

/**
 * A regenerated key that its vault does not accept is lost. So the vault must accept a write first: a read proves
 * nothing about the permissions, firewalls and policies for writes. Gateways that check at the same time share one write.
 */
export function createPreflight(
  { secrets, clock, newGuid }: Pick<RotationServices, "secrets" | "clock" | "newGuid">,
  terms: RunTerms,
) {
  const acceptedAt = new Map<string, number>();
  const underWay = new Map<string, Promise<CallProblem | undefined>>();

  async function write(gateway: Gateway, latest: LatestVersion, rotation: Rotation) {
    const { vaultUrl } = gateway.secret;
    const address = { vaultUrl, secretName: preflightSecretName };
    const attempt = { ...rotation, trace: { clientRequestId: toClientRequestId(newGuid()) } };
    const version = newVersion(gateway, versionOf(latest), 1, terms, attempt, preflightValue, clock.now());
    let startedAt = clock.now();
    const tryWrite = () => {
      startedAt = clock.now();
      return secrets.write(address, version);
    };
    const written = await retryTransient(tryWrite, {
      clock,
      lastStart: lastStartFor(terms, callsFromRegenerate + 1),
    });
    if (written.kind !== "stored") return written.problem;
    accepted(gateway, startedAt);
    return undefined;
  }

  /** Records that the vault accepted a write that was sent at `begunAt`, in milliseconds since 1970. */
  function accepted(gateway: Gateway, begunAt: number): void {
    const kind = kindOf(gateway);
    acceptedAt.set(kind, Math.max(begunAt, acceptedAt.get(kind) ?? 0));
  }

  /** Whether the gateway's vault has accepted a write in the last five minutes. */
  function isCurrent(gateway: Gateway): boolean {
    const at = acceptedAt.get(kindOf(gateway));
    return at !== undefined && clock.now() - at < validForMs;
  }

  return {
    isCurrent,
    /**
     * Makes sure that the gateway's vault has accepted a write in the last five minutes. If it has not, writes a version
     * of the preflight secret, with the content type, the tags and the expiry that the rotation's own version will have.
     *
     * @param latest the latest version of the gateway's secret
     * @returns why the vault accepts no version; undefined: it accepts one
     */
    async check(
      gateway: Gateway,
      latest: LatestVersion,
      rotation: Rotation,
    ): Promise<CallProblem | undefined> {
      if (isCurrent(gateway)) return undefined;
      const kind = kindOf(gateway);
      const joined = underWay.get(kind) ?? write(gateway, latest, rotation);
      underWay.set(kind, joined);
      try {
        return await joined;
      } finally {
        underWay.delete(kind);
      }
    },
    accepted,
    /** Records that the vault refused a key: it must accept a preflight before the next regenerate. */
    refused(vaultUrl: string): void {
      for (const kind of acceptedAt.keys()) if (kind.startsWith(`${vaultUrl} `)) acceptedAt.delete(kind);
    },
  };
}

/** A policy may refuse versions by their content type or expiry, so a write proves nothing about other kinds of version. */
const kindOf = ({ secret, target, expireAfterDays }: Gateway): string =>
  `${secret.vaultUrl} ${target.kind} ${expireAfterDays ?? "no expiry"}`;

/** Key Vault takes seconds to delete a secret. Meanwhile the secret and the deleted secret answer 404, and a write 409. */
const deletionMs = 60_000;
const pauseMs = 5_000;

/**
 * Whether the vault would accept a version of the gateway's secret. The preflight does not show that, since it writes
 * another secret. When a committed secret and its deleted secret are both missing, the vault may be deleting the secret
 * at this moment. Only after a minute does the secret count as purged.
 *
 * @param latest the latest version, as it was read
 * @returns why the rotation stops; undefined: nothing is known that keeps the vault from accepting a version
 */
export async function checkSecret(
  { services, gateway, terms }: Pick<Context, "services" | "gateway" | "terms">,
  latest: LatestVersion,
  journal: Journal,
): Promise<StepOutcome | undefined> {
  const certificate = certificateRefusal(latest);
  if (certificate !== undefined) return refusedByPolicy(gateway, certificate);
  if (latest.kind !== "none") return undefined;
  const { clock, secrets } = services;
  const retry = { clock, lastStart: lastStartFor(terms, callsOfRotation - 2) };
  const isGone = journal.commit !== null && !isElsewhere(journal, gateway);
  const purgedAt = isGone ? clock.now() + deletionMs : 0;
  for (;;) {
    const deleted = await retryTransient(() => secrets.readDeleted(gateway.secret), retry);
    if (deleted.kind === "failed") return failure("vaultUnreadable", gateway, deleted.problem);
    if (deleted.kind === "softDeleted") return failure("secretSoftDeleted", gateway);
    if (clock.now() >= purgedAt) return undefined;
    if (clock.now() + pauseMs > retry.lastStart) return outOfTime(gateway);
    await clock.sleep(pauseMs);
    const again = await retryTransient(() => secrets.readLatest(gateway.secret), retry);
    if (again.kind === "failed") return failure("vaultUnreadable", gateway, again.problem);
    if (again.kind !== "none") return readAgain;
  }
}
