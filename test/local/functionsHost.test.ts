import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { z } from "zod";
import { startAzurite } from "../../local/azurite.ts";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { patienceMs } from "../support/patience.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { runs, test, until, writeFunctionApp } from "./functionApp.ts";

const never = "0 0 0 1 1 *";

const source = `
  import { app } from "@azure/functions";
  app.timer("tell", {
    schedule: "%TELL_SCHEDULE%",
    handler: (timer, context) => {
      context.log("past due:", timer.isPastDue, { invocation: context.invocationId });
      context.warn("careful");
    },
  });
  app.timer("fail", {
    schedule: "${never}",
    handler: async () => { throw new Error("no luck today"); },
  });
  app.timer("hang", {
    schedule: "${never}",
    handler: (_timer, context) => new Promise(() => context.log("hanging")),
  });
  let remembered = 0;
  app.timer("remember", { schedule: "${never}", handler: (_timer, context) => context.log(String(remembered++)) });
  app.timer("countRuns", { schedule: "${never}", handler: () => {} });
  app.timer("showTimer", {
    schedule: "${never}",
    handler: (timer, context) => context.log(JSON.stringify({ timer, traceContext: context.traceContext })),
  });
  app.timer("crash", { schedule: "${never}", handler: () => new Promise(() => setImmediate(() => { throw new Error("gone") })) });
  app.timer("showEnvironment", {
    schedule: "${never}",
    handler: (_timer, context) => context.log(Object.keys(process.env).sort().join()),
  });
`;

const TimerLine = z.object({
  timer: z.looseObject({ isPastDue: z.boolean() }),
  traceContext: z.object({ traceParent: z.string().regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) }),
});

const folder = temporaryFolder();
/** The host of all tests that need no own one. */
let host: FunctionsHost;

beforeAll(async () => {
  await writeFunctionApp(folder, source);
  host = await launchFunctionsHost(app());
});

afterAll(async () => {
  await host?.stop();
});

const app = (settings: Readonly<Record<string, string>> = {}) => ({
  folder,
  env: { TELL_SCHEDULE: never, ...settings },
});

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function isListening(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

/** The JSON that an invocation logged. */
const lineOf = ({ logs }: FunctionsHost, invocationId: string | undefined): unknown =>
  JSON.parse(logs.find((log) => log.invocationId === invocationId)?.message ?? "");

/** Starts both, prints their addresses once the host has logged everything, and keeps running. */
const parentSource = `
  const [, local, folder] = process.argv;
  const { startAzurite } = await import(local + "azurite.ts");
  const { launchFunctionsHost } = await import(local + "functionsHost/launch.ts");
  const { connectionString } = await startAzurite();
  const env = { TELL_SCHEDULE: "${never}" };
  const { port, logs, functions } = await launchFunctionsHost({ folder, env });
  while (logs.length < functions.length) await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(JSON.stringify([/BlobEndpoint=([^;]+)/.exec(connectionString)[1], "http://127.0.0.1:" + port]));
`;

describe.concurrent("an app in its own folder", () => {
  test("a manual trigger → the handler gets its timer, and its log lines reach the parent", async () => {
    const result = await host.trigger("tell");

    expect(result).toMatchObject({ functionName: "tell", outcome: { kind: "succeeded" } });
    const { invocationId } = result;
    expect(host.logs.filter((log) => log.invocationId === invocationId)).toMatchObject([
      {
        level: "information",
        message: `past due: false { invocation: '${invocationId}' }`,
        functionName: "tell",
      },
      { level: "warning", message: "careful", functionName: "tell" },
    ]);
    await until(host, () => /warning +tell +careful/.test(host.output()));
  });

  test("each invocation → has a trace of its own", async () => {
    const results = await Promise.all([host.trigger("showTimer"), host.trigger("showTimer")]);
    const lines = results.map(({ invocationId }) => TimerLine.parse(lineOf(host, invocationId)));
    expect(new Set(lines.map(({ traceContext }) => traceContext.traceParent)).size).toBe(2);
    for (const { timer } of lines) expect(timer.isPastDue).toBe(false);
  });

  test("a handler that throws → the invocation fails with its message; the host keeps running", async () => {
    const failed = await host.trigger("fail");
    expect(failed.outcome).toEqual({ kind: "failed", message: "no luck today" });
    expect((await host.trigger("tell")).outcome).toEqual({ kind: "succeeded" });
  });

  test("the parent's environment → not passed on, except PATH and the cache of compiled code", async () => {
    const { invocationId } = await host.trigger("showEnvironment");
    const names = host.logs.find((log) => log.invocationId === invocationId)?.message.split(",");
    expect(names?.filter((name) => name !== "NODE_CHANNEL_FD" && !name.startsWith("NODE_CHANNEL_"))).toEqual([
      "NODE_COMPILE_CACHE",
      "PATH",
      "TELL_SCHEDULE",
    ]);
  });
});

describe.concurrent("the admin API", () => {
  const admin = (requestPath: string, key: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${host.port}/admin${requestPath}`, {
      ...init,
      headers: { "x-functions-key": key, ...Object.fromEntries(new Headers(init.headers)) },
    });
  const ofMaster = (requestPath: string, init?: RequestInit) => admin(requestPath, host.masterKey, init);
  const post = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };

  test("no key, a wrong one or a host key → 401, and nothing runs", async () => {
    for (const key of ["", "guess", host.functionKey])
      expect((await admin("/functions/hang", key, post)).status).toBe(401);
    await host.trigger("tell");
    expect(host.logs.filter(({ message }) => message === "hanging")).toEqual([]);
  });

  test("an unknown function → 404", async () => {
    expect((await ofMaster("/functions/absent", post)).status).toBe(404);
  });

  test("a trigger → the function runs", async () => {
    const before = runs(host, "countRuns");
    expect((await ofMaster("/functions/countRuns", post)).status).toBe(202);
    await until(host, () => runs(host, "countRuns") > before);
  });

  test("invalid paths → 401 without the master key, 404 with it; the host keeps running", async () => {
    for (const requestPath of ["", "/%zz", "//", "/functions/a/b?c"]) {
      expect((await admin(requestPath, "")).status).toBe(401);
      expect((await ofMaster(requestPath, post)).status).toBe(404);
    }
    expect((await host.trigger("tell")).outcome).toEqual({ kind: "succeeded" });
    await expect(host.trigger("absent")).rejects.toThrow('no function "absent"');
  });
});

describe.concurrent("starting", () => {
  test.for([
    ["not set", "", "TELL_SCHEDULE is not set"],
    ["invalid", "every day", 'its schedule is "every day"'],
  ] as const)(
    "a schedule that is %s → this function alone is in error",
    async ([, schedule, reason], { launch }) => {
      const own = await launch(app({ TELL_SCHEDULE: schedule }));
      await until(own, () => own.output().includes(`The function "tell" is in error: `));
      expect(own.output()).toContain(reason);
      expect((await own.trigger("showEnvironment")).outcome).toEqual({ kind: "succeeded" });

      const answer = await fetch(`http://127.0.0.1:${own.port}/admin/functions/tell`, {
        method: "POST",
        headers: { "x-functions-key": own.masterKey, "content-type": "application/json" },
        body: "{}",
      });
      expect(answer.status).toBe(202);
      expect((await own.trigger("tell")).outcome).toEqual({
        kind: "failed",
        message: '"tell" cannot be triggered: it is in error, or has no timer.',
      });
      expect(own.invocations.filter(({ functionName }) => functionName === "tell")).toHaveLength(1);
    },
  );
});

