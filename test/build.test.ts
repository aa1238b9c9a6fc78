import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { isBuiltin } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { compileFunction } from "node:vm";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { listen } from "../local/listen.ts";
import { type BuildResult, build } from "../scripts/build.ts";
import { bundle } from "../scripts/bundle.ts";
import { readStack } from "../scripts/readStack.ts";
import { temporaryFolder } from "./support/temporaryFolder.ts";

const folder = temporaryFolder();
let outDir: string;
let mapsDir: string;
let built: BuildResult;
let chunks: ReadonlyMap<string, string>;
let maps: ReadonlyMap<string, ChunkMap>;

beforeAll(async () => {
  [outDir, mapsDir] = [path.join(folder, "dist"), path.join(folder, "maps")];
  await mkdir(outDir);
  await writeFile(path.join(outDir, "left-over.js"), "");
  built = await build({ outDir, mapsDir });
  chunks = await readChunks(outDir);
  maps = new Map(await Promise.all([...chunks.keys()].map(readMap)));
});

async function readChunks(from: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(from)).filter((name) => name.endsWith(".js"));
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(path.join(from, name), "utf8")] as const),
    ),
  );
}

const ChunkMap = z.object({
  sources: z.array(z.string()),
  mappings: z.string(),
  sourcesContent: z.array(z.unknown()).optional(),
});
type ChunkMap = z.infer<typeof ChunkMap>;

/** The map of a chunk, its sources as absolute paths. */
async function readMap(chunk: string): Promise<readonly [string, ChunkMap]> {
  const map = ChunkMap.parse(JSON.parse(await readFile(path.join(mapsDir, `${chunk}.map`), "utf8")));
  return [chunk, { ...map, sources: map.sources.map((source) => path.resolve(mapsDir, source)) }];
}

/** The modules that some chunks have code of. */
function modulesIn(names: Iterable<string> = chunks.keys()): readonly string[] {
  const wanted = new Set(names);
  return built.chunks.flatMap(({ name, modules }) => (wanted.has(name) ? Object.keys(modules) : []));
}

function packagesIn(names?: Iterable<string>): ReadonlySet<string> {
  const found = modulesIn(names).map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  return new Set(found.filter((name) => name !== undefined));
}

