import path from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import type { Exit } from "../../local/childProcess.ts";
import { type StartedMachine, startMachineOf } from "./startedMachine.ts";

const script = path.join(import.meta.dirname, "..", "..", "local", "start.ts");

type Cleanup = Pick<TestContext, "onTestFinished">;

async function started({ onTestFinished }: Cleanup, ...command: Parameters<typeof startMachineOf>) {
  const machine = await startMachineOf(...command);
  onTestFinished(machine.dispose);
  return machine;
}

const start = (context: Cleanup, ...args: readonly string[]) =>
  started(context, process.execPath, script, ...args);

/** Whether the start has begun: it builds first. */
const isBuilding = (machine: StartedMachine) => async () => (await machine.files()).length > 0;

/** Whether the simulator is listening; Azurite is not listening yet. */
const isStartingAzurite = (machine: StartedMachine) => async () =>
  (await machine.files()).some((file) => file.endsWith("certificate.pem"));

/** No error output, and nothing left. */
async function expectCleanEnd(machine: StartedMachine, exit: Exit): Promise<void> {
  expect(await machine.exited).toEqual(exit);
  expect(machine.stderr()).toBe("");
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
  test("--serve, the printed commands, Ctrl-C → short lines, a table, exit code 0, nothing left", async (context) => {
    const machine = await start(context, "--serve");
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
    await expectCleanEnd(machine, { code: 0, signal: null });
  });

  test.for([
    ["Ctrl-C during the build", [], isBuilding, "SIGINT", 130],
    ["the terminal closes while Azurite starts", ["--serve"], isStartingAzurite, "SIGHUP", 129],
  ] as const)("%s → no error output, its exit code, nothing left", async (row, context) => {
    const [, args, moment, signal, code] = row;
    const machine = await start(context, ...args);
    await machine.until(moment(machine));
    machine.signal(signal);
    await expectCleanEnd(machine, { code, signal: null });
  });

  test("SIGTERM to npm alone → the machine ends too, nothing left", async (context) => {
    const machine = await started(context, "npm", "start", "--silent", "--", "--serve");
    await machine.until(isBuilding(machine));
    machine.child.kill("SIGTERM");
    await expectCleanEnd(machine, { code: null, signal: "SIGTERM" });
  });

  test("an unknown option → exit code 2, and the list of options", async (context) => {
    const machine = await start(context, "--sevre");
    expect(await machine.exited).toEqual({ code: 2, signal: null });
    expect(machine.stderr()).toMatch(/'--sevre'.*--serve +run the timers/s);
  });
});