describe.concurrent("a schedule", () => {
  test("a function that still runs at its next tick → starts again only after its end", async ({
    launch,
  }) => {
    const own = path.join(folder, "slow");
    const slow = `import { app } from "@azure/functions"; let running = 0; app.timer("slow", { schedule: "* * * * * *",
      handler: async (timer, context) => {
        context.log("beside itself: " + running++, timer.isPastDue);
        await new Promise((resolve) => setTimeout(resolve, 1_300));
        running--;
      } });`;
    await writeFunctionApp(own, slow);
    const host = await launch({ folder: own, env: {} });
    await until(host, () => runs(host, "slow") >= 2);
    const lines = host.logs.filter(({ message }) => message.startsWith("beside itself"));
    expect(new Set(lines.map(({ message }) => message))).toEqual(new Set(["beside itself: 0 false"]));
  });
});

describe.concurrent("ending", () => {
  test("an invocation over its time-out → fails; the worker starts anew, and the host stays", async ({
    launch,
  }) => {
    const host = await launch(app({ AzureFunctionsJobHost__functionTimeout: "00:00:03" }));
    const { invocationId: before } = await host.trigger("remember");
    const { outcome } = await host.trigger("hang");
    expect(outcome).toEqual({ kind: "failed", message: 'Timeout value of 3 s exceeded by function "hang".' });
    const { invocationId: after } = await host.trigger("remember");
    expect([before, after].map((id) => lineOf(host, id))).toEqual([0, 0]);
    expect(isAlive(host.pid)).toBe(true);
  });

  test("a worker that crashes → its invocations fail, and the next one runs in another worker", async ({
    launch,
  }) => {
    const host = await launch(app());
    const [hanging, crashing] = [host.trigger("hang"), host.trigger("crash")];
    const failed = { kind: "failed", message: "The worker ended (1)." };
    expect((await crashing).outcome).toEqual(failed);
    expect((await hanging).outcome).toEqual(failed);
    expect((await host.trigger("tell")).outcome).toEqual({ kind: "succeeded" });
    expect(host.output()).toContain("Error: gone");
  });

  test("stop while a function runs → no process is left, and its trigger rejects", async ({ launch }) => {
    const host = await launch(app());
    const hanging = host.trigger("hang");
    hanging.catch(() => undefined);
    await until(host, () => host.logs.some(({ message }) => message === "hanging"));
    await host.stop();
    expect(isAlive(host.pid)).toBe(false);
    await expect(hanging).rejects.toThrow("The functions host ended (0) during hang");
  });

  test("the parent process is killed → the host and Azurite end too", async ({ onTestFinished }) => {
    const parent = spawn(
      process.execPath,
      ["--input-type=module", "--eval", parentSource, import.meta.resolve("../../local/"), folder],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    onTestFinished(() => void parent.kill("SIGKILL"));
    const [line] = await once(createInterface(parent.stdout), "line");
    const urls = z.array(z.url()).length(2).parse(JSON.parse(line));
    for (const url of urls) expect(await isListening(url)).toBe(true);
    parent.kill("SIGKILL");
    for (const url of urls) await vi.waitUntil(async () => !(await isListening(url)), patienceMs);
  });

  test("Azurite's stop → no process is left", async () => {
    const own = await startAzurite();
    expect(isAlive(own.pid)).toBe(true);
    await own.stop();
    expect(isAlive(own.pid)).toBe(false);
  });
});
