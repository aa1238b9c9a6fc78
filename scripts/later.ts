import { realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import type { Plugin } from "esbuild";

/**
 * What few runs use, or only after the first request: modules by their names or their paths in node_modules, with all
 * names that are imported of each. A group becomes a chunk of its own (Node's modules need none), which is read when
 * one of its names is first called, constructed or looked into; until then it is not even parsed. What does that while
 * it is evaluated brings the group along: `extends` would, and the exporter's `promisify(gzip)` does, so telemetry
 * loads zlib. What cannot be loaded fails where it is used; the credential chain calls that "unavailable".
 */
export const later: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  /** For certificates as credentials. */
  certificates: { jsonwebtoken: ["default"] },
  /** For whoever sets HTTPS_PROXY; they bring `debug`, which opens stdout and asks the terminal for colours. */
  proxies: { "https-proxy-agent": ["HttpsProxyAgent"], "http-proxy-agent": ["HttpProxyAgent"] },
  /** For answers and telemetry that are compressed. */
  compression: { "node:zlib": ["default", "gzip"] },
  /** For lists and errors of storage. */
  xml: { "@azure/core-xml": ["parseXML", "stringifyXML"] },
  /** For whoever signs in otherwise than by a managed identity, such as developers. */
  credentials: {
    "@azure/identity/dist/esm/credentials/azureCliCredential.js": ["AzureCliCredential"],
    "@azure/identity/dist/esm/credentials/azureDeveloperCliCredential.js": ["AzureDeveloperCliCredential"],
    "@azure/identity/dist/esm/credentials/azurePowerShellCredential.js": ["AzurePowerShellCredential"],
    "@azure/identity/dist/esm/credentials/brokerCredential.js": ["BrokerCredential"],
    "@azure/identity/dist/esm/credentials/clientAssertionCredential.js": ["ClientAssertionCredential"],
    "@azure/identity/dist/esm/credentials/clientCertificateCredential.js": ["ClientCertificateCredential"],
    "@azure/identity/dist/esm/credentials/clientSecretCredential.js": ["ClientSecretCredential"],
    "@azure/identity/dist/esm/credentials/environmentCredential.js": ["EnvironmentCredential"],
    "@azure/identity/dist/esm/credentials/usernamePasswordCredential.js": ["UsernamePasswordCredential"],
    "@azure/identity/dist/esm/credentials/visualStudioCodeCredential.js": ["VisualStudioCodeCredential"],
    "@azure/identity/dist/esm/credentials/workloadIdentityCredential.js": ["WorkloadIdentityCredential"],
  },
  /** For whoever signs a blob's address with the account's key. */
  signatures: {
    "@azure/storage-blob/dist/esm/sas/BlobSASSignatureValues.js": [
      "generateBlobSASQueryParameters",
      "generateBlobSASQueryParametersInternal",
    ],
  },
};

const root = path.join(import.meta.dirname, "..");
const nodeModules = realpathSync(path.join(root, "node_modules"));
const groupOf = new Map(
  Object.entries(later).flatMap(([group, modules]) => Object.keys(modules).map((name) => [name, group])),
);
const isNamed = new RegExp(`(?:^|/)(?:${[...groupOf.keys()].map((name) => path.basename(name)).join("|")})$`);

/** What the table calls the file that an import gets; a copy in a package's own node_modules is in no row. */
function nameOf(specifier: string, file: string): string {
  const name = path.relative(nodeModules, file).replaceAll(path.sep, "/");
  return name.startsWith(`${specifier}/`) ? specifier : name;
}

/** A package does not export its files, so they are imported as files. */
const specifierOf = (name: string): string => (/\.m?js$/.test(name) ? `./node_modules/${name}` : name);

/** Marks an `import()` that is to be a `require`: esbuild splits at no other expression. */
const mark = "__atOnce";

function standIns(name: string, group: string): string {
  const load = isBuiltin(name) ? `require("${name}")` : `${mark}(import("${group}"))`;
  const exported = (later[group]?.[name] ?? []).map((key) =>
    key === "default"
      ? `export default /* @__PURE__ */ standIn(() => ${isBuiltin(name) ? load : `${load}.default`});`
      : `export const ${key} = /* @__PURE__ */ standIn(() => ${load}.${key});`,
  );
  return `
    const standIn = (load) => new Proxy(function () {}, {
      apply: (_, self, args) => Reflect.apply(load(), self, args),
      construct: (_, args, newTarget) => Reflect.construct(load(), args, newTarget),
      get: (_, key) => load()[key],
      has: (_, key) => key in load(),
    });
    ${exported.join("\n")}`;
}

const chunkOf = (group: string): string =>
  Object.entries(later[group] ?? {})
    .map(([name, names]) => `export { ${names.join(", ")} } from "${specifierOf(name)}";`)
    .join("\n");

/** Marks a question of the plugin's own, which it is not to answer itself. */
const asked = Symbol();

/** Puts stand-ins in the place of what is loaded later. The chunks' code then goes through {@link atOnce}. */
export const laterPlugin: Plugin = {
  name: "later",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: isNamed }, async ({ path: specifier, ...from }) => {
      // A `require` gets a module as a whole, and of that a stand-in has only the names above.
      if (from.kind !== "import-statement" || from.pluginData === asked) return;
      if (from.namespace.startsWith("later")) return;
      const found = await resolve(specifier, { ...from, pluginData: asked });
      const name = isBuiltin(specifier) ? specifier : nameOf(specifier, found.path);
      const group = groupOf.get(name);
      return group === undefined ? undefined : { path: name, namespace: "later", pluginData: group };
    });
    onLoad({ filter: /./, namespace: "later" }, ({ path: name, pluginData: group }) => ({
      contents: standIns(name, group),
    }));
    onResolve({ filter: /./, namespace: "later" }, ({ path: group }) =>
      isBuiltin(group) ? undefined : { path: group, namespace: "later-chunk" },
    );
    onLoad({ filter: /./, namespace: "later-chunk" }, ({ path: group }) => ({
      contents: chunkOf(group),
      resolveDir: root,
    }));
  },
};

const marked = new RegExp(`\\b${mark}\\(import\\(("[^"]+")\\)\\)`, "g");

/** A chunk's code, in which stand-ins load theirs by `require`; as long as before, since its map counts columns. */
export const atOnce = (code: string): string =>
  code.replace(marked, (all, chunk: string) => `require(${chunk})`.padEnd(all.length));
