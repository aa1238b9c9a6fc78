import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { promises } from "./simulation/promises/promiseList.ts";
import { sabotages } from "./simulation/proof/sabotages.ts";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/reliability.md"), "utf8");

/** Cells of the table rows that begin with a number. */
const rows = [...page.matchAll(/^\| (\d+) \|(.*)\|$/gm)].map(([, number, rest = ""]) => ({
  number: Number(number),
  cells: rest.split("|").map((cell) => cell.trim()),
}));
const code = (cell = ""): string => cell.replaceAll("`", "");
const proven = rows.slice(0, Object.keys(promises).length);

describe("the list of promises in docs/reliability.md", () => {
  test("rows → numbered from 1 on, each promise of the proof first, in its words", () => {
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, i) => i + 1));
    const named = proven.map(({ cells: [name, text] }) => [code(name), text]);
    expect(named).toEqual(Object.entries(promises));
  });

  test("every file and test that it names → exists", () => {
    const files = rows.flatMap(({ cells }) =>
      cells.flatMap((cell) => /^`((?:src|test)\/.*)`$/.exec(cell)?.[1] ?? []),
    );
    expect(files.length).toBe(2 * rows.length);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test("every sabotage → stands in the row of the promise that it breaks", () => {
    const listed = proven.map(({ cells }) => [code(cells[0]), cells[4]]);
    const expected = Object.keys(promises).map((promise) => {
      const names = sabotages.filter((each) => each.promise === promise).map(({ name }) => name);
      return [promise, names.length === 0 ? "none" : names.join("; ")];
    });
    expect(listed).toEqual(expected);
  });

  test("no other page → repeats a promise", () => {
    const others = globSync(["*.md", "src/*.md", "docs/**/*.md"], { cwd: root })
      .filter((file) => file !== join("docs", "reliability.md"))
      .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
    expect(others.length).toBeGreaterThan(15);
    const texts = rows.map(({ number, cells: [first, second] }) =>
      number <= proven.length ? (second ?? "") : (first ?? ""),
    );
    expect(texts.every((text) => text.length > 15)).toBe(true);
    const repeating = others.filter(({ text }) => texts.some((promise) => text.includes(promise)));
    expect(repeating.map(({ file }) => file)).toEqual([]);
  });
});
