import type { Gateway, KeyWorks, RunGateway } from "./answers.ts";

/** How urgent something is. Each is a color, a sign and a word, never a color alone. */
export type Level = "problem" | "warning" | "busy" | "plain" | "good";

export const levels: readonly Level[] = ["problem", "warning", "busy", "plain", "good"];

export const signs: Readonly<Record<Level, string>> = {
  problem: "✕",
  warning: "!",
  busy: "…",
  plain: "–",
  good: "✓",
};

export const keyWords = (keyWorks: KeyWorks): string =>
  keyWorks === "unknown" ? "Not known whether the key works" : keyWorks ? "Key works" : "Key does not work";

const stateWords: Readonly<Record<Gateway["state"] | RunGateway["state"], string>> = {
  "never-rotated": "Never rotated",
  rotating: "Rotating",
  failed: "Failed",
  overdue: "Overdue",
  rotated: "Rotated",
  skipped: "Skipped",
  pending: "Pending",
};

export const stateWord = (state: keyof typeof stateWords): string => stateWords[state] ?? state;

/** `someKind` → `some kind` */
export const kindWords = (kind: string): string =>
  kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export function levelOf({ state, keyWorks, host }: Gateway): Level {
  if (keyWorks === false || state === "failed") return "problem";
  if (state === "never-rotated") return "plain";
  if (state === "rotating") return "busy";
  return state === "overdue" || keyWorks === "unknown" || host?.sinceRotation === false ? "warning" : "good";
}

export function levelOfOutcome({ state, keyWorks }: RunGateway): Level {
  if (keyWorks === false || state === "failed") return "problem";
  if (state === "pending") return "busy";
  return state === "rotated" && keyWorks === true ? "good" : "plain";
}

export const needsAttention = (gateway: Gateway): boolean =>
  levelOf(gateway) === "problem" || levelOf(gateway) === "warning";

/** The most urgent first, then by name. */
export const byUrgency = (one: Gateway, other: Gateway): number =>
  levels.indexOf(levelOf(one)) - levels.indexOf(levelOf(other)) ||
  one.name.localeCompare(other.name, "en", { numeric: true });

export interface Filter {
  readonly text: string;
  readonly onlyAttention: boolean;
}

/** Whether the filter shows a gateway: every word is in one of the texts that the page shows about it. */
export function matches({ text, onlyAttention }: Filter, gateway: Gateway): boolean {
  if (onlyAttention && !needsAttention(gateway)) return false;
  const { name, kind, state, keyWorks, resourceId, secretName, vaultUrl, lastFailure } = gateway;
  const shown = [
    ...[name, kindWords(kind), stateWord(state), keyWords(keyWorks), resourceId, secretName, vaultUrl],
    lastFailure?.code ?? "",
  ].join("\n");
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => shown.toLowerCase().includes(word));
}

/** The page's first sentence: what is wrong first. */
export function verdict(gateways: readonly Gateway[]): string {
  const count = (is: (gateway: Gateway) => boolean) => gateways.filter(is).length;
  const dead = count(({ keyWorks }) => keyWorks === false);
  const failed = count(({ state, keyWorks }) => state === "failed" && keyWorks !== false);
  const warned = count((gateway) => levelOf(gateway) === "warning");
  const all = plural(gateways.length, "gateway");
  const found = [
    ...(dead === 0 ? [] : [`${plural(dead, "key")} ${dead === 1 ? "does" : "do"} not work`]),
    ...(failed === 0 ? [] : [`${plural(failed, "rotation")} failed`]),
    ...(warned === 0 ? [] : [`${plural(warned, "gateway")} to check`]),
  ];
  if (found.length > 0) return `${found.join(", ")}; ${all} in all`;
  return gateways.length === 0 ? "No gateway is configured" : `Nothing wrong in ${all}`;
}

/** `1 key`, `1,200 keys` */
export const plural = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

/** `26 Nov 2026, 23:37` in UTC */
export const dateWords = (iso: string): string => dates.format(new Date(iso));

const distances = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `3 days ago`, `in 2 hours` */
export function distanceWords(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  const [unit, length] = units.find(([, size]) => Math.abs(ms) >= size) ?? ["minute", 60_000];
  return distances.format(Math.round(ms / length), unit);
}
