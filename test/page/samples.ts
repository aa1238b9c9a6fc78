import type { DryRun, Gateway, Run, RunGateway } from "../../page/answers.ts";

const day = 86_400_000;
const iso = (days: number): string => new Date(Date.now() + days * day).toISOString();

const ids = {
  clientRequestId: "0245b7a8-5f3f-4815-879d-a703e89ef505",
  requestId: "22ec5b35-2152-4ffd-8d07-91b343e76b66",
  correlationRequestId: "7f075dd3-1818-447d-972f-c65b12c66a1b",
};

const stops = "The gateway stops until its host has the new key.";
const twoKeys = "Users of the published key are not affected: it works until the rotation after this one.";
const subscription = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/integration";

function fine(name: string): Gateway {
  return {
    name,
    kind: "integrationRuntime",
    state: "rotated",
    keyWorks: true,
    impact: twoKeys,
    nextAction: null,
    resourceId: `${subscription}/providers/Microsoft.DataFactory/factories/contoso/integrationRuntimes/${name}`,
    vaultUrl: "https://contoso-keys.vault.azure.net",
    secretName: `adf-${name}`,
    secretVersion: "a9727e51ef8193263c6d8329b00a007e",
    rotatedAt: iso(-12.3),
    nextTick: iso(17.6),
    expiresAt: iso(77),
    host: null,
    lastFailure: null,
  };
}

const failure = {
  at: iso(-0.1),
  code: "vault-write-refused",
  effect: "applied",
  message:
    "Key Vault contoso-keys refused to store the new key (403 Forbidden, ForbiddenByRbac). The key that the secret holds was replaced and does not work any more.",
  nextAction:
    "Give the function app's identity the role Key Vault Secrets Officer on the vault, then rotate this gateway again: it makes another key and stores it.",
  ...ids,
};

/** A gateway in each state. */
export const oneOfEach: readonly Gateway[] = [
  fine("warehouse"),
  {
    ...fine("gatewaytest"),
    kind: "gatewayV1",
    impact: stops,
    state: "failed",
    keyWorks: false,
    nextAction: failure.nextAction,
    lastFailure: failure,
    host: { status: "NeedRegistration", registeredAt: iso(-40), sinceRotation: false },
  },
  {
    ...fine("a-gateway-with-a-name-of-63-characters-the-most-that-is-allowed"),
    kind: "synapseIntegrationRuntime",
    state: "overdue",
    rotatedAt: iso(-95),
  },
  { ...fine("lab"), state: "rotating", keyWorks: "unknown" },
  {
    ...fine("branch-office"),
    kind: "gatewayV1",
    impact: stops,
    nextAction:
      "Give the new key to the gateway's host: on that machine, run dmgcmd -Key with the value of the secret.",
    host: { status: "Online", registeredAt: iso(-40), sinceRotation: false },
  },
  {
    ...fine("new"),
    state: "never-rotated",
    keyWorks: "unknown",
    secretVersion: null,
    rotatedAt: null,
    expiresAt: null,
  },
];

export const three: readonly Gateway[] = ["warehouse", "lab", "gatewaytest"].map(fine);

/** Mostly fine, as it is on most days. */
export const fiveHundred: readonly Gateway[] = Array.from({ length: 500 }, (_, index) => {
  const name = `runtime-${index + 1}`;
  const { [index]: special } = oneOfEach;
  return special ?? fine(name);
});

const rotated = (name: string): RunGateway => ({
  name,
  state: "rotated",
  keyWorks: true,
  secretVersion: "a9727e51ef8193263c6d8329b00a007e",
  ...ids,
});

const failed: RunGateway = { ...failure, name: "gatewaytest", state: "failed", keyWorks: false };

const runOf = (gateways: readonly RunGateway[], summary: string): Run => {
  const pending = gateways.filter(({ state }) => state === "pending").length;
  return {
    state: pending > 0 ? "running" : "settled",
    summary,
    pending,
    keysAtRisk: gateways.filter(({ keyWorks }) => keyWorks !== true).length,
    gateways,
  };
};

/** A run of some gateways: the first has failed, and the last is pending. */
export function runningRun(count: number): Run {
  const pending: RunGateway = {
    name: "lab",
    state: "pending",
    keyWorks: "unknown",
    message: "Another runner is working on this gateway; this run reads it again after that.",
  };
  const between = Array.from({ length: count - 2 }, (_, index) => rotated(`runtime-${index + 1}`));
  return runOf(
    [failed, ...between, pending],
    `1 of ${count} published keys does not work; of ${count} gateways: ${count - 2} rotated, 1 failed, 1 pending.`,
  );
}

export const settledRun: Run = runOf(
  [
    {
      ...rotated("warehouse"),
      versions: ["0cf5bfb8e3cfb7ce864a7af8d680176b", "a9727e51ef8193263c6d8329b00a007e"].map(
        (secretVersion) => ({ secretVersion }),
      ),
    },
    {
      ...rotated("gatewaytest"),
      nextAction: "Give the new key to the gateway's host: on that machine, run dmgcmd -Key.",
    },
  ],
  "Of 2 gateways: 2 rotated.",
);

/** A dry run of `three` and one that is not ready. */
export const dryRun: DryRun = {
  gateways: [
    {
      name: "gatewaytest",
      ready: false,
      would: "fail",
      keyWorks: false,
      problems: [{ code: failure.code, message: failure.message, nextAction: failure.nextAction }],
    },
    ...["warehouse", "lab"].map((name) => ({
      name,
      ready: true,
      would: "rotate",
      message: "An HTTP request asked for it.",
      keyWorks: true,
      problems: [],
    })),
  ],
};
