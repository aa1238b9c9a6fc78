import type { CallProblem } from "../../src/domain/attempt.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { SecretStore, SecretVersion } from "../../src/domain/secretStore.ts";
import type { SecretAddress } from "../../src/domain/target.ts";
import type { RotationServices } from "../../src/rotation/context.ts";
import type { Admission, BenchAzure } from "./azure.ts";
import { createBlobs } from "./blobs.ts";

/** Blobs in one answer to a list. */
const blobsOnPage = 5000;

/** Where secrets and journals are, from one run to the next. */
export interface Kept {
  readonly secrets: Map<string, { readonly secret: SecretVersion; readonly value: string }>;
  readonly blobs: ReturnType<typeof createBlobs>;
}

export const createKept = (clock: Clock): Kept => ({
  secrets: new Map(),
  blobs: createBlobs(clock.now),
});

/** The engine's services without a network: calls take their time, and limits hold. */
export function createServices(azure: BenchAzure<Clock>, kept: Kept): RotationServices {
  const { clock, counts } = azure;
  let made = 0;

  async function call<T>(arrive: () => T | Promise<T>): Promise<T> {
    await azure.travel();
    const answer = await arrive();
    await azure.travel();
    return answer;
  }

  const nameOf = ({ vaultUrl, secretName }: SecretAddress): string => `${vaultUrl}/${secretName}`;

  const secrets: SecretStore = {
    readLatest: (address) =>
      call(() => {
        counts.vaultReads += 1;
        const found = kept.secrets.get(nameOf(address));
        return found === undefined
          ? { kind: "none" }
          : { kind: "enabled", secret: found.secret, key: redact(found.value) };
      }),
    readDeleted: () =>
      call(() => {
        counts.vaultReads += 1;
        return { kind: "absent" };
      }),
    write: (address, { key, tags, contentType }) =>
      call(() => {
        const admission = azure.takeVersion(address.vaultUrl);
        if (admission.kind === "throttled") return { kind: "refused", problem: throttled(admission) };
        made += 1;
        const version = made.toString(16).padStart(32, "0");
        const createdOn = new Date(clock.now());
        const secret = { version, createdOn, tags, contentType, ownedByCertificate: false };
        kept.secrets.set(nameOf(address), { secret, value: `${key}` });
        return { kind: "stored", secret };
      }),
  };

  const storage = <T>(send: () => Promise<T>): Promise<T> =>
    call(() => {
      counts.storageCalls += 1;
      return send();
    });

  return {
    secrets,
    keys: {
      regenerate: ({ subscriptionId }, _slot, clientRequestId) =>
        call(() => {
          const admission = azure.takeWrite(subscriptionId);
          const trace = { clientRequestId, remainingSubscriptionWrites: admission.remaining };
          return admission.kind === "throttled"
            ? { kind: "unchanged", problem: throttled(admission), trace }
            : { kind: "applied", key: redact(`key ${crypto.randomUUID()}`), trace };
        }),
      listKeys: () => Promise.reject(new Error("No benchmark lists keys")),
    },
    blobs: {
      read: (name) => storage(() => kept.blobs.read(name)),
      write: (...write) => storage(() => kept.blobs.write(...write)),
      append: (...append) => storage(() => kept.blobs.append(...append)),
      remove: (name) => storage(() => kept.blobs.remove(name)),
      async list(prefix) {
        const listed = await storage(() => kept.blobs.list(prefix));
        const more = listed.kind === "listed" ? Math.ceil(listed.blobs.length / blobsOnPage) - 1 : 0;
        for (let page = 0; page < more; page += 1) await storage(async () => {});
        return listed;
      },
    },
    events: { emit() {} },
    clock,
    newGuid: () => crypto.randomUUID(),
    random: Math.random,
  };
}

const throttled = ({ retryAfterMs }: Extract<Admission, { kind: "throttled" }>): CallProblem => ({
  code: "throttled",
  message: "The model answered 429.",
  transient: true,
  retryAfterMs,
});
