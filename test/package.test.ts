import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { exitCodeOf, ownOrSample } from "../scripts/build.ts";
import { packageApp, packageFolder } from "../scripts/package.ts";
import { deployedBundle } from "./support/bundle.ts";
import { temporaryFolder } from "./support/temporaryFolder.ts";

const folder = temporaryFolder();
let bundle: string;

beforeAll(async () => {
  bundle = await deployedBundle();
});

async function writeGateways(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const gatewaysDir = path.join(folder, name);
  await mkdir(gatewaysDir);
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(gatewaysDir, file), text);
  return gatewaysDir;
}

/** A gateways.json without a problem. */
const document = JSON.stringify({
  gateways: [
    {
      resourceId:
        "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest",
    },
  ],
});

/** The names in a zip's central directory (APPNOTE.TXT, 4.3.12): the zip has no comment and is no Zip64. */
function entriesOf(zip: Buffer): string[] {
  const end = zip.length - 22;
  expect(zip.readUInt32LE(end)).toBe(0x06054b50);
  const names: string[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    expect(zip.readUInt32LE(at)).toBe(0x02014b50);
    const [name, extra, comment] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field));
    names.push(zip.toString("utf8", at + 46, at + 46 + (name ?? 0)));
    at += 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  return names;
}

describe("the package", () => {
  test("the same files elsewhere and later → the same bytes, at most 0.5 MB", async () => {
    const [one, other] = [path.join(folder, "one.zip"), path.join(folder, "other.zip")];
    const copy = path.join(folder, "copy");
    await cp(bundle, copy, { recursive: true });
    await utimes(path.join(copy, "main.js"), new Date("2020-02-02"), new Date("2020-02-02"));

    await packageFolder({ folder: bundle, zipFile: one });
    const bytes = await packageFolder({ folder: copy, zipFile: other });
    const [first, second] = [await readFile(one), await readFile(other)];
    expect(second.equals(first)).toBe(true);
    expect(second.length).toBe(bytes);
    // Instances fetch it before they start.
    expect(bytes).toBeLessThan(500_000);
  });

  test("a gateways.json beside the sample, nothing built → it is in the package, and reported", async () => {
    const own = await writeGateways("own", { "gateways.json": document, "gateways.sample.json": "[]" });
    const [dist, zipFile] = [path.join(own, "dist"), path.join(own, "package", "app.zip")];
    const report = await packageApp({ gatewaysFile: ownOrSample(own), outDir: dist, zipFile });
    expect(report).toMatch(/^gateways\.json is \S+\/own\/gateways\.json\n\S+\/app\.zip: [\d.]+ kB$/);
    expect(await readFile(path.join(dist, "gateways.json"), "utf8")).toBe(document);
    expect(entriesOf(await readFile(zipFile)).sort()).toEqual((await readdir(dist)).sort());
  });

  test("a wrong gateways.json → every problem and exit code 1, and an older build stays as it is", async () => {
    const wrong = document.replace("00000000-0000-4000-8000-000000000000", "my subscription");
    const own = await writeGateways("wrong", { "gateways.json": wrong.replace("}]", ',"enabld":true}]') });
    const older = path.join(folder, "before");
    await cp(bundle, older, { recursive: true });
    const before = await readdir(older);
    const printed = vi.spyOn(console, "error").mockReturnValue(undefined);
    const options = { gatewaysFile: ownOrSample(own), outDir: older, zipFile: path.join(folder, "no.zip") };
    expect(await exitCodeOf(() => packageApp(options))).toBe(1);
    const [message] = printed.mock.calls.flat();
    printed.mockRestore();
    expect(message).toMatch(/2 problems[\s\S]+gateways\[0\]\.resourceId[\s\S]+remedy: [\s\S]+enabld/);
    expect(await readdir(older)).toEqual(before);
    expect(existsSync(options.zipFile)).toBe(false);
  });

  test("the sample alone, beside an older build → the sample is in the package, with a warning", async () => {
    const sample = await writeGateways("sample", { "gateways.sample.json": document });
    const older = path.join(folder, "older");
    await cp(bundle, older, { recursive: true });
    const zipFile = path.join(folder, "older.zip");
    const report = await packageApp({ gatewaysFile: ownOrSample(sample), outDir: older, zipFile });
    expect(report).toContain("gateways.sample.json: the sample, which rotates nothing in Azure");
    expect(await readFile(path.join(older, "gateways.json"), "utf8")).toBe(document);
  });
});
