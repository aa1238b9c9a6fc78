import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const read = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, "..", file), "utf8"));

test("host.json → no telemetry is sampled, and no extension bundle is fetched", () => {
  const host = read("host.json");
  expect(host.logging.applicationInsights.samplingSettings.isEnabled).toBe(false);
  expect(host).not.toHaveProperty("extensionBundle");
  expect(host).not.toHaveProperty("telemetryMode");
});

test("the lock file → has the optional builds of every package, for all platforms", () => {
  const { packages } = read("package-lock.json") as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const present = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies),
  );
  expect(wanted.length).toBeGreaterThan(20);
  expect(wanted.filter((name) => !present.has(name))).toEqual([]);
});

test("the lock file → names no registry", () => {
  expect(readFileSync(join(import.meta.dirname, "..", "package-lock.json"), "utf8")).not.toContain(
    '"resolved": "http',
  );
});
