import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Machine, startMachine } from "../../local/machine.ts";
import { rotateOnce } from "../../local/runReport.ts";
import { patienceMs } from "../support/patience.ts";

/** The folder of a machine's files. */
let temporary: string;
let machine: Machine | undefined;

beforeEach(async () => {
  temporary = await mkdtemp(path.join(tmpdir(), "machine-test-"));
  vi.stubEnv("TMPDIR", temporary);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await machine?.stop();
  await rm(temporary, { recursive: true, force: true });
});

test("a rotation is interrupted, the machine stopped twice → throws the reason; nothing is left", async () => {
  const stopped = await startMachine();
  machine = stopped;
  const { simulator, functionsHost, settings } = stopped;
  simulator.inject({ service: "resourceManager", fault: { kind: "hang" } });
  const print = vi.fn();
  const controller = new AbortController();
  const rotating = rotateOnce(stopped, { print, interruption: controller.signal });
  const isHanging = () => simulator.requests.some(({ service }) => service === "resourceManager");
  await Promise.race([rotating, vi.waitUntil(isHanging, patienceMs)]);
  expect(await readdir(temporary)).not.toEqual([]);

  const reason = new Error("enough");
  controller.abort(reason);
  await expect(rotating).rejects.toBe(reason);
  expect(print).not.toHaveBeenCalled();

  await stopped.stop();
  await stopped.stop();
  expect(await readdir(temporary)).toEqual([]);
  expect(() => process.kill(functionsHost.pid, 0)).toThrow("ESRCH");
  const blobs = /BlobEndpoint=([^;]+)/.exec(settings["AzureWebJobsStorage"] ?? "")?.[1] ?? "";
  for (const url of [blobs, simulator.resourceManagerUrl]) {
    await expect(fetch(url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  }
});

test("a folder without a function app → the start fails and names the folder; nothing is left", async () => {
  const absent = path.join(temporary, "absent");
  await expect(startMachine({ folder: absent })).rejects.toThrow(`${absent} is not a function app`);
  expect(await readdir(temporary)).toEqual([]);
});

test("an interrupted start → fails with the reason; nothing is left", async () => {
  const reason = new Error("enough");
  const starting = startMachine({ folder: temporary, interruption: AbortSignal.abort(reason) });
  await expect(starting).rejects.toBe(reason);
  expect(await readdir(temporary)).toEqual([]);
});

test("Azurite ends during the start → the start fails with its output; nothing is left", async () => {
  vi.stubEnv("NODE_OPTIONS", "--no-such-option");
  await expect(startMachine({ folder: temporary })).rejects.toThrow(
    /Azurite did not start.*--no-such-option/,
  );
  expect(await readdir(temporary)).toEqual([]);
});
