import { readGateways } from "../src/config/gateways.ts";
import type { Gateway } from "../src/domain/target.ts";
import { type Answer, startServer } from "./functionsHost/server.ts";
import type { Services } from "./services.ts";
import type { Fault, FaultRule, RecordedRequest, Simulator } from "./simulator/types.ts";

export interface Rehearsal {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  stop(): Promise<void>;
}

interface RehearsedFault {
  readonly name: string;
  /** What happens from now on. */
  readonly what: string;
  begin(simulator: Simulator): void;
}

const isPost = ({ method }: RecordedRequest) => method === "POST";
const isRegenerate = ({ url }: RecordedRequest) => /\/regenerate(auth)?key\?/i.test(url);

/** An answer that stays until the faults end. */
const refuses = (
  service: FaultRule["service"],
  matches: FaultRule["matches"],
  status: number,
  error: object,
  headers: Readonly<Record<string, string>> = {},
): ((simulator: Simulator) => void) => {
  const body = JSON.stringify({ error });
  const contentType = "application/json";
  const fault: Fault = { kind: "answer", status, headers, body, contentType, effect: "none" };
  return (simulator) =>
    simulator.inject({ service, times: Number.POSITIVE_INFINITY, fault, ...(matches && { matches }) });
};

/** What an operator can rehearse. docs/runbook.md has the walk. */
export const rehearsedFaults: readonly RehearsedFault[] = [
  {
    name: "vault-refuses-writes",
    what: "the vaults answer 403 to every write",
    begin: refuses("keyVault", ({ method }) => method === "PUT", 403, {
      code: "Forbidden",
      message: "Caller is not authorized to perform action on resource.",
      innererror: { code: "ForbiddenByRbac" },
    }),
  },
  {
    name: "lost-answer",
    what: "the next key is made, and the answer with it is lost",
    begin: (simulator) =>
      simulator.inject({
        service: "resourceManager",
        matches: isRegenerate,
        fault: { kind: "drop", effect: "applied" },
      }),
  },
  {
    name: "throttled-subscription",
    what: "Resource Manager answers 429 to every write",
    begin: refuses(
      "resourceManager",
      isPost,
      429,
      { code: "SubscriptionRequestsThrottled", message: "Number of write requests exceeded the limit." },
      { "retry-after": "17" },
    ),
  },
  {
    name: "locked-resource",
    what: "the gateways have a read-only lock",
    begin: refuses("resourceManager", isPost, 409, {
      code: "ScopeLocked",
      message: "The scope cannot perform write operation because the following scope(s) are locked.",
    }),
  },
  {
    name: "soft-deleted-secrets",
    what: "the gateways' secrets are deleted, and can be recovered",
    begin: (simulator) => setDeleted(simulator, true),
  },
];

/** Of the secrets that the function wrote for gateways. */
function setDeleted({ vaultUrls, secrets }: Simulator, deleted: boolean): void {
  for (const vault of Object.keys(vaultUrls))
    for (const secret of secrets(vault).values())
      if (secret.versions.some(({ tags }) => tags["rotation-id"] !== undefined)) secret.deleted = deleted;
}

/**
 * Serves what an operator does to the simulated services: `POST /faults/{name}`, `DELETE /faults` (all of them end), and
 * `POST /hosts/{gateway}`, which gives the host of a version 1 gateway the key that the vault publishes.
 */
export async function startRehearsal({ simulator, settings }: Services): Promise<Rehearsal> {
  const { gateways } = readGateways(settings["GATEWAYS"] ?? "", "GATEWAYS", {
    keyVaultUrl: undefined,
    sampleAllowed: true,
  });

  function answer(method: string, [collection, name]: readonly (string | undefined)[]): Answer {
    if (method === "DELETE" && collection === "faults") {
      simulator.clearFaults();
      setDeleted(simulator, false);
      return reply(200, "All faults have ended.");
    }
    if (method === "POST" && collection === "faults") {
      const fault = rehearsedFaults.find((each) => each.name === name);
      if (fault === undefined) return reply(404, `There is no fault "${name}".`);
      fault.begin(simulator);
      return reply(200, `From now on, ${fault.what}.`);
    }
    const gateway = gateways.find((each) => each.name.toLowerCase() === name?.toLowerCase());
    if (method !== "POST" || collection !== "hosts" || gateway === undefined) return reply(404, "Not found.");
    if (gateway.target.kind !== "gatewayV1") return reply(409, `"${name}" has no host that needs its key.`);
    return simulator.registerHost(gateway.target.resourceId, publishedKey(simulator, gateway) ?? "")
      ? reply(200, `The host of "${name}" has registered with the key in the vault.`)
      : reply(409, `The key in the vault is not the live key of "${name}": its host cannot register.`);
  }

  const server = await startServer({
    frontEndTimeoutMs: 60_000,
    respond: async ({ method = "" }, { pathname }) => answer(method, pathname.split("/").slice(1)),
    onProblem: () => {},
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: server.close };
}

const reply = (status: number, text: string): Answer => ({ status, body: `${text}\n` });

function publishedKey({ vaultUrls, secrets }: Simulator, { secret }: Gateway): string | undefined {
  const vault = Object.keys(vaultUrls).find((name) => vaultUrls[name] === secret.vaultUrl);
  const stored = vault === undefined ? undefined : secrets(vault).get(secret.secretName.toLowerCase());
  return stored?.deleted === false ? stored.versions.at(-1)?.value : undefined;
}
