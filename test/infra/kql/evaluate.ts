import { parseKql, type Syntax } from "./parse.ts";
import { calculate, compare, equal, fromJson, functions, literal, Timespan, type Value } from "./values.ts";

export type Row = Readonly<Record<string, Value>>;

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export interface Query {
  /** Runs the query over these tables as if it were `now`. */
  run(tables: Readonly<Record<string, Table>>, now: Date): Table;
}

/**
 * Executes KQL over arrays, as far as the queries of the alerts need it. Microsoft's parser reads the query, checks its
 * names and types, and names its columns; no package on npm or NuGet executes it. evaluate.test.ts compares this with the
 * examples of Microsoft's documentation. What is not here throws, so no query passes for another reason.
 *
 * @throws with what Microsoft's parser objects to
 */
export function prepare(kql: string): Query {
  const { syntax, problems } = parseKql(kql);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const statements = partsOf(syntax, "List").flatMap(({ parts }) => parts);
  return {
    run(tables, now) {
      const names = new Map<string, Table | Value>(Object.entries(tables));
      for (const statement of statements) {
        const [first, second] = statement.parts;
        if (statement.kind === "LetStatement" && first && second)
          names.set(first.text, evaluate(second, { names, now }));
        else if (statement.kind === "ExpressionStatement" && first)
          return toTable(evaluate(first, { names, now }), statement);
        else throw unknown(statement);
      }
      throw new Error("The query has only let statements.");
    },
  };
}

interface Scope {
  /** Tables, and what let statements define. */
  readonly names: ReadonlyMap<string, Table | Value>;
  readonly now: Date;
  /** Undefined outside of an operator that goes through rows. */
  readonly row?: Row;
}

const unknown = ({ kind, text }: Syntax) => new Error(`evaluate.ts does not know ${kind} ${text}`);
const partsOf = ({ parts }: Syntax, kind: string) => parts.filter((part) => part.kind === kind);

function part(syntax: Syntax, index: number): Syntax {
  const found = syntax.parts.at(index);
  if (found === undefined) throw unknown(syntax);
  return found;
}

const isTable = (value: Table | Value): value is Table =>
  value !== null && typeof value === "object" && "rows" in value;

function toTable(value: Table | Value, syntax: Syntax): Table {
  if (!isTable(value)) throw unknown(syntax);
  return value;
}

function scalar(syntax: Syntax, scope: Scope): Value {
  const value = evaluate(syntax, scope);
  if (isTable(value)) throw unknown(syntax);
  return value;
}

function evaluate(syntax: Syntax, scope: Scope): Table | Value {
  const { kind, text } = syntax;
  const one = (index: number) => scalar(part(syntax, index), scope);
  switch (kind) {
    case "NameReference": {
      const found = scope.row?.[text] ?? scope.names.get(text);
      return found ?? null;
    }
    case "ParenthesizedExpression":
      return evaluate(part(syntax, 0), scope);
    case "PipeExpression":
      return operate(part(syntax, 1), toTable(evaluate(part(syntax, 0), scope), syntax), scope);
    case "DataTableExpression":
      return datatable(syntax, scope);
    case "ToScalarExpression": {
      const value = evaluate(part(syntax, 0), scope);
      return isTable(value) ? (value.rows[0]?.[value.columns[0] ?? ""] ?? null) : value;
    }
    case "AddExpression":
      return calculate("+", one(0), one(1));
    case "SubtractExpression":
      return calculate("-", one(0), one(1));
    case "MultiplyExpression":
      return calculate("*", one(0), one(1));
    case "AndExpression":
      return and(one(0), one(1));
    case "OrExpression":
      return not(and(not(one(0)), not(one(1))));
    case "EqualExpression":
      return equal(one(0), one(1));
    case "NotEqualExpression":
      return not(equal(one(0), one(1)));
    case "LessThanExpression":
      return holds(compare(one(0), one(1)), (order) => order < 0);
    case "GreaterThanExpression":
      return holds(compare(one(0), one(1)), (order) => order > 0);
    case "GreaterThanOrEqualExpression":
      return holds(compare(one(0), one(1)), (order) => order >= 0);
    case "BetweenExpression": {
      const [value, from] = [one(0), scalar(part(part(syntax, 1), 0), scope)];
      const last = scalar(part(part(syntax, 1), 1), scope);
      const to = last instanceof Timespan && from instanceof Date ? calculate("+", from, last) : last;
      return and(
        holds(compare(value, from), (order) => order >= 0),
        holds(compare(value, to), (order) => order <= 0),
      );
    }
    case "InExpression":
      return isIn(syntax, scope);
    case "NotInExpression":
      return !isIn(syntax, scope);
    case "ElementExpression": {
      const bag = one(0);
      const key = scalar(part(part(syntax, 1), 0), scope);
      return bag !== null && typeof bag === "object" ? fromJson(Reflect.get(bag, String(key))) : null;
    }
    case "FunctionCallExpression":
      return call(syntax, scope);
    default: {
      const literalType = /^(\w+)LiteralExpression$/.exec(kind)?.[1]?.toLowerCase();
      if (literalType === undefined) throw unknown(syntax);
      return literal(literalType === "boolean" ? "bool" : literalType, text);
    }
  }
}

