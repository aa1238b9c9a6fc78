import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { defaultOutDir } from "../../scripts/build.ts";

const root = path.join(import.meta.dirname, "..", "..");
const read = (...names: string[]) => readFile(path.join(root, ...names), "utf8");

describe("azure.yaml", () => {
  test("azd → runs the script build and deploys its output folder unchanged", async () => {
    const azureYaml = await read("azure.yaml");
    const { scripts } = JSON.parse(await read("package.json"));
    expect(scripts.build).toContain("scripts/build.ts");
    expect(azureYaml).toMatch(new RegExp(`^ {4}dist: ${path.relative(root, defaultOutDir)}$`, "m"));
    expect(azureYaml).toMatch(/^ {4}remoteBuild: false$/m);
    expect(azureYaml).toMatch(/^ {4}host: function$/m);
  });

  test("the version of azd → the one that docs/deploy.md asks for", async () => {
    const [, version] = /^requiredVersions:\n {2}azd: '>= ([\d.]+)'$/m.exec(await read("azure.yaml")) ?? [];
    expect(await read("docs", "deploy.md")).toContain(`(\`azd\`): version ${version} or later`);
  });

  test("the service's name → the tag by which azd finds the function app", async () => {
    const [, name] = /^services:\n {2}(\S+):$/m.exec(await read("azure.yaml")) ?? [];
    expect(await read("infra", "functionApp.bicep")).toContain(`'azd-service-name': '${name}'`);
  });
});
