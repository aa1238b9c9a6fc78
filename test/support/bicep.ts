import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe } from "vitest";
import { z } from "zod";
import { findBicep } from "../../scripts/bicep.ts";
import { type BicepServer, startBicepServer } from "./bicepServer.ts";

const bicep = await findBicep();

if (bicep.kind === "missing") console.error(`\n!! NOT TESTED: the templates in infra/. ${bicep.why}\n`);

/** `describe` for tests that need the Bicep compiler. Without it they are skipped, and stderr has the reason. */
export const describeBicep = (name: string, tests: () => void) =>
  describe.skipIf(bicep.kind === "missing")(name, tests);

/** The scope of a snapshot's deployment. */
export const home = {
  tenantId: "a0000000-0000-4000-8000-000000000000",
  subscriptionId: "10000000-0000-4000-8000-000000000001",
  resourceGroup: "rg-rotation",
  location: "westeurope",
} as const;

/** The environment variables that infra/main.bicepparam reads. */
export const environment = {
  ROTATION_SCHEDULE: "0 0 3 * * *",
  ROTATION_PAUSED: "true",
  ALERT_EMAILS: "night@contoso.example",
  ACTION_GROUP_IDS:
    "/subscriptions/20000000-0000-4000-8000-000000000002/resourceGroups/ops/providers/Microsoft.Insights/actionGroups/on-call",
  OPERATOR_GROUP_ID: "f0000000-0000-4000-8000-00000000000f",
  AZURE_ENV_NAME: "rotation",
};

let server: BicepServer | undefined;
afterAll(() => server?.close());

function call(method: string, params: unknown): Promise<unknown> {
  if (bicep.kind === "missing") throw new Error(bicep.why);
  server ??= startBicepServer(bicep.path, environment);
  return server.call(method, params);
}

const parameterSchema = z.looseObject({
  type: z.string().optional(),
  defaultValue: z.unknown().optional(),
  minValue: z.number().optional(),
  maxValue: z.number().optional(),
  metadata: z.object({ description: z.string().optional() }).optional(),
});
const resourceTypeSchema = z.looseObject({ type: z.string() });

const templateSchema = z.looseObject({
  parameters: z.record(z.string(), parameterSchema).default({}),
  definitions: z.record(z.string(), z.looseObject({})).default({}),
  outputs: z
    .record(z.string(), z.looseObject({ type: z.string().optional(), value: z.unknown() }))
    .default({}),
  /** An object by symbolic name if the template defines types, else a list. */
  resources: z.union([z.record(z.string(), resourceTypeSchema), z.array(resourceTypeSchema)]),
});

export type Template = z.infer<typeof templateSchema>;

const compilation = z.object({
  diagnostics: z.array(z.object({ source: z.string(), code: z.string(), message: z.string() })),
  contents: z.string().nullish(),
});

/** Calls with equal arguments share one answer, since the compiler takes a quarter of a second for each. */
export function shareAnswers<In, Out>(answer: (input: In) => Promise<Out>): (input: In) => Promise<Out> {
  const answers = new Map<string, Promise<Out>>();
  return (input) => {
    const key = JSON.stringify(input);
    const shared = answers.get(key) ?? answer(input);
    answers.set(key, shared);
    return shared;
  };
}

/**
 * The ARM template that a .bicep file compiles to.
 *
 * @throws with every message of the compiler and the linter, warnings included
 */
export const compileBicep = shareAnswers(async (file: string): Promise<Template> => {
  const { diagnostics, contents } = compilation.parse(await call("bicep/compile", { path: file }));
  if (diagnostics.length > 0 || contents == null) {
    throw new Error(
      diagnostics.map(({ source, code, message }) => `${source}: ${code}: ${message}`).join("\n"),
    );
  }
  return parseTemplate(contents);
});

export const parseTemplate = (json: string): Template => templateSchema.parse(JSON.parse(json));

const resourceSchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  location: z.string().optional(),
  properties: z.looseObject({}).default({}),
});

/** A resource as it would be deployed. A value that only Azure knows, such as an identity's id, stays `[reference(…)]`. */
export type PredictedResource = z.infer<typeof resourceSchema>;

const snapshotSchema = z.object({
  predictedResources: z.array(resourceSchema),
  diagnostics: z.array(z.unknown()).length(0),
  outputs: z.record(z.string(), z.unknown()).default({}),
});

export type Snapshot = z.infer<typeof snapshotSchema>;

/**
 * What a .bicep file deploys with these parameters. The compiler checks their types, and evaluates every expression that
 * it can without Azure.
 *
 * @throws with the compiler's message
 */
export async function snapshotBicep(
  file: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Snapshot> {
  const folder = await mkdtemp(path.join(tmpdir(), "bicep-"));
  try {
    const names = Object.keys(parameters);
    const lines = names.map((name) => `param ${name} = loadJsonContent('parameters.json').${name}`);
    const paramFile = path.join(folder, "test.bicepparam");
    await writeFile(path.join(folder, "parameters.json"), JSON.stringify(parameters));
    await writeFile(paramFile, [`using '${relative(folder, file)}'`, ...lines, ""].join("\n"));
    return await snapshotParameters(paramFile);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The same for a .bicepparam file. Its environment variables are `environment`. */
export async function snapshotParameters(paramFile: string): Promise<Snapshot> {
  const metadata = { ...home, deploymentName: "main" };
  const result = await call("bicep/getSnapshot", { path: paramFile, metadata, externalInputs: null });
  return snapshotSchema.parse(JSON.parse(z.object({ snapshot: z.string() }).parse(result).snapshot));
}

/** Bicep accepts only relative paths, with slashes on every platform. */
const relative = (from: string, to: string) => path.relative(from, to).replaceAll(path.sep, "/");
