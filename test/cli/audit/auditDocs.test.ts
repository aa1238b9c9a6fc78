import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { audit } from "../../../cli/audit/audit.ts";
import { usage } from "../../../cli/audit/auditOptions.ts";
import { findingCodes, rules } from "../../../cli/audit/findings.ts";
import { formats } from "../../../cli/audit/reportFormats.ts";
import { contoso, daysAgo, foreignVersion, now, regular, vaultHistoryOf } from "./samples.ts";

const document = readFileSync(path.join(import.meta.dirname, "..", "..", "..", "docs", "audit.md"), "utf8");

/** The cells of every table row that has this many columns and begins with code. */
const rows = (columns: number): readonly (readonly string[])[] =>
  document
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")))
    .filter((cells) => cells.length === columns);

test("audit.md's findings → every code in the order of the rules, with severity and action", () => {
  expect(rows(4).map(([code, severity, , action]) => [code, severity, action])).toEqual(
    findingCodes.map((code) => [`\`${code}\``, rules[code].severity, rules[code].action]),
  );
});

test("audit.md's options → those of --help", () => {
  const named = (text: string) => [...new Set(text.match(/--[a-z]+/g))].sort();
  const table = rows(2).flatMap(([cell = ""]) => named(cell));
  expect([...table, "--help"].sort()).toEqual(named(usage));
});

test("audit.md's JSON fields → those of a report", async () => {
  const report = await audit(
    { vaults: [contoso, "https://fabrikam.vault.azure.net"] },
    {
      vaultHistory: vaultHistoryOf({ [contoso]: { a: [...regular(2, 30), foreignVersion(daysAgo(1))] } }),
      now,
    },
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
