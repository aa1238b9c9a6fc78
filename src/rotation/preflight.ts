import type { CallProblem } from "../domain/attempt.ts";
import { redact } from "../domain/redacted.ts";
import { retryTransient } from "../domain/retry.ts";
import type { NewVersion } from "../domain/secretStore.ts";
import { preflightSecretName } from "../domain/secretVersions.ts";
import type { Gateway } from "../domain/target.ts";
import { lastStart, type RotationServices, type RunTerms } from "./services.ts";

/** The preflight secret's value, in every vault that keys go to: this sentence, and no key. */
export const preflightValue = redact("Written to see that this vault takes writes. Not a key.");

/** How long a vault that has taken a write is believed to take the next one. */
const validForMs = 5 * 60_000;

/** What one run knows of its vaults. */
export interface Preflight {
  /**
   * Why this vault takes no new version now, or undefined: it has taken one in the last five minutes, if need be
   * one of a secret of our own with the same content type, tags and expiry as the real one will have.
   */
  check(gateway: Gateway, like: NewVersion): Promise<CallProblem | undefined>;
  /** Whether this vault has taken a write in the last five minutes. */
  isCurrent(gateway: Gateway): boolean;
  /** A real write was taken that was begun at that moment, in milliseconds since 1970. */
  accepted(gateway: Gateway, begunAt: number): void;
  /** A real write was refused: what was known of the vault is not true any more. */
  refused(vaultUrl: string): void;
}

/**
 * A regenerated key that no vault takes is lost, so a vault shows first that it takes writes: reading from it
 * proves nothing of permissions, firewalls and policies for writing. Gateways that come together share one write.
 */
export function createPreflight({ secrets, clock }: RotationServices, terms: RunTerms): Preflight {
  const acceptedAt = new Map<string, number>();
  const underWay = new Map<string, Promise<CallProblem | undefined>>();

  async function write(gateway: Gateway, like: NewVersion): Promise<CallProblem | undefined> {
    const { vaultUrl } = gateway.secret;
    const address = { vaultUrl, secretName: preflightSecretName };
    let startedAt = clock.now();
    const tryWrite = () => {
      startedAt = clock.now();
      return secrets.write(address, { ...like, key: preflightValue });
    };
    const written = await retryTransient(tryWrite, {
      clock,
      lastStart: lastStart(terms, 3),
      problemOf: (outcome) => (outcome.kind === "stored" ? undefined : outcome.problem),
    });
    if (written.kind !== "stored") return written.problem;
    accepted(gateway, startedAt);
    return undefined;
  }

  function accepted(gateway: Gateway, begunAt: number): void {
    const kind = kindOf(gateway);
    acceptedAt.set(kind, Math.max(begunAt, acceptedAt.get(kind) ?? 0));
  }

  function isCurrent(gateway: Gateway): boolean {
    const at = acceptedAt.get(kindOf(gateway));
    return at !== undefined && clock.now() - at < validForMs;
  }

  return {
    isCurrent,
    async check(gateway, like) {
      if (isCurrent(gateway)) return undefined;
      const kind = kindOf(gateway);
      const joined = underWay.get(kind) ?? write(gateway, like);
      underWay.set(kind, joined);
      try {
        return await joined;
      } finally {
        underWay.delete(kind);
      }
    },
    accepted,
    refused(vaultUrl) {
      for (const kind of acceptedAt.keys()) if (kind.startsWith(`${vaultUrl} `)) acceptedAt.delete(kind);
    },
  };
}

/** A policy may refuse versions by their content type, or by their expiry: what one kind shows is not true of another. */
const kindOf = ({ secret, target, expireAfterDays }: Gateway): string =>
  `${secret.vaultUrl} ${target.kind} ${expireAfterDays ?? "no expiry"}`;
