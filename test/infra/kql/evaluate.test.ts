import { expect, test } from "vitest";
import { prepare } from "./evaluate.ts";

const now = new Date("2026-03-01T12:00:00Z");

/** The names of the columns, and the rows as JSON. */
function run(kql: string) {
  const { columns, rows } = prepare(kql).run({}, now);
  const values = rows.map((row) => columns.map((column) => row[column]));
  return { columns: columns.join(), rows: JSON.stringify(values) };
}

const fruit = `datatable(Fruit: string, Color: string, Version: int)["Apple", "Red", 1, "Apple", "Green", int(null),
  "Banana", "Yellow", int(null), "Banana", "Green", int(null), "Pear", "Brown", 1, "Pear", "Green", 2]`;
const storms = `datatable(State: string, Damage: long, Deaths: long)["TEXAS", 7, 1, "TEXAS", 5, 0, "IOWA", 9, 2]`;
const days = `datatable(t: datetime)[datetime(2007-07-26), datetime(2007-07-27), datetime(2007-07-30),
  datetime(2007-07-30T00:00:01Z)]`;
const states = `datatable(State: string)["FLORIDA", "florida", "OHIO"]`;
const pairs = `datatable(a: string, b: long)["x", 1, "y", 1, "x", 1]`;
const keys = `let X = datatable(Key: string, Value1: long)["a", 1, "b", 2, "b", 3, "k", 5, "c", 4];
let Y = datatable(Key: string, Value2: long)["b", 10, "c", 20, "c", 30, "d", 40, "k", 50];`;

// Queries and results of learn.microsoft.com/kusto/query, page by page; where an example there uses a sample database, its
// data stand in a datatable here.
test.each([
  [
    "arg-max-aggregation-function: nulls → a group of nulls alone keeps a row",
    `${fruit} | summarize arg_max(Version, Color) by Fruit`,
    "Fruit,Version,Color",
    '[["Apple",1,"Red"],["Banana",null,"Yellow"],["Pear",2,"Green"]]',
  ],
  [
    "summarize-operator: an empty table without by → one row of the default values",
    "datatable(x: long, s: string)[] | summarize arg_max(x, s), max(x), min(x), sum(x), count()",
    "x,s,max_x,min_x,sum_x,count_",
    "[[null,null,null,null,0,0]]",
  ],
  [
    "summarize-operator: an empty table with by → no row",
    "datatable(x: long)[] | summarize count() by x",
    "x,count_",
    "[]",
  ],
  [
    "summarize-operator: sum → skips nulls; count → counts them",
    "datatable(y: real)[real(null), 5, 5, 5] | summarize sum(y), count()",
    "sum_y,count_",
    "[[15,4]]",
  ],
  [
    "maxif-aggregation-function: rows for which the predicate is true → their maximum",
    `${storms} | summarize maxif(Damage, Deaths == 0) by State`,
    "State,maxif_Damage",
    '[["TEXAS",5],["IOWA",null]]',
  ],
  [
    "null-values: equality, order and `or` with nulls → as in the table there",
    `datatable(val: int)[5, int(null)]
      | extend big = val > 3, bigOrNull = val > 3 or isnull(val), same = val == int(null), other = val != int(null)`,
    "val,big,bigOrNull,same,other",
    "[[5,true,true,false,true],[null,null,true,null,null]]",
  ],
  [
    "null-values: where → drops a row whose predicate is null",
    `datatable(val: int, s: string)[5, "a", int(null), "b"] | where val != 5`,
    "val,s",
    '[[null,"b"]]',
  ],
  [
    "null-values: where with not() of null → drops the row too",
    "datatable(val: int)[5, int(null)] | where not(val > 7)",
    "val",
    "[[5]]",
  ],
  [
    "null-values: arithmetic with null → null",
    "datatable(val: int)[5, int(null)] | extend sum = val + 10, product = val * 10",
    "val,sum,product",
    "[[5,15,50],[null,null,null]]",
  ],
  [
    "join-inner: several matches on both sides → every pair, and the right key renamed",
    `${keys} X | join kind=inner Y on Key`,
    "Key,Value1,Key1,Value2",
    '[["b",2,"b",10],["b",3,"b",10],["k",5,"k",50],["c",4,"c",20],["c",4,"c",30]]',
  ],
  [
    "between-operator: numbers → both ends are inside",
    "datatable(x: long)[49, 50, 55, 56] | where x between (50 .. 55)",
    "x",
    "[[50],[55]]",
  ],
  [
    "between-operator: a time span → counts from the first end",
    `${days} | where t between (datetime(2007-07-27) .. 3d) | count`,
    "Count",
    "[[2]]",
  ],
  [
    "toscalar-function: a table → the first column of its first row",
    `let End = toscalar(${pairs} | count); datatable(z: long)[3, 9] | where z == End`,
    "z",
    "[[3]]",
  ],
  [
    "in-cs-operator: a list → case-sensitive",
    `${states} | where State in ("FLORIDA", "GEORGIA", "NEW YORK")`,
    "State",
    '[["FLORIDA"]]',
  ],
  [
    "in-cs-operator: a table → its first column counts",
    `let Top = datatable(a: string, b: long)["OHIO", 1]; ${states} | where State !in (Top)`,
    "State",
    '[["FLORIDA"],["florida"]]',
  ],
  [
    "distinct-operator: the columns that it names → in that order",
    `${pairs} | distinct b, a`,
    "b,a",
    '[[1,"x"],[1,"y"]]',
  ],
  ["project-operator: equal rows → all of them", `${pairs} | project c = b + 1`, "c", "[[2],[2],[2]]"],
  [
    "times: ago, now and a real number of milliseconds → dates",
    `datatable(t: datetime, ms: real)[datetime(2026-03-01T11:00:00Z), 1500.5]
      | project endedAt = t + ms * 1ms, isOld = t < ago(30m), isNew = t > now() - 2h`,
    "endedAt,isOld,isNew",
    '[["2026-03-01T11:00:01.500Z",true,true]]',
  ],
])("%s", (_, kql, columns, rows) => {
  expect(run(kql)).toEqual({ columns, rows });
});

test.each([
  ["customEvents | where nme == 'x'", "'nme' does not refer"],
  ["customEvents | extend t = todatetim(name)", "todatetim"],
  ["customEvents | where timestamp > 7", "at "],
])("%s, an unknown name or a wrong type → Microsoft's analysis refuses the query", (kql, message) => {
  expect(() => prepare(kql)).toThrow(message);
});

test.each([
  ["take 1", "does not know TakeOperator"],
  ["extend y = bin(x, 5)", "does not know the function bin"],
  ["summarize avg(x)", "does not know the aggregation avg"],
])("%s, which the evaluation does not know → an error, not a result", (operator, message) => {
  expect(() => run(`datatable(x: long)[1] | ${operator}`)).toThrow(message);
});
