import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The templates are free of warnings with this one; another may know other rules and resource types. */
export const bicepVersion = "0.49.2";

const cacheFolder = path.join(import.meta.dirname, "..", "node_modules", ".cache", "bicep");

export type Bicep =
  | { readonly kind: "found"; readonly path: string }
  /** `why` says what to install. */
  | { readonly kind: "missing"; readonly why: string };

/**
 * The Bicep compiler: the one on the PATH where it is of the right version, else the one that `dotnet` has restored
 * from its NuGet package, once for a clone.
 *
 * @throws if dotnet is there, but could not restore the package: a passing fault must not look like a pass.
 */
export async function findBicep(): Promise<Bicep> {
  if ((await versionOf("bicep"))?.includes(` ${bicepVersion} `)) return { kind: "found", path: "bicep" };
  const cached = path.join(cacheFolder, bicepVersion, executable);
  if (existsSync(cached)) return { kind: "found", path: cached };
  if ((await versionOf("dotnet")) !== undefined) return { kind: "found", path: await restore(cached) };
  const why = `There is neither Bicep ${bicepVersion} nor dotnet, which could get it, on the PATH.`;
  return { kind: "missing", why: `${why} Install the .NET SDK, or that version of the Bicep CLI.` };
}

const executable = process.platform === "win32" ? "bicep.exe" : "bicep";
const platforms: Partial<Record<NodeJS.Platform, string>> = { darwin: "osx", win32: "win" };
const packageName = `Azure.Bicep.CommandLine.${platforms[process.platform] ?? process.platform}-${process.arch}`;

/** A project that downloads the package and builds nothing, with any installed SDK. */
const project = `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="${packageName}" Version="[${bicepVersion}]" />
  </ItemGroup>
</Project>
`;

/** Where packets are lost rather than refused, NuGet would try for many minutes. */
const restoreTimeoutMs = 180_000;

/** Two restores may run at once: each has a folder of its own, and the last step is atomic. */
async function restore(to: string): Promise<string> {
  await mkdir(path.dirname(to), { recursive: true });
  const folder = await mkdtemp(path.join(cacheFolder, "restore-"));
  try {
    const projectFile = path.join(folder, "bicep.csproj");
    const packages = path.join(folder, "packages");
    await writeFile(projectFile, project);
    await run("dotnet", ["restore", projectFile, "--packages", packages], { timeout: restoreTimeoutMs });
    const restored = path.join(packages, packageName.toLowerCase(), bicepVersion, "tools", executable);
    const ready = path.join(folder, executable);
    await copyFile(restored, ready);
    await chmod(ready, 0o755);
    await rename(ready, to);
    return to;
  } catch (cause) {
    const what = `dotnet is there, but could not get ${packageName} ${bicepVersion}`;
    throw new Error(`${what}. Is its package source within reach? Else put that Bicep CLI on the PATH.`, {
      cause,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a command prints about its version; undefined if it is not on the PATH. */
const versionOf = (command: string): Promise<string | undefined> =>
  run(command, ["--version"]).then(
    ({ stdout }) => stdout,
    () => undefined,
  );

/** `node scripts/bicep.ts lint infra/main.bicep`: the compiler, with its own arguments. */
if (import.meta.main) {
  const bicep = await findBicep();
  if (bicep.kind === "missing") throw new Error(bicep.why);
  process.exitCode = spawnSync(bicep.path, process.argv.slice(2), { stdio: "inherit" }).status ?? 1;
}
