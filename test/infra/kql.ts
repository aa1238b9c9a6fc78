import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { infra } from "./folder.ts";

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

const tables = ["customEvents", "requests", "traces"];
const nameColumns = ["name", "event"];

/** Reads a query as tokens, without comments: enough to find every name in it. */
export function readQuery(kql: string): QueryReads {
  const tokens = tokenize(kql);
  const bags: BagRead[] = [];
  const names: NameRead[] = [];
  let table = "";
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "identifier") continue;
    if (tables.includes(token.text)) table = token.text;
    const [first, second, third] = tokens.slice(at + 1);
    if (first?.text === "[" && second?.kind === "string" && third?.text === "]") {
      const before = tokens[at - 1]?.text === "(" ? tokens[at - 2] : undefined;
      const conversion = before?.kind === "identifier" ? before.text : undefined;
      bags.push({ bag: token.text, key: second.text, conversion });
    }
    if (nameColumns.includes(token.text)) {
      names.push(...comparedWith(tokens.slice(at + 1)).map((name) => ({ table, name })));
    }
  }
  const strings = tokens.filter(({ kind }) => kind === "string").map(({ text }) => text);
  const identifiers = tokens.filter(({ kind }) => kind === "identifier").map(({ text }) => text);
  return { bags, names, strings, identifiers: new Set(identifiers) };
}

interface Token {
  readonly kind: "string" | "identifier" | "other";
  readonly text: string;
}

const lexeme =
  /(?<comment>\/\/.*)|@?"(?<double>(?:\\.|[^"\\])*)"|@?'(?<single>(?:\\.|[^'\\])*)'|(?<identifier>[A-Za-z_]\w*)|[!=<>]=|=~|\S/g;

function tokenize(kql: string): readonly Token[] {
  return [...kql.matchAll(lexeme)].flatMap(({ 0: text, groups }): Token[] => {
    const { comment, double, single, identifier } = groups ?? {};
    if (comment !== undefined) return [];
    const string = double ?? single;
    if (string !== undefined) return [{ kind: "string", text: string }];
    return [{ kind: identifier === undefined ? "other" : "identifier", text }];
  });
}

/** The strings of `== "a"`, `!= "a"` or `in ("a", "b")`; empty if something else follows. */
function comparedWith([operator, ...operand]: readonly Token[]): readonly string[] {
  if (operator?.text === "==" || operator?.text === "!=") {
    return operand[0]?.kind === "string" ? [operand[0].text] : [];
  }
  if (operator?.text !== "in") return [];
  const list = operand.slice(
    0,
    operand.findIndex(({ text }) => text === ")"),
  );
  return list.filter(({ kind }) => kind === "string").map(({ text }) => text);
}
