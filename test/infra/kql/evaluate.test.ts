import { describe, expect, test } from "vitest";
import { prepare } from "./evaluate.ts";

const now = new Date("2026-03-01T12:00:00Z");

/** The result as rows of values, in the order of its columns. */
function run(kql: string) {
  const { columns, rows } = prepare(kql).run({}, now);
  return { columns, rows: rows.map((row) => columns.map((column) => row[column])) };
}

// Queries and results of learn.microsoft.com/kusto/query, page by page; where an example there uses a sample database, its
// data stand in a datatable here.
describe("the examples of Microsoft's documentation", () => {
  test("arg-max-aggregation-function: nulls → a group of nulls alone keeps a row", () => {
    const { columns, rows } = run(`datatable(Fruit: string, Color: string, Version: int) [
    "Apple", "Red", 1,
    "Apple", "Green", int(null),
    "Banana", "Yellow", int(null),
    "Banana", "Green", int(null),
    "Pear", "Brown", 1,
    "Pear", "Green", 2,
]
| summarize arg_max(Version, Color) by Fruit`);
    expect(columns).toEqual(["Fruit", "Version", "Color"]);
    expect(rows).toEqual([
      ["Apple", 1, "Red"],
      ["Banana", null, "Yellow"],
      ["Pear", 2, "Green"],
    ]);
  });

  test("summarize-operator: an empty table without by → one row of the default values", () => {
    const { columns, rows } = run(`datatable(x:long, s:string)[]
| summarize arg_max(x, s), max(x), min(x), sum(x), count()`);
    expect(columns).toEqual(["x", "s", "max_x", "min_x", "sum_x", "count_"]);
    expect(rows).toEqual([[null, null, null, null, 0, 0]]);
  });

  test("summarize-operator: an empty table with by → no row", () => {
    expect(run("datatable(x:long)[] | summarize count() by x").rows).toEqual([]);
  });

  test("summarize-operator: sum → skips nulls; count → counts them", () => {
    const y = "range x from 1 to 4 step 1 | extend y = iff(x == 1, real(null), real(5))";
    expect(run(`${y} | summarize sum(y)`)).toEqual({ columns: ["sum_y"], rows: [[15]] });
    expect(
      run("range x from 1 to 2 step 1 | extend y = iff(x == 1, real(null), real(5)) | summarize count()"),
    ).toEqual({ columns: ["count_"], rows: [[2]] });
  });

  test("maxif-aggregation-function: rows for which the predicate is true → their maximum", () => {
    const { rows } =
      run(`datatable(State: string, Damage: long, Deaths: long)["TEXAS", 7, 1, "TEXAS", 5, 0, "IOWA", 9, 2]
| summarize maxif(Damage, Deaths == 0) by State`);
    expect(rows).toEqual([
      ["TEXAS", 5],
      ["IOWA", null],
    ]);
  });

  test("null-values: equality, order and `or` with nulls → as in the table there", () => {
    const { rows } = run(`datatable(val:int)[5, int(null)]
| extend IsBiggerThan3 = val > 3
| extend IsBiggerThan3OrNull = val > 3 or isnull(val)
| extend IsEqualToNull = val == int(null)
| extend IsNotEqualToNull = val != int(null)`);
    expect(rows).toEqual([
      [5, true, true, false, true],
      [null, null, true, null, null],
    ]);
  });

  test("null-values: where → drops a row whose predicate is null", () => {
    const { rows } = run(`datatable(ival:int, sval:string)[5, "a", int(null), "b"] | where ival != 5`);
    expect(rows).toEqual([[null, "b"]]);
    expect(run("datatable(ival:int)[5, int(null)] | where not(ival > 7)").rows).toEqual([[5]]);
  });

  test("null-values: arithmetic with null → null", () => {
    expect(
      run("datatable(val:int)[5, int(null)] | extend Add = val + 10 | extend Multiply = val * 10").rows,
    ).toEqual([
      [5, 15, 50],
      [null, null, null],
    ]);
  });

  test("join-inner: several matches on both sides → every pair, and the right key renamed", () => {
    const { columns, rows } = run(`let X = datatable(Key:string, Value1:long)
[
    'a',1,
    'b',2,
    'b',3,
    'k',5,
    'c',4
];
let Y = datatable(Key:string, Value2:long)
[
    'b',10,
    'c',20,
    'c',30,
    'd',40,
    'k',50
];
X | join kind=inner Y on Key`);
    expect(columns).toEqual(["Key", "Value1", "Key1", "Value2"]);
    expect(rows.sort()).toEqual([
      ["b", 2, "b", 10],
      ["b", 3, "b", 10],
      ["c", 4, "c", 20],
      ["c", 4, "c", 30],
      ["k", 5, "k", 50],
    ]);
  });

  test("between-operator: both ends → inside; a time span → counts from the first end", () => {
    expect(run("range x from 1 to 100 step 1 | where x between (50 .. 55)").rows).toEqual(
      [50, 51, 52, 53, 54, 55].map((x) => [x]),
    );
    const { rows } =
      run(`datatable(StartTime: datetime)[datetime(2007-07-26), datetime(2007-07-27), datetime(2007-07-30), datetime(2007-07-30T00:00:01Z)]
| where StartTime between (datetime(2007-07-27) .. 3d) | count`);
    expect(rows).toEqual([[2]]);
  });

  test("toscalar-function: a table → the first column of its first row", () => {
    expect(
      run(
        "let End = toscalar(range x from 1 to 9 step 1 | count); range z from 9 to 9 step 1 | where z == End",
      ).rows,
    ).toEqual([[9]]);
  });

  test("in-cs-operator: a list or a table → case-sensitive, by the table's first column", () => {
    const states = `datatable(State: string)["FLORIDA", "florida", "OHIO"]`;
    expect(run(`${states} | where State in ("FLORIDA", "GEORGIA", "NEW YORK") | count`).rows).toEqual([[1]]);
    expect(
      run(`let Top = datatable(a: string, b: long)["OHIO", 1]; ${states} | where State !in (Top) | count`)
        .rows,
    ).toEqual([[2]]);
  });

  test("distinct-operator and project-operator: the columns that they name, in that order", () => {
    const table = `datatable(a: string, b: long)["x", 1, "y", 1, "x", 1]`;
    expect(run(`${table} | distinct b, a`).rows).toEqual([
      [1, "x"],
      [1, "y"],
    ]);
    expect(run(`${table} | project c = b + 1`)).toEqual({ columns: ["c"], rows: [[2], [2], [2]] });
  });
});

describe("prepare", () => {
  test("times: ago, now and a real number of milliseconds → dates", () => {
    const { rows } = run(`datatable(t: datetime, ms: real)[datetime(2026-03-01T11:00:00Z), 1500.5]
| extend endedAt = t + ms * 1ms, isOld = t < ago(30m), isNew = t > now() - 2h`);
    expect(rows[0]?.slice(2)).toEqual([new Date("2026-03-01T11:00:01.500Z"), true, true]);
  });

  test("an unknown column, function or type → Microsoft's analysis refuses the query", () => {
    expect(() => prepare("customEvents | where nme == 'x'")).toThrow("'nme' does not refer");
    expect(() => prepare("customEvents | extend t = todatetim(name)")).toThrow("todatetim");
    expect(() => prepare("customEvents | where timestamp > 7")).toThrow();
  });

  test("an operator or a function that it does not know → an error, not a result", () => {
    expect(() => run("datatable(x:long)[1] | take 1")).toThrow("does not know TakeOperator");
    expect(() => run("datatable(x:long)[1] | extend y = bin(x, 5)")).toThrow(
      "does not know the function bin",
    );
    expect(() => run("datatable(x:long)[1] | summarize avg(x)")).toThrow("does not know the aggregation avg");
  });
});
