import { type JSONVisitor, printParseErrorCode, stripComments, visit } from "jsonc-parser";
import { formatPath, looksSecret, type Mistake, shown } from "./configurationProblem.ts";

export type ParsedJson =
  | { readonly kind: "json"; readonly value: unknown; readonly duplicates: readonly Mistake[] }
  /** Its path is `line 3, column 5`, counted from 1. A column counts UTF-16 units, as editors do. */
  | { readonly kind: "fault"; readonly fault: Mistake };

/** By jsonc-parser's code of the error. */
const remedies: Readonly<Record<string, string>> = {
  InvalidSymbol:
    "write text and names of properties in double quotes; only numbers, true, false and null have none",
  InvalidCommentToken: "remove the comment: JSON has none",
  UnexpectedEndOfComment: "close the comment with */",
  PropertyNameExpected: "write a property's name in double quotes, or remove the comma before it",
  ColonExpected: "put a colon after the property's name",
  ValueExpected:
    "write a value here (text in double quotes, a number, true, false, null, an object or a list), or remove the comma before it",
  CommaExpected: "put a comma before it, or close the object with } or the list with ]",
  EndOfFileExpected: "remove what follows the end of the document",
};

/** The remedy of the other errors, which are in a text or a number. */
const otherRemedy =
  "close the text with a double quote on the same line, and write a backslash in it as \\\\";

const deepest = 32;
const excerptLength = 20;

/**
 * Parses JSON and reports what JSON.parse does not: duplicate keys, and the line and column of the first fault.
 * Except for comments, it accepts exactly what JSON.parse accepts, up to 32 levels deep.
 *
 * @param comments whether `//` and block comments are accepted
 */
export function parseJson(text: string, comments: "accept" | "refuse" = "refuse"): ParsedJson {
  const duplicates: Mistake[] = [];
  /** For each open object, the place of each of its keys; for an open list, an empty map. Outermost first. */
  const open: Map<string, string>[] = [];
  let fault: Mistake | undefined;

  /** An exception is the only way to stop `visit`, which would recurse into all levels. */
  function stop(offset: number, path: string, remedy: string): never {
    const excerpt = shown(looksSecret(text) ? text : text.slice(offset, offset + excerptLength));
    const value = offset < text.length ? excerpt : "(the end of the text)";
    fault = { path, value, rule: "the text is JSON", remedy };
    throw new Error(remedy);
  }

  const begin: JSONVisitor["onObjectBegin"] = (offset, _length, line, character) => {
    if (open.length > deepest)
      stop(offset, placeOf(line, character), `nest no deeper than ${deepest} levels`);
    open.push(new Map());
  };
  const end = () => {
    open.pop();
  };
  const visitor: JSONVisitor = {
    onObjectBegin: begin,
    onArrayBegin: begin,
    onObjectEnd: end,
    onArrayEnd: end,
    onObjectProperty(key, _offset, _length, line, character, path) {
      const [first, place] = [open.at(-1)?.get(key), placeOf(line, character)];
      if (first === undefined) open.at(-1)?.set(key, place);
      else {
        duplicates.push({
          path: formatPath([...path(), key]),
          value: `(at ${first} and at ${place})`,
          rule: "a property is given once: of two, JSON would silently take the last",
          remedy: "remove one of the two",
        });
      }
    },
    onError(error, offset, _length, line, character) {
      const remedy = remedies[printParseErrorCode(error)] ?? otherRemedy;
      const isEarlyEnd = offset >= text.length;
      stop(offset, placeOf(line, character), isEarlyEnd ? "the text ends too early: is it whole?" : remedy);
    },
  };
  try {
    visit(text, visitor, { disallowComments: comments === "refuse" });
  } catch (error) {
    if (fault === undefined) throw error;
    return { kind: "fault", fault };
  }
  return { kind: "json", value: JSON.parse(stripComments(text)), duplicates };
}

const placeOf = (line: number, character: number): string => `line ${line + 1}, column ${character + 1}`;
