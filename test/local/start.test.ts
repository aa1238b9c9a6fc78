import path from "node:path";
import { describe, expect, test } from "vitest";
import { type StartedMachine, startMachineOf } from "./startedMachine.ts";

const script = path.join(import.meta.dirname, "..", "..", "local", "start.ts");

const start = (...args: readonly string[]) => startMachineOf(process.execPath, script, ...args);

/** Whether the start has begun: it builds first. */
const isBuilding = (machine: StartedMachine) => async () => (await machine.files()).length > 0;

/** Whether the simulator is listening; Azurite is not listening yet. */
const isStartingAzurite = (machine: StartedMachine) => async () =>
  (await machine.files()).some((file) => file.endsWith("certificate-authority.pem"));

async function expectNothingLeft(machine: StartedMachine): Promise<void> {
  await machine.until(() => !machine.isAnyProcessLeft());
  expect(await machine.files()).toEqual([]);
}

/** Sends the requests of the printed commands; returns the statuses by heading. */
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

// Each test starts its own machine, and mostly waits for it.
describe.concurrent("npm start", () => {
  test("--serve, the printed commands, Ctrl-C → short lines, a table, exit code 0, nothing left", async ({
    onTestFinished,
  }) => {
    const machine = await start("--serve");
    onTestFinished(machine.dispose);
    await machine.until(() => machine.stdout().includes("Press Ctrl-C to stop everything."));
    const [, page = "", key = ""] =
      /^Status page, for your browser: (\S+)\nIt asks for the function key: (\S+)$/m.exec(machine.stdout()) ??
      [];
    expect((await fetch(page)).headers.get("content-type")).toBe("text/html; charset=utf-8");
    const gateways = new URL("gateways", page);
    expect((await fetch(gateways, { headers: { "x-functions-key": key } })).status).toBe(200);
    expect(await answersOfCurlLines(machine.stdout())).toEqual({
      listGateways: 200,
      // The printed URL has {runId} instead of a run's id.
      readRotation: 404,
      requestRotation: 200,
      "rotateOnSchedule (timer)": 202,
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

  test("Ctrl-C during the build → no error output, exit code 130, nothing left", async ({
    onTestFinished,
  }) => {
    const machine = await start();
    onTestFinished(machine.dispose);
    await machine.until(isBuilding(machine));
    machine.signal("SIGINT");
    expect(await machine.exited).toEqual({ code: 130, signal: null });
    expect(machine.stderr()).toBe("");
    await expectNothingLeft(machine);
  });

  test("the terminal closes while Azurite starts → no error output, exit code 129, nothing left", async ({
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

  test("SIGTERM to npm alone → the machine ends too, nothing left", async ({ onTestFinished }) => {
    const machine = await startMachineOf("npm", "start", "--silent", "--", "--serve");
    onTestFinished(machine.dispose);
    await machine.until(isBuilding(machine));
    machine.child.kill("SIGTERM");
    expect(await machine.exited).toEqual({ code: null, signal: "SIGTERM" });
    expect(machine.stderr()).toBe("");
    await expectNothingLeft(machine);
  });

  test("an unknown option → exit code 2, and the list of options", async ({ onTestFinished }) => {
    const machine = await start("--sevre");
    onTestFinished(machine.dispose);
    expect(await machine.exited).toEqual({ code: 2, signal: null });
    expect(machine.stderr()).toMatch(/'--sevre'.*--serve +run the timers/s);
  });
});
