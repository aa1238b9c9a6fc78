import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { toClientRequestId } from "../src/domain/attempt.ts";
import { gatewayKinds } from "../src/domain/gatewayKinds.ts";
import { fingerprint, redact } from "../src/domain/redacted.ts";
import type { KeySlot, Run } from "../src/domain/target.ts";
import { versionTags } from "../src/rotation/newVersion.ts";
import type { Simulator } from "./simulator/types.ts";

const dayMs = 86_400_000;

/** What happened to a gateway's secret, and how many days ago. */
type Event =
  | {
      readonly kind: "rotated";
      readonly daysAgo: number;
      readonly asked?: Pick<Run, "reason" | "requestedBy">;
    }
  /** A person set the secret in the portal. */
  | { readonly kind: "set by hand"; readonly daysAgo: number };

interface Story {
  readonly resourceId: string;
  readonly secretName: string;
  readonly everyDays: number;
  readonly events: readonly Event[];
}

const group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/adf/providers";
const runtime = (factory: string, name: string) => ({
  resourceId: `${group}/Microsoft.DataFactory/factories/${factory}/integrationRuntimes/${name}`,
  secretName: `${factory}-${name}`,
});

const rotated = (...days: readonly number[]): readonly Event[] =>
  days.map((daysAgo) => ({ kind: "rotated", daysAgo }));

/** Rotations every so many days, the last one so many days ago. */
const every = (days: number, times: number, lastDaysAgo: number): readonly Event[] =>
  rotated(...Array.from({ length: times }, (_, index) => lastDaysAgo + (times - 1 - index) * days));

const leak = { reason: "key found in a mail, INC-4711", requestedBy: "kim@contoso.example" };

/** Most histories are clean; three have findings for an auditor. */
const stories: readonly Story[] = [
  { ...runtime("adf-finance", "ledger"), everyDays: 30, events: every(30, 8, 12) },
  { ...runtime("adf-finance", "invoices"), everyDays: 30, events: every(30, 7, 4) },
  { ...runtime("adf-sales", "orders"), everyDays: 30, events: every(30, 8, 21) },
  { ...runtime("adf-logistics", "tracking"), everyDays: 60, events: every(60, 4, 33) },
  {
    ...runtime("adf-people", "payroll"),
    everyDays: 30,
    events: [
      ...rotated(195, 165, 135, 105),
      { kind: "rotated", daysAgo: 92, asked: leak },
      ...rotated(62, 32, 2),
    ],
  },
  // An outage of the schedule.
  { ...runtime("adf-research", "sensors"), everyDays: 30, events: rotated(206, 176, 146, 94, 64, 34, 4) },
  // Set by hand, and replaced by the next tick.
  {
    ...runtime("adf-logistics", "customs"),
    everyDays: 30,
    events: [...every(30, 5, 73), { kind: "set by hand", daysAgo: 58 }, ...rotated(57, 27)],
  },
  // Its rotation has failed for weeks.
  {
    resourceId: `${group}/Microsoft.DataFactory/datafactories/legacy/gateways/onprem`,
    secretName: "legacy-onprem",
    everyDays: 30,
    events: every(30, 6, 47),
  },
];

/** The gateways that have to exist in the simulator before {@link writePast}. */
export const pastGateways: readonly string[] = stories.map(({ resourceId }) => resourceId);

const scheduled = { trigger: "schedule", reason: "scheduled", requestedBy: "timer" } as const;

/**
 * Makes months of history in a vault, by the calls that the product sends, with the vault's clock set to each event's
 * time. The versions have the tags that the product writes.
 *
 * @param vaultUrl of one of the simulator's vaults
 */
