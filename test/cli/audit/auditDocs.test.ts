import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { usage } from "../../../cli/audit/auditOptions.ts";
import { findingCodes, rules } from "../../../cli/audit/findings.ts";
import { formats } from "../../../cli/audit/reportFormats.ts";
import { versionTags } from "../../../src/rotation/newVersion.ts";
import { versionFacts } from "../../support/versionFacts.ts";
import { contoso, daysAgo, foreignVersion, regular, reportOf } from "./samples.ts";

const document = readFileSync(path.join(import.meta.dirname, "..", "..", "..", "docs", "audit.md"), "utf8");

/** The cells of every table row that has this many columns and begins with code. */
const rows = (columns: number): readonly (readonly string[])[] =>
  document
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")))
    .filter((cells) => cells.length === columns);

test("audit.md's findings → every code in the order of the rules, with its severity, meaning and action", () => {
  const expected = findingCodes.map((code) => {
    const { severity, meaning, action } = rules[code];
    return [`\`${code}\``, severity, meaning, action];
  });
  expect(rows(4)).toEqual(expected);
});

test("audit.md's tags → those that a version with everything has, in their order", () => {
  const table = document.slice(document.indexOf("| tag |"), document.indexOf("## Permission"));
  const named = table.matchAll(/^\| (`[^|]+) \|/gm);
  const tags = [...named].flatMap(([, cell = ""]) => cell.match(/[a-z-]+/g) ?? []);
  expect(tags).toEqual(Object.keys(versionTags(versionFacts)));
});

test("audit.md's options → those of --help", () => {
  const named = (text: string) => [...new Set(text.match(/--[a-z]+/g))].sort();
  const table = rows(2).flatMap(([cell = ""]) => named(cell));
  expect([...table, "--help"].sort()).toEqual(named(usage));
});

test("audit.md's JSON fields → those of a report", async () => {
  const report = await reportOf(
    { [contoso]: { a: [...regular(2, 30), foreignVersion(daysAgo(1))] } },
    { vaults: [contoso, "https://fabrikam.vault.azure.net"] },
  );
  const json = JSON.parse(formats.json(report));
  const [secret] = json.secrets;
  const fieldsOf = {
    unknown: json.unknown[0],
    counts: json.counts,
    period: json.period,
    secrets: secret,
    "secrets[].findings": secret.findings[0],
    "secrets[].versions": secret.versions[0],
  };
  const table = new Map(rows(2).map(([cell = "", meaning = ""]) => [cell.replaceAll("`", ""), meaning]));
  expect(Object.keys(json).filter((field) => !table.has(field))).toEqual(["schema", "schemaVersion"]);
  expect(table.has("schema, schemaVersion")).toBe(true);
  for (const [field, value] of Object.entries(fieldsOf)) {
    const named = table.get(field)?.match(/(?<=`)\w+(?=`)/g);
    expect(named).toEqual(Object.keys(value));
  }
});