const holds = (order: number | null, test: (order: number) => boolean) =>
  order === null ? null : test(order);
const not = (value: Value): Value => (value === null ? null : value !== true);
const and = (left: Value, right: Value): Value =>
  left === false || right === false ? false : left === null || right === null ? null : true;

function isIn(syntax: Syntax, scope: Scope): boolean {
  const value = scalar(part(syntax, 0), scope);
  const listed = part(part(syntax, 1), 0).parts.flatMap((item): readonly Value[] => {
    const found = evaluate(item, scope);
    return isTable(found) ? found.rows.map((row) => row[found.columns[0] ?? ""] ?? null) : [found];
  });
  return listed.some((item) => equal(value, item) === true);
}

const argumentsOf = (call: Syntax) => part(part(call, 1), 0).parts;

function call(syntax: Syntax, scope: Scope): Value {
  const name = part(syntax, 0).text;
  const values = argumentsOf(syntax).map((argument) => scalar(argument, scope));
  if (name === "now") return scope.now;
  if (name === "ago") return calculate("-", scope.now, values[0] ?? null);
  const apply = functions[name];
  if (apply === undefined) throw new Error(`evaluate.ts does not know the function ${name}`);
  return apply(...values);
}

function datatable(syntax: Syntax, scope: Scope): Table {
  const { columns } = syntax;
  const values = part(syntax, -1).parts.map((value) => scalar(value, scope));
  const rows = Array.from({ length: values.length / columns.length }, (_, row) =>
    Object.fromEntries(
      columns.map((column, index) => [column, values[row * columns.length + index] ?? null]),
    ),
  );
  return { columns, rows };
}

/** One operator after a bar. */
function operate(operator: Syntax, input: Table, scope: Scope): Table {
  const { columns } = operator;
  const inRow = (row: Row): Scope => ({ ...scope, row });
  switch (operator.kind) {
    case "FilterOperator":
      return {
        columns,
        rows: input.rows.filter((row) => scalar(part(operator, -1), inRow(row)) === true),
      };
    case "ExtendOperator": {
      const items = part(operator, -1).parts;
      // An item may use the columns that the items before it define.
      const extend = (row: Row): Row => {
        const extended: Record<string, Value> = { ...row };
        for (const item of items) extended[nameOf(item)] = scalar(bodyOf(item), inRow(extended));
        return extended;
      };
      return { columns, rows: input.rows.map(extend) };
    }
    case "ProjectOperator":
    case "DistinctOperator": {
      const items = part(operator, -1).parts;
      const rows = input.rows.map((row) =>
        Object.fromEntries(items.map((item, index) => [columns[index], scalar(bodyOf(item), inRow(row))])),
      );
      const groups = new Map(rows.map((row) => [keyOf(Object.values(row)), row]));
      return { columns, rows: operator.kind === "DistinctOperator" ? [...groups.values()] : rows };
    }
    case "CountOperator":
      return { columns, rows: [{ [columns[0] ?? ""]: input.rows.length }] };
    case "SummarizeOperator":
      return summarize(operator, input, scope);
    case "JoinOperator":
      return innerJoin(operator, input, scope);
    default:
      throw unknown(operator);
  }
}