/** Runs code in another process, which supplies `@azure/functions-core` as the Functions worker does. */
async function runBeside(bundled: string, code: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const script = `
    const Module = require("node:module");
    const required = [], functions = {};
    const core = { setProgrammingModel() {}, log() {}, registerFunction: (m, f) => { functions[m.name] = f; } };
    const rotate = () =>
      functions.rotateOnSchedule({}, { invocationId: "test", log() {}, warn() {}, error() {} });
    const load = Module._load;
    Module._load = (id, parent, isMain) => {
      required.push(id);
      return id === "@azure/functions-core" ? core : load(id, parent, isMain);
    };
    require(${JSON.stringify(path.join(bundled, "main.js"))});
    (async () => console.log(JSON.stringify(await (${code})())))();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], { cwd: bundled, env });
  return JSON.parse(stdout);
}

describe("the deployable folder", () => {
  test("a build → the chunks, the host's files and the gateways; files from before are removed", async () => {
    const names = (await readdir(outDir)).filter((name) => !name.endsWith(".js"));
    expect(names.sort()).toEqual(["gateways.json", "gateways.schema.json", "host.json", "package.json"]);
    expect(existsSync(path.join(outDir, "left-over.js"))).toBe(false);
    expect(built.files.map(({ name }) => name).sort()).toEqual((await readdir(outDir)).sort());
  });

  test("its host.json → no telemetry is sampled, and no extension bundle is fetched", async () => {
    const host = JSON.parse(await readFile(path.join(outDir, "host.json"), "utf8"));
    expect(host.logging.applicationInsights.samplingSettings.isEnabled).toBe(false);
    expect(host).not.toHaveProperty("extensionBundle");
    expect(host).not.toHaveProperty("telemetryMode");
  });

  test("its package.json → names an entry file that is there, as CommonJS", async () => {
    const manifest = JSON.parse(await readFile(path.join(outDir, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ type: "commonjs", main: "main.js", engines: { node: ">=22" } });
    expect(chunks.has(manifest.main)).toBe(true);
  });
});

describe("the chunks", () => {
  test("each of them → is CommonJS, and requires the chunks that the product imports lazily", () => {
    for (const [name, code] of chunks) {
      expect(() => compileFunction(code, [], { filename: name })).not.toThrow();
      expect(code, name).not.toMatch(/\bimport\("/);
    }
    expect(chunks.get("main.js")).toMatch(/\brequire\("\.\/application-\w+\.js"\)/);
  });

  test("the entry in a worker with Node.js 20 → fails at once, and says which version is needed", async () => {
    const older =
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.0' } })";
    const load = promisify(execFile)(process.execPath, [
      "-e",
      `${older}; require(${JSON.stringify(path.join(outDir, "main.js"))})`,
    ]);
    await expect(load).rejects.toThrow(/needs Node\.js 22 or later, and the worker runs 20\.20\.0\./);
  });

  test("packages that also come as ESM → are in the bundle as ESM, where unused code is left out", () => {
    const modules = modulesIn();
    expect(modules.some((file) => file.endsWith("node_modules/jws/index.js"))).toBe(true);
    // Both flavours of some Azure packages keep their state in one CommonJS module.
    const avoidable = modules.filter((file) => /\/(build\/src|dist\/commonjs)\/(?!state-cjs)/.test(file));
    expect(avoidable).toEqual([]);
  });

  test("zod → its small flavour, with English messages only, and no code made at run time", () => {
    const modules = modulesIn().filter((file) => file.includes("node_modules/zod/"));
    expect(modules.filter((file) => /\/(?:classic|compile\.js|json-schema)/.test(file))).toEqual([]);
    const languages = modules.filter((file) => file.includes("zod/v4/locales/"));
    expect(languages.map((file) => path.basename(file))).toEqual(["en.js"]);
    expect([...chunks.values()].filter((code) => code.includes("new Function("))).toEqual([]);
  });

  test("apache-arrow, for a list format that nothing here uses → is in no chunk", () => {
    expect(packagesIn()).not.toContain("apache-arrow");
  });

  test("Storage's checksums, which nothing here asks for → are in no chunk", () => {
    expect(modulesIn().filter((file) => file.includes("@azure/storage-common/")).length).toBeGreaterThan(0);
    const withThem = [...chunks].filter(([, code]) => /_emscripten_|WebAssembly/.test(code));
    expect(withThem.map(([name]) => name)).toEqual([]);
  });
});

describe("what is loaded when", () => {
  const settings = {
    ROTATION_SCHEDULE: "0 0 3 * * *",
    DEPLOYMENT_NAME: "test",
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    GATEWAYS: JSON.stringify({
      defaults: { vaultUrl: "https://contoso-keys.vault.azure.net" },
      gateways: [
        {
          resourceId:
            "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/adf/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest",
        },
      ],
    }),
  };
  const byIdentity = {
    ...settings,
    AzureWebJobsStorage__blobServiceUri: "https://contoso.blob.core.windows.net",
    IDENTITY_HEADER: "test",
  };

  const byConnectionString = {
    ...settings,
    AzureWebJobsStorage: `DefaultEndpointsProtocol=http;AccountName=test;AccountKey=${Buffer.alloc(64).toString("base64")};BlobEndpoint=http://127.0.0.1:1/test`,
  };

  /** The entry, and the chunks among these ids. */
  const chunksIn = (required: readonly string[]) => [
    ...new Set(["main.js", ...required.filter((id) => id.startsWith("./")).map((id) => id.slice(2))]),
  ];
  const bytesOf = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + (chunks.get(name)?.length ?? 0), 0);

  /** Chunks, and Node's own modules, that are loaded when a process opens its first connection. */
  async function loadedAtFirstConnection(env: NodeJS.ProcessEnv) {
    const code = `() => new Promise((resolve) => {
      require("node:net").Socket.prototype.connect = () => resolve({ required, builtins: process.moduleLoadList });
      rotate();
    }).then((loaded) => { setImmediate(() => process.exit()); return loaded; })`;
    const Loaded = z.object({ required: z.array(z.string()), builtins: z.array(z.string()) });
    const { required, builtins } = Loaded.parse(await runBeside(outDir, code, env));
    const loaded = chunksIn(required);
    return { packages: packagesIn(loaded), builtins, bytes: bytesOf(loaded) };
  }

  test("the entry → the core module, Node's modules and chunks that register functions, no SDK", async () => {
    const required = z.array(z.string()).parse(await runBeside(outDir, "async () => required"));
    const others = required.filter((id) => !id.startsWith("./") && !isBuiltin(id));
    expect(new Set(others)).toEqual(new Set([path.join(outDir, "main.js"), "@azure/functions-core"]));
    const loaded = chunksIn(required);
    expect(loaded.filter((name) => !chunks.has(name))).toEqual([]);
    expect(packagesIn(loaded)).toEqual(
      new Set(["@azure/functions", "@azure/functions-extensions-base", "cookie"]),
    );
    expect(bytesOf(loaded)).toBeLessThan(100_000);
  });

  test("the status page is requested → the page, and nothing of the application is loaded", async () => {
    const code = "() => functions.showStatus().then(({ body }) => ({ body, required }))";
    const Shown = z.object({ body: z.string(), required: z.array(z.string()) });
    const { body, required } = Shown.parse(await runBeside(outDir, code));
    expect(body).toContain("<title>");
    const modules = modulesIn(chunksIn(required));
    expect(modules).toContain("src/http/statusPage.ts");
    expect(modules).not.toContain("src/app.ts");
  });

  const sdks = [
    "@azure/arm-datafactory",
    "@azure/identity",
    "@azure/keyvault-secrets",
    "@azure/monitor-opentelemetry-exporter",
    "@azure/storage-blob",
  ];

  test.each([
    {
      storage: "identity",
      env: { ...byIdentity, IDENTITY_ENDPOINT: "http://127.0.0.1:1/msi/token" },
      needed: ["@azure/identity", "@azure/storage-blob"],
      mostBytes: 1_290_000,
    },
    {
      storage: "connection string",
      env: byConnectionString,
      needed: ["@azure/storage-blob"],
      mostBytes: 950_000,
    },
  ])(
    "storage by $storage → the first request waits for no other SDK, nor for Node's fetch",
    async ({ env, needed, mostBytes }) => {
      const { packages, builtins, bytes } = await loadedAtFirstConnection(env);
      expect(sdks.filter((name) => packages.has(name))).toEqual(needed);
      expect(builtins.filter((name) => name.includes("undici"))).toEqual([]);
      expect(bytes).toBeLessThan(mostBytes);
    },
  );

  test.each(["application", "blobStorage", "routes"])(
    "the chunk %s cannot be loaded → that invocation fails, and the next loads it",
    async (module) => {
      const code = `async () => {
        const load = Module._load;
        let missing = true;
        Module._load = (id, ...more) => {
          if (!missing || !id.startsWith("./${module}-")) return load(id, ...more);
          missing = false;
          throw new Error("no such file");
        };
        const invocation = { invocationId: "test", log() {}, warn() {}, error() {} };
        const list = () => functions.listGateways({ headers: new Headers(), params: {} }, invocation);
        const answer = () => list().then(({ body }) => JSON.parse(body).code, ({ message }) => message);
        return { first: await answer(), missing, second: await answer() };
      }`;
      expect(await runBeside(outDir, code, byConnectionString)).toMatchObject({
        first: expect.stringMatching(/^(no such file|unexpected-error)$/),
        missing: false,
        second: "storage-unreachable",
      });
    },
  );

  test("a token is refused → the minified SDK's error is recognized, and the invocation reports it", async () => {
    const identity = createServer((_, response) => response.writeHead(400).end("{}"));
    const port = await listen(identity);
    try {
      const code = "() => rotate().catch(({ name, message }) => ({ name, message }))";
      const failure = await runBeside(outDir, code, {
        ...byIdentity,
        IDENTITY_ENDPOINT: `http://127.0.0.1:${port}/msi/token`,
      });
      expect(failure).toMatchObject({
        name: "RunFailedError",
        message: expect.stringMatching(/No token for Blob Storage contoso\S*: \S/),
      });
    } finally {
      identity.close();
    }
  });
});