export async function writePast(simulator: Simulator, vaultUrl: string): Promise<void> {
  const call = createCaller(simulator);
  const sequences = new Map<Story, number>();

  async function rotate(story: Story, at: number, asked: Partial<Run>): Promise<void> {
    const sequence = (sequences.get(story) ?? 0) + 1;
    sequences.set(story, sequence);
    const isVersion1 = story.resourceId.includes("/gateways/");
    const slot: KeySlot = isVersion1 ? "key" : sequence % 2 === 1 ? "authKey2" : "authKey1";
    const clientRequestId = toClientRequestId(randomUUID());
    const operation = isVersion1
      ? "regeneratekey?api-version=2015-10-01"
      : "regenerateAuthKey?api-version=2018-06-01";
    const { headers, body } = await call(
      "POST",
      `${simulator.resourceManagerUrl}${story.resourceId}/${operation}`,
      isVersion1 ? undefined : { keyName: slot },
      { "x-ms-client-request-id": clientRequestId },
    );
    const key = z.record(z.string(), z.string()).parse(body)[slot]?.trim() ?? "";
    const id = (name: string): string | undefined => z.string().optional().parse(headers[name]);
    const tags = versionTags({
      deploymentName: "local",
      run: { id: "", ...scheduled, mode: "standard", takeOwnership: false, ...asked },
      rotationId: randomUUID(),
      sequence,
      slot,
      fingerprint: fingerprint(redact(key)),
      trace: {
        clientRequestId,
        requestId: id("x-ms-request-id"),
        correlationRequestId: id("x-ms-correlation-request-id"),
        durationMs: 0,
      },
      rotateEveryDays: story.everyDays,
      previous: undefined,
    });
    const { contentType } = gatewayKinds[isVersion1 ? "gatewayV1" : "integrationRuntime"];
    const exp = Math.floor((at + 90 * dayMs) / 1000);
    await set(story, { value: key, contentType, attributes: { exp }, tags });
  }

  const set = (story: Story, secret: object) =>
    call("PUT", `${vaultUrl}/secrets/${story.secretName}?api-version=7.6`, secret);

  const today = Math.floor(Date.now() / dayMs) * dayMs;
  const events = stories.flatMap((story, place) =>
    story.events.map((event) => ({
      story,
      event,
      at: today - event.daysAgo * dayMs + (9 * 3600 + place) * 1000,
    })),
  );
  try {
    for (const { story, event, at } of events.toSorted((one, other) => one.at - other.at)) {
      simulator.setTime(at);
      if (event.kind === "set by hand") await set(story, { value: "set-in-the-portal" });
      else await rotate(story, at, event.asked === undefined ? {} : { trigger: "http", ...event.asked });
    }
  } finally {
    simulator.setTime(undefined);
  }
}

/** Sends requests with a token, and trusts the simulator's certificates for these alone. */
function createCaller({ identityEndpoint, identityHeader, certificateAuthorityPem }: Simulator) {
  const agent = new https.Agent({ ca: certificateAuthorityPem, keepAlive: true });
  const tokens = new Map<string, string>();

  async function tokenFor(method: string): Promise<string> {
    const resource = method === "POST" ? "https://management.azure.com" : "https://vault.azure.net";
    const known = tokens.get(resource);
    if (known !== undefined) return known;
    const query = new URLSearchParams({ resource, "api-version": "2019-08-01" });
    const answer = await fetch(`${identityEndpoint}?${query}`, {
      headers: { "x-identity-header": identityHeader },
    });
    const { access_token: token } = z.object({ access_token: z.string() }).parse(await answer.json());
    tokens.set(resource, token);
    return token;
  }

  /** @throws Error if the answer is not 200 */
  return async (
    method: "POST" | "PUT",
    url: string,
    body?: object,
    more: Readonly<Record<string, string>> = {},
  ) => {
    const sent = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${await tokenFor(method)}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(sent),
      ...more,
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      https.request(url, { method, agent, headers }, resolve).on("error", reject).end(sent);
    });
    const received = await text(answer);
    if (answer.statusCode !== 200)
      throw new Error(`${method} ${url} answered ${answer.statusCode}: ${received}`);
    const parsed: unknown = JSON.parse(received);
    return { headers: answer.headers, body: parsed };
  };
}
