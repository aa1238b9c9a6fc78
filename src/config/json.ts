import { formatPath } from "./configurationProblem.ts";

/** A position in a text, counted from 1. A column counts UTF-16 units, as editors do. */
interface Place {
  readonly line: number;
  readonly column: number;
}

export interface DuplicateKey {
  /** `gateways[2].name` */
  readonly path: string;
  readonly first: Place;
  readonly second: Place;
}

export interface JsonFault {
  readonly kind: "fault";
  /** From the text's start, in UTF-16 units. */
  readonly offset: number;
  readonly place: Place;
  readonly remedy: string;
}

export type ParsedJson =
  | { readonly kind: "json"; readonly value: unknown; readonly duplicates: readonly DuplicateKey[] }
  | JsonFault;

const deepest = 32;

/**
 * JSON.parse, which keeps silent about keys that are given twice and does not always say where a text is
 * broken, together with a scan that does both.
 */
export function parseJson(text: string): ParsedJson {
  const scanner = createScanner(text);
  try {
    scanner.scan();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { kind: "fault", offset: error.offset, place: placeOf(text, error.offset), remedy: error.remedy };
  }
  return { kind: "json", value: JSON.parse(text), duplicates: scanner.duplicates };
}

class Fault extends Error {
  readonly offset: number;
  readonly remedy: string;

  constructor(offset: number, remedy: string) {
    super(remedy);
    this.offset = offset;
    this.remedy = remedy;
  }
}

const tokens = {
  space: /[ \t\n\r]*/y,
  string: /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y,
  scalar: /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y,
};

function createScanner(text: string) {
  const duplicates: DuplicateKey[] = [];
  let offset = 0;

  function match(token: RegExp): string | undefined {
    token.lastIndex = offset;
    const found = token.exec(text)?.[0];
    offset += found?.length ?? 0;
    return found;
  }

  function take(character: string): boolean {
    match(tokens.space);
    if (text[offset] !== character) return false;
    offset += 1;
    return true;
  }

  function fail(remedy: string): never {
    throw new Fault(
      offset,
      offset >= text.length ? "the text ends too early: is it whole?" : (hintAt(text, offset) ?? remedy),
    );
  }

  function value(path: readonly PropertyKey[]): void {
    if (path.length > deepest) fail(`nest no deeper than ${deepest} levels`);
    if (take("{")) object(path);
    else if (take("[")) list(path);
    else if (match(tokens.string) === undefined && match(tokens.scalar) === undefined)
      fail("write a value here: text in double quotes, a number, true, false, an object or a list");
  }

  function object(path: readonly PropertyKey[]): void {
    const seen = new Map<string, number>();
    if (take("}")) return;
    do {
      match(tokens.space);
      const start = offset;
      const token = match(tokens.string) ?? fail("write a property's name in double quotes");
      const key: string = JSON.parse(token);
      const first = seen.get(key);
      const at = [...path, key];
      if (first === undefined) seen.set(key, start);
      else
        duplicates.push({ path: formatPath(at), first: placeOf(text, first), second: placeOf(text, start) });
      if (!take(":")) fail("put a colon after the property's name");
      value(at);
    } while (take(","));
    if (!take("}")) fail("put a comma between two properties, or close the object with }");
  }

  function list(path: readonly PropertyKey[]): void {
    if (take("]")) return;
    let index = 0;
    do {
      value([...path, index]);
      index += 1;
    } while (take(","));
    if (!take("]")) fail("put a comma between two entries, or close the list with ]");
  }

  return {
    duplicates,
    scan(): void {
      value([]);
      match(tokens.space);
      if (offset < text.length) fail("remove what follows the end of the document");
    },
  };
}

function hintAt(text: string, offset: number): string | undefined {
  const rest = text.slice(offset, offset + 2);
  if (rest === "//" || rest === "/*") return "remove the comment: JSON has none";
  if (rest.startsWith("'")) return "write double quotes instead of single ones";
  if (/^[}\]]/.test(rest) && text.slice(0, offset).trimEnd().endsWith(","))
    return "remove the comma before it";
  tokens.string.lastIndex = offset;
  if (rest.startsWith('"') && !tokens.string.test(text)) {
    return "close the text with a double quote on the same line, and write a backslash in it as \\\\";
  }
  return undefined;
}

function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