describe("source maps", () => {
  test("each chunk → has a map outside the deployed folder, without the text of the sources", async () => {
    expect((await readdir(mapsDir)).sort()).toEqual([...chunks.keys()].map((name) => `${name}.map`).sort());
    expect([...maps.values()].flatMap(({ sourcesContent = [] }) => sourcesContent)).toEqual([]);
    const blank = [...maps].filter(([chunk, { mappings }]) => mappings === "" && chunks.get(chunk) !== "");
    expect(blank).toEqual([]);
  });

  test("their sources → exist, the product's own among them", () => {
    const root = path.join(import.meta.dirname, "..");
    const sources = [...maps.values()].flatMap((map) => map.sources);
    const own = sources.filter((file) => !file.includes("node_modules") && file.startsWith(root + path.sep));
    expect(own).toContain(path.join(root, "src", "app.ts"));
    expect(own.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe("ESM as CommonJS", () => {
  test("import.meta, lazy imports, CommonJS dependencies and clashing names → work in the bundle", async () => {
    const sources = path.join(folder, "sources");
    const bundled = path.join(folder, "bundled");
    await mkdir(sources);
    const files = {
      "main.ts": `
        import legacy from "./legacy.cjs";
        export class Problem extends Error {}
        globalThis.probe = async () => {
          const before = globalThis.lazyLoaded ?? false;
          const lazy = await import("./lazy.ts");
          return {
            before, after: globalThis.lazyLoaded, same: (await import("./lazy.ts")).token === lazy.token,
            names: [Problem.name, lazy.Problem.name], legacy: legacy.join("a", "b"),
            dirname: import.meta.dirname, filename: import.meta.filename, url: import.meta.url, lazy: lazy.dirname,
          };
        };`,
      "lazy.ts": `
        import "./legacy.cjs";
        globalThis.lazyLoaded = true;
        export class Problem extends Error {}
        export const token = {};
        export const dirname = import.meta.dirname;`,
      "legacy.cjs": `exports.join = require("path").posix.join;`,
    };
    await Promise.all(Object.entries(files).map(([name, code]) => writeFile(path.join(sources, name), code)));
    await bundle({ entryPoint: path.join(sources, "main.ts"), outDir: bundled });
    await writeFile(path.join(bundled, "package.json"), '{ "type": "commonjs" }');

    expect(await runBeside(bundled, "globalThis.probe")).toEqual({
      before: false,
      after: true,
      same: true,
      names: ["Problem", "Problem"],
      legacy: "a/b",
      dirname: bundled,
      filename: path.join(bundled, "main.js"),
      url: new URL(`file://${bundled}/main.js`).href,
      lazy: bundled,
    });
  });

  test("an error thrown in a bundle → its stack names our functions; the maps give the source's line", async () => {
    const [sources, bundled, thrownMaps] = ["throwing", "thrown", "thrown-maps"].map((name) =>
      path.join(folder, name),
    ) as [string, string, string];
    await mkdir(sources);
    const entryPoint = path.join(sources, "main.ts");
    await writeFile(
      entryPoint,
      'import os from "node:os";\n\nexport function explode(_: string) {\n  throw new Error("boom" + os.EOL);\n}\n',
    );
    await bundle({ entryPoint, outDir: bundled, mapsDir: thrownMaps });
    const script = 'try { require("./main.js").explode() } catch (error) { console.log(error.stack) }';
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], { cwd: bundled, env: {} });
    expect(stdout).toMatch(/at \S*explode \(\S+\/main\.js:\d+:\d+\)/);
    const top = (await readStack(stdout, thrownMaps)).split("\n").find((line) => line.includes("at "));
    expect(top).toContain(`${path.relative(process.cwd(), entryPoint)}:4:9`);
    expect(await readStack(stdout, folder)).toBe(stdout);
  });
});
