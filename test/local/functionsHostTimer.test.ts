import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import type { FunctionsHost } from "../../local/functionsHost/launch.ts";
import { createScheduleStatuses } from "../../local/functionsHost/timer.ts";
import { listen } from "../../local/listen.ts";
import { patienceMs } from "../support/patience.ts";
import { runs, test, until, writeFunctionApp } from "./functionApp.ts";

const everySecond = "* * * * * *";
const never = "0 0 0 1 1 *";
const [last, next] = ["2025-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"];

/** An app with one timer, whose schedule is in SCHEDULE. */
const timer = (handler: string) =>
  `import { app } from "@azure/functions"; let running = 0; app.timer("it", { schedule: "%SCHEDULE%", handler: ${handler} });`;
const showTimer = timer("(timer, context) => context.log(JSON.stringify(timer))");

let azurite: Azurite;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "functions-host-timer-test-"));
  azurite = await startAzurite();
  await container().create();
});
afterAll(async () => {
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
});

const container = () =>
  BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient("azure-webjobs-hosts");

/** What hosts recorded of the app's timer. */
const recordOf = (appName: string) => createScheduleStatuses(container(), appName, "it");

/** @param appName its hosts share a lease and a record */
async function appOf(appName: string, source: string, schedule = never) {
  const own = path.join(folder, appName);
  await writeFunctionApp(own, source, appName);
  return { folder: own, env: { AzureWebJobsStorage: azurite.connectionString, SCHEDULE: schedule } };
}

/** The timer's payload, as that invocation logged it. */
const payloadIn = ({ logs }: FunctionsHost, invocationId: string | undefined): unknown =>
  JSON.parse(logs.find((log) => log.invocationId === invocationId)?.message ?? "");

describe.concurrent("the timer", () => {
  test("two hosts on one storage account → one ticks; when it stops, the other takes over", async ({
    launch,
  }) => {
    const app = await appOf("shared", timer("() => {}"), everySecond);
    const one = await launch(app);
    await until(one, () => one.logs.some(({ message }) => message === "holds the timer's lease"));
    const other = await launch(app);
    await until(one, () => runs(one, "it") >= 2);
    expect(runs(other, "it")).toBe(0);

    await one.stop();
    await until(other, () => runs(other, "it") >= 1);
  });

  test("a function that still runs at its next tick → starts again only after its end", async ({
    launch,
  }) => {
    const slow = timer(`async (_timer, context) => {
      context.log("beside itself: " + running++);
      await new Promise((resolve) => setTimeout(resolve, 1_300));
      running--;
    }`);
    const host = await launch(await appOf("slow", slow, everySecond));
    await until(host, () => runs(host, "it") >= 2);
    const lines = host.logs.filter(({ message }) => message.startsWith("beside itself"));
    expect(new Set(lines.map(({ message }) => message))).toEqual(new Set(["beside itself: 0"]));
  });

  test("a tick that no host ran → fires once, past due, at the next start; its status is kept", async ({
    launch,
  }) => {
    const app = await appOf("missed", showTimer);
    await recordOf("missed").write({ Last: last, Next: next, LastUpdated: last });

    const first = await launch(app);
    await until(first, () => runs(first, "it") === 1);
    expect(payloadIn(first, first.invocations[0]?.invocationId)).toMatchObject({
      isPastDue: true,
      scheduleStatus: { last, next, lastUpdated: last },
    });
    const nextTick = async () => (await recordOf("missed").read())?.Next ?? "";
    await vi.waitUntil(async () => Date.parse(await nextTick()) > Date.now(), patienceMs);

    await first.stop();
    const second = await launch(app);
    const expected = `next tick: ${await nextTick()}`;
    await until(second, () => second.logs.some(({ message }) => message === expected));
    const { invocationId } = await second.trigger("it");
    expect(runs(second, "it")).toBe(1);
    expect(payloadIn(second, invocationId)).toMatchObject({
      isPastDue: false,
      scheduleStatus: { next: await nextTick() },
    });
  });

  test("a host that ends during a tick → the next host fires that tick", async ({ launch }) => {
    const hang = timer(`(timer, context) => {
      context.log("past due: " + timer.isPastDue);
      return new Promise(() => {});
    }`);
    const app = await appOf("crashed", hang);
    await recordOf("crashed").write({ Last: last, Next: next, LastUpdated: last });
    for (let start = 1; start <= 2; start++) {
      const host = await launch(app);
      await until(host, () => host.logs.some(({ message }) => message === "past due: true"));
      await host.stop();
    }
  });

  test("another schedule since the last host → no tick is missed", async ({ launch }) => {
    const app = await appOf("changed", showTimer);
    await recordOf("changed").write({ Last: last, Next: "2025-01-02T00:00:00.000Z", LastUpdated: last });
    const host = await launch(app);
    const nextTick = async () => Date.parse((await recordOf("changed").read())?.Next ?? last);
    await vi.waitUntil(async () => (await nextTick()) > Date.now(), patienceMs);
    expect(runs(host, "it")).toBe(0);
  });

  test("the lease → is taken for 60 s, as in Azure", async ({ launch, onTestFinished }) => {
    const durations: unknown[] = [];
    const storage = createServer(({ headers }, response) => {
      if (headers["x-ms-lease-action"] === "acquire") durations.push(headers["x-ms-lease-duration"]);
      response.writeHead(201, { "x-ms-lease-id": randomUUID() }).end();
    });
    const port = await listen(storage);
    onTestFinished(() => void storage.close());
    const { folder, env } = await appOf("leased", showTimer);
    const AzureWebJobsStorage = env.AzureWebJobsStorage.replace(
      /http:\/\/127\.0\.0\.1:\d+/,
      `http://127.0.0.1:${port}`,
    );
    const host = await launch({ folder, env: { ...env, AzureWebJobsStorage } });
    await until(host, () => durations.length > 0);
    expect(durations[0]).toBe("60");
  });
});
