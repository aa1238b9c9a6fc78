import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { readCommand } from "../../../cli/audit/auditOptions.ts";
import { runtimeTarget } from "../../support/gateways.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const folder = temporaryFolder();
const vault = ["--vault", "https://contoso-keys.vault.azure.net"];

describe("options", () => {
  test("--until with a day → until the day ends; with a moment → the moment included", async () => {
    const day = await readCommand([...vault, "--since", "2026-01-01", "--until", "2026-01-31"]);
    expect(day).toMatchObject({
      scope: { period: { since: new Date("2026-01-01"), until: new Date("2026-02-01") } },
    });
    const moment = await readCommand([...vault, "--until", "2026-01-31T12:00:00+02:00"]);
    expect(moment).toMatchObject({ scope: { period: { until: new Date("2026-01-31T10:00:00.001Z") } } });
  });

  test("--gateway given twice → these two only; not given → all", async () => {
    const command = await readCommand([...vault, "--gateway", "a", "--gateway", "b"]);
    expect(command).toMatchObject({ scope: { only: ["a", "b"] } });
    expect(await readCommand(vault)).toMatchObject({ scope: { only: [] } });
  });

  test("one vault in two spellings → one vault, without a slash at the end", async () => {
    const command = await readCommand([...vault, "--vault", "https://CONTOSO-keys.vault.azure.net/"]);
    expect(command).toMatchObject({ scope: { vaults: ["https://contoso-keys.vault.azure.net"] } });
  });

  test("--out → the format of its ending, or that of --format; no --out → --format is printed", async () => {
    const outs = ["a.html", "b.CSV", "a.b/c.json"].flatMap((file) => ["--out", file]);
    expect(await readCommand([...vault, ...outs])).toMatchObject({
      print: "summary",
      files: [{ format: "html" }, { file: "b.CSV", format: "csv" }, { file: "a.b/c.json", format: "json" }],
    });
    expect(await readCommand([...vault, "--out", "report", "--format", "json"])).toMatchObject({
      files: [{ file: "report", format: "json" }],
    });
    expect(await readCommand([...vault, "--format", "csv"])).toMatchObject({ print: "csv", files: [] });
    expect(await readCommand(vault)).toMatchObject({ print: "summary" });
  });

  test("--demo → the other options go to the audit of the demonstration; without an output, a page", async () => {
    const asked = await readCommand(["--demo", "--since", "2026-01-01", "--format", "json"]);
    expect(asked).toEqual({ kind: "demo", args: ["--since", "2026-01-01", "--format", "json"] });
    expect(await readCommand(["--demo"])).toEqual({ kind: "demo", args: ["--out", "audit.html"] });
  });

  test.each([
    [["--demo", ...vault], /--demo has vaults of its own: leave out --vault/],
    [["--demo", "--gateways", "gateways.json"], /--demo has vaults of its own/],
    [[], /--vault https:.*or --gateways/],
    [
      ["--vault", "contoso"],
      /--vault takes a Key Vault's URL.*: write "https:\/\/contoso\.vault\.azure\.net"/,
    ],
    [["--vault", "https://contoso.example"], /--vault takes a Key Vault's URL.*: write the Vault URI/],
    [[...vault, "--every", "0"], /--every takes a whole number of days/],
    [[...vault, "--every", ""], /--every takes a whole number of days/],
    [[...vault, "--since", "2026-02-30"], /--since takes a date/],
    [[...vault, "--until", "yesterday"], /--until takes a date/],
    [[...vault, "--since", "2026-02-02", "--until", "2026-02-01"], /--since must be before --until/],
    [[...vault, "--out", "a.pdf"], /--out a\.pdf: end the name in/],
    [[...vault, "--out", "a.b/report"], /--out a\.b\/report: end the name in/],
    [[...vault, "--out", "report.toString"], /--out report\.toString: end the name in/],
    [[...vault, "--format", "pdf"], /--format is json, csv, html, not "pdf"/],
    [[...vault, "--format", "csv", "--out", "a", "--out", "b"], /--format needs a single --out/],
    [["--vualt"], /'--vualt'/],
  ])("%j → an error that names the option and the remedy", async (args, message) => {
    await expect(readCommand(args)).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(message),
    });
  });

  test("a file that is not there → the option, the file and the cause", async () => {
    await expect(readCommand(["--gateways", "some/nowhere.json"])).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(/^--gateways some\/nowhere\.json cannot be read: ENOENT/),
    });
  });

  test("gateways.json without a vault → KEY_VAULT_URL is the vault; not set → a problem", async () => {
    const file = path.join(folder, "gateways.json");
    const { resourceId } = runtimeTarget;
    writeFileSync(file, JSON.stringify({ gateways: [{ resourceId }] }));
    vi.stubEnv("KEY_VAULT_URL", "");
    await expect(readCommand(["--gateways", file])).rejects.toMatchObject({
      name: "ConfigurationError",
      problems: [{ path: "gateways[0].vaultUrl" }],
    });
    vi.stubEnv("KEY_VAULT_URL", "https://contoso-keys.vault.azure.net/");
    expect(await readCommand(["--gateways", file])).toMatchObject({
      scope: {
        gateways: [
          {
            name: "warehouse",
            secret: { vaultUrl: "https://contoso-keys.vault.azure.net", secretName: "adf-sales-warehouse" },
          },
        ],
      },
    });
  });
});
