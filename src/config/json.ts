import { type JSONVisitor, printParseErrorCode, stripComments, visit } from "jsonc-parser";
import { formatPath } from "./configurationProblem.ts";

/** A position in a text, counted from 1. A column counts UTF-16 units, as editors do. */
interface TextPosition {
  readonly line: number;
  readonly column: number;
}

export interface DuplicateKey {
  /** `gateways[2].name` */
  readonly path: string;
  readonly first: TextPosition;
  readonly second: TextPosition;
}

export interface JsonFault {
  readonly kind: "fault";
  /** From the text's start, in UTF-16 units. */
  readonly offset: number;
  readonly place: TextPosition;
  readonly remedy: string;
}

export type ParsedJson =
  | { readonly kind: "json"; readonly value: unknown; readonly duplicates: readonly DuplicateKey[] }
  | JsonFault;

/**
 * Parses JSON and reports what JSON.parse does not: duplicate keys, and the line and column of the first fault.
 * Accepts exactly what JSON.parse accepts, up to 32 levels deep.
 *
 * @param comments whether `//` and block comments are accepted
 */
export function parseJson(text: string, comments: "accept" | "refuse" = "refuse"): ParsedJson {
  const reader = createReader(text);
  try {
    visit(text, reader.visitor, { disallowComments: comments === "refuse" });
  } catch (error) {
    if (error instanceof FoundFault) return error.fault;
    throw error;
  }
  const json = reader.hasComments() ? stripComments(text) : text;
  return { kind: "json", value: JSON.parse(json), duplicates: reader.duplicates };
}

/** Thrown to stop `visit`, which has no other way to end at the first fault. */
class FoundFault extends Error {
  readonly fault: JsonFault;

  constructor(fault: JsonFault) {
    super(fault.remedy);
    this.fault = fault;
  }
}

const valueRemedy = "write a value here: text in double quotes, a number, true, false, an object or a list";

/** What must follow at this point of the text, and the remedy where something else does. */
const remedies = {
  value: valueRemedy,
  entry: valueRemedy,
  name: "write a property's name in double quotes",
  colon: "put a colon after the property's name",
  nextProperty: "put a comma between two properties, or close the object with }",
  nextEntry: "put a comma between two entries, or close the list with ]",
  end: "remove what follows the end of the document",
};

const stringRemedy =
  "close the text with a double quote on the same line, and write a backslash in it as \\\\";

/** The errors whose remedy does not depend on what has to follow. */
const errorRemedies: Readonly<Record<string, string>> = {
  InvalidCommentToken: "remove the comment: JSON has none",
  UnexpectedEndOfComment: "close the comment with */",
  UnexpectedEndOfString: stringRemedy,
  InvalidUnicode: stringRemedy,
  InvalidEscapeCharacter: stringRemedy,
  InvalidCharacter: stringRemedy,
};

const deepest = 32;

function createReader(text: string) {
  const duplicates: DuplicateKey[] = [];
  /** The open objects, each with the place of every key, and lists. Outermost first. */
  const open: (Map<string, TextPosition> | "list")[] = [];
  let expected: keyof typeof remedies = "value";
  let commented = false;

  function fail(offset: number, place: TextPosition, remedy: string): never {
    throw new FoundFault({ kind: "fault", offset, place, remedy });
  }

  function begin(container: Map<string, TextPosition> | "list", offset: number, place: TextPosition): void {
    if (open.length > deepest) fail(offset, place, `nest no deeper than ${deepest} levels`);
    open.push(container);
    expected = container === "list" ? "entry" : "name";
  }

  function endValue(): void {
    const around = open.at(-1);
    expected = around === undefined ? "end" : around === "list" ? "nextEntry" : "nextProperty";
  }

  function end(): void {
    open.pop();
    endValue();
  }

  const visitor: JSONVisitor = {
    onObjectBegin: (offset, _length, line, character) => begin(new Map(), offset, placeOf(line, character)),
    onArrayBegin: (offset, _length, line, character) => begin("list", offset, placeOf(line, character)),
    onObjectEnd: end,
    onArrayEnd: end,
    onLiteralValue: endValue,
    onSeparator(character) {
      expected = character === ":" ? "value" : open.at(-1) === "list" ? "entry" : "name";
    },
    onObjectProperty(key, _offset, _length, line, character, path) {
      expected = "colon";
      const keys = open.at(-1);
      if (keys === undefined || keys === "list") return;
      const [first, place] = [keys.get(key), placeOf(line, character)];
      if (first === undefined) keys.set(key, place);
      else duplicates.push({ path: formatPath([...path(), key]), first, second: place });
    },
    onComment() {
      commented = true;
    },
    onError(error, offset, _length, line, character) {
      fail(offset, placeOf(line, character), remedyOf(printParseErrorCode(error), text.slice(offset)));
    },
  };

  function remedyOf(error: string, rest: string): string {
    if (rest === "") return "the text ends too early: is it whole?";
    if (rest.startsWith("'")) return "write double quotes instead of single ones";
    // An empty object or list is legal, so there is a comma before this bracket.
    if (rest.startsWith(expected === "name" ? "}" : "]") && (expected === "name" || expected === "entry"))
      return "remove the comma before it";
    return errorRemedies[error] ?? remedies[expected];
  }

  return { visitor, duplicates, hasComments: () => commented };
}

const placeOf = (line: number, character: number): TextPosition => ({
  line: line + 1,
  column: character + 1,
});
