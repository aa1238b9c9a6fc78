import { createHash } from "node:crypto";
import { applyEdits, findNodeAtLocation, parse, parseTree } from "jsonc-parser";
import * as z from "zod";
import { defaultSecretName } from "../../src/config/gateways.ts";
import { gatewaySchema } from "../../src/config/gatewaysSchema.ts";
import type { Target } from "../../src/domain/target.ts";

/** An entry of a gateways.json, enabled or not, with its defaults filled in. */
export interface Entry {
  /** `gateways[2]` */
  readonly path: string;
  readonly name: string;
  readonly secretName: string;
  readonly target: Target;
  readonly enabled: boolean;
}

const Document = z.object({ gateways: z.array(gatewaySchema) });

/** @param text of a gateways.json without problems */
export function entriesOf(text: string): readonly Entry[] {
  return Document.parse(parse(text)).gateways.map(
    ({ resourceId: target, name, secretName, enabled }, index) => ({
      path: `gateways[${index}]`,
      name: name ?? target.name,
      secretName: secretName ?? defaultSecretName(target.parentName, target.name),
      target,
      enabled: enabled !== false,
    }),
  );
}

/** A new gateways.json with these gateways. */
export function newDocument(targets: readonly Target[], vaultUrl: string | undefined): string {
  const document = {
    $schema: "./gateways.schema.json",
    defaults: { ...(vaultUrl === undefined ? {} : { vaultUrl }), rotateEveryDays: 30, expireAfterDays: 90 },
    gateways: newEntries(targets, []),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * Adds entries at the end of the list. Everything else, comments included, stays as it is.
 *
 * @param text of a gateways.json without problems
 */
export function withGateways(text: string, targets: readonly Target[]): string {
  const root = parseTree(text);
  const last = root && findNodeAtLocation(root, ["gateways"])?.children?.at(-1);
  if (last === undefined || targets.length === 0) return text;
  const end = last.offset + last.length;
  // A comment on the last entry's line belongs to that entry.
  const comment = /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/)/.exec(text.slice(end))?.[0] ?? "";
  const line = text.includes("\r\n") ? "\r\n" : "\n";
  const lineStart = text.lastIndexOf("\n", last.offset) + 1;
  const indent = /^[ \t]*/.exec(text.slice(lineStart))?.[0] ?? "";
  const unit = indent.includes("\t") ? "\t" : 2;
  const entries = newEntries(targets, entriesOf(text)).map((entry) =>
    JSON.stringify(entry, null, unit)
      .split("\n")
      .map((each) => indent + each)
      .join(line),
  );
  return applyEdits(text, [
    { offset: end, length: 0, content: "," },
    { offset: end + comment.length, length: 0, content: line + entries.join(`,${line}`) },
  ]);
}

/** Writes entries as a person would: a name or a secret only if another gateway has the default one. */
function newEntries(targets: readonly Target[], existing: readonly Entry[]) {
  const names = new Set(existing.map(({ name }) => name.toLowerCase()));
  const secrets = new Set(existing.map(({ secretName }) => secretName.toLowerCase()));
  return targets.map((target) => {
    const hash = createHash("sha256").update(target.identity).digest("hex").slice(0, 8);
    const whole = `${target.parentName}-${target.name}`;
    const secret = defaultSecretName(target.parentName, target.name);
    const name = take(names, [target.name, short(whole, 63), `${short(whole, 54)}-${hash}`]);
    const secretName = take(secrets, [secret, `${secret.slice(0, 118)}-${hash}`]);
    return {
      ...(name === target.name ? {} : { name }),
      resourceId: target.resourceId,
      ...(secretName === secret ? {} : { secretName }),
    };
  });
}

const short = (text: string, length: number): string => text.slice(0, length);

/** The first candidate that is free, which is then taken; the last one is unique by itself. */
function take(taken: Set<string>, candidates: readonly string[]): string {
  const free = candidates.find((candidate) => !taken.has(candidate.toLowerCase())) ?? candidates.at(-1) ?? "";
  taken.add(free.toLowerCase());
  return free;
}