/** `a = b` has a name of its own; a mere column keeps its name. */
const nameOf = (item: Syntax) => (item.kind === "SimpleNamedExpression" ? part(item, 0).text : item.text);
const bodyOf = (item: Syntax) => (item.kind === "SimpleNamedExpression" ? part(item, 1) : item);
const keyOf = (values: readonly Value[]) => JSON.stringify(values);

function summarize(operator: Syntax, input: Table, scope: Scope): Table {
  const keys = partsOf(operator, "SummarizeByClause").flatMap((clause) => part(clause, 0).parts);
  const aggregates = partsOf(operator, "List").at(-1)?.parts ?? [];
  const groups = new Map<string, { readonly values: readonly Value[]; readonly rows: Row[] }>();
  for (const row of input.rows) {
    const values = keys.map((key) => scalar(bodyOf(key), { ...scope, row }));
    const key = keyOf(values);
    const group = groups.get(key) ?? { values, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  // Without `by`, no rows are one group: count() of it is 0.
  if (keys.length === 0 && groups.size === 0) groups.set("", { values: [], rows: [] });
  const rows = [...groups.values()].map((group) => {
    const results = aggregates.flatMap((item) => aggregate(bodyOf(item), group.rows, scope));
    return Object.fromEntries(
      operator.columns.map((name, index) => [name, [...group.values, ...results][index] ?? null]),
    );
  });
  return { columns: operator.columns, rows };
}

/** The columns that an aggregation returns for a group. Nulls count for count() alone. */
function aggregate(syntax: Syntax, rows: readonly Row[], scope: Scope): readonly Value[] {
  const name = part(syntax, 0).text;
  const [first, ...others] = argumentsOf(syntax);
  const of = (row: Row, item = first) => (item === undefined ? null : scalar(item, { ...scope, row }));
  const among = name === "maxif" ? rows.filter((row) => of(row, others[0]) === true) : rows;
  const values = among.map((row) => of(row)).filter((value) => value !== null);
  const most = (sign: number) =>
    values.reduce<Value>(
      (best, value) => (best === null || sign * (compare(value, best) ?? 0) > 0 ? value : best),
      null,
    );
  switch (name) {
    case "count":
      return [rows.length];
    case "sum":
      return [values.reduce((sum: Value, value) => calculate("+", sum, value), 0)];
    case "max":
    case "maxif":
      return [most(1)];
    case "min":
      return [most(-1)];
    case "arg_max": {
      const largest = most(1);
      const row =
        rows.find((candidate) => largest !== null && equal(of(candidate), largest) === true) ?? rows[0];
      return [largest, ...others.map((item) => (row === undefined ? null : of(row, item)))];
    }
    default:
      throw new Error(`evaluate.ts does not know the aggregation ${name}`);
  }
}

function innerJoin(operator: Syntax, left: Table, scope: Scope): Table {
  const parameters = partsOf(operator, "List").flatMap(({ parts }) => parts);
  const kind = parameters.find((parameter) => part(parameter, 0).text === "kind");
  if (kind === undefined || part(kind, 1).text !== "inner") throw unknown(operator);
  const right = toTable(evaluate(part(operator, 1), scope), operator);
  const keys = part(part(operator, 2), 0).parts.map(({ text }) => text);
  const rows = left.rows.flatMap((row) => {
    const matches = right.rows.filter((other) =>
      keys.every((key) => equal(row[key] ?? null, other[key] ?? null)),
    );
    return matches.map((other) => {
      const values = [...left.columns.map((name) => row[name]), ...right.columns.map((name) => other[name])];
      return Object.fromEntries(operator.columns.map((name, index) => [name, values[index] ?? null]));
    });
  });
  return { columns: operator.columns, rows };
}
