import { hasTwoKeys, type Target } from "../../src/domain/target.ts";
import { signIn } from "../command.ts";
import { count, visible } from "../words.ts";
import type { Discovery } from "./discover.ts";
import type { Entry } from "./gatewaysDocument.ts";

/** How a gateways.json differs from the gateways that exist. */
export interface Difference {
  /** Exists, without an entry. */
  readonly unlisted: readonly Target[];
  /** Exists, with an entry that is not enabled. */
  readonly disabled: readonly Entry[];
  /** An entry whose gateway does not exist, or has no keys of its own. */
  readonly gone: readonly Entry[];
}

export function differenceOf(entries: readonly Entry[], discovery: Discovery): Difference {
  const listed = new Set(entries.map(({ target }) => target.identity));
  const there = new Set(discovery.found.map(({ identity }) => identity));
  return {
    unlisted: discovery.found.filter(({ identity }) => !listed.has(identity)),
    disabled: entries.filter(({ target, enabled }) => !enabled && there.has(target.identity)),
    gone: entries.filter(({ target }) => !there.has(target.identity) && discovery.covers(target)),
  };
}

/** Lines for a terminal: what differs, what was left out, and what could not be read. */
export function renderDifference(
  { unlisted, disabled, gone }: Difference,
  { found, leftOut, unread }: Discovery,
  wanted: "all" | "what was not written",
): string {
  const line = (word: string, what: string) => `${word.padEnd(11)}  ${what}`;
  const counts = [
    `${count(found.length, "gateway")} found`,
    `${unlisted.length} not rotated`,
    `${gone.length} gone`,
    ...(leftOut.length === 0 ? [] : [`${leftOut.length} left out`]),
  ];
  return [
    ...(wanted === "all" ? unlisted.map(({ resourceId }) => line("not rotated", resourceId)) : []),
    ...gone.map(({ path, target }) => line("gone", `${path}  ${target.resourceId}`)),
    ...disabled.map(({ path, target }) => line("disabled", `${path}  ${target.resourceId}`)),
    ...leftOut.map(({ resourceId, why }) => line("left out", `${visible(resourceId)}: ${why}.`)),
    // A subscription that may not be read fails in the same way for each kind.
    ...[...Map.groupBy(unread, ({ problem }) => problem.message)].flatMap(([message, group]) => [
      ...group.map(({ place }) => line("not read", visible(place))),
      line("", visible(message)),
      line("", `→ ${actions[group[0]?.problem.code ?? ""] ?? "Run the command again."}`),
    ]),
    `${counts.join(", ")}.`,
  ].join("\n");
}

const actions: Readonly<Record<string, string>> = {
  "no-token": signIn,
  unauthenticated: `Resource Manager does not accept this sign-in, which may belong to another tenant. ${signIn}`,
  forbidden: "Ask for the role Reader on this subscription, or leave it out.",
  "not-found": "Check the subscription's id, and that your sign-in belongs to its tenant.",
  throttled: "Wait a minute and run the command again.",
};

/** What the operator has to know before the first tick. */
export function renderFirstTick(targets: readonly Target[]): string {
  const stopping = targets.filter((target) => !hasTwoKeys(target)).length;
  if (stopping === 0) return "";
  return `The first tick stops ${count(stopping, "version 1 gateway")} until their hosts have the new keys. Agree on the time with their operators, or set "enabled": false.`;
}
