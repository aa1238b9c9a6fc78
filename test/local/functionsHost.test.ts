import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { z } from "zod";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import { type FunctionsHost, launchFunctionsHost } from "../../local/functionsHost/launch.ts";
import { patienceMs } from "../support/patience.ts";
import { runs, test, until, writeFunctionApp } from "./fixtures/functionApp.ts";

const everySecond = "* * * * * *";
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
  app.timer("showEnvironment", {
    schedule: "${never}",
    handler: (_timer, context) => context.log(Object.keys(process.env).sort().join()),
  });
`;

let azurite: Azurite;
let folder: string;
/** The host of all tests that need no own one. */
let host: FunctionsHost;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "functions-host-test-"));
  [azurite] = await Promise.all([startAzurite(), writeFunctionApp(folder, source)]);
  host = await launchFunctionsHost(app());
});

afterAll(async () => {
  await host?.stop();
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
});

const app = (settings: Readonly<Record<string, string>> = {}) => ({
  folder,
  env: { AzureWebJobsStorage: azurite.connectionString, TELL_SCHEDULE: never, ...settings },
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

/** Starts both, prints their addresses once the host has logged everything, and keeps running. */
const parentSource = `
  const [, local, folder] = process.argv;
  const { startAzurite } = await import(local + "azurite.ts");
  const { launchFunctionsHost } = await import(local + "functionsHost/launch.ts");
  const { connectionString } = await startAzurite();
  const env = { AzureWebJobsStorage: connectionString, TELL_SCHEDULE: "${never}" };
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

  test("a handler that throws → the invocation fails with its message; the host keeps running", async () => {
    const failed = await host.trigger("fail");
    expect(failed.outcome).toEqual({ kind: "failed", message: "no luck today" });
    expect((await host.trigger("tell")).outcome).toEqual({ kind: "succeeded" });
  });

  test("the parent's environment → not passed on, except PATH", async () => {
    const { invocationId } = await host.trigger("showEnvironment");
    const names = host.logs.find((log) => log.invocationId === invocationId)?.message.split(",");
    expect(names?.filter((name) => name !== "NODE_CHANNEL_FD" && !name.startsWith("NODE_CHANNEL_"))).toEqual([
      "AzureWebJobsStorage",
      "PATH",
      "TELL_SCHEDULE",
    ]);
  });
});

describe.concurrent("the admin API", () => {
  test("without the master key → 401, and nothing runs", async () => {
    const url = `http://127.0.0.1:${host.port}/admin/functions/hang`;
    const answers = await Promise.all([
      fetch(url, { method: "POST" }),
      fetch(url, { method: "POST", headers: { "x-functions-key": "guess" } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
    await host.trigger("tell");
    expect(host.logs.filter(({ message }) => message === "hanging")).toEqual([]);
  });

  test("with the master key → the host's state, and 404 for an unknown function", async () => {
    const headers = { "x-functions-key": host.masterKey };
    const status = await fetch(`http://127.0.0.1:${host.port}/admin/host/status`, { headers });
    expect(await status.json()).toEqual({
      state: "Running",
      functions: ["tell", "fail", "hang", "showEnvironment"],
    });
    await expect(host.trigger("absent")).rejects.toThrow("404");
  });

  test("invalid paths → 401 without the master key, 404 with it; the host keeps running", async () => {
    const headers = { "x-functions-key": host.masterKey };
    for (const requestPath of ["/admin", "/admin/%zz", "/ADMIN//", "/admin/functions/%zz?a"]) {
      const url = `http://127.0.0.1:${host.port}${requestPath}`;
      expect((await fetch(url)).status).toBe(401);
      expect((await fetch(url, { headers })).status).toBe(404);
    }
    expect((await host.trigger("tell")).outcome).toEqual({ kind: "succeeded" });
  });
});

describe.concurrent("starting", () => {
  test("a %…% setting that is not set → no start; the message names function and setting", async ({
    launch,
  }) => {
    await expect(launch(app({ TELL_SCHEDULE: "" }))).rejects.toThrow(
      /function "tell" cannot be started.*TELL_SCHEDULE is not set/s,
    );
  });

  test("an invalid schedule → no start", async ({ launch }) => {
    await expect(launch(app({ TELL_SCHEDULE: "every day" }))).rejects.toThrow('has the schedule "every day"');
  });

  test("no storage account → no start", async ({ launch }) => {
    await expect(launch(app({ AzureWebJobsStorage: "" }))).rejects.toThrow("AzureWebJobsStorage is not set");
  });
});

describe.concurrent("the timer", () => {
  test("two hosts on one storage account → one ticks; when it stops, the other takes over", async ({
    launch,
  }) => {
    const shared = { ...app({ TELL_SCHEDULE: everySecond }), folder: path.join(folder, "shared") };
    await writeFunctionApp(shared.folder, source, { name: "shared" });
    const one = await launch(shared);
    await until(one, () => one.logs.some(({ message }) => message === "holds the timer's lease"));
    const other = await launch(shared);
    await until(one, () => runs(one, "tell") >= 2);
    expect(runs(other, "tell")).toBe(0);

    await one.stop();
    await until(other, () => runs(other, "tell") >= 1);
  });

  test("a function that still runs at its next tick → is not started a second time", async ({ launch }) => {
    const slow = path.join(folder, "slow");
    await writeFunctionApp(
      slow,
      `import { app } from "@azure/functions";
       let running = 0;
       app.timer("slow", { schedule: "${everySecond}", runOnStartup: true, handler: async (_timer, context) => {
         context.log("beside itself: " + running++);
         await new Promise((resolve) => setTimeout(resolve, 1_300));
         running--;
       } });`,
    );
    const host = await launch({ ...app(), folder: slow });
    await until(host, () => runs(host, "slow") >= 2);
    const lines = host.logs.filter(({ message }) => message.startsWith("beside itself"));
    expect(new Set(lines.map(({ message }) => message))).toEqual(new Set(["beside itself: 0"]));
  });
});

describe.concurrent("ending", () => {
  test("an invocation over its time-out → fails, and the host ends like the real worker", async ({
    launch,
  }) => {
    const host = await launch(app({ AzureFunctionsJobHost__functionTimeout: "00:00:01" }));
    const { outcome } = await host.trigger("hang");
    expect(outcome).toEqual({ kind: "failed", message: 'Timeout value of 1 s exceeded by function "hang".' });
    expect(await host.exited).toMatchObject({ code: 1 });
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
