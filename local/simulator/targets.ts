import { randomBytes, randomUUID } from "node:crypto";
import type { SimulatorOptions } from "./types.ts";

/** A gateway or integration runtime that exists, and its live keys. */
export interface SimulatedTarget {
  /** In the spelling of the options. */
  readonly resourceId: string;
  readonly kind: "gatewayV1" | "integrationRuntime";
  readonly factoryName: string;
  readonly name: string;
  /** The live key of each slot, without padding. */
  readonly keys: Map<string, string>;
}

export interface SimulatedTargets {
  /** Finds a target by its resource id, in upper or lower case. */
  find(resourceId: string): SimulatedTarget | undefined;
  /** Whether any target is in this subscription or resource group. */
  existBelow(resourceId: string): boolean;
  /** Replaces the slot's key; the old key is dead. Returns false if the target has no such slot. */
  regenerate(target: SimulatedTarget, slot: string): boolean;
  /** Returns a slot's key with its padding, as answers contain it. */
  handOut(target: SimulatedTarget, slot: string): string;
}

type Options = Pick<SimulatorOptions, "targets" | "canary" | "padding">;

export function createTargets(options: Options): SimulatedTargets {
  const padding = options.padding ?? { before: " ", after: "" };
  const existing = new Map(
    options.targets.map((resourceId) => {
      const target = { ...parsed(resourceId), keys: new Map<string, string>() };
      for (const slot of slots[target.kind]) target.keys.set(slot, newKey(target, options.canary ?? ""));
      return [resourceId.toLowerCase(), target];
    }),
  );
  return {
    find: (resourceId) => existing.get(resourceId.toLowerCase()),
    existBelow(resourceId) {
      const prefix = `${resourceId.toLowerCase()}/`;
      return [...existing.keys()].some((id) => id.startsWith(prefix));
    },
    regenerate(target, slot) {
      if (!target.keys.has(slot)) return false;
      target.keys.set(slot, newKey(target, options.canary ?? ""));
      return true;
    },
    handOut: (target, slot) => `${padding.before}${target.keys.get(slot) ?? ""}${padding.after}`,
  };
}

const slots = {
  gatewayV1: ["key"],
  integrationRuntime: ["authKey1", "authKey2"],
} as const satisfies Record<SimulatedTarget["kind"], readonly string[]>;

const provider = "^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.DataFactory";
const shapes = {
  gatewayV1: new RegExp(`${provider}/datafactories/([^/]+)/gateways/([^/]+)$`, "i"),
  integrationRuntime: new RegExp(`${provider}/factories/([^/]+)/integrationRuntimes/([^/]+)$`, "i"),
} as const satisfies Record<SimulatedTarget["kind"], RegExp>;

function parsed(resourceId: string): Omit<SimulatedTarget, "keys"> {
  for (const kind of ["gatewayV1", "integrationRuntime"] as const) {
    const [, factoryName, name] = shapes[kind].exec(resourceId) ?? [];
    if (factoryName !== undefined && name !== undefined) return { resourceId, kind, factoryName, name };
  }
  throw new TypeError(`Not the resource id of a gateway or an integration runtime: ${resourceId}`);
}

/** Makes a key in the format of the REST reference's sample or of the portal; `wu` is a region. */
function newKey({ kind, factoryName }: Omit<SimulatedTarget, "keys">, canary: string): string {
  const random = canary + randomBytes(32).toString("base64");
  switch (kind) {
    case "gatewayV1":
      return `ADF#${randomUUID()}@${randomUUID()}@${randomUUID()}@wu#${random}`;
    case "integrationRuntime":
      return `IR@${randomUUID()}@${factoryName}@wu@${random}`;
  }
}
