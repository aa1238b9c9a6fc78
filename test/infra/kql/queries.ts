import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { infra } from "../folder.ts";
import { parseKql, type Syntax, tableColumns } from "./parse.ts";

/** A value that a query reads from a bag of an event: `tostring(customDimensions["rotation.code"])`. */
export interface BagRead {
  readonly bag: string;
  readonly key: string;
  /** The function that converts it to a type; undefined if there is none. */
  readonly conversion: string | undefined;
}

/** A value that a query compares with the column `name` (or `event`) of a table. */
export interface NameRead {
  readonly table: string;
  readonly name: string;
}

/** The parts of a query that depend on what the function or the host sends. */
export interface QueryReads {
  readonly bags: readonly BagRead[];
  readonly names: readonly NameRead[];
  /** Every string in the query. */
  readonly strings: readonly string[];
  readonly identifiers: ReadonlySet<string>;
}

/** The queries in infra/queries/, by path without extension: `alerts/noHeartbeat`. */
export async function readQueries(): Promise<ReadonlyMap<string, string>> {
  const folder = path.join(infra, "queries");
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".kql"));
  const texts = files.map(async (file) => {
    const text = await readFile(path.join(folder, file), "utf8");
    return [file.slice(0, -".kql".length).replaceAll(path.sep, "/"), text] as const;
  });
  return new Map(await Promise.all(texts));
}

const nameColumns = ["name", "event"];
const comparisons = ["EqualExpression", "NotEqualExpression", "InExpression", "NotInExpression"];

/** Collects what a query reads from its syntax, in the query's order. */
export function readQuery(kql: string): QueryReads {
  const bags: BagRead[] = [];
  const names: NameRead[] = [];
  const strings: string[] = [];
  const identifiers = new Set<string>();
  let table = "";
  const visit = (syntax: Syntax, calledBy?: string): void => {
    const { kind, text, parts } = syntax;
    const [first, second] = parts;
    if (kind === "StringLiteralExpression") strings.push(text);
    if (kind === "NameReference" || kind === "NameDeclaration") identifiers.add(text);
    if (kind === "NameReference" && text in tableColumns) table = text;
    if (kind === "ElementExpression" && first && second) {
      const [key] = stringsIn(second);
      if (key !== undefined) bags.push({ bag: first.text, key, conversion: calledBy });
    }
    if (comparisons.includes(kind) && first && second && nameColumns.includes(first.text)) {
      names.push(...stringsIn(second).map((name) => ({ table, name })));
    }
    if (kind === "FunctionCallExpression" && first && second) {
      visit(first);
      for (const argument of second.parts.flatMap((list) => list.parts)) visit(argument, first.text);
    } else {
      for (const part of parts) visit(part);
    }
  };
  visit(parseKql(kql).syntax);
  return { bags, names, strings, identifiers };
}

const stringsIn = ({ kind, text, parts }: Syntax): readonly string[] =>
  kind === "StringLiteralExpression" ? [text] : parts.flatMap(stringsIn);
