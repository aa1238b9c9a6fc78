import { createRequire } from "node:module";
import { z } from "zod";

/** A part of a query as Microsoft's own parser reads it, without punctuation. */
export interface Syntax {
  /** Microsoft's name, such as `FilterOperator` or `NameReference`. */
  readonly kind: string;
  /** A name, a literal's value or a keyword; empty for everything that has parts. */
  readonly text: string;
  /** Of a table operator: the names of the columns that it returns. */
  readonly columns: readonly string[];
  readonly parts: readonly Syntax[];
}

export interface ParsedQuery {
  readonly syntax: Syntax;
  /** What Microsoft's parser and its analysis of names and types object to. */
  readonly problems: readonly string[];
}

/** The columns that our queries read of Application Insights' tables, as Microsoft documents their types. */
export const tableColumns = {
  customEvents:
    "(timestamp: datetime, name: string, customDimensions: dynamic, customMeasurements: dynamic, operation_Id: string)",
  requests:
    "(timestamp: datetime, name: string, success: string, duration: real, customDimensions: dynamic, operation_Id: string)",
  traces: "(timestamp: datetime, message: string, customDimensions: dynamic, operation_Id: string)",
} as const;

/** The few members of the package that are used here. It is C# compiled to JavaScript, and has no module of its own. */
interface KustoLanguage {
  readonly KustoCode: {
    ParseAndAnalyze(query: string, globals: unknown): { Syntax: Element; GetDiagnostics(): unknown };
  };
  readonly GlobalState: { readonly Default: { WithDatabase(database: unknown): unknown } };
  readonly Diagnostic: unknown;
  readonly Symbols: {
    readonly TableSymbol: { From(columns: string): { WithName(name: string): unknown } };
    readonly DatabaseSymbol: { readonly ctor: new (name: string, members: readonly unknown[]) => unknown };
  };
  readonly Syntax: { readonly SyntaxKind: unknown };
}

interface Element {
  readonly Kind: number;
  readonly ChildCount: number;
  GetChild(index: number): Element | null;
  readonly IsToken: boolean;
  readonly ValueText?: string;
  readonly ResultType?: {
    readonly Columns?: { readonly Count: number; getItem(index: number): { Name: string } };
  };
}

interface Runtime {
  readonly Enum: { toString(type: unknown, value: number): string };
  readonly Linq: {
    Enumerable: { from(list: unknown, type: unknown): { ToArray(type: unknown): Problem[] } };
  };
}

interface Problem {
  readonly Message: string;
  readonly Start: number;
}

const isObject = (value: unknown) => typeof value === "object" && value !== null;
const globals = z.object({
  Kusto: z.object({ Language: z.custom<KustoLanguage>(isObject) }),
  System: z.custom<Runtime>(isObject),
});

const require = createRequire(import.meta.url);
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const {
  Kusto: { Language: kusto },
  System: runtime,
} = globals.parse({ ...pick("Kusto"), ...pick("System") });

function pick(name: string) {
  return { [name]: Object.getOwnPropertyDescriptor(globalThis, name)?.value };
}

const tables = Object.entries(tableColumns).map(([name, columns]) =>
  kusto.Symbols.TableSymbol.From(columns).WithName(name),
);
const database = new kusto.Symbols.DatabaseSymbol.ctor("Application Insights", tables);
const state = kusto.GlobalState.Default.WithDatabase(database);

/** Parses a query, and checks its names and types against the tables of Application Insights. */
export function parseKql(query: string): ParsedQuery {
  const code = kusto.KustoCode.ParseAndAnalyze(query, state);
  const problems = runtime.Linq.Enumerable.from(code.GetDiagnostics(), kusto.Diagnostic).ToArray(
    kusto.Diagnostic,
  );
  return {
    syntax: toSyntax(code.Syntax),
    problems: problems.map(({ Message, Start }) => `at ${Start}: ${Message}`),
  };
}

const kindOf = (element: Element) => runtime.Enum.toString(kusto.Syntax.SyntaxKind, element.Kind);

function toSyntax(element: Element): Syntax {
  const kind = kindOf(element);
  if (element.IsToken) return { kind, text: element.ValueText ?? "", columns: [], parts: [] };
  const [first] = childrenOf(element);
  // An element of a list stands with its comma in a wrapper.
  if (kind === "SeparatedElement" && first !== undefined) return toSyntax(first);
  if (isLeaf.test(kind) && first !== undefined) return { ...toSyntax(first), kind };
  const parts = childrenOf(element)
    .filter((child) => !isPunctuation(child))
    .map(toSyntax);
  const { Columns } = element.ResultType ?? {};
  const columns = Array.from(
    { length: Columns?.Count ?? 0 },
    (_, index) => Columns?.getItem(index).Name ?? "",
  );
  return { kind, text: "", columns, parts };
}

/** Elements with one token that says all. */
const isLeaf = /^(TokenName|Name(Reference|Declaration)|\w+LiteralExpression|PrimitiveTypeExpression)$/;

function childrenOf(element: Element): readonly Element[] {
  return Array.from({ length: element.ChildCount }, (_, index) => element.GetChild(index)).filter(
    (child) => child !== null,
  );
}

/** Operators, brackets and keywords: what they mean stands in the kind of what they belong to. */
const isPunctuation = (element: Element) => element.IsToken && !/Identifier|Literal/.test(kindOf(element));
