import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { type StartedMachine, startMachineOf } from "./startedMachine.ts";

vi.setConfig({ testTimeout: 60_000 });

const script = path.join(import.meta.dirname, "..", "..", "local", "start.ts");

const start = (...args: readonly string[]) => startMachineOf(process.execPath, script, ...args);

/** The start has begun, with the build. */
const isBuilding = (machine: StartedMachine) => async () => (await machine.files()).length > 0;

/** The simulator listens, and Azurite does not yet. */
const isStartingAzurite = (machine: StartedMachine) => async () =>
  (await machine.files()).some((file) => file.endsWith("certificate-authority.pem"));

async function expectNothingLeft(machine: StartedMachine): Promise<void> {
  await machine.until(() => !machine.isAnyProcessLeft(), 3_000);
  expect(await machine.files()).toEqual([]);
}

/** Does what the printed lines say, each under its heading. */
async function answersOfCurlLines(printed: string): Promise<Record<string, number>> {
  const lines = printed.matchAll(/^(\w.*):\n {2}curl ((?:.*\\\n)*.*)$/gm);
  const answers = [...lines].map(async ([, heading = "", command = ""]) => {
    const [, method = "", url = ""] = /-X (\S+) '?([^'\s]+)/.exec(command) ?? [];
    const headers = [...command.matchAll(/-H '([^:]+): ([^']*)'/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]);
    const [, body] = /-d '([^']*)'/.exec(command) ?? [];
    const sent = { method, headers: Object.fromEntries(headers), ...(body === undefined ? {} : { body }) };
    return [heading, (await fetch(url, sent)).status];
  });
  return Object.fromEntries(await Promise.all(answers));
}

// Each has a machine of its own, and mostly waits for it.
describe.concurrent("npm start", () => {
  test("--serve, a trigger by hand, Ctrl-C → short lines, a table of three, exit code 0, nothing left", async ({
    onTestFinished,
  }) => {
    const machine = await start("--serve");
    onTestFinished(machine.dispose);
    await machine.until(() => machine.stdout().includes("Ctrl-C ends it all."));
    expect(await answersOfCurlLines(machine.stdout())).toEqual({
      listGateways: 200,
      // Its line has {runId} in place of a run's id.
      readRotation: 404,
      requestRotation: 200,
      "rotateOnSchedule, the timer, by hand": 202,
    });
    await machine.until(() => /rotateOnSchedule succeeded in \d+ ms/.test(machine.stdout()));

    expect(machine.stdout()).toMatch(/^information rotateOnSchedule {2}GatewayKeyRotated {2}gatewaytest$/m);
    expect(machine.stdout()).not.toContain('{"event"');
    const rows = machine.stdout().matchAll(/^(\w+) +\w+ +\w+ +[0-9a-f]{32} +[0-9a-f]{12} +\d+$/gm);
    expect([...rows].map(([, name]) => name).sort()).toEqual(["gatewaytest", "lab", "warehouse"]);

    machine.signal("SIGINT");
    expect(await machine.exited).toEqual({ code: 0, signal: null });
    expect(machine.stderr()).toBe("");
    await expectNothingLeft(machine);
  });

  test("Ctrl-C during the build → silence, exit code 130, nothing left", async ({ onTestFinished }) => {
    const machine = await start();
    onTestFinished(machine.dispose);
    await machine.until(isBuilding(machine));
    machine.signal("SIGINT");
    expect(await machine.exited).toEqual({ code: 130, signal: null });
    expect(machine.stderr()).toBe("");
    await expectNothingLeft(machine);
  });

  test("the terminal is closed while Azurite starts → silence, exit code 129, nothing left", async ({
    onTestFinished,
  }) => {
    const machine = await start("--serve");
    onTestFinished(machine.dispose);
    await machine.until(isStartingAzurite(machine));
    machine.signal("SIGHUP");
    expect(await machine.exited).toEqual({ code: 129, signal: null });
    expect(machine.stderr()).toBe("");
    await expectNothingLeft(machine);
  });

  test("SIGTERM to npm alone → ends the machine too, and nothing is left", async ({ onTestFinished }) => {
    const machine = await startMachineOf("npm", "start", "--silent", "--", "--serve");
    onTestFinished(machine.dispose);
    await machine.until(isBuilding(machine));
    machine.child.kill("SIGTERM");
    expect(await machine.exited).toEqual({ code: null, signal: "SIGTERM" });
    expect(machine.stderr()).toBe("");
    await expectNothingLeft(machine);
  });

  test("an option that there is not → exit code 2, and the options that there are", async ({
    onTestFinished,
  }) => {
    const machine = await start("--sevre");
    onTestFinished(machine.dispose);
    expect(await machine.exited).toEqual({ code: 2, signal: null });
    expect(machine.stderr()).toMatch(/'--sevre'.*--serve +stay up/s);
  });
});
