import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { exitOf } from "./childProcess.ts";
import {
  type FunctionsHost,
  type FunctionsHostOptions,
  launchFunctionsHost,
} from "./functionsHost/launch.ts";
import type { InvocationResult } from "./functionsHost/protocol.ts";
import { type Services, type ServicesOptions, startServices } from "./services.ts";

export interface MachineOptions extends ServicesOptions, Pick<FunctionsHostOptions, "onLog"> {
  /** A built folder. Default: a folder that is built for this machine and deleted when it stops. */
  readonly folder?: string;
  /** If it is aborted during the start, the start fails with its reason. */
  readonly interruption?: AbortSignal;
  /** Called at the end of each invocation. */
  readonly onInvocation?: (result: InvocationResult, services: Services) => void;
}

/** A function app and the Azure services that it needs, on one machine. */
export interface Machine extends Services {
  readonly functionsHost: FunctionsHost;
}

/** Starts the Azure services, and the job in a functions host. If the start fails, it stops everything it started. */
export async function startMachine(options: MachineOptions = {}): Promise<Machine> {
  const { interruption, onLog, onInvocation } = options;
  await using cleanup = new AsyncDisposableStack();
  const folder = options.folder ?? (await buildForItself(cleanup));
  interruption?.throwIfAborted();
  const services = await startServices(options);
  cleanup.defer(services.stop);
  interruption?.throwIfAborted();
  const functionsHost = await launchFunctionsHost({
    folder,
    env: services.settings,
    onLog,
    onInvocation: (result) => onInvocation?.(result, services),
  });
  cleanup.defer(functionsHost.stop);
  interruption?.throwIfAborted();
  const started = cleanup.move();
  return { ...services, functionsHost, stop: () => started.disposeAsync() };
}

async function buildForItself(cleanup: AsyncDisposableStack): Promise<string> {
  const parent = await mkdtemp(path.join(tmpdir(), "gateway-key-rotation-app-"));
  cleanup.defer(() => rm(parent, { recursive: true, force: true }));
  const folder = path.join(parent, "dist");
  await buildApart(folder);
  return folder;
}

/**
 * Builds in a separate process group, which the terminal's signals do not reach: esbuild's own process ends at Ctrl-C,
 * and that crashes the process that uses it and leaves temporary files.
 *
 * @throws if the build fails; stderr then has the reason
 */
export async function buildApart(outDir: string): Promise<void> {
  const script = path.join(import.meta.dirname, "..", "scripts", "build.ts");
  const child = spawn(process.execPath, [script, outDir], {
    detached: true,
    windowsHide: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const { code, signal } = await exitOf(child);
  if (code !== 0) throw new Error(`The build failed (${code ?? signal}).`);
}
