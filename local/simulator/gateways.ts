import { randomBytes, randomUUID } from "node:crypto";
import type { SimulatorOptions } from "./types.ts";

/** A gateway that exists, of any kind, and its live keys. */
export interface SimulatedGateway {
  /** In the spelling of the options. */
  readonly resourceId: string;
  readonly name: string;
  /** Of an integration runtime: its `properties` in answers. */
  readonly properties: unknown;
  /** The live key of each slot. */
  readonly keys: Map<string, string>;
  /** Makes another key in the kind's format. */
  newKey(): string;
  /** The machine that a version 1 gateway runs on. */
  readonly host: GatewayHost;
}

/** A host is registered with the first key, until that is replaced. */
interface GatewayHost {
  registeredAt: Date;
  /** When its key was replaced; undefined while the host is connected. */
  lostAt: Date | undefined;
}

export interface SimulatedGateways {
  all(): readonly SimulatedGateway[];
  /** Finds a gateway by its resource id, in upper or lower case. */
  find(resourceId: string): SimulatedGateway | undefined;
  /** Whether any gateway is in this subscription or resource group. */
  existBelow(resourceId: string): boolean;
  /** Replaces the slot's key; the old key is dead. Returns false if the gateway has no such slot. */
  regenerate(gateway: SimulatedGateway, slot: string): boolean;
  /** Gives a key to the gateway's host, which registers if it is the live one. Returns whether it is. */
  registerHost(gateway: SimulatedGateway, key: string): boolean;
  /** Returns a slot's key as answers contain it: after a space, as in the REST reference's sample. */
  handOut(gateway: SimulatedGateway, slot: string): string;
}

interface Kind {
  /** Namespace, parent type and child type. */
  readonly resourceType: string;
  readonly slots: readonly string[];
  /** Makes a key in the format of the REST reference's sample or of the portal; `wu` is a region. */
  newKey(parentName: string, random: string): string;
}

const runtime = (resourceType: string): Kind => ({
  resourceType,
  slots: ["authKey1", "authKey2"],
  newKey: (parentName, random) => `IR@${randomUUID()}@${parentName}@wu@${random}`,
});

const kinds: readonly Kind[] = [
  {
    resourceType: "Microsoft.DataFactory/datafactories/gateways",
    slots: ["key"],
    newKey: (_, random) => `ADF#${randomUUID()}@${randomUUID()}@${randomUUID()}@wu#${random}`,
  },
  runtime("Microsoft.DataFactory/factories/integrationRuntimes"),
  runtime("Microsoft.Synapse/workspaces/integrationRuntimes"),
];

/** Matches the resource ids of a type; its groups are the names of the parent and of the gateway. */
function idPattern(resourceType: string): RegExp {
  const [namespace = "", parentType, childType] = resourceType.split("/");
  const provider = `/subscriptions/[^/]+/resourceGroups/[^/]+/providers/${namespace.replace(".", "\\.")}`;
  return new RegExp(`^${provider}/${parentType}/([^/]+)/${childType}/([^/]+)$`, "i");
}

type Options = Pick<SimulatorOptions, "gateways" | "runtimeProperties" | "canary">;

/**
 * @param now when hosts register and lose their gateway, in milliseconds since 1970
 * @throws TypeError if a resource id is not that of a gateway
 */
export function createGateways(
  { gateways, runtimeProperties = {}, canary = "" }: Options,
  now: () => number,
): SimulatedGateways {
  const existing = new Map(gateways.map((resourceId) => [resourceId.toLowerCase(), create(resourceId)]));

  function create(resourceId: string): SimulatedGateway {
    for (const kind of kinds) {
      const [, parentName, name] = idPattern(kind.resourceType).exec(resourceId) ?? [];
      if (parentName === undefined || name === undefined) continue;
      const newKey = () => kind.newKey(parentName, canary + randomBytes(32).toString("base64"));
      // The real service may send `typeProperties: null`.
      const properties = runtimeProperties[resourceId] ?? { type: "SelfHosted", typeProperties: null };
      const keys = new Map(kind.slots.map((slot) => [slot, newKey()]));
      const host = { registeredAt: new Date(now()), lostAt: undefined };
      return { resourceId, name, properties, keys, newKey, host };
    }
    throw new TypeError(`Not the resource id of a gateway or an integration runtime: ${resourceId}`);
  }

  return {
    all: () => [...existing.values()],
    find: (resourceId) => existing.get(resourceId.toLowerCase()),
    existBelow(resourceId) {
      const prefix = `${resourceId.toLowerCase()}/`;
      return [...existing.keys()].some((id) => id.startsWith(prefix));
    },
    regenerate(gateway, slot) {
      if (!gateway.keys.has(slot)) return false;
      gateway.keys.set(slot, gateway.newKey());
      gateway.host.lostAt ??= new Date(now());
      return true;
    },
    registerHost({ keys, host }, key) {
      if (keys.get("key") !== key.trim()) return false;
      host.registeredAt = new Date(now());
      host.lostAt = undefined;
      return true;
    },
    handOut: (gateway, slot) => ` ${gateway.keys.get(slot) ?? ""}`,
  };
}
