import { isBuiltin } from "node:module";
import path from "node:path";
import type { Plugin } from "esbuild";

/**
 * What few runs use, or only after the first request: modules by their names or their paths in node_modules, with all
 * names that are imported of each. A group becomes a chunk of its own, which is read when one of its names is first
 * called, constructed or looked into; until then it is not even parsed. So none of them may be used while a module
 * is evaluated (`extends` does that). A module of Node's is loaded then too.
 */
export const later: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  /** For certificates as credentials. */
  certificates: { jsonwebtoken: ["sign"] },
  /** For whoever sets HTTPS_PROXY; they bring `debug`, which opens stdout and asks the terminal for colours. */
  proxies: { "https-proxy-agent": ["HttpsProxyAgent"], "http-proxy-agent": ["HttpProxyAgent"] },
  /** For answers and telemetry that are compressed. */
  compression: { "node:zlib": ["createGunzip", "createInflate", "gzip"] },
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
    "@azure/msal-common/dist/client/AuthorizationCodeClient.mjs": ["AuthorizationCodeClient"],
    "@azure/msal-common/dist/client/RefreshTokenClient.mjs": ["RefreshTokenClient"],
    "@azure/msal-common/dist/client/SilentFlowClient.mjs": ["SilentFlowClient"],
    "@azure/msal-node/dist/cache/TokenCache.mjs": ["TokenCache"],
    "@azure/msal-node/dist/client/ConfidentialClientApplication.mjs": ["ConfidentialClientApplication"],
    "@azure/msal-node/dist/client/PublicClientApplication.mjs": ["PublicClientApplication"],
  },
  /** Of storage's client what nothing here asks it for: signatures, batches, queries, copies, uploads of streams. */
  storage: {
    "@azure/storage-blob/dist/esm/sas/AccountSASPermissions.js": ["AccountSASPermissions"],
    "@azure/storage-blob/dist/esm/sas/AccountSASSignatureValues.js": [
      "generateAccountSASQueryParameters",
      "generateAccountSASQueryParametersInternal",
    ],
    "@azure/storage-blob/dist/esm/sas/BlobSASSignatureValues.js": [
      "generateBlobSASQueryParameters",
      "generateBlobSASQueryParametersInternal",
    ],
    "@azure/storage-blob/dist/esm/BlobBatchClient.js": ["BlobBatchClient"],
    "@azure/storage-blob/dist/esm/BlobQueryResponse.js": ["BlobQueryResponse"],
    "@azure/storage-blob/dist/esm/pollers/BlobStartCopyFromUrlPoller.js": ["BlobBeginCopyFromUrlPoller"],
    "@azure/storage-blob/dist/esm/utils/blobListArrowParser.js": ["parseBlobListArrowResponse"],
    "@azure/storage-common/dist/esm/BufferScheduler.js": ["BufferScheduler"],
  },
};

const root = path.join(import.meta.dirname, "..");
const groupOf = new Map(
  Object.entries(later).flatMap(([group, modules]) => Object.keys(modules).map((name) => [name, group])),
);
const isNamed = new RegExp(`(?:^|/)(?:${[...groupOf.keys()].map((name) => path.basename(name)).join("|")})$`);

/** What the table calls a module that is imported from a folder. */
function nameOf(specifier: string, folder: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return path.join(folder, specifier).split(`${path.sep}node_modules${path.sep}`).at(-1) ?? specifier;
}

/** A package does not export its files, so they are imported as files. */
const specifierOf = (name: string): string =>
  /\.m?js$/.test(name) ? `./${path.join("node_modules", name)}` : name;

/** Marks an `import()` that is to be a `require`: esbuild splits at no other expression. */
const mark = "__atOnce";

function standIns(name: string, group: string): string {
  const names = later[group]?.[name] ?? [];
  const load = isBuiltin(name) ? `require("${name}")` : `${mark}(import("${group}"))`;
  const exported = names.map((key) => `export const ${key} = /* @__PURE__ */ standIn(() => ${load}.${key});`);
  return `
    const standIn = (load) => new Proxy(function () {}, {
      apply: (_, self, args) => Reflect.apply(load(), self, args),
      construct: (_, args) => Reflect.construct(load(), args),
      get: (_, key) => load()[key],
    });
    ${exported.join("\n")}
    export default { ${names.join(", ")} };`;
}

const chunkOf = (group: string): string =>
  Object.entries(later[group] ?? {})
    .map(([name, names]) => `export { ${names.join(", ")} } from "${specifierOf(name)}";`)
    .join("\n");

/** Puts stand-ins in the place of what is loaded later. The chunks' code then goes through {@link atOnce}. */
export const laterPlugin: Plugin = {
  name: "later",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: isNamed }, ({ path: specifier, namespace, resolveDir }) => {
      const name = nameOf(specifier, resolveDir);
      const group = namespace.startsWith("later") ? undefined : groupOf.get(name);
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
